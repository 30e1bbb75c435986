"""The signs of other pages in one answer, and where they are declared to be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

_T = TypeVar("_T")
Around = tuple[str, Mapping[str, Any]]
"""An object around the list of records: its path, and its members without the list."""


@dataclass(frozen=True)
class Sign(Generic[_T]):
    """A value that an answer carries, and where: ``meta.total``, ``header Link``."""

    value: _T
    where: str


@dataclass(frozen=True)
class PageSigns:
    """The signs of other pages in an answer; None where it has none.

    ``ends`` is where the answer says that nothing follows: a null cursor or link, or a
    ``Link`` header without ``rel="next"``; ``begins`` is where it says that nothing comes
    before. ``doubtful_total`` is a total under a word that may mean the length of the page.
    ``has_previous`` and ``offset_words`` (the names of the offset and the limit, as echoed)
    say how the API counts.
    """

    total_count: Sign[int] | None = None
    doubtful_total: Sign[int] | None = None
    total_pages: Sign[int] | None = None
    page_size: Sign[int] | None = None
    has_more: Sign[bool] | None = None
    cursor: Sign[str] | None = None
    cursor_may_be_of_this_page: bool = False
    next_page: Sign[int] | None = None
    next_url: Sign[str] | None = None
    ends: str | None = None
    begins: str | None = None
    has_previous: str | None = None
    offset_words: tuple[str, str] | None = None

    @property
    def says_no_more(self) -> bool:
        """Return whether the answer says so, and nothing else in it differs."""
        is_no = self.has_more is not None and not self.has_more.value
        return is_no and not (self.next_url or self.cursor or self.next_page)

    @property
    def more(self) -> str | None:
        """Return where the answer says that more follows."""
        if self.has_more is not None:
            return self.has_more.where if self.has_more.value else None
        sign = self.next_url or self.cursor or self.next_page
        return sign.where if sign else None


@dataclass(frozen=True)
class DeclaredPaths:
    """The declared places of the signs, as JSONPath, as dlt takes them."""

    total_pages: str | None = None
    total_count: str | None = None
    has_more: str | None = None
    cursor: str | None = None
    next_url: str | None = None
    link_header: str | None = None
    """The relation of the next page in a ``Link`` header, dlt's ``links_next_key``."""
    cursor_header: str | None = None
    no_totals: bool = False
    """What looks like a total is not one (``total_path: null``)."""

    def __bool__(self) -> bool:
        return self != DeclaredPaths()
