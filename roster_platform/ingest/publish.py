"""Publish the marts for people: a DuckDB file and Parquet that no load ever blocks.

A DuckDB file that is being written cannot even be opened for reading by another process,
so dashboards and notebooks read a copy. Each file arrives complete, by rename: a reader
sees the last publication or the one before, never half of one.
"""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from roster_platform.ingest.warehouse import Warehouse

SCHEMA = "marts"


@dataclass(frozen=True)
class Publication:
    """What was published: rows by table, when (UTC), and where."""

    rows: Mapping[str, int]
    published_at: datetime
    database: Path
    parquet: Path
    manifest: Path


def publish_marts(warehouse: Warehouse) -> Publication:
    """Copy every table of the marts to ``<data_dir>/published``.

    Writes ``roster.duckdb``, ``parquet/<table>.parquet`` and ``manifest.json`` (tables,
    rows, time); a table that is no mart any more is removed. Holds the writer's lock,
    because DuckDB lets nobody read what somebody writes.
    """
    with warehouse.writing():
        return _publish(warehouse.database_path, warehouse.data_path / "published")


def _publish(source: Path, folder: Path) -> Publication:
    parquet = folder / "parquet"
    arriving = folder / f".arriving-{uuid.uuid4().hex}"
    parquet.mkdir(parents=True, exist_ok=True)
    _sweep(folder)
    arriving.mkdir()
    try:
        rows = _copy(source, arriving)
        published_at = datetime.now(UTC)
        manifest = {
            "published_at": published_at.isoformat(),
            "tables": {table: {"rows": count} for table, count in rows.items()},
        }
        (arriving / "manifest.json").write_text(json.dumps(manifest, indent=2))
        for table in rows:
            os.replace(arriving / f"{table}.parquet", parquet / f"{table}.parquet")
        os.replace(arriving / "roster.duckdb", folder / "roster.duckdb")
        os.replace(arriving / "manifest.json", folder / "manifest.json")
    finally:
        shutil.rmtree(arriving, ignore_errors=True)
    for stale in parquet.glob("*.parquet"):
        if stale.stem not in rows:
            stale.unlink()
    return Publication(
        rows, published_at, folder / "roster.duckdb", parquet, folder / "manifest.json"
    )


def _copy(source: Path, target: Path) -> dict[str, int]:
    rows: dict[str, int] = {}
    with duckdb.connect(str(target / "roster.duckdb")) as database:
        database.execute("set TimeZone = 'UTC'")
        database.execute(f"attach {_quoted(source)} as warehouse (read_only)")
        database.execute(f"create schema {SCHEMA}")
        tables = database.execute(
            "select table_name from duckdb_tables() "
            "where database_name = 'warehouse' and schema_name = ? order by table_name",
            [SCHEMA],
        ).fetchall()
        for (table,) in tables:
            name = f'{SCHEMA}."{table}"'
            database.execute(f"create table {name} as from warehouse.{name}")
            database.execute(
                f"copy {name} to {_quoted(target / f'{table}.parquet')} (format parquet)"
            )
            ((rows[table],),) = database.execute(
                f"select count(*) from {name}"
            ).fetchall()
        database.execute("detach warehouse")
    return rows


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def _sweep(folder: Path) -> None:
    """Remove what publications that died left half written."""
    for left in folder.glob(".arriving-*"):
        shutil.rmtree(left, ignore_errors=True)
