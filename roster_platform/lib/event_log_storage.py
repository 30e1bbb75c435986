"""Dagster's event log on SQLite, with connections that stay open and whole batches.

Dagster's own opens the database of the run, and the one of all runs, anew for each of up
to four transactions per event. The tables and their rows are the same, so an instance can
go back and forth: ``event_log_storage`` in dagster.yaml names the storage.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from dagster import (
    AssetExecutionContext,
    AssetMaterialization,
    DagsterInstance,
    EventLogEntry,
    OpExecutionContext,
)
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, Engine, create_engine, inspect, text
from sqlalchemy.event import listen
from sqlalchemy.pool import NullPool, StaticPool

# Dagster hands over the events with which it plans a run at once, if it may.
os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", "1000")
_BUSY_TIMEOUT_SECONDS = 30
_MOST_OPEN = 16
_EVENTS_AT_ONCE = 500


def log_at_once(
    context: AssetExecutionContext | OpExecutionContext,
    events: Iterable[AssetMaterialization],
) -> None:
    """Log events from the body of an operation, many in one transaction.

    Storages other than the one below store them one by one.
    """
    storage, run_id = context.instance.event_log_storage, context.run.run_id
    left = iter(events)
    # Other processes wait for each transaction, so it is short.
    while chunk := list(islice(left, _EVENTS_AT_ONCE)):
        with (
            storage.transaction(run_id)
            if isinstance(storage, OpenSqliteEventLogStorage)
            else nullcontext()
        ):
            for event in chunk:
                context.log_event(event)


class OpenSqliteEventLogStorage(SqliteEventLogStorage):
    """``SqliteEventLogStorage`` that keeps its connections.

    ``base_dir`` is by default where Dagster's own would be, so that dagster.yaml needs no
    path.
    """

    def __init__(
        self,
        base_dir: str | None = None,
        inst_data: ConfigurableClassData | None = None,
    ) -> None:
        self._lock = threading.RLock()
        self._open: OrderedDict[str, _Shard] = OrderedDict()
        self._under_way: dict[str, Connection] = {}
        self._inherited: list[_Shard] = []
        self._tables: set[str] = set()
        self._inst_data = inst_data
        if base_dir is not None:
            super().__init__(base_dir, inst_data)

    @classmethod
    def config_type(cls) -> Any:
        from dagster import Field, StringSource

        return {"base_dir": Field(StringSource, is_required=False)}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> OpenSqliteEventLogStorage:
        return cls(inst_data=inst_data, **config_value)

    def register_instance(self, instance: DagsterInstance) -> None:
        if not hasattr(self, "_base_dir"):
            base_dir = Path(instance.root_directory, "history", "runs")
            SqliteEventLogStorage.__init__(self, str(base_dir), self._inst_data)
        super().register_instance(instance)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        """A transaction of a database; within one of the same thread, that one."""
        with self._lock:
            if shard in self._under_way:
                yield self._under_way[shard]
                return
            with self._shard(shard).engine.begin() as connection:
                self._under_way[shard] = connection
                try:
                    yield connection
                finally:
                    del self._under_way[shard]

    @contextmanager
    def transaction(self, run_id: str) -> Iterator[None]:
        """One transaction of the run's database and one of that of all runs."""
        # That of all runs is committed last: whoever follows it finds the run's events.
        with self._lock, self.index_connection(), self.run_connection(run_id):
            yield

    def store_event(self, event: EventLogEntry) -> None:
        self.store_event_batch([event])

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Store events in one transaction of each database, that of all runs last."""
        for run_id in dict.fromkeys(event.run_id for event in events):
            with self.transaction(run_id):
                for event in events:
                    if event.run_id == run_id:
                        super().store_event(event)

    def has_table(self, table_name: str) -> bool:
        """Whether the database of all runs has a table; Dagster asks with each event."""
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    def wipe(self) -> None:
        with self._lock:
            self._close_all()
            self._tables.clear()
            super().wipe()

    def dispose(self) -> None:
        with self._lock:
            self._close_all()
        super().dispose()

    def _close_all(self) -> None:
        for shard in self._open.values():
            if shard.process == os.getpid():
                shard.engine.dispose()
            else:
                self._inherited.append(shard)
        self._open.clear()

    def _shard(self, name: str) -> _Shard:
        """The open database of a run, or of all; those used least are closed."""
        path = self.path_for_shard(name)
        shard = self._open.pop(name, None)
        if shard and shard.process != os.getpid():
            # SQLite's connections must not be touched by a process that was forked.
            self._inherited.append(shard)
            shard = None
        if shard and shard.file != _file(path):
            shard.engine.dispose()
            self._initialized_dbs.discard(name)
            shard = None
        if shard is None:
            if name not in self._initialized_dbs:
                engine = self._engine(name, NullPool)
                # Dagster's own reads every migration first, to find the last.
                if not _has_revision(engine):
                    self._initdb(engine)
                self._initialized_dbs.add(name)
            shard = _Shard(self._engine(name, StaticPool), os.getpid(), _file(path))
            while len(self._open) >= _MOST_OPEN:
                self._open.popitem(last=False)[1].engine.dispose()
        self._open[name] = shard
        return shard

    def _engine(self, name: str, pool: type[NullPool | StaticPool]) -> Engine:
        arguments = {"timeout": _BUSY_TIMEOUT_SECONDS, "check_same_thread": False}
        engine = create_engine(
            self.conn_string_for_shard(name), poolclass=pool, connect_args=arguments
        )
        listen(engine, "connect", _prepare)
        return engine


@dataclass(frozen=True)
class _Shard:
    """An open database: of which process, and which file it is."""

    engine: Engine
    process: int
    file: tuple[int, int] | None


def _file(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def _has_revision(engine: Engine) -> bool:
    """Whether a database was made to its end: its revision is what is written last."""
    with engine.connect() as connection:
        return inspect(connection).has_table("alembic_version") and bool(
            connection.execute(text("select count(*) from alembic_version")).scalar()
        )


def _prepare(connection: sqlite3.Connection, _: Any) -> None:
    # Nothing is lost when a process dies; after a loss of power the last events may be.
    connection.execute("pragma synchronous = normal")
