"""A warehouse of hand-made raw rows, as loading leaves them, and dbt on top of it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import duckdb
import yaml

from roster_platform.dbt.sources import declarations
from roster_platform.ingest.autorosters.tables import TABLES
from tests.forks import run_dbt

_SQL_TYPES = {
    "text": "varchar",
    "json": "varchar",
    "bigint": "bigint",
    "double": "double",
    "decimal": "decimal(18, 4)",
    "bool": "boolean",
    "timestamp": "timestamptz",
    "date": "date",
}
Row = Mapping[str, Any]
KEYS = {
    table.name: table.primary_key
    for table in TABLES
    if table.versions and table.name != "page_users"
}


def declared_tables() -> dict[str, dict[str, str]]:
    """Every raw table, ``<schema>.<table>``, with its columns and their SQL types."""
    sources = [yaml.safe_load(text)["sources"][0] for text in declarations().values()]
    return {
        f"{source['schema']}.{table['name']}": {
            column["name"]: _SQL_TYPES[column["data_type"]]
            for column in table["columns"]
        }
        for source in sources
        for table in source["tables"]
    }


class RawWarehouse:
    """A data folder whose raw tables a test writes and whose models dbt builds."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def create(self, tables: Mapping[str, Mapping[str, str]]) -> None:
        """Create raw tables, empty."""
        for table, columns in tables.items():
            listed = ", ".join(f'"{name}" {type_}' for name, type_ in columns.items())
            self.query(f"create schema if not exists {table.split('.')[0]}")
            self.query(f"create table {table} ({listed}, _dlt_load_id varchar)")

    def add(self, table: str, rows: Iterable[Row], observed_at: str) -> None:
        """Append rows; a column that a row does not name is NULL."""
        with self._connection() as connection:
            _insert(connection, table, rows, observed_at)

    def load_page(
        self,
        page_id: str,
        observed_at: str,
        *,
        ranks: Iterable[str | Row],
        users: Iterable[Row],
        title: str | None = None,
        certifications: Mapping[str, Iterable[str]] | None = None,
        content_hash: str | None = None,
    ) -> None:
        """Replace what a page holds, as one read of it does; most senior rank first.

        A rank is its role, or a row of columns that differ from the usual ones.
        """
        users = list(users)
        rows = [{"role_id": rank} if isinstance(rank, str) else rank for rank in ranks]
        contents: dict[str, list[Row]] = {
            "pages": [{"custom_title": title or page_id.title()}],
            "ranks": [
                {
                    "rank_name": rank["role_id"].title(),
                    "is_command": place == 0,
                    "position": place,
                    **rank,
                }
                for place, rank in enumerate(rows)
            ],
            "users": users,
            "user_certifications": [
                {"discord_id": discord_id, "certification": name}
                for discord_id, names in (certifications or {}).items()
                for name in names
            ],
        }
        read = {
            "page_id": page_id,
            "observed_at": observed_at,
            "content_hash": content_hash,
            "member_count": len({user["discord_id"] for user in users}),
            "rank_count": len(contents["ranks"]),
        }
        with self._connection() as connection:
            for name, rows in contents.items():
                table = f"autorosters_data.{name}"
                connection.execute(f"delete from {table} where page_id = '{page_id}'")
                told = [{"page_id": page_id, **row} for row in rows]
                _insert(connection, table, told, observed_at)
                _log(connection, name, page_id, told, observed_at)
            _insert(connection, "autorosters_data.page_loads", [read], observed_at)

    def build(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run ``dbt build``."""
        return run_dbt(
            *("build", *arguments),
            folder=self.folder,
            environment={
                **os.environ,
                "ROSTER_PLATFORM__DESTINATION": "duckdb",
                "ROSTER_PLATFORM__DATA_DIR": str(self.folder),
            },
        )

    def manifest(self) -> dict[str, Any]:
        """What the last build with ``--write-json`` knew of the project."""
        return json.loads((self.folder / "dbt" / "manifest.json").read_text())

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        with self._connection() as connection:
            return connection.execute(sql).fetchall()

    def _connection(self) -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect(str(self.folder / "roster.duckdb"))
        connection.execute("set TimeZone = 'UTC'")
        return connection


def _insert(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    rows: Iterable[Row],
    observed_at: str,
) -> None:
    for row in rows:
        full = {**row, "_observed_at": observed_at}
        connection.execute(
            f"insert into {table} ({', '.join(full)}) "
            f"values ({', '.join('?' * len(full))})",
            list(full.values()),
        )


def _log(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    page_id: str,
    rows: Iterable[Row],
    observed_at: str,
) -> None:
    """Add what a page's read changed to the versions of a table, as loading does."""
    versions = f"autorosters_data.{name}_versions"
    if name not in KEYS:
        return
    last = connection.execute(
        f"select * from {versions} where page_id = ? qualify row_number() over ("
        f"partition by {', '.join(KEYS[name])} order by _sequence desc) = 1",
        [page_id],
    ).to_arrow_table()
    known = {tuple(row[key] for key in KEYS[name]): row for row in last.to_pylist()}
    now = {tuple(row[key] for key in KEYS[name]): row for row in rows}
    (sequence,) = connection.execute(
        f"select coalesce(max(_sequence), 0) + 1 from {versions}"
    ).fetchone()
    changed = []
    for key, row in now.items():
        before, digest = known.get(key), repr(sorted(row.items()))
        is_there = before is not None and before["_change"] != "deleted"
        if not is_there or before["_digest"] != digest:
            change = "updated" if is_there else "inserted"
            changed.append({**row, "_change": change, "_digest": digest})
    for key, before in known.items():
        if key not in now and before["_change"] != "deleted":
            gone = {k: v for k, v in before.items() if not k.startswith("_")}
            changed.append({**gone, "_change": "deleted", "_digest": before["_digest"]})
    stamped = [
        {**row, "_valid_from": observed_at, "_sequence": sequence} for row in changed
    ]
    _insert(connection, versions, stamped, observed_at)
