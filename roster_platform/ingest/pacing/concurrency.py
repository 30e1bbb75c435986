"""Adaptive limit of the requests that one client has in flight at an API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

# An answer that took this long, and this many times the quickest one, was a burden.
_SLOW_SECONDS = 1.0
_SLOW_FACTOR = 8


class Slots:
    """Adaptive concurrency limit: lower when the API suffers, higher as it recovers.

    Additive increase, multiplicative decrease, as TCP does (Chiu and Jain, 1989): one
    refusal halves them, whatever else is refused of the same round, and so do answers
    that come much more slowly than its quickest; every good answer earns a share of one.
    A request belongs to the ``volley`` in which it leaves.
    """

    def __init__(self, highest: int) -> None:
        self.allowed = float(highest)
        self._highest = highest
        self._used = 0
        self.volley = 0
        self._quickest = float("inf")
        self._changed = asyncio.Condition()

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """Hold a slot, as soon as there is one."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._used < int(self.allowed))
            self._used += 1
        try:
            yield
        finally:
            self._used -= 1
            async with self._changed:
                # Two may start where one was: what is allowed may have grown.
                self._changed.notify(2)

    def answered(self, volley: int, seconds: float) -> None:
        self._quickest = min(self._quickest, seconds)
        if seconds > max(_SLOW_SECONDS, _SLOW_FACTOR * self._quickest):
            self.refused(volley)
        else:
            self.allowed = min(self._highest, self.allowed + 1 / self.allowed)

    def refused(self, volley: int) -> None:
        if volley == self.volley:
            self.allowed = max(1.0, self.allowed / 2)
            self.volley += 1
