"""Publish the marts for people, as files that no load ever blocks.

A DuckDB file that is being written cannot even be opened for reading by another process,
so dashboards and notebooks read a copy. Each file arrives complete, by rename: a reader
sees the last publication or the one before, never half of one.
"""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import sqlglot
from dlt.destinations.sql_client import SqlClientBase
from filelock import FileLock

from roster_platform.errors import IngestError
from roster_platform.publish.exports import export_reports
from roster_platform.publish.mart_descriptions import describe
from roster_platform.warehouse.information_schema import catalogue, quoted, tables_of
from roster_platform.warehouse.warehouse import Warehouse

SCHEMA = "marts"
_FRESHNESS = "rpt_data_freshness"
_ROWS_AT_A_TIME = 50_000
_DECIMALS = {"numeric", "decimal", "number"}
# In the names of tables that a killed build was about to put in a mart's place, or to drop.
_LEFT_BY_DBT = "__dbt_"


class NoMartsError(IngestError):
    """There is nothing to publish."""


@dataclass(frozen=True)
class Publication:
    """A publication: rows by table, its time (UTC), and its files."""

    rows: Mapping[str, int]
    published_at: datetime
    database: Path
    parquet: Path
    exports: Path
    manifest: Path


def publish_marts(
    warehouse: Warehouse, *, even_without_reads: bool = True
) -> Publication:
    """Copy every table of the marts to ``<data_dir>/published``.

    Writes ``roster.duckdb`` with comments and primary keys,
    ``parquet/<table>.parquet``, every report as
    ``exports/<report>.csv`` and ``.xlsx``, and ``manifest.json`` (tables, rows, time); a
    table that is no mart any more is removed. Holds the writer's lock while it copies,
    because DuckDB lets nobody read what somebody writes, and a lock of its own until the
    files are in place, so that an earlier copy never replaces a later one. Raises
    NoMartsError, and leaves the last publication as it is, when there is no mart, and
    unless ``even_without_reads``, when they are made of nothing that was read.
    """
    folder = warehouse.data_path / "published"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        return _publish(warehouse, folder, even_without_reads)


def _publish(
    warehouse: Warehouse, folder: Path, even_without_reads: bool
) -> Publication:
    parquet, exports = folder / "parquet", folder / "exports"
    arriving = folder / f".arriving-{uuid.uuid4().hex}"
    parquet.mkdir(parents=True, exist_ok=True)
    exports.mkdir(exist_ok=True)
    _sweep(folder)
    arriving.mkdir()
    try:
        with duckdb.connect(str(arriving / "roster.duckdb")) as database:
            database.execute("set TimeZone = 'UTC'")
            with warehouse.writing():
                tables = _copy(warehouse, database)
            if not tables:
                raise NoMartsError(
                    "There are no marts to publish: build them first, with "
                    "`roster-platform dbt build` or the job `models`."
                )
            if not (even_without_reads or _was_anything_read(database, tables)):
                raise NoMartsError(
                    "Nothing was loaded yet, so there is nothing to publish. `make "
                    "doctor` says why."
                )
            describe(database, SCHEMA, tables)
            published_at = datetime.now(UTC)
            rows = _write_parquet(database, tables, arriving)
            reports = export_reports(database, SCHEMA, arriving / "exports")
        manifest = {
            "published_at": published_at.isoformat(),
            "tables": {table: {"rows": count} for table, count in rows.items()},
            "exports": {
                report: {
                    "rows": export.rows,
                    "sheets": export.sheets,
                    "shortened_cells": export.shortened_cells,
                }
                for report, export in reports.items()
            },
        }
        (arriving / "manifest.json").write_text(json.dumps(manifest, indent=2))
        for table in rows:
            os.replace(arriving / f"{table}.parquet", parquet / f"{table}.parquet")
        for export in reports.values():
            for file in (export.csv, export.xlsx):
                os.replace(file, exports / file.name)
        os.replace(arriving / "roster.duckdb", folder / "roster.duckdb")
        os.replace(arriving / "manifest.json", folder / "manifest.json")
    finally:
        shutil.rmtree(arriving, ignore_errors=True)
    for stale in parquet.glob("*.parquet"):
        if stale.stem not in rows:
            stale.unlink()
    for stale in exports.iterdir():
        if stale.stem not in reports:
            stale.unlink()
    return Publication(
        rows,
        published_at,
        folder / "roster.duckdb",
        parquet,
        exports,
        folder / "manifest.json",
    )


def _was_anything_read(
    database: duckdb.DuckDBPyConnection, tables: Sequence[str]
) -> bool:
    """Return whether the marts are made of any read; true where nothing says so."""
    if _FRESHNESS not in tables:
        return True
    read = f"select count(last_read_at) > 0 from {SCHEMA}.{_FRESHNESS}"
    return bool(database.execute(read).fetchall()[0][0])


def _copy(warehouse: Warehouse, database: duckdb.DuckDBPyConnection) -> list[str]:
    bring = _attached if warehouse.kind.is_attached else _fetched
    database.execute(f"create schema {SCHEMA}")
    return list(bring(warehouse, database))


def _write_parquet(
    database: duckdb.DuckDBPyConnection, tables: Sequence[str], target: Path
) -> dict[str, int]:
    rows: dict[str, int] = {}
    for table in tables:
        name = f'{SCHEMA}."{table}"'
        database.execute(
            f"copy {name} to {_quoted(target / f'{table}.parquet')} (format parquet)"
        )
        ((rows[table],),) = database.execute(f"select count(*) from {name}").fetchall()
    return rows


def _attached(
    warehouse: Warehouse, database: duckdb.DuckDBPyConnection
) -> Iterator[str]:
    """Bring the marts out of what DuckDB can attach; yields each table that came."""
    for statement in warehouse.attach_statements("warehouse"):
        database.execute(statement)
    tables = database.execute(
        "select table_name from duckdb_tables() "
        "where database_name = 'warehouse' and schema_name = ? order by table_name",
        [SCHEMA],
    ).fetchall()
    for (table,) in tables:
        if _LEFT_BY_DBT in table:
            continue
        name = f'{SCHEMA}."{table}"'
        database.execute(f"create table {name} as from warehouse.{name}")
        yield table
    database.execute("detach warehouse")


def _fetched(
    warehouse: Warehouse, database: duckdb.DuckDBPyConnection
) -> Iterator[str]:
    """Bring the marts from a server, a chunk at a time; yields each table that came."""
    with warehouse.sql() as client:
        for schema, table in tables_of(client, SCHEMA):
            if _LEFT_BY_DBT in table:
                continue
            name = f'{SCHEMA}."{table}"'
            # Declared, because a chunk of nulls, or no chunk at all, tells no type.
            columns = ", ".join(_declared_columns(client, schema, table))
            database.execute(f"create table {name} ({columns})")
            query = f"select * from {quoted(client, schema, table)}"
            with client.execute_query(query) as cursor:
                for chunk in cursor.iter_arrow(chunk_size=_ROWS_AT_A_TIME):
                    database.register("chunk", chunk)
                    database.execute(f"insert into {name} by name from chunk")
                    database.unregister("chunk")
            yield table


def _declared_columns(
    client: SqlClientBase[Any], schema: str, table: str
) -> Iterator[str]:
    """The columns of a table of the warehouse, as DuckDB declares them."""
    dialect = client.capabilities.sqlglot_dialect
    # BigQuery tells both within the type.
    digits = (
        "null, null" if dialect == "bigquery" else "numeric_precision, numeric_scale"
    )
    rows = client.execute_sql(
        f"select column_name, data_type, {digits} from {catalogue(client)}.columns "
        "where lower(table_schema) = %s and lower(table_name) = %s "
        "order by ordinal_position",
        schema,
        table,
    )
    for name, kind, precision, scale in rows or []:
        kind = str(kind).lower()
        if kind in _DECIMALS and precision is not None:
            kind = f"decimal({precision}, {scale})"
        declared = sqlglot.exp.DataType.build(kind, dialect=dialect).sql("duckdb")
        yield f'"{name.lower()}" {declared}'


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def _sweep(folder: Path) -> None:
    """Remove what publications that died left half written."""
    for left in folder.glob(".arriving-*"):
        shutil.rmtree(left, ignore_errors=True)
