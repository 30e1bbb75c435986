"""One endpoint's way into the warehouse: what a read found new, changed and missed.

What the table holds already, as it came, is not written again. A read that found nothing
new is a row of the log of reads, and needs no load at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import Any

import dlt

from roster_platform.catalogue import (
    Endpoint,
    column_name,
    table_names,
    versions_table_name,
)
from roster_platform.errors import HeldBackError, ReadError
from roster_platform.ingest.history.held_records import HeldRecords
from roster_platform.ingest.history.versions import log_records
from roster_platform.ingest.reading.kept_answers import KeptAnswers
from roster_platform.ingest.reading.log import (
    READS,
    Outcome,
    insert_reads,
    known_reads,
    landed_at,
    log_reads,
    reads_item,
)
from roster_platform.ingest.reading.overtaken import again_if_overtaken, must_be_without
from roster_platform.ingest.reading.parts import Parts
from roster_platform.ingest.reading.report import ReadReport
from roster_platform.ingest.roster.deletions import Before, mark_deleted, rows_listed
from roster_platform.ingest.roster.endpoints import BY_NAME
from roster_platform.ingest.roster.source import (
    DATASET_NAME,
    PIPELINE_NAME,
    SOURCE_NAME,
    empty_tables,
    read_items,
    source_of,
)
from roster_platform.ingest.settings import RosterSettings, roster_settings
from roster_platform.records.keys import KEYS_VERSION
from roster_platform.warehouse.healing import lacking, missing_columns
from roster_platform.warehouse.pipeline_run import PipelineRun
from roster_platform.warehouse.warehouse import Warehouse

KEYS_VERSION_NAME = "keys_version"


@dataclass(frozen=True)
class EndpointLoad:
    """The result of loading one endpoint: the run, its report, rows in each table."""

    run: PipelineRun
    report: ReadReport
    row_counts: Mapping[str, int]


@contextmanager
def load_endpoint(
    name: str,
    *,
    warehouse: Warehouse | None = None,
    full_read: bool = False,
    confirm_drops: bool = False,
    accept_fields: bool = False,
    reload_unchanged: bool = False,
    ask_again: bool = False,
) -> Iterator[EndpointLoad]:
    """Load one Roster endpoint into the warehouse; the body runs once it is loaded.

    ``full_read`` asks for everything, also where the endpoint could stop early, and
    ``reload_unchanged`` writes the records that did not change, too. What a complete read
    misses is marked as deleted; with ``confirm_drops`` even if that is most of the table.
    ``accept_fields`` stops reporting fields that no longer come. What an interrupted read
    was answered within ``resume_within_minutes`` is not asked again, unless ``ask_again``.
    Raises an IngestError that names the endpoint and the remedy; rows loaded earlier
    are then kept.
    """
    warehouse = warehouse or Warehouse.from_settings()
    settings = roster_settings()
    settings.require_access_token()

    @contextmanager
    def load() -> Iterator[EndpointLoad]:
        report = ReadReport(name, accept_fields=accept_fields)
        try:
            with warehouse.pipeline(PIPELINE_NAME, DATASET_NAME) as run:
                kept = KeptAnswers(
                    warehouse.answers_path(f"roster.{name}"),
                    settings.resume_within_minutes,
                    lambda _: landed_at(run, name),
                )
                with kept:
                    if ask_again:
                        kept.forget()
                    row_counts = _Load(BY_NAME[name], settings, run, report, kept).load(
                        full_read=full_read,
                        confirm_drops=confirm_drops,
                        reload_unchanged=reload_unchanged,
                    )
                report.done()
                yield EndpointLoad(run, report, row_counts)
        except ReadError as error:
            if report.outcome in (None, Outcome.REJECTED):
                read = replace(report.as_read(), proof=str(error))
                log_reads(warehouse, PIPELINE_NAME, DATASET_NAME, SOURCE_NAME, [read])
            raise

    with again_if_overtaken(load) as loaded:
        yield loaded


class _Load:
    """One load of one endpoint."""

    def __init__(
        self,
        endpoint: Endpoint,
        settings: RosterSettings,
        run: PipelineRun,
        report: ReadReport,
        kept: KeptAnswers,
    ) -> None:
        self._kept = kept
        self._endpoint = endpoint
        self._table = endpoint.table
        self._settings = settings
        self._run = run
        self._report = report
        self._row_counts: Mapping[str, int] = {}
        self._appends = False
        """Whether no row is there that what is loaded next could replace."""

    def load(
        self, *, full_read: bool, confirm_drops: bool, reload_unchanged: bool
    ) -> Mapping[str, int]:
        """Read, and write what is to be written; returns the rows of each table."""
        run, report, table = self._run, self._report, self._table
        remembered = run.resource_state(SOURCE_NAME, self._endpoint.name)
        state = deepcopy(dict(remembered))
        state[KEYS_VERSION_NAME] = KEYS_VERSION
        with run.connected():
            columns = run.all_columns()
            is_new = not run.knows(table)
            missing = [] if is_new else missing_columns([table], columns)
            if missing:
                report.warn(f"{lacking(missing)}, so everything is read again")
            before = Before(
                known_reads(run, self._endpoint.name), rows_listed(run, table)
            )
            writes_all = reload_unchanged or missing or is_new
            # Keys made by another version of the platform are made anew.
            writes_all = writes_all or remembered.get(KEYS_VERSION_NAME) != KEYS_VERSION
            held = HeldRecords(()) if writes_all else HeldRecords.of(run, table)
            parent_ids = self._parent_ids()
        # Tables that are there may have rows, of a first load that was killed.
        self._appends = is_new and columns.keys().isdisjoint(table_names(table))
        batches = read_items(
            *(self._endpoint, self._settings, state, report),
            parent_ids=parent_ids,
            full_read=full_read or bool(missing),
            known=before.reads,
            held=held,
            kept=self._kept,
            appends=lambda: self._appends,
        )
        # The read is over where nothing is to be written.
        first = list(islice(batches, 1))
        parts = Parts(chain(first, batches), self._settings.land_every_seconds)
        lacks_reads = bool(missing_columns([READS], columns))
        versions = set(map(versions_table_name, table_names(table)))
        is_whole = not (is_new or missing or lacks_reads) and versions <= columns.keys()

        def log() -> None:
            if self._appends:
                must_be_without(run, table_names(table))
            log_records(run, table)

        def finish() -> None:
            report.resumed = self._kept.used
            self._kept.forget()
            try:
                self._mark_deleted(before, held, confirm_drops=confirm_drops)
            finally:
                log()
            if report.outcome is not None:
                insert_reads(run, [report.as_read()])
            self._count()

        def written() -> Iterator[Any]:
            if lacks_reads:
                yield reads_item([])
            if is_new or missing:
                yield from empty_tables(
                    self._endpoint, self._settings, appends=self._appends
                )
            yield from parts.next_part()
            if not parts.is_over:
                return
            current = dlt.current.resource_state(self._endpoint.name)
            current.clear()
            current.update(state)

        is_read = first or not is_whole or state != remembered

        def after() -> None:
            self._appends = False
            if not parts.is_over:
                log()
            # What came twice is known when the rest was read.
            elif not report.newer:
                finish()

        while is_read and not parts.is_over:
            self._write(written, log, after)
        if report.newer:
            self._write(lambda: iter(report.newer), log, finish)
        elif not is_read:
            with run.writing([self._endpoint.name]):
                log()
                finish()
        return self._row_counts

    def _count(self) -> None:
        table = self._table
        self._row_counts = self._run.row_counts(table_names(table))
        self._report.held = (
            rows_listed(self._run, table)
            if table.soft_deletes
            else self._row_counts[table.name]
        )

    def _write(
        self,
        items: Callable[[], Iterator[Any]],
        before: Callable[[], None],
        after: Callable[[], None],
    ) -> None:
        self._run.load(
            source_of(self._endpoint, items, appends=self._appends),
            parts=[self._endpoint.name],
            before=before,
            after=after,
        )

    def _parent_ids(self) -> list[str]:
        """The ids that fill the placeholder of an endpoint's path."""
        if not self._endpoint.parent:
            return []
        field = column_name(self._endpoint.parent.field)
        rows = self._run.query(
            f"select distinct {field} from {{table}} "
            f"where {field} is not null order by {field}",
            table=self._endpoint.parent.resource,
        )
        return [parent_id for (parent_id,) in rows]

    def _mark_deleted(
        self, before: Before, held: HeldRecords, *, confirm_drops: bool
    ) -> None:
        report = self._report
        if not (self._table.soft_deletes and report.is_complete and report.observed_at):
            return
        try:
            report.deleted = mark_deleted(
                self._run, report, before, held, confirm_drops=confirm_drops
            )
        except HeldBackError:
            report.outcome = Outcome.REJECTED
            raise
        report.saw(f"{report.deleted} deleted".encode())
