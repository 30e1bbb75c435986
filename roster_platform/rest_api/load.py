"""Load one tree of dependent resources into the warehouse."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from dlt.common.configuration.exceptions import (
    ConfigFieldMissingException,
    ConfigurationException,
)
from dlt.extract import DltResource

from roster_platform.errors import ConfigurationError, IncompleteReadError, IngestError
from roster_platform.rest_api.declaration import (
    normalized,
    only,
    parent_of,
    replaced,
    trees,
)
from roster_platform.rest_api.reads import ResourceRead, reads_of
from roster_platform.rest_api.source import rest_api_source
from roster_platform.warehouse.warehouse import Warehouse

PARTITION_COLUMN = "_partition"
_PLACEHOLDER = "{partition}"


@dataclass(frozen=True)
class Tree:
    """Resources that depend on each other, and where they go.

    Each tree has a pipeline, and so a state and a schema, of its own: trees of one API
    load at the same time. ``parents`` has every resource, parents first.
    """

    api: str
    dataset: str
    config: Mapping[str, Any]
    parents: Mapping[str, str | None]
    is_partitioned: bool = False

    @property
    def pipeline(self) -> str:
        return f"{self.api}__{next(iter(self.parents))}"


@dataclass(frozen=True)
class LoadedTree:
    """The ends of the reads, and the rows and columns now in the tables.

    ``failure`` is an incomplete read; what could land without harm has landed.
    """

    reads: Mapping[str, ResourceRead]
    rows: Mapping[str, int] = field(default_factory=dict)
    tables: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    failure: IngestError | None = None


def trees_of(
    api: str, dataset: str, config: Mapping[str, Any], *, is_partitioned: bool
) -> list[Tree]:
    """Return the trees of a declaration. Asks nobody, and resolves no secret.

    Raises dlt's errors for a declaration that is wrong, and ConfigurationError for one
    whose partitions would replace each other.
    """
    shown = normalized(_of_partition(config, "partition") if is_partitioned else config)
    if is_partitioned:
        _check_partitioned(shown)
    return [
        Tree(
            api,
            dataset,
            only(config, names),
            {name: parent_of(shown, name) for name in names},
            is_partitioned,
        )
        for names in trees(shown)
    ]


def load_tree(
    tree: Tree, wanted: Sequence[str], partition: str | None = None
) -> LoadedTree:
    """Read a tree and load the resources that are wanted. Raises an IngestError."""
    config, pipeline = tree.config, tree.pipeline
    if partition is not None:
        config = _of_partition(config, partition)
        pipeline += (
            "__" + hashlib.blake2b(partition.encode(), digest_size=6).hexdigest()
        )
    try:
        source = rest_api_source(config, name=pipeline, section=tree.api)  # type: ignore
    except ConfigFieldMissingException as error:
        raise _missing(tree.api, list(error.traces)) from None
    except ConfigurationException as error:
        raise ConfigurationError(f"{tree.api} cannot be read. {error}") from None
    reads = reads_of(source)
    source = source.with_resources(*wanted)
    if partition is not None:
        for resource in source.resources.values():
            _add_partition(resource, partition)
    with Warehouse.from_settings().pipeline(pipeline, tree.dataset) as run:
        try:
            rows = run.load(source, parts=list(tree.parents))
        except Exception as error:
            if incomplete := _incomplete(error):
                return LoadedTree(reads, failure=incomplete)
            raise
        schema = run.pipeline.default_schema
        tables = {
            resource.name: schema.get_table_columns(name)
            for resource in source.selected_resources.values()
            if (name := str(resource.compute_table_schema()["name"])) in schema.tables
        }
    return LoadedTree(reads, rows, tables)


def _missing(api: str, fields: Sequence[str]) -> ConfigurationError:
    variables = [f"SOURCES__{api}__CREDENTIALS__{field}".upper() for field in fields]
    return ConfigurationError(
        f"The API {api!r} has no {' and no '.join(fields)}, so it cannot be read. Set "
        f"{' and '.join(variables)}, or {' and '.join(fields)} under "
        f"[sources.{api}.credentials] in .dlt/secrets.toml."
    )


def _incomplete(error: BaseException | None) -> IncompleteReadError | None:
    while error is not None:
        if isinstance(error, IncompleteReadError):
            return error
        error = error.__cause__ or error.__context__
    return None


def _of_partition(config: Mapping[str, Any], key: str) -> dict[str, Any]:
    """The declaration of one partition: safe in a path, literal anywhere else."""
    if any(part in ("", ".", "..") for part in key.split("/")):
        raise ConfigurationError(
            f"The partition {key[:80]!r} cannot stand in an address: it has an empty part, "
            "'.' or '..'. Remove it, or register it without."
        )
    literal = key.replace("{", "{{").replace("}", "}}")
    in_path = quote(key, safe="/")

    def change(value: Any, *, is_address: bool) -> Any:
        if isinstance(value, dict):
            return {
                name: change(item, is_address=name in ("path", "base_url", "endpoint"))
                if not (name == "endpoint" and isinstance(item, dict))
                else change(item, is_address=False)
                for name, item in value.items()
            }
        if isinstance(value, list):
            return [change(item, is_address=is_address) for item in value]
        found = in_path if is_address else literal
        return replaced(value, lambda text: text.replace(_PLACEHOLDER, found))

    return change(dict(config), is_address=False)


def _check_partitioned(config: Mapping[str, Any]) -> None:
    for resource in [*config["resources"], config["resource_defaults"]]:
        if not isinstance(resource, dict):
            continue
        disposition = resource.get("write_disposition", "append")
        if isinstance(disposition, dict):
            strategy = disposition.get("strategy")
            disposition = strategy or disposition.get("disposition", "append")
        if disposition not in ("append", "merge", "upsert", "delete-insert"):
            raise ConfigurationError(
                f"The write disposition {disposition!r} would let each partition remove "
                "the rows of the others. Use append or merge."
            )


def _add_partition(resource: DltResource, key: str) -> None:
    def add(record: Any) -> Any:
        return {**record, PARTITION_COLUMN: key} if isinstance(record, dict) else record

    resource.add_map(add)
