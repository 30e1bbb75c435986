"""A long stream of batches in parts, so that what was read lands while more is read."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

_T = TypeVar("_T")


class Parts(Generic[_T]):
    """Batches that arrive slowly, cut into parts of about so many seconds.

    A batch is never divided: what belongs together lands together.
    """

    def __init__(self, batches: Iterable[Iterable[_T]], seconds: float) -> None:
        self._batches = iter(batches)
        self._seconds = seconds
        self.is_over = False
        """Whether every batch was handed over: the part before was the last one."""

    def next_part(self) -> Iterator[_T]:
        """Yield the items of the next part; its last batch ends the part's time."""
        ends_at = time.monotonic() + self._seconds
        for batch in self._batches:
            yield from batch
            if time.monotonic() >= ends_at:
                return
        self.is_over = True
