"""The guard against implausible drops: one rule for tables and for roster pages.

An API that is unwell answers with a short or an empty list. A drop of more than half, or
to zero, therefore waits for a second complete read that agrees, or for a person.
"""

from __future__ import annotations

_AGREEMENT = 0.1


def is_implausible_drop(before: int, now: int) -> bool:
    """Return whether more than half of ``before`` records are gone, or all of them.

    There is no floor: one record of one is all of them.
    """
    return before > 0 and 2 * now < before


def agrees(first: int | None, second: int) -> bool:
    """Return whether two complete reads found about as many records.

    ``first`` is None when the read before was not complete, or there was none. The two
    may differ by a tenth, because a live API changes between two reads.
    """
    if first is None:
        return False
    return abs(first - second) <= _AGREEMENT * max(first, second)
