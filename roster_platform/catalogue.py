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
from typing import Any, Literal

from dlt.common.normalizers.naming.snake_case import NamingConvention

DataType = Literal[
    "text", "bigint", "double", "decimal", "bool", "timestamp", "date", "json"
]
KeyKind = Literal["code", "currency", "email", "handle"]
"""What a column is compared as (see ``keys``)."""


# Columns every raw table has beside the declared ones.
OBSERVED_AT = "_observed_at"
LOAD_ID = "_dlt_load_id"
"""The load that last wrote the row (dlt's name)."""
DELETED = "_deleted"
DELETED_HINTS: dict[str, Any] = {
    DELETED: {"data_type": "bool", "nullable": True, "hard_delete": True}
}
POSITION = "position"
_KEY_SUFFIX = "_key"
# Of tables whose records the source may delete: marked, never removed.
IS_DELETED = "is_deleted"
DELETED_AT = "deleted_at"
# Of tables whose records are kept in every version (see ``versions``).
DIGEST = "_digest"
VALID_FROM = "_valid_from"
SEQUENCE = "_sequence"
CHANGE = "_change"
READS_TABLE = "_reads"
"""The log of reads, in each dataset."""
VARIANT_SUFFIX = "__v_text"
"""Ends the column of values that are not of a field's type (dlt's name)."""
_VERSIONS_SUFFIX = "_versions"

_naming = NamingConvention()


@cache
def column_name(field: str) -> str:
    """The warehouse's name of an API field (dlt's snake_case)."""
    return _naming.normalize_identifier(field)


def key_column_name(field: str) -> str:
    """The column that has what the values of an API field are compared by."""
    return column_name(field) + _KEY_SUFFIX


@dataclass(frozen=True)
class Column:
    """One declared field of a record.

    ``data_type`` is dlt's name of the type; ``pii`` marks personal data (names,
    e-mail, handles), which the models tag and can hash. ``required`` marks what marts
    cannot do without (keys, money, timestamps, people): that it never comes is an error.
    ``optional`` marks what a healthy account may lack: that it never comes is no finding.
    ``x_from`` are paths in the record that come before the field's own name. ``key`` says
    as what the column is compared: it adds ``<column>_key`` (see ``keys``).
    """

    data_type: DataType
    description: str
    pii: bool = False
    required: bool = False
    optional: bool = False
    x_from: tuple[str, ...] = ()
    key: KeyKind | None = None


PLATFORM_COLUMNS: Mapping[str, Column] = {
    OBSERVED_AT: Column(
        "timestamp", "When the API was first read with what the row says (UTC)."
    ),
    IS_DELETED: Column("bool", "True when the source no longer returns the record."),
    DELETED_AT: Column(
        "timestamp", "When a complete read missed it; NULL while the source returns it."
    ),
    LOAD_ID: Column("text", "dlt's id of the load that last wrote the row."),
    DELETED: Column("bool", "How a load asks dlt to delete a row; NULL in every row."),
    VALID_FROM: Column(
        "timestamp",
        "When the API was first read with this version, never before the one it follows.",
    ),
    SEQUENCE: Column("bigint", "The order of the versions of one key."),
    CHANGE: Column(
        "text", "inserted, updated or deleted; a deleted version has the last values."
    ),
    DIGEST: Column("text", "What the values are compared by."),
}
"""The columns that the platform adds to raw tables."""


def key_column(field: str, column: Column) -> Column:
    """Describe the column that has what the values of a field are compared by."""
    about = f"What {column_name(field)} is compared by; NULL where loaded without it."
    return Column("text", about, pii=column.pii)


@dataclass(frozen=True)
class Child:
    """A list inside a record that becomes a table of its own.

    ``field`` is the list's name in the record, ``name`` the suffix of the table
    (``<parent>__<name>``). Rows carry the parent's key under the name ``parent_key``,
    so nothing random joins them.
    ``position`` adds the element's place in the list (from 0) to the row and its key;
    a list of plain values fills the single declared column. ``primary_key`` names the
    child's own key columns next to the parent's key and the position. ``optional`` lists
    may be absent from every record of a healthy account. ``x_from`` are paths in the
    record that come before the list's own name.
    """

    field: str
    name: str
    description: str
    parent_key: str
    columns: Mapping[str, Column]
    position: bool = True
    primary_key: tuple[str, ...] = ()
    optional: bool = False
    x_from: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """A raw table: its grain, key and declared columns, keyed by the API's field names.

    Column names in the warehouse are dlt's snake_case of the field names. Fields that
    are not declared still land, as new columns (nested values as JSON text).
    ``soft_deletes`` marks records that the source no longer lists (``is_deleted``,
    ``deleted_at``); without it they stay as they were last read. ``versions`` says that
    every version of a record stays, in ``<table>_versions``; what ``not_compared`` names
    says nothing of the record itself, and makes no version.
    """

    name: str
    description: str
    primary_key: tuple[str, ...]
    columns: Mapping[str, Column]
    children: tuple[Child, ...] = ()
    soft_deletes: bool = False
    versions: bool = True
    not_compared: tuple[str, ...] = ()


def child_table_name(table: Table, child: Child) -> str:
    """The raw table a child fills: ``<parent>__<child>``."""
    return f"{table.name}__{child.name}"


def table_names(table: Table) -> list[str]:
    """The raw table and those of its children."""
    return [table.name, *(child_table_name(table, child) for child in table.children)]


def versions_table_name(table: str) -> str:
    """The raw table with every version of a raw table's records."""
    return table + _VERSIONS_SUFFIX


def is_versions_table(name: str) -> bool:
    """Whether a raw table has the versions of another."""
    return name.endswith(_VERSIONS_SUFFIX)


@dataclass(frozen=True)
class Parent:
    """The source of an endpoint's path parameter: ``{resources.<resource>.<field>}``."""

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
