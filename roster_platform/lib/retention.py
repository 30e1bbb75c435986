"""Deleting Dagster's old runs, so that its instance does not grow for ever.

Deleting a run by Dagster itself takes along what the run recorded last of an asset or of a
partition, and frees no disk. So those events stay, as if no run had recorded them, and the
files of a run are deleted, too.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import sqlalchemy as sa
from dagster._core.storage.event_log import (
    SqlEventLogStorage,
    SqlEventLogStorageTable,
    SqliteEventLogStorage,
)
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable

_KEPT_EVALUATIONS = 20
"""Of each check, whatever their age; checks compare with the last ones."""
_NO_RUN = ""
"""How Dagster stores an event that no run recorded."""
_KEPT_EVENTS = ("ASSET_MATERIALIZATION", "ASSET_OBSERVATION")
_FINISHED = [
    dg.DagsterRunStatus.SUCCESS,
    dg.DagsterRunStatus.FAILURE,
    dg.DagsterRunStatus.CANCELED,
]
_BUSY_TIMEOUT_SECONDS = 20
_WORTH_COMPACTING = 0.1


@dataclass
class Freed:
    """What was deleted, and what is left."""

    runs: int = 0
    evaluations: int = 0
    bytes_before: int = 0
    bytes_after: int = 0
    kept_runs: int = 0
    """Old runs that stay, because they are the last of an asset."""
    busy: list[str] = field(default_factory=list)
    """Databases that were in use, so that they are compacted the next time."""

    def __str__(self) -> str:
        freed = (self.bytes_before - self.bytes_after) / 1024**2
        told = (
            f"Deleted {self.runs:,} runs and {self.evaluations:,} evaluations of checks. "
            f"Dagster's folder has {self.bytes_after / 1024**2:,.1f} MiB, "
            f"{freed:,.1f} MiB less than before."
        )
        if self.busy:
            told += f" In use, and compacted next time: {', '.join(self.busy)}."
        return told


def delete_old_runs(instance: dg.DagsterInstance, before: datetime) -> Freed:
    """Delete the runs that finished before a timestamp, with their events and logs.

    The last materialization and observation of each asset and partition stay, the last
    evaluations of each check, and the last run of each asset. Running it again is safe,
    also after it was killed.
    """
    folder = Path(instance.root_directory)
    freed = Freed(bytes_before=folder_size(folder))
    last_runs = {
        record.asset_entry.last_run_id for record in instance.get_asset_records()
    }
    last_events = _last_events(instance)
    over = dg.RunsFilter(statuses=_FINISHED, updated_before=before)
    for run_id in instance.get_run_ids(over):
        if run_id in last_runs:
            freed.kept_runs += 1
            continue
        _delete_run(instance, run_id, last_events.get(run_id, ()))
        freed.runs += 1
    for run_id in _left_over(instance, before):
        _delete_run(instance, run_id, last_events.get(run_id, ()))
    freed.evaluations = _delete_evaluations(instance, before)
    for path in _databases(instance):
        if not _compact(path):
            freed.busy.append(path.name)
    freed.bytes_after = folder_size(folder)
    return freed


def folder_size(folder: Path) -> int:
    """Bytes of an instance's folder; what is in PostgreSQL is not in it."""
    return sum(_size(path) for path in folder.rglob("*") if path.is_file())


def _last_events(instance: dg.DagsterInstance) -> Mapping[str, list[int]]:
    """By run, the events that are the last of their kind of an asset or partition."""
    storage, table = instance.event_log_storage, SqlEventLogStorageTable
    found: dict[str, list[int]] = {}
    if isinstance(storage, SqlEventLogStorage):
        last = (
            sa.select(sa.func.max(table.c.id))
            .where(table.c.dagster_event_type.in_(_KEPT_EVENTS))
            .group_by(table.c.asset_key, table.c.partition, table.c.dagster_event_type)
        )
        with storage.index_connection() as connection:
            # Dagster does not type its tables.
            rows: Iterable[Any] = connection.execute(
                sa.select(table.c.id, table.c.run_id).where(table.c.id.in_(last))
            )
            for event_id, run_id in rows:
                found.setdefault(run_id, []).append(event_id)
    return found


def _delete_run(
    instance: dg.DagsterInstance, run_id: str, last_events: Iterable[int]
) -> None:
    storage, table = instance.event_log_storage, SqlEventLogStorageTable
    last_events = list(last_events)
    if last_events and isinstance(storage, SqlEventLogStorage):
        with storage.index_connection() as connection:
            connection.execute(
                sa.update(table)
                .where(table.c.run_id == run_id, table.c.id.in_(last_events))
                .values(run_id=_NO_RUN)
            )
    instance.compute_log_manager.delete_logs(prefix=[run_id])
    instance.delete_run(run_id)
    if isinstance(storage, SqliteEventLogStorage):
        database = storage.path_for_shard(run_id)
        # The database last: while it is there, a run that was deleted in part is found.
        for path in (f"{database}-wal", f"{database}-shm", database):
            Path(path).unlink(missing_ok=True)


def _left_over(instance: dg.DagsterInstance, before: datetime) -> Iterator[str]:
    """Runs that were deleted before, but whose files are there."""
    storage = instance.event_log_storage
    if not isinstance(storage, SqliteEventLogStorage):
        return
    for run_id in storage.get_all_run_ids():
        path = Path(storage.path_for_shard(run_id))
        if (
            path.exists()
            and path.stat().st_mtime < before.timestamp()
            and not instance.has_run(run_id)
        ):
            yield run_id


def _delete_evaluations(instance: dg.DagsterInstance, before: datetime) -> int:
    """Delete old evaluations of checks; returns how many. Dagster itself keeps them all."""
    storage, table = instance.event_log_storage, AssetCheckExecutionsTable
    if not isinstance(storage, SqlEventLogStorage):
        return 0
    age = sa.func.row_number().over(
        partition_by=(table.c.asset_key, table.c.check_name),
        order_by=table.c.id.desc(),
    )
    ranked = sa.select(table.c.id, age.label("age")).subquery()
    kept = sa.select(ranked.c.id).where(ranked.c.age <= _KEPT_EVALUATIONS)
    # Dagster writes it without a zone, in UTC.
    oldest = before.astimezone(UTC).replace(tzinfo=None)
    with storage.index_connection() as connection:
        return connection.execute(
            sa.delete(table).where(
                table.c.create_timestamp < oldest, table.c.id.not_in(kept)
            )
        ).rowcount


def _databases(instance: dg.DagsterInstance) -> Iterator[Path]:
    """The SQLite databases of the instance; none on PostgreSQL."""
    if isinstance(instance.event_log_storage, SqliteEventLogStorage):
        yield Path(instance.event_log_storage.path_for_shard("index"))
    for path in ("history/runs.db", "schedules/schedules.db"):
        if (database := Path(instance.root_directory, path)).exists():
            yield database


def _compact(path: Path) -> bool:
    """Give what is free in a database back to the disk; False when it is in use."""
    database = sqlite3.connect(
        path, timeout=_BUSY_TIMEOUT_SECONDS, isolation_level=None
    )
    try:
        ((free,),) = database.execute("pragma freelist_count").fetchall()
        ((pages,),) = database.execute("pragma page_count").fetchall()
        if free > pages * _WORTH_COMPACTING:
            database.execute("vacuum")
        database.execute("pragma wal_checkpoint(truncate)")
    except sqlite3.OperationalError as error:
        if "locked" in str(error) or "busy" in str(error):
            return False
        raise
    finally:
        database.close()
    return True


def _size(path: Path) -> int:
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        # Somebody else deleted it meanwhile.
        return 0
