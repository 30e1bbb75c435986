"""Pages that are no longer configured, and what an older release knew of pages.

A page that is retired keeps its rows, unless it is purged; a row of ``page_loads`` says
so, and history closes there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from dlt.extract import DltSource

from roster_platform.catalogue import versions_table_name
from roster_platform.ingest.autorosters.flattening.flat import Rows
from roster_platform.ingest.autorosters.known import earlier_reads, known_pages
from roster_platform.ingest.autorosters.source import (
    DATASET_NAME,
    PIPELINE_NAME,
    SOURCE_NAME,
    source_of,
)
from roster_platform.ingest.autorosters.tables import BY_NAME
from roster_platform.ingest.autorosters.writing import READINGS, Batch, Reading
from roster_platform.ingest.history.snapshots import SCHEMA as SNAPSHOTS
from roster_platform.ingest.history.snapshots import import_snapshots
from roster_platform.ingest.history.versions import log_pages
from roster_platform.ingest.page_ids import as_known, is_safe, listed
from roster_platform.ingest.page_ids import page_id as the_page_id
from roster_platform.ingest.reading.log import (
    READS,
    Outcome,
    Read,
    insert_reads,
    latest_reads,
    make_log,
)
from roster_platform.warehouse.information_schema import tables_of
from roster_platform.warehouse.pipeline_run import PipelineRun
from roster_platform.warehouse.warehouse import Warehouse

_LARGEST_PLAUSIBLE_SHARE = 0.5


def retire_pages(
    page_ids: Sequence[str], *, warehouse: Warehouse | None = None, purge: bool = False
) -> None:
    """Record that pages are no longer read; who was on them is history from then on.

    Their rows stay as they are, or are deleted with ``purge``; ``page_loads`` always
    stays. The timestamp is right after the last read of any page. Pages that were never
    read, or are retired already, are left alone; one that could never be read counts as
    incomplete no more. Raises ConfigurationError for an id that is not one.
    """
    warehouse = warehouse or Warehouse.from_settings()
    page_ids = [one if is_safe(one) else the_page_id(one) for one in page_ids]
    with warehouse.pipeline(PIPELINE_NAME, DATASET_NAME) as run:
        _log_retirement(run, page_ids)
        earlier = earlier_reads(run, "pages")
        known = earlier.pages
        leaving = [p for p in page_ids if p in known and known[p].content_hash]
        if not leaving or earlier.last_at is None:
            return
        retired_at = earlier.last_at + timedelta(seconds=1)

        def close() -> None:
            for kind in ("pages", "page_users"):
                tables = [BY_NAME[name] for name in READINGS[kind].tables]
                log_pages(run, kind, tables, leaving)

        kinds = ("page_users", "pages") if purge else ("pages",)
        for kind in kinds:
            source = _retirement(READINGS[kind], leaving, retired_at, purge=purge)
            if kind == "pages":
                run.load(source, parts=leaving, after=close)
            else:
                run.load(source, parts=leaving)


def why_not_retired(
    removed: Collection[str], known: int, configured: Collection[str]
) -> str | None:
    """Return why pages that are gone from configuration are kept, if they are.

    None or few pages of the known ones in the configuration are more likely a slip.
    """
    by_hand = (
        "run the job autorosters_retirement with their ids, or `python -m "
        "roster_platform.ingest autorosters --retire ID` for each"
    )
    if not removed:
        return None
    if not configured:
        return (
            f"No roster page is configured, so all {len(removed)} known pages stay. To "
            f"retire them, {by_hand}."
        )
    if len(removed) > known * _LARGEST_PLAUSIBLE_SHARE:
        return (
            f"{len(removed)} of {known} known pages are gone from the configuration. "
            "That many at once are not retired by themselves: correct page_ids under "
            "[sources.autorosters_source] (SOURCES__AUTOROSTERS_SOURCE__PAGE_IDS), or "
            f"{by_hand}."
        )
    return None


def pages_to_retire(
    configured: Sequence[str], warehouse: Warehouse
) -> tuple[list[str], str | None]:
    """Return the pages that are no longer configured, and why others of them stay.

    A page that never could be read is one whose id was wrong.
    """
    tried = {read.part for read in latest_reads(warehouse, DATASET_NAME) if read.part}
    gone = sorted(tried - set(as_known(configured, tried)))
    if not gone:
        return [], None
    with warehouse.pipeline(PIPELINE_NAME, DATASET_NAME) as run:
        read = {page for page in known_pages(run) if page in tried}
    held_back = why_not_retired(read & set(gone), len(read), configured)
    return [page for page in gone if not held_back or page not in read], held_back


def _log_retirement(run: PipelineRun, page_ids: Sequence[str]) -> None:
    """Say in the log of reads that pages are no longer read, where it has them."""
    if not page_ids:
        return
    last = run.query(
        "select endpoint, part from (select endpoint, part, outcome, row_number() over ("
        "partition by endpoint, part order by read_at desc) as recency "
        f"from {{table}} where part in ({listed(page_ids)})) as reads "
        f"where recency = 1 and outcome <> '{Outcome.RETIRED}'",
        table=READS.name,
        needs=("part",),
    )
    if not last:
        return
    make_log(run, SOURCE_NAME)
    proof = "the page is no longer configured"
    now = datetime.now(UTC)
    with run.writing(page_ids):
        insert_reads(
            run,
            [
                Read(endpoint, Outcome.RETIRED, proof, now, part=part)
                for endpoint, part in last
            ],
        )


def take_over_history(warehouse: Warehouse) -> None:
    """Make versions of what the dbt snapshots of an older release know, if there are any.

    A load does so as well; this is for a build that comes before it. Does nothing where
    versions were made already.
    """
    with warehouse.opening(), warehouse.sql() as client:
        tables = set(tables_of(client, SNAPSHOTS, DATASET_NAME))
    has_versions = (DATASET_NAME, versions_table_name(READINGS["pages"].tables[0]))
    if has_versions in tables or not any(schema == SNAPSHOTS for schema, _ in tables):
        return
    with warehouse.pipeline(PIPELINE_NAME, DATASET_NAME) as run:
        if not run.was_loaded():
            return
        run.load(_retirement(READINGS["pages"], [], datetime.now(UTC), purge=False))
        with run.writing(None):
            import_snapshots(run)


def _retirement(
    reading: Reading, page_ids: Sequence[str], retired_at: datetime, *, purge: bool
) -> DltSource:
    def rows() -> Iterator[Any]:
        from roster_platform.records.table_builder import TableBuilder

        builders = {
            name: TableBuilder(BY_NAME[name], tombstones=True)
            for name in reading.tables
        }
        batch = Batch(reading, builders)
        yield from batch.empty_tables()
        for page_id in page_ids:
            leaving: Rows = {name: [] for name in reading.tables if purge}
            if "page_loads" in reading.tables:
                leaving["page_loads"] = [
                    {
                        "page_id": page_id,
                        "observed_at": retired_at.isoformat(),
                        "outcome": "retired",
                        "member_count": 0,
                        "rank_count": 0,
                    }
                ]
            batch.add(page_id, leaving, retired_at)
        yield from batch.flush()

    return source_of(reading, rows)
