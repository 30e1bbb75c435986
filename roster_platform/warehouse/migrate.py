"""Migration: copy what cannot be derived or fetched again to another warehouse.

That is what the APIs said, those declared by users included (and what dlt knows of it),
the snapshots of an older release and the seeds; the next build derives the rest. DuckDB
attaches both warehouses and copies in one transaction: the new one has everything,
compared row by row, or nothing. The old one is only read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb

from roster_platform.errors import ConfigurationError, WarehouseError
from roster_platform.warehouse.destinations import destination_of, without_passwords
from roster_platform.warehouse.warehouse import Warehouse

_LOADS = "_dlt_loads"
_SCHEMAS = ("snapshots", "seeds")
"""What is copied next to every dataset that dlt loaded, those of other APIs included."""


def move(to: str, *, warehouse: Warehouse | None = None) -> Mapping[str, int]:
    """Copy the configured warehouse to the destination ``to``; returns rows by table.

    Holds the writer's lock. Raises ConfigurationError for a destination that DuckDB does
    not reach, and WarehouseError when the new warehouse is not empty, or holds other rows
    than the old one; then nothing is changed.
    """
    old = warehouse or Warehouse.from_settings()
    destination_of(to)
    settings = old.settings.copy()
    settings.destination = to
    new = Warehouse(settings)
    if to in ("duckdb", old.settings.destination):
        raise ConfigurationError(
            f"The warehouse moves from {old.settings.destination} to another destination "
            f"than the local file, not to {to}."
        )
    statements = [
        *old.attach_statements("old_house"),
        *new.attach_statements("new_house"),
    ]
    # Two of one data folder share their lock.
    locked = old if old.is_one_file else new
    with locked.writing(), duckdb.connect() as database:
        try:
            new.prepare()
            for statement in statements:
                database.execute(statement)
            database.begin()
            rows = _copy(database)
            database.commit()
        except duckdb.Error as error:
            raise WarehouseError(
                f"Moving to {to} failed, and changed nothing there: "
                f"{without_passwords(str(error))}"
            ) from None
    return rows


def _copy(database: duckdb.DuckDBPyConnection) -> dict[str, int]:
    datasets = [s for s, table in _tables(database, "old_house") if table == _LOADS]
    schemas = [*datasets, *_SCHEMAS]
    if taken := _tables(database, "new_house", schemas):
        schema, table = taken[0]
        raise WarehouseError(
            f"The new warehouse is not empty: it has {schema}.{table}. Empty it, or name "
            "another one; nothing was changed."
        )
    rows = {}
    for schema, table in _tables(database, "old_house", schemas):
        name = f'"{schema}"."{table}"'
        database.execute(f'create schema if not exists new_house."{schema}"')
        database.execute(f"create table new_house.{name} as from old_house.{name}")
        ((rows[f"{schema}.{table}"], different),) = database.execute(
            f"select (select count(*) from old_house.{name}), count(*) from ("
            f"(from old_house.{name} except all from new_house.{name}) union all "
            f"(from new_house.{name} except all from old_house.{name}))"
        ).fetchall()
        if different:
            raise WarehouseError(
                f"{different:,} rows of {schema}.{table} differ. Nothing was "
                "changed in the new warehouse."
            )
    return rows


def _tables(
    database: duckdb.DuckDBPyConnection,
    house: str,
    schemas: Sequence[str] | None = None,
) -> list[tuple[str, str]]:
    """The tables of a warehouse, of all schemas by default."""
    found = database.execute(
        "select schema_name, table_name from duckdb_tables() "
        "where database_name = ? order by all",
        [house],
    ).fetchall()
    return [(s, table) for s, table in found if schemas is None or s in schemas]
