"""The words every endpoint is described in: columns, tables, children, endpoints.

They follow dlt's ``rest_api`` configuration (``path``, ``params``, ``data_selector``,
parent placeholders, ``primary_key``, ``write_disposition``), so that one description
drives the concurrent client, the typed Arrow tables, the Dagster assets, the sandbox
and the plain ``RESTAPIConfig``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

from dlt.common.normalizers.naming.snake_case import NamingConvention

DataType = Literal[
    "text", "bigint", "double", "decimal", "bool", "timestamp", "date", "json"
]


# Columns every raw table has beside the declared ones.
OBSERVED_AT = "_observed_at"
DELETED = "_deleted"
DELETED_HINTS = {DELETED: {"data_type": "bool", "nullable": True, "hard_delete": True}}
POSITION = "position"
# Of tables whose records the source may delete: marked, never removed.
IS_DELETED = "is_deleted"
DELETED_AT = "deleted_at"

_naming = NamingConvention()


@cache
def column_name(field: str) -> str:
    """The warehouse's name of an API field (dlt's snake_case)."""
    return _naming.normalize_identifier(field)


@dataclass(frozen=True)
class Column:
    """One declared field of a record.

    ``data_type`` is dlt's name of the type; ``pii`` marks personal data (names,
    e-mail, handles), which the models tag and can hash.
    """

    data_type: DataType
    description: str
    pii: bool = False


@dataclass(frozen=True)
class Child:
    """A list inside a record that becomes a table of its own.

    ``field`` is the list's name in the record, ``name`` the suffix of the table
    (``<parent>__<name>``). Rows carry the parent's key under the name ``parent_key``,
    so nothing random joins them.
    ``position`` adds the element's place in the list (from 0) to the row and its key;
    a list of plain values fills the single declared column. ``primary_key`` names the
    child's own key columns beside the parent's key and the position.
    """

    field: str
    name: str
    description: str
    parent_key: str
    columns: Mapping[str, Column]
    position: bool = True
    primary_key: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """A raw table: its grain, key and declared columns, keyed by the API's field names.

    Column names in the warehouse are dlt's snake_case of the field names. Fields that
    are not declared still land, as new columns (nested values as JSON text).
    ``soft_deletes`` marks records that the source no longer lists (``is_deleted``,
    ``deleted_at``); without it they stay as they were last read.
    """

    name: str
    description: str
    primary_key: tuple[str, ...]
    columns: Mapping[str, Column]
    children: tuple[Child, ...] = ()
    soft_deletes: bool = False


def child_table_name(table: Table, child: Child) -> str:
    """The raw table a child fills: ``<parent>__<child>``."""
    return f"{table.name}__{child.name}"


@dataclass(frozen=True)
class Parent:
    """Where an endpoint's path parameter comes from: ``{resources.<resource>.<field>}``."""

    param: str
    resource: str
    field: str


@dataclass(frozen=True)
class Endpoint:
    """One GET endpoint and the table its records fill.

    ``data_selector`` names the list of records in the body. ``order_field`` is the
    field by which an endpoint may be configured as newest-first. ``parent`` fills the
    path's placeholder from another resource. ``optional`` endpoints are off until
    their path is configured, and a 404 from them is a warning.
    """

    table: Table
    path: str
    data_selector: str
    order_field: str | None = None
    parent: Parent | None = None
    optional: bool = False
    params: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.table.name
