"""Many roster pages' way into the warehouse in one go.

All pages of a run share one pool of requests and one load. A page's load replaces that
page, table by table (merge on ``page_id``; a table the page no longer fills gets a
tombstone). A page that fails is reported and keeps its last good rows; the others load.
A page that did not change costs a request, one row of ``page_loads`` and one of
``_reads``; one that lost most of its members at once is rejected until a second read
agrees, or somebody confirms it. Every read is a row of ``_reads``, also one that failed or
was rejected.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from typing import Any

import dlt

from roster_platform.catalogue import OBSERVED_AT, versions_table_name
from roster_platform.errors import ConfigurationError
from roster_platform.ingest.autorosters.known import EarlierReads, earlier_reads
from roster_platform.ingest.autorosters.reader import load_row
from roster_platform.ingest.autorosters.report import PagesReport
from roster_platform.ingest.autorosters.source import (
    DATASET_NAME,
    PIPELINE_NAME,
    SOURCE_NAME,
    empty_tables,
    paths_of,
    read_items,
    source_of,
)
from roster_platform.ingest.autorosters.tables import BY_NAME
from roster_platform.ingest.autorosters.writing import READINGS
from roster_platform.ingest.history.snapshots import import_snapshots
from roster_platform.ingest.history.versions import log_pages, pages_behind
from roster_platform.ingest.page_ids import as_known, is_safe, listed
from roster_platform.ingest.page_ids import page_id as the_page_id
from roster_platform.ingest.page_ids import page_ids as the_page_ids
from roster_platform.ingest.reading.kept_answers import KeptAnswers
from roster_platform.ingest.reading.log import READS, insert_reads, landed_at
from roster_platform.ingest.reading.overtaken import again_if_overtaken, must_be_without
from roster_platform.ingest.reading.parts import Parts
from roster_platform.ingest.settings import autorosters_settings
from roster_platform.warehouse.healing import lacking, missing_columns
from roster_platform.warehouse.pipeline_run import PipelineRun
from roster_platform.warehouse.warehouse import Warehouse


@dataclass(frozen=True)
class PagesLoad:
    """The result of loading pages: the run, its report, rows in each table."""

    run: PipelineRun
    report: PagesReport
    row_counts: Mapping[str, int]


@contextmanager
def load_pages(
    page_ids: Sequence[str],
    *,
    warehouse: Warehouse | None = None,
    reload_unchanged: bool = False,
    confirm_drops: bool = False,
    accept_fields: bool = False,
    ask_again: bool = False,
) -> Iterator[PagesLoad]:
    """Load roster pages, all in one run; the body runs once the good ones are loaded.

    ``reload_unchanged`` writes pages that did not change too; ``confirm_drops`` accepts
    that a page lost most of its members, ``accept_fields`` that a field is sent no
    longer. What an interrupted run was answered within ``resume_within_minutes`` is not
    asked again, unless ``ask_again``. Failed pages are in the report, with their
    reasons. Raises an IngestError when the credentials are missing or malformed settings
    stop the whole run.
    """
    report = partial(
        PagesReport,
        "pages",
        reload_unchanged=reload_unchanged,
        confirm_drops=confirm_drops,
        accept_fields=accept_fields,
    )
    load = partial(_load, report, page_ids, warehouse, ask_again=ask_again)
    with again_if_overtaken(load) as loaded:
        yield loaded


@contextmanager
def load_page_users(
    page_ids: Sequence[str],
    *,
    warehouse: Warehouse | None = None,
    reload_unchanged: bool = False,
    confirm_drops: bool = False,
    accept_fields: bool = False,
    ask_again: bool = False,
) -> Iterator[PagesLoad]:
    """Load the API's flat user list of each page, all in one run (see load_pages)."""
    report = partial(
        PagesReport,
        "page_users",
        reload_unchanged=reload_unchanged,
        confirm_drops=confirm_drops,
        accept_fields=accept_fields,
    )
    load = partial(_load, report, page_ids, warehouse, ask_again=ask_again)
    with again_if_overtaken(load) as loaded:
        yield loaded


@contextmanager
def load_user(
    page_id: str, discord_id: str, *, warehouse: Warehouse | None = None
) -> Iterator[PagesLoad]:
    """Refresh one member of one page in ``page_users``, between two page reads.

    Raises NotFoundError when the page or the user does not exist.
    """
    the_page_ids([page_id, discord_id])
    report = partial(PagesReport, "user")
    load = partial(_load, report, [page_id], warehouse, discord_id=discord_id)
    with again_if_overtaken(load) as loaded:
        for error in loaded.report.failed.values():
            raise error
        yield loaded


@contextmanager
def _load(
    make_report: Callable[[], PagesReport],
    page_ids: Sequence[str],
    warehouse: Warehouse | None,
    *,
    discord_id: str | None = None,
    ask_again: bool = False,
) -> Iterator[PagesLoad]:
    warehouse = warehouse or Warehouse.from_settings()
    settings = autorosters_settings()
    settings.require_api_key()
    report = make_report()
    page_ids = _safe_page_ids(page_ids, report)
    reading = READINGS[report.name]
    kind = report.name if discord_id is None else "page_users"
    tables = [BY_NAME[name] for name in reading.tables]
    versions = {versions_table_name(table.name) for table in tables if table.versions}
    with warehouse.pipeline(PIPELINE_NAME, DATASET_NAME) as run:
        report.query = run.query
        with run.connected():
            report.earlier = earlier_reads(run, kind)
            columns = run.all_columns()
        missing = missing_columns(tables, columns)
        if missing and report.earlier.pages:
            report.warn(f"{lacking(missing)}, so every page is written again")
            report.reload_unchanged = True
        page_ids = as_known(page_ids, report.earlier.pages.keys())
        if discord_id is not None:
            # One member is no page: only the order of reads matters.
            report.earlier = EarlierReads(last_at=report.earlier.last_at)
        remembered = run.resource_state(SOURCE_NAME, reading.tables[0])
        state = deepcopy(dict(remembered))
        # Tables that are there may have rows, of a first load that was killed.
        appends = columns.keys().isdisjoint(reading.tables)
        is_whole = not (missing or missing_columns([READS], columns))
        row_counts: dict[str, int] = {}

        logged: set[str] = set()
        page_of = paths_of(reading, page_ids, discord_id)
        kept = KeptAnswers(
            warehouse.answers_path(f"autorosters.{report.name}"),
            # One user is one request.
            settings.resume_within_minutes if discord_id is None else 0,
            lambda path: landed_at(run, kind, page_of.get(path, "")),
        )

        def written() -> Iterator[Any]:
            if not is_whole:
                yield from empty_tables(reading, settings, appends=appends)
            yield from parts.next_part()
            if parts.is_over:
                current = dlt.current.resource_state(reading.tables[0])
                current.clear()
                current.update(state)

        def log_unlogged() -> None:
            if appends:
                among = f"where page_id in ({listed(page_ids)})"
                must_be_without(run, reading.tables, among)
            log_pages(run, kind, tables, pages_behind(run, tables, page_ids))

        def log() -> None:
            nonlocal appends
            appends = False
            changed = report.loaded.keys() - report.unchanged - logged
            # A page is known as it was read once all of its rows are there; its versions
            # depend on whether its last load was its retirement.
            _insert_loads(run, report, changed)
            log_pages(run, kind, tables, list(changed))
            logged.update(changed)

        def finish() -> None:
            log()
            report.resumed = kept.used
            kept.forget()
            _insert_loads(run, report, report.loaded.keys() & report.unchanged)
            if reading.of_whole_pages:
                insert_reads(run, [*report.reads.values()])
            if discord_id is None:
                _count_members(run, report)
            row_counts.update(run.row_counts(reading.tables))

        with kept:
            if ask_again:
                kept.forget()
            batches = read_items(
                *(reading, page_ids, settings, report, state, discord_id, kept),
                appends=lambda: appends,
            )
            # The read is over where nothing is to be written.
            first = list(islice(batches, 1))
            parts = Parts(chain(first, batches), settings.land_every_seconds)
            if (
                first
                or not is_whole
                or versions - columns.keys()
                or state != remembered
            ):
                while not parts.is_over:
                    run.load(
                        source_of(reading, written, appends=appends),
                        parts=page_ids,
                        before=log_unlogged,
                        after=lambda: finish() if parts.is_over else log(),
                    )
            else:
                with run.writing(page_ids):
                    log_unlogged()
                    finish()
        had_versions = versions_table_name(tables[0].name) in columns
        if columns and not had_versions:
            with run.writing(None):
                import_snapshots(run)
        if discord_id is None:
            report.judge()
        report.done()
        yield PagesLoad(run, report, row_counts)


def _insert_loads(
    run: PipelineRun, report: PagesReport, page_ids: Collection[str]
) -> None:
    """Write what the reads of some pages found into ``page_loads``."""
    if report.name != "pages" or not page_ids:
        return
    rows = []
    for page_id in page_ids:
        row = load_row(page_id, report.loaded[page_id])
        rows.append({**row, OBSERVED_AT: row["observed_at"]})
    at_once = "from {table} where observed_at = %s"
    with run.statements("page_loads") as execute:
        # Another worker may have read the same page in the same second.
        if execute(f"select 1 {at_once} limit 1", report.observed_at):
            among = f"and page_id in ({listed(page_ids)})"
            execute(f"delete {at_once} {among}", report.observed_at)
    run.insert("page_loads", rows)


def _count_members(run: PipelineRun, report: PagesReport) -> None:
    """The members of the pages that were read, as the API lists and the table holds."""
    held: dict[str, int] = dict(
        run.query(
            "select page_id, count(distinct discord_id) from {table} group by page_id",
            table="users" if report.name == "pages" else report.name,
        )
    )
    report.announced = sum(summary.members for summary in report.loaded.values())
    report.held = sum(held.get(page_id, 0) for page_id in report.loaded)


def _safe_page_ids(page_ids: Sequence[str], report: PagesReport) -> list[str]:
    """Return the page ids in their one spelling; what is no id is a failed page.

    Raises ConfigurationError when there is no other.
    """
    safe: dict[str, str] = {}
    for page_id in page_ids:
        try:
            spelt = the_page_id(page_id)
            # One that Dagster has registered in capitals stays that partition.
            safe.setdefault(spelt, page_id if is_safe(page_id) else spelt)
        except ConfigurationError as error:
            report.failed[repr(page_id)[:82]] = error
    if report.failed and not safe:
        raise next(iter(report.failed.values()))
    return list(safe.values())
