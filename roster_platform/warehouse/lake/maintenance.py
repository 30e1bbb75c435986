"""What a lake needs now and then: fewer, larger files, and an end to old ones.

Each load and build adds files and states of the catalogue, which DuckLake keeps until
somebody removes them: https://ducklake.select/docs/stable/duckdb/maintenance.
Nobody reads an earlier state here: history is in the tables.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from roster_platform.errors import WarehouseError
from roster_platform.warehouse.destinations import without_passwords
from roster_platform.warehouse.warehouse import Warehouse


@dataclass(frozen=True)
class LakeMaintenance:
    """What was done: files merged, states and files removed, and what is left."""

    files_merged: int
    states_removed: int
    files_removed: int
    files: int
    bytes: int

    def __str__(self) -> str:
        return (
            f"{self.files_merged:,} small files were merged, and {self.states_removed:,} "
            f"earlier states and {self.files_removed:,} files removed; {self.files:,} "
            f"files with {self.bytes / 1024**2:,.1f} MiB are left."
        )


def maintain_lake(warehouse: Warehouse, *, keep: timedelta) -> LakeMaintenance | None:
    """Merge a lake's small files and remove what no state younger than ``keep`` needs.

    Does nothing, and returns None, for another warehouse. Holds the writer's lock; dying
    in between loses nothing. Raises a WarehouseError when the lake cannot be reached.
    """
    if not warehouse.kind.is_lake:
        return None
    with warehouse.writing():
        try:
            with duckdb.connect() as database:
                for statement in warehouse.attach_statements("lake"):
                    database.execute(statement)
                done = _maintained(database, datetime.now(UTC) - keep)
        except duckdb.Error as error:
            raise WarehouseError(
                f"The lake could not be maintained: {without_passwords(str(error))}"
            ) from None
        if catalogue := _catalogue_file(warehouse):
            with closing(sqlite3.connect(catalogue)) as file:
                file.execute("vacuum")
    return done


def _maintained(
    database: duckdb.DuckDBPyConnection, before: datetime
) -> LakeMaintenance:
    # Rows that small writes left in the catalogue become files, which are merged then.
    database.execute("call ducklake_flush_inlined_data('lake')")
    merged = database.execute("call ducklake_merge_adjacent_files('lake')").fetchall()
    rewritten = database.execute("call ducklake_rewrite_data_files('lake')").fetchall()
    states = database.execute(
        "call ducklake_expire_snapshots('lake', older_than => ?)", [before]
    ).fetchall()
    removed = [
        path
        for call in ("ducklake_cleanup_old_files", "ducklake_delete_orphaned_files")
        for path in database.execute(
            f"call {call}('lake', older_than => ?)", [before]
        ).fetchall()
    ]
    ((files, size),) = database.execute(
        "select coalesce(sum(file_count), 0)::bigint, "
        "coalesce(sum(file_size_bytes), 0)::bigint from ducklake_table_info('lake')"
    ).fetchall()
    processed = sum(files for *_, files, _ in [*merged, *rewritten])
    return LakeMaintenance(processed, len(states), len(removed), files, size)


def _catalogue_file(warehouse: Warehouse) -> Path | None:
    """The SQLite file of a lake's catalogue; None where it is on a server."""
    catalogue = warehouse.sql_client().credentials.catalog
    return Path(catalogue.database) if catalogue.drivername == "sqlite" else None
