"""Write dbt's source declarations from the endpoint catalogue, so both stay one.

python -m roster_platform.ingest.dbt_sources           # write them
python -m roster_platform.ingest.dbt_sources --check   # fail when they are outdated
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from roster_platform.ingest.autorosters.tables import TABLES
from roster_platform.ingest.catalogue import (
    DELETED_AT,
    IS_DELETED,
    OBSERVED_AT,
    POSITION,
    Column,
    Table,
    child_table_name,
    column_name,
)
from roster_platform.ingest.roster.endpoints import CLICKS, ENDPOINTS

STAGING = Path(__file__).parents[2] / "dbt_project" / "models" / "staging"

_SOURCES: Mapping[str, tuple[str, tuple[Table, ...]]] = {
    "roster": (
        "Roster (getroster.com), API v2, as loaded.",
        (*(endpoint.table for endpoint in ENDPOINTS), CLICKS),
    ),
    "autorosters": ("Auto Rosters (autorosters.com), as loaded.", TABLES),
}
_OBSERVED_AT = Column(
    "timestamp", "When the API was last read for this row (its clock)."
)
_DELETION = {
    IS_DELETED: Column("bool", "True when the source lists the record no longer."),
    DELETED_AT: Column(
        "timestamp", "The read of everything that missed it; NULL while listed."
    ),
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
                    "loaded_at_field": OBSERVED_AT,
                    "freshness": {"warn_after": {"count": 36, "period": "hour"}},
                },
                "tables": [entry for table in tables for entry in _tables(name, table)],
            }
        ]
    }


def _tables(source: str, table: Table) -> Iterator[dict[str, Any]]:
    meta = {"dagster": {"asset_key": [source, table.name]}}
    marks = _DELETION if table.soft_deletes else {}
    yield _entry(table.name, table.description, meta, {**table.columns, **marks})
    for child in table.children:
        parent_key = table.columns[table.primary_key[-1]]
        columns = {child.parent_key: parent_key}
        if child.position:
            columns[POSITION] = _POSITION
        name = child_table_name(table, child)
        yield _entry(name, child.description, meta, {**columns, **child.columns})


def _entry(
    name: str, description: str, meta: dict[str, Any], columns: Mapping[str, Column]
) -> dict[str, Any]:
    return {
        "name": name,
        "description": description,
        "config": {"meta": meta},
        "columns": [
            _column(column_name(field), column)
            for field, column in {**columns, OBSERVED_AT: _OBSERVED_AT}.items()
        ],
    }


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
