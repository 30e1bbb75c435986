"""A published file with a handful of literal rows, for what reads the published marts."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
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
