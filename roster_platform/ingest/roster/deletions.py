"""Records that the source lists no longer: marked after a read of everything.

No endpoint reports deletions, so whatever a complete read did not bring is missed.
A row is marked (``is_deleted``, ``deleted_at``), never removed; should the record come
back, its next load clears the marks.
"""

from __future__ import annotations

from dataclasses import dataclass

from dlt.common.utils import chunks

from roster_platform.catalogue import (
    DELETED_AT,
    DIGEST,
    IS_DELETED,
    LOAD_ID,
    OBSERVED_AT,
    Table,
)
from roster_platform.errors import HeldBackError
from roster_platform.ingest.history.held_records import HeldRecords
from roster_platform.ingest.reading.drops import agrees, is_implausible_drop
from roster_platform.ingest.reading.log import KnownReads
from roster_platform.ingest.reading.report import ReadReport
from roster_platform.warehouse.pipeline_run import PipelineRun

# Rows that the read did not write, except those that came while it was running.
_NOT_WRITTEN = f"not coalesce({IS_DELETED}, false) and {OBSERVED_AT} < %s"
_DIGESTS_AT_ONCE = 1_000


@dataclass(frozen=True)
class Before:
    """The state before a read: the log of reads, and the records in the table."""

    reads: KnownReads
    rows: int


def mark_deleted(
    run: PipelineRun,
    report: ReadReport,
    before: Before,
    held: HeldRecords,
    *,
    confirm_drops: bool,
) -> int:
    """Mark the rows that a complete read, just written, did not bring.

    ``held`` knows which records it brought that did not change.

    Returns how many were marked. Raises HeldBackError, and marks nothing, for an
    implausible drop that neither a person nor the complete read before it confirms.
    """
    table, read_at = report.name, report.observed_at
    if held.met_all:
        return 0
    with run.statements(table) as execute:
        rows = execute(f"select {DIGEST} from {{table}} where {_NOT_WRITTEN}", read_at)
        digests = [digest for (digest,) in rows]
        gone = [
            digest
            for digest, is_missed in zip(digests, held.missed(digests), strict=True)
            if is_missed
        ]
        missed = len(gone)
        if is_implausible_drop(before.rows, before.rows - missed) and not confirm_drops:
            if not agrees(before.reads.complete_rows, report.rows):
                raise _rejected(table, missed, before.rows)
            report.warn(
                f"Roster no longer returns {missed:,} of {before.rows:,} {table}. Two "
                "complete reads agree, so they are marked as deleted."
            )
        for some in chunks(gone, _DIGESTS_AT_ONCE):
            named = ", ".join(f"'{digest}'" for digest in some if digest)
            among = f"{DIGEST} is null" + (
                f" or {DIGEST} in ({named})" if named else ""
            )
            execute(
                f"update {{table}} set {IS_DELETED} = true, {DELETED_AT} = %s, "
                f"{LOAD_ID} = %s where {_NOT_WRITTEN} and ({among})",
                *(read_at, run.load_id, read_at),
            )
    return missed


def _rejected(table: str, missed: int, rows: int) -> HeldBackError:
    return HeldBackError(
        f"Roster no longer returns {missed:,} of {rows:,} {table}. That most of a table is "
        "deleted at once is rejected: what Roster does list is loaded, and nothing is "
        "marked as deleted. A second complete read that agrees confirms it. To confirm "
        "it now, materialize the asset with the op config full_read: true and "
        f"confirm_drops: true, or run `python -m roster_platform.ingest roster {table} "
        "--full-read --confirm-drops`."
    )


def rows_listed(run: PipelineRun, table: Table) -> int:
    """The rows of a table that the source is known to list."""
    if not table.soft_deletes:
        return 0
    rows = run.query(
        f"select count(*) from {{table}} where not coalesce({IS_DELETED}, false)",
        table=table.name,
        needs=[IS_DELETED],
    )
    return int(rows[0][0]) if rows else 0
