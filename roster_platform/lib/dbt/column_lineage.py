"""The lineage of each column of a model, found in its compiled SQL.

dagster-dbt finds the same anew in each build, and parses the SQL once per column, which
takes a third of a build. Here it is parsed once, and what was found is kept until the SQL
or the described columns change.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import sqlglot
from sqlglot import exp
from sqlglot.lineage import lineage
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import build_scope
from sqlglot.schema import MappingSchema

logger = logging.getLogger(__name__)
Dependencies = dict[str, list[tuple[list[str], str]]]
"""Of each column: path of the asset and name of the column it depends on."""

Origins = set[tuple[dg.AssetKey, str]]
_MODELS = "models"


class ColumnLineage:
    """The lineage of the models of one manifest, kept in the file ``path``.

    ``asset_key_of`` gives the asset of a node's properties, ``dialect`` is sqlglot's name
    of the SQL that was compiled.
    """

    def __init__(
        self,
        manifest: Mapping[str, Any],
        asset_key_of: Callable[[Mapping[str, Any]], dg.AssetKey],
        path: Path,
        *,
        dialect: str,
    ) -> None:
        self._manifest = manifest
        self._asset_key_of = asset_key_of
        self._path = path
        self._dialect = dialect
        self._known = _read(path)
        # By model, as last built; digests have no such name.
        self._models: dict[str, Dependencies] = self._known.setdefault(_MODELS, {})
        self._built = {
            "/".join(asset_key_of(node).path)
            for node in manifest["nodes"].values()
            if node["resource_type"] == "model"
        }
        self._has_news = False

    def of(self, unique_id: str, target_path: Path) -> dg.TableColumnLineage | None:
        """The lineage of a node that was built; None where none can be found."""
        found = self._dependencies(unique_id, target_path)
        path = "/".join(self._asset_key_of(self._node(unique_id)).path)
        if found and self._models.get(path) != found:
            self._models[path] = found
            self._has_news = True
        return _lineage(found) if found else None

    def origins(self, key: dg.AssetKey) -> Origins | None:
        """The columns of the raw tables that the columns of a model are made of.

        None where the lineage of a model in between was never found.
        """
        found: Origins = set()
        waiting: list[tuple[list[str], str | None]] = [(list(key.path), None)]
        seen = set()
        while waiting:
            path, column = waiting.pop()
            model = "/".join(path)
            if (model, column) in seen:
                continue
            seen.add((model, column))
            if model not in self._models:
                if model in self._built:
                    return None
                if column is not None:
                    found.add((dg.AssetKey(path), column))
                continue
            columns = self._models[model]
            for name in columns if column is None else (column,):
                # Stored as JSON: a list of two.
                waiting += [(path, field) for path, field in columns.get(name, ())]
        return found

    def _dependencies(self, unique_id: str, target_path: Path) -> Dependencies | None:
        node = self._manifest["nodes"][unique_id]
        if node["resource_type"] != "model":
            return None
        parents = [self._node(each) for each in node["depends_on"]["nodes"]]
        compiled = Path(
            target_path, "compiled", node["package_name"], node["original_file_path"]
        )
        try:
            return self._kept(compiled.read_text(), parents)
        except (
            Exception
        ) as error:  # whatever sqlglot stumbles over: no build fails for it
            logger.debug("no column lineage of %s: %s", unique_id, error)
            return None

    def _kept(self, sql: str, parents: list[Mapping[str, Any]]) -> Dependencies:
        """Return what an earlier build found, or else what is found now."""
        columns = {each["relation_name"]: list(each["columns"]) for each in parents}
        described = json.dumps([sqlglot.__version__, self._dialect, sql, columns])
        digest = hashlib.sha256(described.encode()).hexdigest()
        if digest not in self._known:
            self._known[digest] = self._find(sql, parents)
            self._has_news = True
        return self._known[digest]

    def save(self) -> None:
        """Write what was found, if anything was."""
        if not self._has_news:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        written = self._path.with_suffix(".part")
        written.write_text(json.dumps(self._known))
        written.replace(self._path)

    def _find(self, sql: str, parents: list[Mapping[str, Any]]) -> Dependencies:
        schema = MappingSchema(dialect=self._dialect)
        assets = {}
        for parent in parents:
            name = parent.get("alias") or parent["identifier"]
            table = exp.table_(name, db=parent["schema"])
            types = {
                name: column.get("data_type") or "text"
                for name, column in parent["columns"].items()
            }
            schema.add_table(table, types, dialect=self._dialect)
            assets[_name(table)] = self._asset_key_of(parent)
        parsed = sqlglot.parse_one(sql, dialect=self._dialect)
        for table in parsed.find_all(exp.Table):
            # The manifest was made for another database, perhaps.
            table.set("catalog", None)
        query = qualify(
            parsed,
            schema=schema,
            dialect=self._dialect,
            validate_qualify_columns=False,
            identify=False,
        )
        scope = build_scope(query)
        found: Dependencies = {}
        # Of all columns at once, and without a copy of the query for each.
        nodes = lineage(
            None,
            query,
            dialect=self._dialect,
            scope=scope,
            trim_selects=False,
            copy=False,
        )
        for column, first in nodes.items():
            sources = set()
            for node in first.walk():
                origin = None if node.downstream else node.expression.find(exp.Table)
                if origin is not None and _name(origin) in assets:
                    name = exp.to_column(node.name).name.lower()
                    sources.add((tuple(assets[_name(origin)].path), name))
            found[column.lower()] = [
                (list(path), name) for path, name in sorted(sources)
            ]
        return found

    def _node(self, unique_id: str) -> Mapping[str, Any]:
        kind = "sources" if unique_id.startswith("source.") else "nodes"
        return self._manifest[kind][unique_id]


def _name(table: exp.Table) -> tuple[str, ...]:
    return table.db.lower(), table.name.lower()


def _read(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return {}


def _lineage(found: Dependencies) -> dg.TableColumnLineage | None:
    if not found:
        return None
    return dg.TableColumnLineage(
        {
            column: [
                dg.TableColumnDep(dg.AssetKey(path), name) for path, name in sources
            ]
            for column, sources in found.items()
        }
    )
