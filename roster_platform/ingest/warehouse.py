"""Where data lands: destination, dlt pipelines, the right to write, dbt's target.

One setting (``ROSTER_PLATFORM__DESTINATION``) moves dlt and dbt together. DuckDB allows
one writing process per file, so loading (never fetching) holds a file lock; on PostgreSQL
many workers write at the same time, each its own pages. Every run works in a folder of
its own, so that runs started at once never share state; what the last good run left is
published to dlt's own pipelines folder, where ``dlt pipeline <name> info`` and ``show``
find it.
"""

from __future__ import annotations

import errno
import logging
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import dlt
from dlt.common.configuration.exceptions import ConfigurationException
from dlt.common.pipeline import LoadInfo, get_dlt_pipelines_dir
from dlt.destinations.exceptions import DatabaseUndefinedRelation
from dlt.destinations.sql_client import SqlClientBase
from dlt.extract import DltSource
from dlt.pipeline.exceptions import PipelineStepFailed
from filelock import FileLock, Timeout

from roster_platform import dbt_process
from roster_platform.ingest.destinations import (
    DESTINATIONS,
    Destination,
    destination_of,
    installed,
    make_destination,
    missing_credentials,
    missing_driver,
    sql_client,
    without_passwords,
)
from roster_platform.ingest.errors import (
    ConfigurationError,
    IngestError,
    WarehouseError,
)
from roster_platform.ingest.locks import PATIENCE_SECONDS, REPORT_SECONDS, ServerLocks
from roster_platform.ingest.settings import PlatformSettings, platform_settings
from roster_platform.ingest.work_folder import is_held, left_folders, work_folder

logger = logging.getLogger(__name__)

# New tables and columns arrive; a column that changes its type does not, silently.
SCHEMA_CONTRACT = {"tables": "evolve", "columns": "evolve", "data_type": "freeze"}
Execute = Callable[..., Sequence[Sequence[Any]]]
_DISK_TROUBLES = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM),
    *(errno.EEXIST, errno.ENOTDIR),
}


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
        """Where dbt keeps what it parsed."""
        return self.data_path / "dbt"

    @property
    def dbt_runs_path(self) -> Path:
        """Where each of Dagster's builds has a folder of its own."""
        return self.dbt_path / "runs"

    @property
    def _runs_path(self) -> Path:
        return self.data_path / "dlt" / "runs"

    @property
    def _lock(self) -> str:
        return f"{self.database_path}.lock"

    @property
    def _dbt_lock(self) -> str:
        return f"{self.database_path}.dbt.lock"

    @cached_property
    def is_one_file(self) -> bool:
        """Whether it is a local database file, which one process writes at a time.

        Raises ConfigurationError when that cannot be told. Kept, because a read asks in
        the midst of an extraction, where dlt makes no other pipeline.
        """
        return self._kind.is_one_file(lambda: self._client().credentials)

    @property
    def holds_nul(self) -> bool:
        """Whether text in it may have the character U+0000."""
        return self._kind.holds_nul

    @property
    def is_attached(self) -> bool:
        """Whether DuckDB reads it itself, by ``attach_statements``."""
        return self._kind.is_attached

    def attach_statements(self, alias: str) -> Sequence[str]:
        """What makes DuckDB see the warehouse as the database ``alias``; has secrets.

        Raises ConfigurationError for a warehouse that DuckDB cannot reach.
        """
        if self._kind.attach is None:
            raise ConfigurationError(
                f"DuckDB does not reach {self.settings.destination}. It does: "
                f"{', '.join(name for name, d in DESTINATIONS.items() if d.attach)}."
            )
        with installed(self.settings.destination):
            return self._kind.attach(self._client(), alias)

    def dbt_environment(self) -> dict[str, str]:
        """The environment in which this process's dbt works on the same warehouse.

        It is for ``roster_platform.dbt_process``, which ends with this process.
        Raises ConfigurationError when personal data is to be hashed without a key.
        """
        environment = {
            "ROSTER_PLATFORM__DESTINATION": self.settings.destination,
            "ROSTER_PLATFORM__DATA_DIR": str(self.data_path),
            "ROSTER_PLATFORM__HASH_PII": str(self.settings.hash_pii).lower(),
            dbt_process.OWNER: str(os.getpid()),
        }
        if self.is_one_file:
            environment[dbt_process.LOCK] = self._dbt_lock
        if self._kind.dbt_environment:
            environment |= self._kind.dbt_environment(self._client())
        if self.settings.hash_pii:
            environment["ROSTER_PLATFORM__PII_KEY"] = self.settings.require_pii_key()
        return environment

    def table_rows(self, *schemas: str) -> dict[str, int]:
        """Rows of every table (no views) of some schemas; hold the writer's lock."""
        with self.sql() as client:
            return {
                table: client.execute_sql(
                    f"select count(*) from {quoted(client, schema, table)}"
                )[0][0]
                for schema, table in tables_of(client, *schemas)
            }

    @contextmanager
    def sql(self) -> Iterator[SqlClientBase[Any]]:
        """dlt's SQL client of the warehouse; hold the writer's lock while it is open."""
        with self._connected(self._client) as client:
            yield client

    @contextmanager
    def _connected(self, make_client: Callable[[], Any]) -> Iterator[Any]:
        """A client with its connection open. Raises WarehouseError."""
        with ExitStack() as connection:
            try:
                client = connection.enter_context(make_client())
            except IngestError:
                raise
            except Exception as error:
                raise self._failed("connecting", error) from None
            yield client

    def _client(self) -> SqlClientBase[Any]:
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
        with self._file_lock() if self.is_one_file else nullcontext():
            yield

    @contextmanager
    def writing(
        self, scope: str = "models", parts: Sequence[str] | None = None
    ) -> Iterator[ServerLocks | None]:
        """Hold the right to write: all of the file on DuckDB, all of a lake; elsewhere
        one scope of the warehouse.

        Of a scope, ``parts`` may be held alone: those who write other parts go on. Yields
        the locks where there are any. Raises IngestError when another process writes the
        same for an hour.
        """
        locks_client = self._kind.locks
        if self.is_one_file or not locks_client:
            with self.opening():
                yield None
            return
        with self._connected(lambda: locks_client(self._client)) as client:
            locks = ServerLocks(client)
            if self._kind.has_parts:
                locks.take_parts(scope, parts)
            else:
                locks.take("writing")
            yield locks

    def prepare(self) -> None:
        """Do what the first connection of all must do alone. Raises WarehouseError."""
        try:
            self._kind.prepare(self._client)
        except IngestError:
            raise
        except Exception as error:
            raise self._failed("the first connection", error) from None

    def is_being_written(self) -> bool:
        """Whether a process holds the right to write at this moment."""
        return is_held(Path(self._lock))

    def dead_runs(self) -> int:
        """Working folders whose process has died; the next run removes them."""
        return left_folders(self._runs_path) + left_folders(self.dbt_runs_path)

    @contextmanager
    def _file_lock(self) -> Iterator[None]:
        self.data_path.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self._lock)
        self._wait_for(lock)
        try:
            # The dbt of a process that died goes on for a moment.
            dbt = FileLock(self._dbt_lock)
            self._wait_for(dbt)
            dbt.release()
            yield
        finally:
            lock.release()

    def _wait_for(self, lock: FileLock) -> None:
        started = time.monotonic()
        while True:
            try:
                lock.acquire(timeout=REPORT_SECONDS, poll_interval=0.05)
                break
            except Timeout:
                waited = time.monotonic() - started
                if waited > PATIENCE_SECONDS:
                    raise IngestError(
                        f"Another process has been writing {self.database_path} for an "
                        "hour. Find and stop it, then run again; nothing was changed."
                    ) from None
                logger.info(
                    "waiting for another run to finish writing (%.0f s)", waited
                )

    @contextmanager
    def pipeline(self, name: str, dataset: str) -> Iterator[PipelineRun]:
        """A dlt pipeline in a working folder of its own, its state restored.

        On leaving without an error the folder becomes what ``dlt pipeline`` shows; in
        any case nothing is left behind.
        """
        try:
            with work_folder(self._runs_path) as folder:
                pipeline = dlt.pipeline(
                    pipeline_name=name,
                    pipelines_dir=str(folder),
                    destination=self._destination(run=folder.name),
                    dataset_name=dataset,
                )
                with self.opening():
                    self.prepare()
                    pipeline.sync_destination()
                run = PipelineRun(self, pipeline)
                yield run
                if run.load_info is not None:
                    _publish(Path(pipeline.working_dir))
        except PipelineStepFailed as failure:
            raise self._readable(failure) from failure
        except OSError as error:
            if error.errno not in _DISK_TROUBLES:
                raise
            raise self._unwritable(error) from error

    def _readable(self, failure: PipelineStepFailed) -> IngestError:
        """What a person should read: our own error, if one of ours failed the step."""
        causes = list(_causes(failure))
        for error in causes:
            if isinstance(error, IngestError):
                return error
            if isinstance(error, OSError) and error.errno in _DISK_TROUBLES:
                return self._unwritable(error)
        name = self.settings.destination
        if any(isinstance(error, ConfigurationException) for error in causes):
            return missing_credentials(name)
        if self._kind.extra and any(isinstance(e, ImportError) for e in causes):
            return missing_driver(name)
        return self._failed(f"the step {failure.step}", causes[-1])

    def _failed(self, where: str, error: BaseException) -> WarehouseError:
        first_line = next(iter(str(error).strip().splitlines()), "")
        return WarehouseError(
            f"The warehouse ({self.settings.destination}) failed at {where}: "
            f"{type(error).__name__}: {without_passwords(first_line)} Rows loaded earlier "
            "are kept; mend the cause and run again. `roster-platform doctor` looks for it."
        )

    def _unwritable(self, error: OSError) -> WarehouseError:
        return WarehouseError(
            f"The data folder {self.data_path} cannot be written ({error.strerror}). "
            "Rows loaded earlier are kept; make room, or give this user the right to "
            "write there, and run again."
        )

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
    def _kind(self) -> Destination:
        return destination_of(self.settings.destination)


def tables_of(client: SqlClientBase[Any], *schemas: str) -> list[tuple[str, str]]:
    """Schema and name of every table (no views) of some schemas."""
    listed = ", ".join(f"'{schema}'" for schema in schemas)
    rows = client.execute_sql(
        f"select table_schema, table_name from {catalogue(client)}.tables "
        f"where lower(table_schema) in ({listed}) and table_type = 'BASE TABLE' "
        "order by table_schema, table_name"
    )
    return [(schema.lower(), table.lower()) for schema, table in rows or ()]


def catalogue(client: SqlClientBase[Any]) -> str:
    """Where a warehouse describes itself; BigQuery does so by region."""
    if client.capabilities.sqlglot_dialect == "bigquery":
        return f"`region-{client.location.lower()}`.INFORMATION_SCHEMA"
    return "information_schema"


def _datasets(client: SqlClientBase[Any], prefix: str) -> list[str]:
    rows = client.execute_sql(
        "select schema_name from information_schema.schemata "
        "where substr(schema_name, 1, length(%s)) = %s",
        prefix,
        prefix,
    )
    return [name for (name,) in rows or ()]


def quoted(client: SqlClientBase[Any], schema: str, table: str) -> str:
    """A table's name as the warehouse's SQL wants it."""
    return f"{client.escape_column_name(schema)}.{client.escape_column_name(table)}"


def _causes(failure: BaseException) -> Iterator[BaseException]:
    error: BaseException | None = failure
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


class PipelineRun:
    """One run of a pipeline: read the warehouse, load a source, count its rows."""

    def __init__(self, warehouse: Warehouse, pipeline: dlt.Pipeline) -> None:
        self._warehouse = warehouse
        self.pipeline = pipeline
        self.load_info: LoadInfo | None = None

    def load(
        self, source: DltSource, *, parts: Sequence[str] | None = None
    ) -> Mapping[str, int]:
        """Fetch, normalise, then load holding the right to write.

        ``parts`` names what of the dataset the source writes (page ids, a resource);
        loads of other parts run at the same time on a server. Returns the rows now in
        each table the source filled.
        """
        if not self._warehouse.holds_nul:
            from roster_platform.ingest.tables import spell_nul

            for resource in source.selected_resources.values():
                resource.add_map(spell_nul)
        self.pipeline.extract(source)
        self.pipeline.normalize()
        with (
            self._warehouse.writing(self.pipeline.dataset_name, parts) as locks,
            self._beside_others(locks) if locks else nullcontext(),
            nullcontext() if self._warehouse.is_one_file else self._own_staging(),
        ):
            self.load_info = self.pipeline.load()
            self.load_info.raise_on_failed_jobs()
            return self._row_counts()

    @contextmanager
    def _beside_others(self, locks: ServerLocks) -> Iterator[None]:
        """Make the tables alone, and drop the staging datasets of loads that died."""
        with self.pipeline.sql_client() as client:
            prefix = f"{client.dataset_name}_staging_"
            for left in _datasets(client, prefix):
                # The lock of a load that goes on is taken.
                if locks.take_if_free(left):
                    with client.with_alternative_dataset_name(left):
                        client.drop_dataset()
                    locks.release(left)
            own = client.staging_dataset_name
        with locks.holding(own):
            # Two first loads would both create the tables, and one would fail.
            with locks.holding(f"{self.pipeline.dataset_name} tables"):
                self.pipeline.sync_schema()
            yield

    @contextmanager
    def _own_staging(self) -> Iterator[None]:
        """Leave no staging dataset of this run behind."""
        try:
            yield
        finally:
            with (
                self.pipeline.sql_client() as client,
                client.with_staging_dataset(),
            ):
                if client.has_dataset():
                    client.drop_dataset()

    def query(
        self, sql: str, table: str, *, needs: Sequence[str] = ()
    ) -> Sequence[Sequence[Any]]:
        """Rows of a query on ``{table}``; none when the table does not exist yet.

        Nor when one of the columns it ``needs`` does not: one that came with a later
        version of the platform than the warehouse was loaded by.
        """
        with self.statements(table) as execute:
            if needs and not self._columns(table) >= set(needs):
                return []
            try:
                return execute(sql)
            except DatabaseUndefinedRelation:
                return []

    @contextmanager
    def statements(self, table: str) -> Iterator[Execute]:
        """Run SQL on ``{table}``, values as further arguments."""
        with self._warehouse.opening(), self.pipeline.sql_client() as client:
            name = client.make_qualified_table_name(table)

            def execute(sql: str, *values: Any) -> Sequence[Sequence[Any]]:
                return client.execute_sql(sql.format(table=name), *values) or []

            yield execute

    def columns(self, table: str) -> set[str]:
        """The columns a table has; none when it does not exist."""
        with self._warehouse.opening():
            return self._columns(table)

    def _columns(self, table: str) -> set[str]:
        with self.pipeline.sql_client() as client:
            try:
                name = client.make_qualified_table_name(table)
                with client.execute_query(
                    f"select * from {name} where 1 = 0"
                ) as cursor:
                    return {column[0] for column in cursor.description}
            except DatabaseUndefinedRelation:
                return set()

    def _row_counts(self) -> dict[str, int]:
        normalized = self.pipeline.last_trace.last_normalize_info
        tables: Sequence[str] = [
            table
            for table in (normalized.row_counts if normalized else {})
            if not table.startswith("_dlt")
        ]
        with self.pipeline.sql_client() as client:
            return {
                table: client.execute_sql(
                    f"select count(*) from {client.make_qualified_table_name(table)}"
                )[0][0]
                for table in tables
            }


def _publish(working_dir: Path) -> None:
    """Put a finished working folder where dlt's command line looks, data left out."""
    for job in working_dir.rglob("*.parquet"):
        job.unlink()
    pipelines = Path(get_dlt_pipelines_dir())
    pipelines.mkdir(parents=True, exist_ok=True)
    target = pipelines / working_dir.name
    arriving = pipelines / f".{working_dir.name}.{uuid.uuid4().hex}"
    shutil.move(working_dir, arriving)
    with FileLock(f"{target}.lock"):
        leaving = pipelines / f".{working_dir.name}.{uuid.uuid4().hex}"
        if target.exists():
            os.replace(target, leaving)
        os.replace(arriving, target)
    shutil.rmtree(leaving, ignore_errors=True)
