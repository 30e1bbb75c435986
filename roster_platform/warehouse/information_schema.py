"""The warehouse's own description: which schemas, tables and columns it has."""

from __future__ import annotations

from typing import Any

from dlt.destinations.sql_client import SqlClientBase


def tables_of(client: SqlClientBase[Any], *schemas: str) -> list[tuple[str, str]]:
    """Schema and name of every table (no views) of some schemas."""
    listed = ", ".join(f"'{schema}'" for schema in schemas)
    rows = client.execute_sql(
        f"select table_schema, table_name from {catalogue(client)}.tables "
        f"where lower(table_schema) in ({listed}) and table_type = 'BASE TABLE' "
        "order by table_schema, table_name"
    )
    return [(schema.lower(), table.lower()) for schema, table in rows or ()]


def table_rows(client: SqlClientBase[Any], *schemas: str) -> dict[str, int]:
    """Return the rows of every table (no views) of some schemas."""
    return {
        table: first_value(
            client, f"select count(*) from {quoted(client, schema, table)}"
        )
        for schema, table in tables_of(client, *schemas)
    }


def columns_of(
    client: SqlClientBase[Any], *schemas: str
) -> dict[tuple[str, str], set[str]]:
    """The columns of every table and view of some schemas, in lower case."""
    listed = ", ".join(f"'{schema}'" for schema in schemas)
    rows = client.execute_sql(
        f"select table_schema, table_name, column_name from {catalogue(client)}.columns "
        f"where lower(table_schema) in ({listed})"
    )
    found: dict[tuple[str, str], set[str]] = {}
    for schema, table, column in rows or ():
        name = (schema.lower(), table.lower())
        found.setdefault(name, set()).add(column.lower())
    return found


def catalogue(client: SqlClientBase[Any]) -> str:
    """Return where a warehouse describes itself; BigQuery does so by region."""
    if client.capabilities.sqlglot_dialect == "bigquery":
        return f"`region-{client.location.lower()}`.INFORMATION_SCHEMA"
    return "information_schema"


def datasets(client: SqlClientBase[Any], prefix: str) -> list[str]:
    """Return the schemas whose names begin so."""
    rows = client.execute_sql(
        "select schema_name from information_schema.schemata "
        "where substr(schema_name, 1, length(%s)) = %s",
        prefix,
        prefix,
    )
    return [name for (name,) in rows or ()]


def quoted(client: SqlClientBase[Any], schema: str, table: str) -> str:
    """A table's name as the warehouse's SQL wants it."""
    return f"{client.escape_column_name(schema)}.{client.escape_column_name(table)}"


def first_value(client: SqlClientBase[Any], sql: str) -> Any:
    """The only value of a query's only row."""
    ((value,),) = client.execute_sql(sql) or []
    return value
