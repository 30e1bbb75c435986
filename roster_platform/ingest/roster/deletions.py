"""Records that the source lists no longer: marked after a read of everything.

No endpoint tells what was deleted, so whatever a complete read did not bring is missed.
A row is marked (``is_deleted``, ``deleted_at``), never removed; should the record come
back, its next load clears the marks.
"""

from __future__ import annotations

from datetime import datetime

from roster_platform.ingest.catalogue import DELETED_AT, IS_DELETED, OBSERVED_AT
from roster_platform.ingest.errors import HeldBackError
from roster_platform.ingest.warehouse import PipelineRun

_SMALLEST_GUARDED_TABLE = 10
_LARGEST_PLAUSIBLE_SHARE = 0.5
# Rows that the read did not bring, but for those that came while it was going on.
_MISSED = (
    f"not coalesce({IS_DELETED}, false) and _dlt_load_id <> %s and {OBSERVED_AT} < %s"
)


def mark_deleted(
    run: PipelineRun, table: str, read_at: datetime, *, confirm_drops: bool
) -> int:
    """Mark the rows of a table that the load just made by a complete read did not bring.

    ``read_at`` is when the read began, on the API's clock. Returns how many were marked.
    Raises HeldBackError, and marks nothing, when most of the table is missed and nobody
    confirmed that.
    """
    assert run.load_info is not None
    missed_by = (run.load_info.loads_ids[-1], read_at)
    with run.statements(table) as execute:
        count = (
            f"select count(*) from {{table}} where not coalesce({IS_DELETED}, false)"
        )
        ((listed,),) = execute(count)
        ((missed,),) = execute(
            f"select count(*) from {{table}} where {_MISSED}", *missed_by
        )
        if (
            not confirm_drops
            and listed >= _SMALLEST_GUARDED_TABLE
            and missed > listed * _LARGEST_PLAUSIBLE_SHARE
        ):
            raise HeldBackError(
                f"Roster no longer lists {missed:,} of {listed:,} {table}. That most of a "
                "table is deleted at once is held back: what it does list is loaded, and "
                "nothing is marked as deleted. If it is true, materialize the asset with "
                "the op config full_read: true and confirm_drops: true, or load it with "
                f"`python -m roster_platform.ingest roster {table} --full-read "
                "--confirm-drops`."
            )
        if missed:
            execute(
                f"update {{table}} set {IS_DELETED} = true, {DELETED_AT} = %s "
                f"where {_MISSED}",
                read_at,
                *missed_by,
            )
    return int(missed)


def rows_listed(run: PipelineRun, table: str) -> int:
    """The rows of a table that the source is known to list."""
    count = f"select count(*) from {{table}} where not coalesce({IS_DELETED}, false)"
    with run.statements(table) as execute:
        ((listed,),) = execute(count)
    return int(listed)
