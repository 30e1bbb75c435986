"""The log of reads: one row per read of an endpoint or a roster page.

A read that changes nothing writes no data row and still counts; a read that failed or was
incomplete is the reason why a number is not known. Freshness, "known until" and the list
of incomplete inputs in reports come from this table, ``<dataset>._reads``.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import dlt

from roster_platform import __version__
from roster_platform.catalogue import OBSERVED_AT, READS_TABLE, Column, Table
from roster_platform.errors import IngestError

if TYPE_CHECKING:
    from roster_platform.warehouse.pipeline_run import PipelineRun
    from roster_platform.warehouse.warehouse import Warehouse

_LOOKED_AT = 500


class Outcome(StrEnum):
    """The end of a read."""

    COMPLETE = "complete"
    PARTIAL = "partial"
    """It asked for less than everything (incremental), and read all it asked for."""
    INCOMPLETE = "incomplete"
    REJECTED = "rejected"
    """It was complete, but most of what is known would be gone."""
    FAILED = "failed"
    RETIRED = "retired"
    """No read: the page is no longer configured, so earlier ones say nothing now."""


_COMPLETE = (Outcome.COMPLETE, Outcome.REJECTED)

READS = Table(
    name=READS_TABLE,
    description="One read of an endpoint or a roster page, also one that failed.",
    primary_key=("endpoint", "part", "read_at"),
    versions=False,
    columns={
        "endpoint": Column("text", "The resource that was read, such as orders."),
        "part": Column("text", "The roster page; empty for an endpoint of Roster."),
        "read_at": Column("timestamp", "When the read ended, by our own clock (UTC)."),
        "observed_at": Column(
            "timestamp", "When the API answered; NULL when it did not."
        ),
        "outcome": Column("text", f"{', '.join(Outcome)}."),
        "proof": Column(
            "text", "How the end was proven, or why the read is not complete."
        ),
        "announced": Column(
            "bigint", "Records that the API announced; NULL when it did not."
        ),
        "row_count": Column("bigint", "Records that the read found."),
        "request_count": Column("bigint", "Requests that it took."),
        "missing_fields": Column(
            "text",
            "Fields that marts cannot do without and that did not come, with what came "
            "instead; NULL when they all came.",
        ),
        "platform_version": Column(
            "text",
            "The version of the platform that read; NULL for those before 0.2.0.",
        ),
    },
)


@dataclass(frozen=True)
class Read:
    """One row of the log; see ``READS`` for the columns."""

    endpoint: str
    outcome: Outcome
    proof: str
    read_at: datetime
    observed_at: datetime | None = None
    part: str = ""
    announced: int | None = None
    row_count: int = 0
    request_count: int = 0
    missing_fields: str | None = None
    platform_version: str | None = __version__

    @property
    def found_everything(self) -> bool:
        """Return whether it found all that it asked for, and all that marts need."""
        found = self.outcome in (Outcome.COMPLETE, Outcome.PARTIAL)
        return found and not self.missing_fields


@dataclass(frozen=True)
class KnownReads:
    """The earlier reads of one endpoint or page, from the log.

    ``observed_at`` is the latest timestamp of any, ``complete_rows`` the records that the
    last complete read found, also if it was rejected; None where there was none.
    """

    observed_at: datetime | None = None
    complete_rows: int | None = None


def known_reads(run: PipelineRun, endpoint: str) -> KnownReads:
    """Look up the earlier reads of an endpoint."""
    rows = run.query(
        "select outcome, row_count, observed_at from {table} "
        f"where endpoint = '{endpoint}' order by read_at desc limit {_LOOKED_AT}",
        table=READS.name,
    )
    complete = (rows for outcome, rows, _ in rows if outcome in _COMPLETE)
    observed = [observed_at for *_, observed_at in rows if observed_at]
    return KnownReads(max(observed, default=None), next(complete, None))


def landed_at(run: PipelineRun, endpoint: str, part: str = "") -> datetime | None:
    """Return when an endpoint or page was read last, by our clock, and answered."""
    rows = run.query(
        f"select max(read_at) from {{table}} where endpoint = '{endpoint}' "
        f"and part = '{part}' and outcome <> '{Outcome.FAILED}'",
        table=READS.name,
    )
    return rows[0][0] if rows else None


def latest_reads(warehouse: Warehouse, dataset: str) -> list[Read]:
    """Return the last read of each endpoint or page of a dataset, by name.

    Retired pages are left out. Raises WarehouseError when the warehouse cannot be read.
    """
    from roster_platform.warehouse.information_schema import quoted, tables_of

    known = {column.name for column in fields(Read)}
    with warehouse.opening(), warehouse.sql() as client:
        if (dataset, READS.name) not in tables_of(client, dataset):
            return []
        latest = (
            "select * from (select *, row_number() over ("
            "partition by endpoint, part order by read_at desc) as recency "
            f"from {quoted(client, dataset, READS.name)}) as reads "
            f"where recency = 1 and outcome <> '{Outcome.RETIRED}' "
            "order by endpoint, part"
        )
        with client.execute_query(latest) as cursor:
            # An older version has not written every column.
            names = [name.lower() for name, *_ in cursor.description]
            rows = [zip(names, row, strict=True) for row in cursor.fetchall()]
    return [
        Read(**{name: value for name, value in row if name in known}) for row in rows
    ]


def reads_item(reads: Sequence[Read]) -> Any:
    """Return rows of the log as an item that any resource of a source may yield."""
    from roster_platform.records.table_builder import TableBuilder

    table = TableBuilder(READS).build(read_rows(reads), datetime.now(UTC))[READS.name]
    hints = dlt.mark.make_hints(
        table_name=READS.name,
        write_disposition="append",
        primary_key=(),
        merge_key=(),
        # None of the resource's own, which mark deletions.
        columns={},
    )
    return dlt.mark.with_hints(table, hints, create_table_variant=True)


def insert_reads(run: PipelineRun, reads: Sequence[Read]) -> None:
    """Write rows of the log, whose table is there. Hold the right to write the parts."""
    now = datetime.now(UTC)
    run.insert(READS.name, [{**vars(read), OBSERVED_AT: now} for read in reads])


def log_reads(
    warehouse: Warehouse,
    pipeline: str,
    dataset: str,
    source: str,
    reads: Sequence[Read],
) -> None:
    """Write rows of the log by themselves: of reads that failed, and loaded nothing.

    Trouble with the warehouse is logged only, because the failure of the read itself is
    what a person has to see.
    """
    try:
        with warehouse.pipeline(pipeline, dataset) as run:
            make_log(run, source)
            with run.writing([READS.name]):
                insert_reads(run, reads)
    except IngestError as trouble:
        logging.getLogger(__name__).warning("The log of reads: %s", trouble)


def make_log(run: PipelineRun, source: str) -> None:
    """Make the log of reads, or the columns that one of an older version lacks."""
    from roster_platform.warehouse.healing import missing_columns
    from roster_platform.warehouse.pipelines import SCHEMA_CONTRACT

    @dlt.source(name=source, schema_contract=SCHEMA_CONTRACT)
    def of_reads() -> Iterable[Any]:
        yield dlt.resource(lambda: iter([reads_item([])]), name=READS.name)

    if missing_columns([READS], run.all_columns()):
        run.load(of_reads(), parts=[READS.name])


def raise_once_loaded(error: IngestError) -> None:
    """Make the pipeline that extracts now raise an error after its load.

    A source has no say once it was extracted, and the rows are to land first.
    """
    pipeline = dlt.current.pipeline()
    load = pipeline.load

    def load_and_raise(*arguments: Any, **options: Any) -> Any:
        # Of several incomplete resources, each wrapped it.
        pipeline.__dict__.pop("load", None)
        load(*arguments, **options)
        raise error

    # Of this one pipeline, until the load that raises.
    pipeline.load = load_and_raise  # type: ignore[method-assign]


def read_rows(reads: Iterable[Read]) -> list[dict[str, Any]]:
    """Return the rows of ``_reads``, as TableBuilder takes them."""
    return [
        {
            "endpoint": read.endpoint,
            "part": read.part,
            "read_at": read.read_at.isoformat(),
            "observed_at": read.observed_at and read.observed_at.isoformat(),
            "outcome": str(read.outcome),
            "proof": read.proof,
            "announced": read.announced,
            "row_count": read.row_count,
            "request_count": read.request_count,
            "missing_fields": read.missing_fields,
            "platform_version": read.platform_version,
        }
        for read in reads
    ]
