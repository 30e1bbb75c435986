"""Storage that somebody changed by hand, brought back to what dlt believes it is.

dlt remembers which schema it made, and makes nothing again; a table or a column that was
dropped, or a backup that was restored in part, would fail every load from then on. So
before each load the schema is compared with the storage, and what is missing is made.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dlt.common.destination.client import WithStateSync
from dlt.destinations.sql_client import SqlClientBase

from roster_platform.catalogue import (
    DIGEST,
    Table,
    child_table_name,
    column_name,
    key_column_name,
)

if TYPE_CHECKING:
    import dlt

logger = logging.getLogger(__name__)

_MOST_NAMED = 5


def restore_storage(pipeline: dlt.Pipeline) -> list[str]:
    """Make the tables and columns that dlt knows and the warehouse lacks.

    Returns what was missing although it had been made before, by ``table`` or
    ``table.column``. Hold the right to write.
    """
    with pipeline.destination_client() as client:
        client.initialize_storage()
        schema = client.schema
        # As every destination is that keeps dlt's own tables.
        assert isinstance(client, WithStateSync)
        stored = client.get_stored_schema(schema.name)
        known = json.loads(stored.schema)["tables"] if stored else {}
        made = client.update_stored_schema(force=True) or {}
    # What is in the schema for the first time was not there, and so was not dropped.
    missing = []
    for name, table in made.items():
        before = known.get(name, {}).get("columns", {})
        gone = [column for column in table["columns"] if column in before]
        if len(gone) == len(before):
            missing += [name] if gone else []
        else:
            missing += [f"{name}.{column}" for column in gone]
    return missing


def missing_columns(tables: Sequence[Table], held: Mapping[str, set[str]]) -> list[str]:
    """Return what a warehouse lacks of some tables that were made before.

    ``held`` are the columns of each table of the dataset.
    """
    declared = {
        name: columns
        for table in tables
        for name, columns in _columns_of(table).items()
    }
    return [
        name if name not in held else f"{name}.{column}"
        for name, columns in declared.items()
        for column in sorted(columns - held.get(name, set()) if name in held else {""})
    ]


def lacking(missing: Sequence[str]) -> str:
    """Say what is missing."""
    named = ", ".join(missing[:_MOST_NAMED])
    more = (
        f" and {len(missing) - _MOST_NAMED} more" if len(missing) > _MOST_NAMED else ""
    )
    return f"the warehouse lacks {named}{more}"


@contextmanager
def without_unique_indexes(client: SqlClientBase, *schemas: str) -> Iterator[None]:
    """Take away users' unique indexes on a DuckDB file while a load replaces rows.

    DuckDB checks them before the rows that are replaced are gone. They are made again
    afterwards; one that cannot be is reported with its SQL.
    """
    listed = ", ".join(f"'{schema}'" for schema in schemas)
    indexes = client.execute_sql(
        "select schema_name, index_name, sql from duckdb_indexes() "
        f"where is_unique and sql is not null and schema_name in ({listed})"
    )
    for schema, name, _ in indexes or ():
        quote = client.escape_column_name
        client.execute_sql(f"drop index {quote(schema)}.{quote(name)}")
    try:
        yield
    finally:
        for _, name, sql in indexes or ():
            try:
                client.execute_sql(sql)
            except Exception as error:
                logger.warning(
                    "The index %s could not be made again after the load (%s). It was: %s",
                    *(name, type(error).__name__, sql),
                )


def _columns_of(table: Table) -> dict[str, set[str]]:
    """The declared columns of a table and its children, as the warehouse names them."""
    found = {table.name: table.columns}
    own = {table.name: {DIGEST} if table.versions else set()}
    for child in table.children:
        found[child_table_name(table, child)] = child.columns
    return {
        name: {column_name(field) for field in columns}
        | {key_column_name(field) for field, column in columns.items() if column.key}
        | own.get(name, set())
        for name, columns in found.items()
    }
