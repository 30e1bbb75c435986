"""The warehouse: its destination, its pipelines, and the right to write it.

One setting (``ROSTER_PLATFORM__DESTINATION``) moves dlt and dbt together. DuckDB allows
one writing process per file, so loading (never fetching) holds a file lock; on PostgreSQL
many workers write at the same time, each to other pages. Every run works in a folder of
its own, so that runs started at once never share state; what the last good run left is
published to dlt's own pipelines folder, where ``dlt pipeline <name> info``,
``dlt.pipeline(<name>).dataset()`` and ``roster-platform show`` find it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from dlt.common.configuration.exceptions import ConfigurationException
from dlt.destinations.sql_client import SqlClientBase

from roster_platform.errors import ConfigurationError
from roster_platform.settings.plain_path import scratch_folder
from roster_platform.settings.platform import PlatformSettings, platform_settings
from roster_platform.warehouse.destinations import (
    DESTINATIONS,
    Destination,
    destination_of,
    installed,
    make_destination,
    missing_credentials,
    sql_client,
)
from roster_platform.warehouse.failures import failing_at, readable_failures
from roster_platform.warehouse.locks.file import file_lock, lock_of
from roster_platform.warehouse.locks.server import ServerLocks
from roster_platform.warehouse.pipeline_run import PipelineRun
from roster_platform.warehouse.pipelines import POOL, OwnPipeline
from roster_platform.warehouse.platform_versions import warn_when_too_old
from roster_platform.warehouse.scratch import is_held, left_folders


@dataclass(frozen=True)
class Warehouse:
    """The configured warehouse. Making one reads nothing and writes nothing."""

    settings: PlatformSettings

    @classmethod
    def from_settings(cls) -> Warehouse:
        """The warehouse ``ROSTER_PLATFORM__*`` describes. Raises ConfigurationError."""
        settings = platform_settings()
        destination_of(settings.destination)
        return cls(settings)

    @property
    def data_path(self) -> Path:
        return self.settings.data_path

    @property
    def database_path(self) -> Path:
        """The local DuckDB file."""
        return self.data_path / "roster.duckdb"

    @property
    def dbt_path(self) -> Path:
        """Return where dbt keeps what it parsed."""
        return self.data_path / "dbt"

    @property
    def dbt_runs_path(self) -> Path:
        """Return where each of Dagster's builds has a folder of its own."""
        return self.dbt_path / "runs"

    def answers_path(self, kind: str) -> Path:
        """Return where the answers of reads are kept that have not landed yet."""
        return self.data_path / "unfinished_reads" / kind

    @property
    def _runs_path(self) -> Path:
        return scratch_folder(self.data_path / "dlt" / "runs", self.data_path)

    @cached_property
    def is_one_file(self) -> bool:
        """Return whether it is a local database file, which one process writes at a time.

        Raises ConfigurationError when that is unknown. Kept, because a read asks in
        the midst of an extraction, where dlt makes no other pipeline.
        """
        return self.kind.is_one_file(lambda: self.sql_client().credentials)

    @property
    def dialect(self) -> str:
        """sqlglot's name of the SQL that the warehouse speaks."""
        return "duckdb" if self.kind.is_attached else self.settings.destination

    def attach_statements(self, alias: str) -> Sequence[str]:
        """Return statements that attach the warehouse as ``alias``; they have secrets.

        Raises ConfigurationError for a warehouse that DuckDB cannot reach.
        """
        if self.kind.attach is None:
            raise ConfigurationError(
                f"DuckDB does not reach {self.settings.destination}. It does: "
                f"{', '.join(name for name, d in DESTINATIONS.items() if d.attach)}."
            )
        with installed(self.settings.destination):
            return self.kind.attach(self.sql_client(), alias)

    @contextmanager
    def sql(self) -> Iterator[SqlClientBase[Any]]:
        """dlt's SQL client of the warehouse; hold the writer's lock while it is open."""
        with self._connected(self.sql_client) as client:
            yield client

    @contextmanager
    def _connected(self, make_client: Callable[[], Any]) -> Iterator[Any]:
        """A client with its connection open. Raises WarehouseError."""
        with ExitStack() as connection:
            with failing_at("connecting", self.settings):
                client = connection.enter_context(make_client())
            yield client

    def sql_client(self) -> SqlClientBase[Any]:
        """The SQL client, not connected. Raises ConfigurationError."""
        name = self.settings.destination
        try:
            with installed(name):
                return sql_client(self._destination(), "marts")
        except ConfigurationException:
            raise missing_credentials(name) from None

    @contextmanager
    def opening(self) -> Iterator[None]:
        """Hold the right to open the warehouse: one process at a time on DuckDB.

        The operating system drops the lock of a process that dies. Raises IngestError
        when another process holds it for an hour.
        """
        with file_lock(self.database_path) if self.is_one_file else nullcontext():
            yield

    @contextmanager
    def writing(
        self, scope: str = "models", parts: Sequence[str] | None = None
    ) -> Iterator[ServerLocks | None]:
        """Hold the right to write: all of the file on DuckDB, all of a lake; elsewhere
        one scope of the warehouse.

        Of a scope, ``parts`` may be held alone: writers of other parts continue. Yields
        the locks where there are any. Raises IngestError when another process writes the
        same for an hour.
        """
        locks_client = self.kind.locks
        if self.is_one_file or not locks_client:
            with self.opening():
                yield None
            return
        with self._connected(lambda: locks_client(self.sql_client)) as client:
            locks = ServerLocks(client)
            if self.kind.has_parts:
                locks.take_parts(scope, parts)
            else:
                locks.take("writing")
            yield locks

    def prepare(self) -> None:
        """Do what the first connection of all must do alone. Raises WarehouseError."""
        with failing_at("the first connection", self.settings):
            self.kind.prepare(self.sql_client)

    def is_being_written(self) -> bool:
        """Return whether a process holds the right to write now."""
        return is_held(lock_of(self.database_path))

    def dead_runs(self) -> int:
        """Working folders whose process has died; the next run removes them."""
        return left_folders(self._runs_path) + left_folders(self.dbt_runs_path)

    @contextmanager
    def pipeline(self, name: str, dataset: str) -> Iterator[PipelineRun]:
        """A dlt pipeline in a working folder of its own, its state restored.

        On leaving without an error it is kept (see ``pipelines_kept``), or the folder
        becomes what dlt finds by the pipeline's name; in any case nothing is left behind.
        """
        key = (self.settings.destination, self.data_path, name, dataset)
        with (
            readable_failures(self.settings),
            self.kind.connections_kept(),
            ExitStack() as on_error,
        ):
            own = POOL.take(key)
            is_new = own is None
            if own is not None:
                on_error.callback(own.discard)
                with self.opening():
                    is_current = own.is_current()
                if not is_current:
                    own.close()
                    own = None
            if own is None:
                own = OwnPipeline(
                    *(self._runs_path, name, dataset, self._destination),
                    self.kind.connections_kept,
                )
                on_error.callback(own.discard)
                with self.opening():
                    self.prepare()
                    own.pipeline.sync_destination()
            run = PipelineRun(self, own)
            if is_new and run.was_loaded():
                warn_when_too_old(run)
            yield run
            if run.load_info is not None:
                own.has_loaded = True
                # Where dlt looks for a DuckDB file that nobody names.
                own.pipeline.set_local_state_val(
                    "duckdb_database", str(self.database_path)
                )
            on_error.pop_all()
            if not POOL.put(key, own):
                own.close()

    def _destination(self, run: str | None = None) -> Any:
        """dlt's destination; of a run, with a staging dataset of its own on a server.

        dlt empties the staging dataset before each load, which two loads at once would do
        to each other.
        """
        options = {}
        if run and not self.is_one_file:
            options["staging_dataset_name_layout"] = f"%s_staging_{run}"
        return make_destination(
            self.settings.destination, self.database_path, **options
        )

    @property
    def kind(self) -> Destination:
        """The kind of warehouse that it is."""
        return destination_of(self.settings.destination)
