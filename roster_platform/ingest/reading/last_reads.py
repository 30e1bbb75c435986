"""The last reads of an endpoint, and what the warehouse has of them.

Checks that are evaluated without a read compare these: the log of reads says how each read
ended and what the API announced, the tables say what is there now.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

from roster_platform.catalogue import Table
from roster_platform.ingest import autorosters, roster
from roster_platform.ingest.autorosters.known import titles_of
from roster_platform.ingest.autorosters.tables import BY_NAME as PAGE_TABLES
from roster_platform.ingest.autorosters.writing import READINGS
from roster_platform.ingest.page_ids import is_safe
from roster_platform.ingest.reading.log import READS, Outcome, Read
from roster_platform.ingest.reading.report import ReadReport
from roster_platform.ingest.roster.deletions import rows_listed
from roster_platform.ingest.roster.endpoints import BY_NAME as ENDPOINTS
from roster_platform.warehouse.healing import missing_columns
from roster_platform.warehouse.pipeline_run import PipelineRun
from roster_platform.warehouse.warehouse import Warehouse

_MOST_NAMED = 10
_LEFT_NOTHING = (Outcome.FAILED, Outcome.REJECTED)


@dataclass(frozen=True)
class PartRead:
    """The last read of an endpoint, or of a page; ``landed`` is the last that left rows."""

    last: Read
    landed: Read | None


@dataclass(frozen=True)
class LastReads:
    """What the warehouse knows of an endpoint without asking the API.

    ``parts`` are its reads (by page; one, named "", of an endpoint of Roster), none if it
    was never read. ``report`` is what a read would report that found the same. ``rows``
    are those of each table that the API is known to list, ``lacking`` the columns that
    the warehouse lacks.
    """

    parts: Mapping[str, PartRead]
    report: ReadReport
    rows: Mapping[str, int]
    lacking: Sequence[str]
    name_of: Callable[[str], str] = str


def last_reads_of_endpoint(name: str, warehouse: Warehouse) -> LastReads:
    """Look up the last reads of an endpoint of Roster. Raises an IngestError."""
    table = ENDPOINTS[name].table
    report = ReadReport(name)
    with (
        warehouse.pipeline(roster.PIPELINE_NAME, roster.DATASET_NAME) as run,
        run.connected(),
    ):
        parts = _parts(run, name)
        report.held = (
            rows_listed(run, table) if table.soft_deletes else _count(run, name)
        )
        lacking = _lacking(run, [table]) if parts else []
    if read := parts.get(""):
        report.outcome, report.proof = read.last.outcome, read.last.proof
        if read.landed:
            report.announced = read.landed.announced
            report.rows = read.landed.row_count
    return LastReads(parts, report, {name: report.held}, lacking)


def last_reads_of_pages(
    kind: str,
    page_ids: Iterable[str],
    warehouse: Warehouse,
    *,
    left_out: Container[str] = (),
) -> LastReads:
    """Look up the last reads of some roster pages. Raises an IngestError.

    ``kind`` is ``pages`` or ``page_users``. The report says nothing of those that are
    ``left_out`` of reads.
    """
    tables = READINGS[kind].tables
    people = "users" if kind == "pages" else kind
    wanted = set(page_ids)
    with (
        warehouse.pipeline(autorosters.PIPELINE_NAME, autorosters.DATASET_NAME) as run,
        run.connected(),
    ):
        parts = {p: read for p, read in _parts(run, kind).items() if p in wanted}
        rows = {table: _count(run, table) for table in tables}
        members: dict[str, int] = dict(
            run.query(
                "select page_id, count(distinct discord_id) from {table} "
                "group by page_id",
                table=people,
            )
        )
        titles = titles_of(run.query, [page for page in parts if is_safe(page)])
        lacking = _lacking(run, [PAGE_TABLES[name] for name in tables]) if parts else []

    def name_of(page_id: str) -> str:
        title = " ".join(titles.get(page_id, "").split())[:80]
        return f"{title} ({page_id})" if title else page_id

    report = ReadReport(kind)
    read = {page: part for page, part in parts.items() if page not in left_out}
    _judge_pages(report, read, name_of)
    landed = {page: part.landed for page, part in read.items() if part.landed}
    report.announced = sum(read.row_count for read in landed.values())
    report.held = sum(members.get(page, 0) for page in landed)
    return LastReads(parts, report, rows, lacking, name_of)


def _judge_pages(
    report: ReadReport, parts: Mapping[str, PartRead], name_of: Callable[[str], str]
) -> None:
    report.rows = sum(read.last.row_count for read in parts.values())
    for outcome, problem in (
        (Outcome.INCOMPLETE, "a part of {} pages could not be read"),
        (Outcome.FAILED, "{} pages failed, and keep their last good rows"),
    ):
        pages = [page for page, read in parts.items() if read.last.outcome is outcome]
        if pages:
            named = (
                f"{name_of(p)}: {parts[p].last.proof}" for p in pages[:_MOST_NAMED]
            )
            report.outcome = outcome
            report.proof = f"{problem.format(len(pages))}: {'; '.join(named)}"
            return
    report.outcome = Outcome.COMPLETE if parts else None
    report.proof = "each page is one answer, and came whole" if parts else ""


def _parts(run: PipelineRun, endpoint: str) -> dict[str, PartRead]:
    columns = "part, outcome, proof, read_at, observed_at, announced, row_count"
    left_nothing = ", ".join(f"'{outcome}'" for outcome in _LEFT_NOTHING)
    found: dict[str, list[Read]] = {}
    for part, outcome, *values in run.query(
        f"select {columns}, missing_fields from (select {columns}, missing_fields, "
        "row_number() over (partition by part, "
        f"case when outcome in ({left_nothing}) then 1 else 0 end "
        "order by read_at desc) as place "
        f"from {{table}} where endpoint = '{endpoint}') as reads where place = 1",
        table=READS.name,
        needs=("part", "missing_fields"),
    ):
        proof, read_at, observed_at, announced, row_count, missing = values
        read = Read(
            endpoint,
            Outcome(outcome),
            proof,
            # Each read has one.
            cast(datetime, _utc(read_at)),
            _utc(observed_at),
            part=part or "",
            announced=announced,
            row_count=row_count,
            missing_fields=missing,
        )
        found.setdefault(read.part, []).append(read)
    return {
        part: PartRead(
            max(reads, key=lambda read: read.read_at),
            next((r for r in reads if r.outcome not in _LEFT_NOTHING), None),
        )
        for part, reads in found.items()
    }


def _utc(timestamp: datetime | None) -> datetime | None:
    """A timestamp with its zone, which some warehouses leave out."""
    if timestamp is None or timestamp.tzinfo:
        return timestamp
    return timestamp.replace(tzinfo=UTC)


def _count(run: PipelineRun, table: str) -> int:
    rows = run.query("select count(*) from {table}", table=table)
    return int(rows[0][0]) if rows else 0


def _lacking(run: PipelineRun, tables: Sequence[Table]) -> list[str]:
    return missing_columns(tables, run.all_columns())
