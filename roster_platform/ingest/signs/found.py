"""The signs found so far in one answer; the first of a kind is kept."""

from __future__ import annotations

from typing import Any

from roster_platform.ingest.signs.page_signs import PageSigns, Sign


class Found:
    """Signs by their kind, in the order in which they are looked for."""

    def __init__(self) -> None:
        self._signs: dict[str, Any] = {}
        self._weak_cursor: Sign[str] | None = None

    def signs(self) -> PageSigns:
        """Return what was found."""
        says_next = self._signs.keys() & {"cursor", "next_url", "next_page", "ends"}
        more = self._signs.get("has_more")
        if self._weak_cursor and not says_next and (more is None or more.value):
            self._signs["cursor"] = self._weak_cursor
            self._signs["cursor_may_be_of_this_page"] = True
        return PageSigns(**self._signs)

    def keep(self, kind: str, value: Any, where: str) -> None:
        """Keep a sign with a value."""
        self._signs.setdefault(kind, Sign(value, where))

    def keep_place(self, kind: str, place: Any) -> None:
        """Keep a sign that is no more than the place where it is."""
        self._signs.setdefault(kind, place)

    def keep_weak_cursor(self, value: str, where: str) -> None:
        """Keep what is a cursor unless something else is, or nothing follows."""
        self._weak_cursor = self._weak_cursor or Sign(value, where)
