"""A list an endpoint serves: which records, in which order, rendered once.

Serving page N of a million orders must cost no more than joining bytes, so every
record is rendered at most once and kept until the world changes it. Records are known
by their number; the view holds the numbers in ascending order and a newest-first list
is read from its end, which makes new records an append.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import Any

import orjson


class Collection:
    """One served list, newest first where a record has a ``moment``.

    ``render`` turns a record's number into the API's object.
    """

    def __init__(
        self,
        render: Callable[[int], dict[str, Any]],
        *,
        moment: Callable[[int], int] | None = None,
        rendered: dict[int, bytes] | None = None,
    ) -> None:
        self._render = render
        self._rendered = {} if rendered is None else rendered
        self._moment = moment
        self.view: Sequence[int] = range(0)

    def __len__(self) -> int:
        return len(self.view)

    @property
    def newest_first(self) -> bool:
        """Return whether the latest time is served first; else it is the first record."""
        return self._moment is not None

    def count_since(self, moment: int) -> int:
        """Return how many records are of this time or later."""
        return len(self.view) - bisect_left(self.view, moment, key=self._moment)

    def numbers(self, start: int, size: int) -> Sequence[int]:
        """The records from place ``start`` (from 0) of the served order."""
        if not self.newest_first:
            return self.view[start : start + size]
        end = len(self.view) - start
        return self.view[max(0, end - size) : max(0, end)][::-1]

    def body(self, numbers: Sequence[int]) -> bytes:
        """The records as JSON, joined by commas."""
        known = self._rendered.get
        fresh = self._fresh
        return b",".join([known(number) or fresh(number) for number in numbers])

    def record(self, number: int) -> dict[str, Any]:
        """One record as the API's object."""
        return self._render(number)

    def forget(self, number: int) -> None:
        """The record changed: render it again when next asked for."""
        self._rendered.pop(number, None)

    def forget_all(self) -> None:
        """Every record may have changed."""
        self._rendered.clear()

    def warm(self) -> None:
        """Render every record not rendered yet."""
        known = self._rendered
        for number in self.view:
            if number not in known:
                self._fresh(number)

    def _fresh(self, number: int) -> bytes:
        # orjson returns a buffer larger than its text; a copy keeps only the text.
        body = memoryview(orjson.dumps(self._render(number))).tobytes()
        self._rendered[number] = body
        return body
