"""Write dbt's source declarations from the endpoint catalogue, so both stay one.

python -m roster_platform.dbt.sources           # write them
python -m roster_platform.dbt.sources --check   # fail when they are outdated
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from roster_platform.catalogue import (
    CHANGE,
    DELETED_AT,
    DIGEST,
    IS_DELETED,
    OBSERVED_AT,
    PLATFORM_COLUMNS,
    POSITION,
    SEQUENCE,
    VALID_FROM,
    Column,
    Table,
    child_table_name,
    column_name,
    key_column,
    key_column_name,
    versions_table_name,
)
from roster_platform.ingest.autorosters.tables import TABLES
from roster_platform.ingest.autorosters.writing import READINGS
from roster_platform.ingest.reading.log import READS, Outcome
from roster_platform.ingest.roster.endpoints import ENDPOINTS
from roster_platform.ingest.roster.sent_records import CAPTURED_ORDERS, CLICKS

STAGING = Path(__file__).parents[2] / "dbt_project" / "models" / "staging"

_SOURCES: Mapping[str, tuple[str, tuple[Table, ...]]] = {
    "roster": (
        "Roster (getroster.com), API v2, as loaded.",
        (*(endpoint.table for endpoint in ENDPOINTS), CLICKS, CAPTURED_ORDERS, READS),
    ),
    "autorosters": (
        "Auto Rosters (autorosters.com), as loaded.",
        (*TABLES, READS),
    ),
}
_ENDPOINTS: Mapping[str, str] = {
    **{endpoint.name: endpoint.name for endpoint in ENDPOINTS},
    **{
        table: kind
        for kind in ("pages", "page_users")
        for table in READINGS[kind].tables
    },
}
"""The endpoint whose reads, in the log of reads, are those of a table."""
_VERSIONS_IN_USE = (
    *("contacts", "discount_codes_by_rule", "discount_codes_lookup", "programs"),
    *("pages", "ranks", "users", "user_certifications", "user_subdivisions"),
)
"""Tables whose versions are modelled, with those of their children."""
_DELETION = {name: PLATFORM_COLUMNS[name] for name in (IS_DELETED, DELETED_AT)}
_OF_VERSIONS = {
    name: PLATFORM_COLUMNS[name] for name in (VALID_FROM, SEQUENCE, CHANGE, DIGEST)
}
_POSITION = Column("bigint", "The element's place in its list, from 0.")


def declarations() -> dict[Path, str]:
    """The source files as they should be: path to YAML text."""
    return {
        STAGING / name / f"_{name}__sources.yml": _HEADER
        + yaml.dump(_source(name, *about), Dumper=_Dumper, sort_keys=False, width=88)
        for name, about in _SOURCES.items()
    }


def main() -> int:
    """Run the command; returns 1 when --check finds an outdated file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    outdated = [
        path
        for path, text in declarations().items()
        if not path.exists() or path.read_text() != text
    ]
    for path in outdated:
        if check:
            print(f"{path} is outdated; run `make sources`.", file=sys.stderr)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(declarations()[path])
            print(f"wrote {path}")
    return 1 if check and outdated else 0


class _Dumper(yaml.SafeDumper):
    """YAML without anchors: what repeats is written out."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


_HEADER = "# Written by `make sources` from the endpoint catalogue. Do not edit.\n"


def _source(name: str, description: str, tables: Iterable[Table]) -> dict[str, Any]:
    return {
        "sources": [
            {
                "name": name,
                "description": description,
                "schema": f"{name}_data",
                "config": {
                    "freshness": {"warn_after": {"count": 36, "period": "hour"}},
                },
                "tables": [entry for table in tables for entry in _tables(name, table)],
            }
        ]
    }


def _tables(source: str, table: Table) -> Iterator[dict[str, Any]]:
    meta = {"dagster": {"asset_key": [source, table.name]}}
    marks = _DELETION if table.soft_deletes else {}
    read = _loaded_at(table)
    entries: list[tuple[str, str, Mapping[str, Column], Mapping[str, Column]]] = [
        (table.name, table.description, table.columns, marks)
    ]
    for child in table.children:
        columns = {child.parent_key: table.columns[table.primary_key[-1]]}
        if child.position:
            columns[POSITION] = _POSITION
        columns.update(child.columns)
        name = child_table_name(table, child)
        entries.append((name, child.description, columns, {}))
    for name, description, fields, own in entries:
        yield _entry(name, description, meta, read, {**fields, **own})
        if table.name in _VERSIONS_IN_USE:
            yield _entry(
                versions_table_name(name),
                f"{description.removesuffix('.')}, in every version that was read.",
                meta,
                read,
                {**fields, **_OF_VERSIONS},
            )


def _loaded_at(table: Table) -> dict[str, str]:
    """Where dbt sees how fresh a table is: a read that changed nothing counts, too."""
    if table.name not in _ENDPOINTS:
        return {"loaded_at_field": OBSERVED_AT}
    reads = f"{{{{ this.incorporate(path={{'identifier': '{READS.name}'}}) }}}}"
    return {
        "loaded_at_query": f"select max(observed_at) from {reads} "
        f"where endpoint = '{_ENDPOINTS[table.name]}' and outcome in "
        f"('{Outcome.COMPLETE}', '{Outcome.PARTIAL}', '{Outcome.INCOMPLETE}')"
    }


def _entry(
    name: str,
    description: str,
    meta: dict[str, Any],
    loaded_at: Mapping[str, str],
    columns: Mapping[str, Column],
) -> dict[str, Any]:
    return {
        "name": name,
        "description": description,
        "config": {**loaded_at, "meta": meta},
        "columns": [
            entry
            for field, column in {
                **columns,
                OBSERVED_AT: PLATFORM_COLUMNS[OBSERVED_AT],
            }.items()
            for entry in _columns(field, column)
        ],
    }


def _columns(field: str, column: Column) -> Iterator[dict[str, Any]]:
    """The column of a field, and the one it is compared by."""
    yield _column(column_name(field), column)
    if column.key:
        yield _column(key_column_name(field), key_column(field, column))


def _column(name: str, column: Column) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "name": name,
        "description": column.description,
        "data_type": column.data_type,
    }
    if column.pii:
        entry["config"] = {"tags": ["pii"]}
    return entry


if __name__ == "__main__":
    sys.exit(main())
