"""Describe the published marts within the file, for the tools that people open it with.

What tables and columns mean is written in the dbt project's YAML. dbt could write it into
the warehouse (``persist_docs``), but only where a table is built again, and each
destination has comments of its own; the published file is always DuckDB and always new.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import yaml

MARTS = Path(__file__).parents[2] / "dbt_project" / "models" / "marts"
_REFERENCE = "relationships"


@dataclass(frozen=True)
class MartDescription:
    """A mart's meaning: of the table, of its columns, and the column that is its key."""

    table: str
    columns: Mapping[str, str]
    key: str | None


def mart_descriptions(folder: Path = MARTS) -> dict[str, MartDescription]:
    """Read the descriptions of all marts, by table; none where there is no dbt project."""
    return {
        model["name"]: MartDescription(
            _plain(model["description"]),
            {
                column["name"]: " ".join(
                    [_plain(column["description"]), *_references(column)]
                )
                for column in model["columns"]
            },
            next(
                (
                    column["name"]
                    for column in model["columns"]
                    if {"unique", "not_null"} <= set(_tests(column))
                ),
                None,
            ),
        )
        for path in sorted(folder.rglob("*.yml"))
        for model in yaml.load(path.read_bytes(), yaml.CSafeLoader).get("models", [])
    }


def describe(
    database: duckdb.DuckDBPyConnection, schema: str, tables: Sequence[str]
) -> None:
    """Give tables their comments and primary keys.

    A column that refers to another table says so in its comment. A table whose key is not
    unique, which a test of dbt reports, has no primary key.
    """
    found = mart_descriptions()
    for table in tables:
        if table in found:
            _describe(database, schema, table, found[table])


def _describe(
    database: duckdb.DuckDBPyConnection,
    schema: str,
    table: str,
    description: MartDescription,
) -> None:
    name = f'{schema}."{table}"'
    columns = [row[0] for row in database.execute(f"describe {name}").fetchall()]
    if description.key in columns:
        with contextlib.suppress(duckdb.ConstraintException):
            database.execute(
                f'alter table {name} add primary key ("{description.key}")'
            )
    comments = [
        f'comment on column {name}."{column}" is {_quoted(description.columns[column])}'
        for column in columns
        if column in description.columns
    ]
    comments.append(f"comment on table {name} is {_quoted(description.table)}")
    database.execute(";\n".join(comments))


def _tests(column: Mapping[str, Any]) -> Iterator[str]:
    for test in column.get("data_tests", []):
        yield test if isinstance(test, str) else next(iter(test))


def _references(column: Mapping[str, Any]) -> Iterator[str]:
    for test in column.get("data_tests", []):
        if isinstance(test, Mapping) and _REFERENCE in test:
            arguments = test[_REFERENCE]["arguments"]
            table = arguments["to"].split("'")[1]
            yield f"References {table}.{arguments['field']}."


def _plain(text: str) -> str:
    return " ".join(text.split())


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
