"""A published file with a handful of literal rows, for what reads the published marts."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import yaml

from tests.forks import ROOT

_MODELS = ROOT / "dbt_project" / "models" / "marts"


@cache
def _empty_marts() -> bytes:
    """A DuckDB file with every mart, from the columns that the models' YAML declares."""
    statements = ";".join(
        f"create table marts.{model['name']} ("
        + ", ".join(f'"{c["name"]}" {c["data_type"]}' for c in model["columns"])
        + ")"
        for path in sorted(_MODELS.rglob("*.yml"))
        for model in yaml.load(path.read_text(), yaml.CSafeLoader).get("models", [])
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "empty.duckdb"
        with duckdb.connect(str(path)) as database:
            database.execute(f"begin; create schema marts; {statements}; commit")
        return path.read_bytes()


def differing(one: Path, two: Path, but: Sequence[str] = ()) -> dict[str, int]:
    """Return how many rows of two published files differ, by the tables of the second.

    ``but`` has parts of the names of columns that may differ.
    """
    with duckdb.connect() as database:
        for alias, path in (("one", one), ("two", two)):
            database.execute(f"attach '{path}' as {alias} (read_only)")
        found = {}
        for (table,) in database.execute(
            "select table_name from duckdb_tables() where database_name = 'two'"
        ).fetchall():
            names = database.execute(
                "select column_name from duckdb_columns() "
                "where database_name = 'two' and table_name = ?",
                [table],
            ).fetchall()
            columns = ", ".join(
                f'"{name}"'
                for (name,) in names
                if not any(part in name for part in but)
            )
            if not columns:
                continue
            a, b = (f"select {columns} from {x}.marts.{table}" for x in ("one", "two"))
            ((count,),) = database.sql(
                f"select count(*) from (({a} except all {b}) "
                f"union all ({b} except all {a}))"
            ).fetchall()
            found[table] = count
    return {table: count for table, count in found.items() if count}


def publish_rows(data: Path, rows: Mapping[str, list[Mapping[str, Any]]]) -> Path:
    """Publish every mart and report, empty but for ``rows``; returns the folder.

    Columns and types are those that the models' YAML declares.
    """
    folder = data / "published"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "roster.duckdb").write_bytes(_empty_marts())
    with duckdb.connect(str(folder / "roster.duckdb")) as database:
        database.execute("set TimeZone = 'UTC'")
        database.execute("begin")
        for name, records in rows.items():
            for row in records:
                if name.startswith("dim_") and name != "dim_dates":
                    row = {"is_placeholder": False, **row}
                columns = ", ".join(f'"{column}"' for column in row)
                marks = ", ".join("?" * len(row))
                database.execute(
                    f"insert into marts.{name} ({columns}) values ({marks})",
                    list(row.values()),
                )
        database.execute("commit")
    (folder / "manifest.json").write_text(
        json.dumps({"published_at": "2026-03-17T08:00:00+00:00", "exports": {}})
    )
    return folder
