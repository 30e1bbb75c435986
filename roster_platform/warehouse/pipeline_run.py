"""One run of a pipeline: fetch, normalise, and load holding the right to write.

DuckDB allows one writing process per file, so loading (never fetching) holds a lock; on
PostgreSQL many workers write at the same time, each to other pages.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dlt.common.pipeline import LoadInfo
from dlt.destinations.sql_client import SqlClientBase
from dlt.extract import DltSource

from roster_platform.catalogue import Table, is_versions_table
from roster_platform.warehouse.dataset import Dataset
from roster_platform.warehouse.healing import restore_storage, without_unique_indexes
from roster_platform.warehouse.information_schema import datasets
from roster_platform.warehouse.locks.server import ServerLocks
from roster_platform.warehouse.pipelines import OwnPipeline

if TYPE_CHECKING:
    from roster_platform.warehouse.warehouse import Warehouse

logger = logging.getLogger(__name__)


class PipelineRun(Dataset):
    """One run of a pipeline: read its dataset, load a source, count its rows."""

    def __init__(self, warehouse: Warehouse, own: OwnPipeline) -> None:
        super().__init__(own, warehouse.opening, holds_nul=warehouse.kind.holds_nul)
        self._warehouse = warehouse
        self.pipeline = own.pipeline
        self.load_info: LoadInfo | None = None

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
        if not self._warehouse.kind.holds_nul:
            from roster_platform.warehouse.nul import without_nul

            for resource in source.selected_resources.values():
                resource.add_map(without_nul)
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
            for left in datasets(client, prefix):
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

    def resource_state(self, source: str, resource: str) -> Mapping[str, Any]:
        """Return what a resource remembers from earlier loads."""
        state: Mapping[str, Any] = self.pipeline.state.get("sources", {})
        for name in (source, "resources", resource):
            state = state.get(name, {})
        return state

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
            found = datasets(client, f"{client.dataset_name}_staging")
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
            is_kept = self._warehouse.kind.is_lake and self._warehouse.is_one_file
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

    def _row_counts(self) -> dict[str, int]:
        trace = self.pipeline.last_trace
        normalized = trace.last_normalize_info if trace else None
        return self.row_counts(
            table
            for table in (normalized.row_counts if normalized else {})
            if not table.startswith("_dlt") and not is_versions_table(table)
        )
