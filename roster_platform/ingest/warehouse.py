"""The warehouse: destination, dlt pipelines, the right to write, dbt's target.

One setting (``ROSTER_PLATFORM__DESTINATION``) moves dlt and dbt together. DuckDB allows
one writing process per file, so loading (never fetching) holds a file lock; on PostgreSQL
many workers write at the same time, each to other pages. Every run works in a folder of
its own, so that runs started at once never share state; what the last good run left is
published to dlt's own pipelines folder, where ``dlt pipeline <name> info``,
``dlt.pipeline(<name>).dataset()`` and ``roster-platform show`` find it.
"""

from __future__ import annotations

import errno
import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from dlt.common.configuration.exceptions import ConfigurationException
from dlt.common.pipeline import LoadInfo
from dlt.common.schema.typing import TSchemaContractDict
from dlt.common.storages.load_package import create_load_id
from dlt.common.utils import chunks
from dlt.destinations.exceptions import DatabaseUndefinedRelation
from dlt.destinations.sql_client import SqlClientBase
from dlt.extract import DltSource
from dlt.pipeline.exceptions import PipelineStepFailed
from filelock import FileLock, Timeout

from roster_platform import dbt_process
from roster_platform.ingest.catalogue import LOAD_ID, Table, is_versions_table
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
from roster_platform.ingest.healing import restore_storage, without_unique_indexes
from roster_platform.ingest.holders import holder_of
from roster_platform.ingest.locks import PATIENCE_SECONDS, REPORT_SECONDS, ServerLocks
from roster_platform.ingest.mappings import switched_off
from roster_platform.ingest.pipelines import OwnPipeline, keep_or_close, take_kept
from roster_platform.ingest.plain_path import linked, scratch_folder
from roster_platform.ingest.settings import PlatformSettings, platform_settings
from roster_platform.ingest.work_folder import is_held, left_folders

logger = logging.getLogger(__name__)

# New tables and columns arrive; a column that changes its type does not, silently.
SCHEMA_CONTRACT: TSchemaContractDict = {
    "tables": "evolve",
    "columns": "evolve",
    "data_type": "freeze",
}
_LOOK_SECONDS = 0.2
_ROWS_AT_ONCE = 500
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
        """Return where dbt keeps what it parsed."""
        return self.data_path / "dbt"

    @property
    def dbt_runs_path(self) -> Path:
        """Return where each of Dagster's builds has a folder of its own."""
        return self.dbt_path / "runs"

    @property
    def _runs_path(self) -> Path:
        return scratch_folder(self.data_path / "dlt" / "runs", self.data_path)

    @property
    def _lock(self) -> str:
        return f"{self.database_path}.lock"

    @property
    def _dbt_lock(self) -> str:
        return f"{self.database_path}.dbt.lock"

    @cached_property
    def is_one_file(self) -> bool:
        """Return whether it is a local database file, which one process writes at a time.

        Raises ConfigurationError when that is unknown. Kept, because a read asks in
        the midst of an extraction, where dlt makes no other pipeline.
        """
        return self._kind.is_one_file(lambda: self._client().credentials)

    @property
    def holds_nul(self) -> bool:
        """Return whether text in it may have the character U+0000."""
        return self._kind.holds_nul

    @property
    def is_attached(self) -> bool:
        """Return whether DuckDB reads it itself, by ``attach_statements``."""
        return self._kind.is_attached

    @property
    def is_lake(self) -> bool:
        """Return whether its tables are files with a catalogue next to them."""
        return self._kind.is_lake

    @property
    def catalogue_file(self) -> Path | None:
        """The SQLite file of a lake's catalogue; None where it is on a server."""
        if not self.is_lake:
            return None
        catalogue = self._client().credentials.catalog
        return Path(catalogue.database) if catalogue.drivername == "sqlite" else None

    @property
    def dialect(self) -> str:
        """sqlglot's name of the SQL that the warehouse speaks."""
        return "duckdb" if self.is_attached else self.settings.destination

    def attach_statements(self, alias: str) -> Sequence[str]:
        """Return statements that attach the warehouse as ``alias``; they have secrets.

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
            # dbt names the database after what it takes for the path of an address.
            "ROSTER_PLATFORM__DATA_DIR": str(linked(self.data_path)),
            "ROSTER_PLATFORM__HASH_PII": str(self.settings.hash_pii).lower(),
            # The marts say that it is not loaded, rather than that it was never read.
            "ROSTER_PLATFORM__DBT_SWITCHED_OFF": ",".join(switched_off()),
            dbt_process.OWNER: str(os.getpid()),
        }
        if self.is_one_file:
            environment[dbt_process.LOCK] = self._dbt_lock
        if self._kind.dbt_environment:
            environment |= self._kind.dbt_environment(self._client())
        has_key = self.settings.hash_pii or bool(
            # Elsewhere dbt has no hash with a key.
            self.is_attached and self.settings.pii_key
        )
        # dbt remembers the values of the variables that its models read: not the key's.
        environment["ROSTER_PLATFORM__DBT_HAS_PII_KEY"] = str(has_key).lower()
        if has_key:
            environment["ROSTER_PLATFORM__PII_KEY"] = self.settings.require_pii_key()
        return environment

    def table_rows(self, *schemas: str) -> dict[str, int]:
        """Rows of every table (no views) of some schemas; hold the writer's lock."""
        with self.sql() as client:
            return {
                table: _first_value(
                    client, f"select count(*) from {quoted(client, schema, table)}"
                )
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

        Of a scope, ``parts`` may be held alone: writers of other parts continue. Yields
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
        """Return whether a process holds the right to write now."""
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
            self._wait_for_others()
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

    def _wait_for_others(self) -> None:
        """Wait while a program that is not ours holds the file: an IDE, a notebook."""
        started = reported = time.monotonic()
        while holder := holder_of(self.database_path):
            now = time.monotonic()
            if now - started > PATIENCE_SECONDS:
                raise WarehouseError(
                    f"{holder} has held {self.database_path} open for an hour, so nothing "
                    "can be written. Close it there, then run again; nothing was changed. "
                    f"To look at the data, open {self.data_path / 'published'} instead."
                )
            if now == started or now - reported > REPORT_SECONDS:
                reported = now
                logger.warning(
                    "waiting for %s, which holds %s open: close it there (%.0f s)",
                    *(holder, self.database_path, now - started),
                )
            time.sleep(_LOOK_SECONDS)

    @contextmanager
    def pipeline(self, name: str, dataset: str) -> Iterator[PipelineRun]:
        """A dlt pipeline in a working folder of its own, its state restored.

        On leaving without an error it is kept (see ``pipelines_kept``), or the folder
        becomes what dlt finds by the pipeline's name; in any case nothing is left behind.
        """
        key = (self.settings.destination, self.data_path, name, dataset)
        try:
            with self._kind.connections_kept(), ExitStack() as on_error:
                own = take_kept(key)
                if own is not None:
                    on_error.callback(own.discard)
                    with self.opening():
                        is_current = own.is_current()
                    if not is_current:
                        own.close()
                        own = None
                if own is None:
                    own = OwnPipeline(
                        self._runs_path,
                        name,
                        dataset,
                        self._destination,
                        self._kind.connections_kept,
                    )
                    on_error.callback(own.discard)
                    with self.opening():
                        self.prepare()
                        own.pipeline.sync_destination()
                run = PipelineRun(self, own)
                yield run
                if run.load_info is not None:
                    own.has_loaded = True
                    # Where dlt looks for a DuckDB file that nobody names.
                    own.pipeline.set_local_state_val(
                        "duckdb_database", str(self.database_path)
                    )
                on_error.pop_all()
                keep_or_close(key, own)
        except PipelineStepFailed as failure:
            raise self._readable(failure) from failure
        except OSError as error:
            if error.errno not in _DISK_TROUBLES:
                raise
            raise self._unwritable(error) from error

    def _readable(self, failure: PipelineStepFailed) -> IngestError:
        """Return the error for people: our own, if one of ours failed the step."""
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
            "are kept; fix the cause and run again. `roster-platform doctor` looks for it."
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
    """Return where a warehouse describes itself; BigQuery does so by region."""
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


def _first_value(client: SqlClientBase[Any], sql: str) -> Any:
    """The only value of a query's only row."""
    ((value,),) = client.execute_sql(sql) or []
    return value


def _causes(failure: BaseException) -> Iterator[BaseException]:
    error: BaseException | None = failure
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


class PipelineRun:
    """One run of a pipeline: read the warehouse, load a source, count its rows."""

    def __init__(self, warehouse: Warehouse, own: OwnPipeline) -> None:
        self._warehouse = warehouse
        self._own = own
        self.pipeline = own.pipeline
        self.load_info: LoadInfo | None = None
        self._client: SqlClientBase[Any] | None = None

    @contextmanager
    def connected(self) -> Iterator[None]:
        """Ask the warehouse by one connection until the end; nothing is fetched in it."""
        with self._warehouse.opening(), self.client():
            yield

    @contextmanager
    def client(self) -> Iterator[SqlClientBase[Any]]:
        """The connection that is open, or one of its own; hold the right to open it."""
        if self._client is not None:
            yield self._client
            return
        with self._own.sql_client as client:
            self._client = client
            try:
                yield client
            finally:
                self._client = None

    @contextmanager
    def _opened(self) -> Iterator[SqlClientBase[Any]]:
        """The connection that is open, or one that is opened for now."""
        is_held = self._client is not None
        with (
            nullcontext() if is_held else self._warehouse.opening(),
            self.client() as client,
        ):
            yield client

    def load(
        self,
        source: DltSource,
        *,
        parts: Sequence[str] | None = None,
        before: Callable[[], None] = lambda: None,
        after: Callable[[], None] = lambda: None,
    ) -> Mapping[str, int]:
        """Fetch, normalise, then load holding the right to write.

        ``parts`` names what of the dataset the source writes (page ids, a resource);
        loads of other parts run at the same time on a server. ``before`` is called when
        every table is there and no row was written yet, ``after`` when all were, with the
        right still held. Returns the rows now in each table the source filled.
        """
        if not self._warehouse.holds_nul:
            from roster_platform.ingest.tables import spell_nul

            for resource in source.selected_resources.values():
                resource.add_map(spell_nul)
        self.pipeline.extract(source)
        self.pipeline.normalize()
        self._own.forget()
        with (
            self._warehouse.writing(self.pipeline.dataset_name, parts) as locks,
            self.client(),
            self._beside_others(locks) if locks else self._restored(),
            self._own_staging(),
            self._without_indexes(),
        ):
            before()
            self.load_info = self.pipeline.load()
            self.load_info.raise_on_failed_jobs()
            after()
            return self._row_counts()

    @contextmanager
    def _beside_others(self, locks: ServerLocks) -> Iterator[None]:
        """Make the tables alone, and drop the staging datasets of loads that died."""
        with self.client() as client:
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
                self.restore()
            yield

    @contextmanager
    def _restored(self) -> Iterator[None]:
        self.restore()
        yield

    @contextmanager
    def writing(self, parts: Sequence[str] | None) -> Iterator[None]:
        """Hold the right to write parts of the dataset, or all, by one connection."""
        dataset = self.pipeline.dataset_name
        with self._warehouse.writing(dataset, parts), self.client():
            yield

    @cached_property
    def load_id(self) -> str:
        """What marks rows of this run that no load of dlt's writes, as dlt marks its."""
        return create_load_id()

    def resource_state(self, source: str, resource: str) -> Mapping[str, Any]:
        """Return what a resource remembers from earlier loads."""
        state: Mapping[str, Any] = self.pipeline.state.get("sources", {})
        for name in (source, "resources", resource):
            state = state.get(name, {})
        return state

    def insert(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add rows, all of the same columns, to a table that is there, without dlt.

        Hold the right to write them. They have ``load_id``.
        """
        with self.statements(table) as execute:
            for some in chunks(rows, _ROWS_AT_ONCE):
                own = [{**row, LOAD_ID: self.load_id} for row in some]
                # Not every driver takes a parameter that is NULL.
                values = ", ".join(
                    f"({', '.join('null' if v is None else '%s' for v in row.values())})"
                    for row in own
                )
                execute(
                    f"insert into {{table}} ({', '.join(own[0])}) values {values}",
                    *(
                        self._as_held(value)
                        for row in own
                        for value in row.values()
                        if value is not None
                    ),
                )

    def _as_held(self, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        # Of a kind of text, such as an outcome, drivers know nothing.
        text = str(value)
        return text if self._warehouse.holds_nul else text.replace("\0", "\\u0000")

    def was_loaded(self) -> bool:
        """Return whether the dataset was ever loaded into."""
        return bool(self.pipeline.default_schema_name)

    def knows(self, table: Table) -> bool:
        """Return whether a table was ever made, whether or not it is there now."""
        return table.name in self.tables

    @property
    def tables(self) -> Mapping[str, Any]:
        """What dlt knows of the dataset's tables: of each, its columns and hints."""
        return self._own.tables

    def drop_staging(self) -> list[str]:
        """Drop the staging datasets, which nobody loads by now; returns their names.

        Hold the right to write all of the dataset.
        """
        with self.client() as client:
            found = _datasets(client, f"{client.dataset_name}_staging")
            for left in found:
                with client.with_alternative_dataset_name(left):
                    client.drop_dataset()
        return found

    def restore(self) -> list[str]:
        """Make what the warehouse lacks of the schema; returns what had been there."""
        missing = restore_storage(self.pipeline)
        if missing:
            logger.warning(
                "%s had been dropped from %s by hand, or by a restore in part, and is made "
                "again; what it held comes with the reads.",
                *(", ".join(missing), self.pipeline.dataset_name),
            )
        return missing

    @contextmanager
    def _without_indexes(self) -> Iterator[None]:
        """Let no index of a user's stop a load (see ``without_unique_indexes``)."""
        if self._warehouse.settings.destination != "duckdb":
            yield
            return
        with (
            self.client() as client,
            without_unique_indexes(client, self.pipeline.dataset_name),
        ):
            yield

    @contextmanager
    def _own_staging(self) -> Iterator[None]:
        """Leave no rows in the staging dataset of this run, and no dataset either.

        A lake's catalogue remembers each table that was ever made, some twenty a load,
        and every query is slower for it. So there the empty tables stay after a load that
        succeeded, unless the dataset is this run's own.
        """
        is_kept = False
        try:
            yield
            is_kept = self._warehouse.is_lake and self._warehouse.is_one_file
        finally:
            with (
                self.client() as client,
                client.with_staging_dataset(),
            ):
                if is_kept:
                    self._empty_staging(client)
                elif client.has_dataset():
                    client.drop_dataset()

    def _empty_staging(self, client: SqlClientBase[Any]) -> None:
        packages = self.load_info.load_packages if self.load_info else ()
        loaded = {
            job.job_file_info.table_name
            for package in packages
            for job in package.jobs["completed_jobs"]
        }
        staged = client.execute_sql(
            "select distinct table_name from information_schema.columns "
            "where table_schema = %s",
            client.dataset_name,
        )
        with client.begin_transaction():
            for table in loaded.intersection(name for (name,) in staged or ()):
                name = client.make_qualified_table_name(table)
                client.execute_sql(f"delete from {name}")

    def query(
        self, sql: str, table: str, *, needs: Sequence[str] = ()
    ) -> Sequence[Any]:
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
        with self._opened() as client:
            name = client.make_qualified_table_name(table)

            def execute(sql: str, *values: Any) -> Sequence[Sequence[Any]]:
                return client.execute_sql(sql.format(table=name), *values) or []

            yield execute

    def all_columns(self) -> dict[str, set[str]]:
        """The columns of every table of the dataset, in lower case."""
        dataset = self.pipeline.dataset_name
        with self._opened() as client:
            rows = client.execute_sql(
                f"select table_name, column_name from {catalogue(client)}.columns "
                "where lower(table_schema) = %s",
                dataset.lower(),
            )
        found: dict[str, set[str]] = {}
        for table, column in rows or ():
            found.setdefault(table.lower(), set()).add(column.lower())
        return found

    def columns(self, table: str) -> set[str]:
        """The columns a table has; none when it does not exist."""
        with self._opened():
            return self._columns(table)

    def _columns(self, table: str) -> set[str]:
        with self.client() as client:
            try:
                name = client.make_qualified_table_name(table)
                with client.execute_query(
                    f"select * from {name} where 1 = 0"
                ) as cursor:
                    return {column[0] for column in cursor.description}
            except DatabaseUndefinedRelation:
                return set()

    def row_counts(self, tables: Iterable[str]) -> dict[str, int]:
        """Count the rows of some tables, which are there."""
        with self._opened() as client:
            return {
                table: _first_value(
                    client,
                    f"select count(*) from {client.make_qualified_table_name(table)}",
                )
                for table in tables
            }

    def _row_counts(self) -> dict[str, int]:
        trace = self.pipeline.last_trace
        normalized = trace.last_normalize_info if trace else None
        return self.row_counts(
            table
            for table in (normalized.row_counts if normalized else {})
            if not table.startswith("_dlt") and not is_versions_table(table)
        )
