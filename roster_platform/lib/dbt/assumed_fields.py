"""On which fields of the APIs a model stands: those it cannot do without, and those mapped.

Derived from the lineage of its columns, so a field that only filters or joins is not among
them.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import dagster as dg

from roster_platform.catalogue import Column, child_table_name, column_name
from roster_platform.errors import ConfigurationError
from roster_platform.ingest.autorosters.tables import TABLES
from roster_platform.ingest.mappings import source_mapping
from roster_platform.ingest.roster.endpoints import BY_NAME, ENDPOINTS
from roster_platform.lib.dbt.column_lineage import Origins

ASSUMED_FIELDS = "stands_on_fields"


def assumed_fields_metadata(origins: Origins | None) -> dict[str, Any]:
    """The required and the mapped fields among the origins of a model's columns.

    Nothing where its lineage is not known, or has none of them.
    """
    mapped = _mapped_fields()
    lines = []
    for key, column in sorted(origins or (), key=str):
        for table, field, declared in _declared().get((key, column), ()):
            paths = mapped.get((table, field), ())
            if declared.required or paths:
                why = "required" if declared.required else "not required"
                by = f", mapped from `{'`, `'.join(paths)}`" if paths else ""
                lines.append(f"- {key.path[0]} {table}.{field} ({why}{by})")
    if not lines:
        return {}
    return {ASSUMED_FIELDS: dg.MetadataValue.md("\n".join(lines))}


@cache
def _declared() -> dict[tuple[dg.AssetKey, str], list[tuple[str, str, Column]]]:
    """The declared fields by asset and column; a list's belong to its record's asset."""
    found: dict[tuple[dg.AssetKey, str], list[tuple[str, str, Column]]] = {}
    for source, asset, table, field, column in _all_fields():
        place = (dg.AssetKey([source, asset]), column_name(field))
        found.setdefault(place, []).append((table, field, column))
    return found


def _all_fields() -> Iterator[tuple[str, str, str, str, Column]]:
    for endpoint in ENDPOINTS:
        table = endpoint.table
        for field, column in table.columns.items():
            yield "roster", table.name, table.name, field, column
        for child in table.children:
            for field, column in child.columns.items():
                name = child_table_name(table, child)
                yield "roster", table.name, name, field, column
    for table in TABLES:
        for field, column in table.columns.items():
            yield "autorosters", table.name, table.name, field, column


def _mapped_fields() -> dict[tuple[str, str], tuple[str, ...]]:
    """Where fields come from by the user's mappings, by table and field."""
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for source in ("roster", "autorosters"):
        try:
            x_from = source_mapping(source).x_from
        except ConfigurationError:
            # The read reports it.
            continue
        for path, paths in x_from.items():
            found[_table_of(path), path[-1]] = paths
    return found


def _table_of(path: tuple[str, ...]) -> str:
    if len(path) < 3:
        return path[0]
    table = BY_NAME[path[0]].table
    child = next(each for each in table.children if each.field == path[1])
    return child_table_name(table, child)
