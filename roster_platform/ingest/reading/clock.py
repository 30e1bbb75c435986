"""The timestamp of a read: from the API's clock where it can be trusted, always later.

The order of reads is ours. A ``Date`` header may lie in the future, step back, or differ
between two servers of one API; what is written later must still sort later.
"""

from __future__ import annotations

from datetime import datetime, timedelta

_TICK = timedelta(microseconds=1)


def observed_at(
    date: datetime, now: datetime, last: datetime | None, tolerance: float
) -> tuple[datetime, str | None]:
    """Return the timestamp of a read, and a finding about the API's clock, if any.

    ``date`` is when the API says it answered, ``now`` is our own clock, ``last`` the
    timestamp of the read before. A ``date`` more than ``tolerance`` seconds ahead of
    ``now`` is replaced by ``now``; nothing is ever at or before ``last``.
    """
    finding = None
    ahead = (date - now).total_seconds()
    if ahead > tolerance:
        finding = (
            f"the API's clock is {ahead:,.0f} seconds ahead of this machine's "
            f"({date:%Y-%m-%d %H:%M:%S} UTC), so this machine's is used; correct "
            "whichever is wrong, or raise clock_tolerance_seconds of this source"
        )
        date = now
    if last is not None and date <= last:
        date = last + _TICK
    return date, finding
