"""Things that are costly to make, used again while somebody keeps them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

_Kept = TypeVar("_Kept")


class Pool(Generic[_Kept]):
    """What is in nobody's use, by key, while somebody keeps it."""

    def __init__(self, close: Callable[[_Kept], None]) -> None:
        """``close`` ends what is left when nobody keeps anything any more."""
        self._close = close
        self._lock = threading.Lock()
        self._keepers = 0
        self._idle: dict[Hashable, list[_Kept]] = {}

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Keep what is put back in the body, until its end."""
        with self._lock:
            self._keepers += 1
        try:
            yield
        finally:
            left: list[_Kept] = []
            with self._lock:
                self._keepers -= 1
                if not self._keepers:
                    left = [one for some in self._idle.values() for one in some]
                    self._idle.clear()
            for one in left:
                self._close(one)

    def take(self, key: Hashable) -> _Kept | None:
        """Return one that is kept under a key; None when there is no such."""
        with self._lock:
            kept = self._idle.get(key)
            return kept.pop() if kept else None

    def put(self, key: Hashable, one: _Kept) -> bool:
        """Keep one under a key. Returns False when nobody keeps any: then close it."""
        with self._lock:
            if self._keepers:
                self._idle.setdefault(key, []).append(one)
            return bool(self._keepers)
