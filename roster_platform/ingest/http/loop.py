"""An event loop in a thread of its own, and calls that run at once and end in order."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from concurrent.futures import Future
from typing import TypeVar

_T = TypeVar("_T")


class BackgroundLoop:
    """An event loop in a thread of its own, which works on while the caller does.

    The thread is a daemon: whatever interrupts the caller, the process can end.
    """

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, awaitable: Awaitable[_T]) -> _T:
        """Run to completion; an interrupt of the caller cancels it."""

        future = self.submit(awaitable)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def submit(self, awaitable: Awaitable[_T]) -> Future[_T]:
        """Start and return at once; cancelling the future cancels the work."""

        async def wait() -> _T:
            return await awaitable

        return asyncio.run_coroutine_threadsafe(wait(), self._loop)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def in_order(
    calls: Iterable[Callable[[], Awaitable[_T]]], window: Callable[[int], int]
) -> AsyncGenerator[_T, None]:
    """Run calls concurrently, hand their results over in order, hold a bounded few."""
    pending: deque[asyncio.Future[_T]] = deque()
    source = iter(calls)
    handed_over, exhausted = 0, False
    try:
        while True:
            while not exhausted and len(pending) < window(handed_over):
                call = next(source, None)
                if call is None:
                    exhausted = True
                else:
                    pending.append(asyncio.ensure_future(call()))
            if not pending:
                return
            result = await pending.popleft()
            handed_over += 1
            yield result
    finally:
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
