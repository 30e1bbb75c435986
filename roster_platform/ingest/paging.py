"""Paging: reading a list page by page, and proving its end.

A ``Pager`` decides both for one read, without sending anything: it is fed the pages in
their order, names the requests to send next, and says at last how the read ended. Its
rules are those of a careful person: a short page proves nothing; a read is complete when
the announced total was reached, when the API said that no more follows, or when the page
after the last came back empty (or was the last one again); and an answer that says that
more exists than was read is never called complete.

The paginators have the names and words of dlt's ``rest_api``; ``auto`` recognises them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any, Literal

import msgspec

from roster_platform import documents
from roster_platform.errors import ConfigurationError, PagingError, ReadError
from roster_platform.ingest.last_look import LastLook
from roster_platform.ingest.signs.names import cursor_param
from roster_platform.ingest.signs.page_signs import DeclaredPaths, PageSigns, Sign

PagingType = Literal[
    "auto",
    "page_number",
    "offset",
    "cursor",
    "header_cursor",
    "json_link",
    "header_link",
    "single_page",
]
_Style = Literal["pages", "offsets", "cursors", "links", "one"]
_STYLES: Mapping[str, _Style] = {
    "page_number": "pages",
    "offset": "offsets",
    "cursor": "cursors",
    "header_cursor": "cursors",
    "json_link": "links",
    "header_link": "links",
    "single_page": "one",
}
_MAX_EMPTY_PAGES = 20
_ITEMS = msgspec.json.Decoder(list[msgspec.Raw])


@dataclass(frozen=True)
class Paging:
    """The paging of an endpoint; every name is configuration.

    ``declared`` has the paths of dlt's words (``total_path`` and the like); ``maximum`` is
    dlt's ``maximum_page`` or ``maximum_offset``, which is exclusive. ``setting`` says in
    messages where a person declares the paging of this endpoint.
    """

    data_selector: str
    type: PagingType = "auto"
    page_param: str = "page"
    page_size_param: str = "pageSize"
    first_page: int = 1
    first_page_is_known: bool = False
    """Declared, or found out by an earlier read; else it is looked at (``last_look``)."""
    page_size: int = 100
    offset_param: str = "offset"
    limit_param: str = "limit"
    cursor_param: str | None = None
    declared: DeclaredPaths = field(default_factory=DeclaredPaths)
    maximum: int | None = None
    max_pages: int = 100_000
    ramp_up: bool = False
    """Start with one page in flight and grow: for reads that usually stop early."""
    setting: str = "the endpoint's paginator"


def with_paginator(paging: Paging, paginator: str | Mapping[str, Any]) -> Paging:
    """Return the paging as a paginator of dlt's ``rest_api`` configuration declares it.

    Raises ConfigurationError for a type or a word that is not one of dlt's.
    """
    words = {"type": paginator} if isinstance(paginator, str) else dict(paginator)
    kind = words.pop("type", "auto")
    if kind not in _WORDS:
        raise ConfigurationError(
            f"There is no paginator '{kind}' ({paging.setting}). Choose from: "
            f"{', '.join(_WORDS)}."
        )
    changes: dict[str, Any] = {"type": kind}
    declared: dict[str, Any] = {}
    for word, value in words.items():
        name = _WORDS[kind].get(word)
        if name is None:
            raise ConfigurationError(
                f"The paginator '{kind}' has no '{word}' ({paging.setting}). It has: "
                f"{', '.join(_WORDS[kind]) or 'nothing to set'}."
            )
        if word == "total_path" and value is None:
            declared["no_totals"] = True
        elif name.startswith("declared."):
            declared[name.removeprefix("declared.")] = value
        else:
            changes[name] = value
            if name == "first_page":
                changes["first_page_is_known"] = True
    return replace(paging, **changes, declared=DeclaredPaths(**declared))


_HAS_MORE = {"has_more_path": "declared.has_more"}
_WORDS: Mapping[str, Mapping[str, str]] = {
    "auto": {},
    "single_page": {},
    "page_number": {
        "base_page": "first_page",
        "page_param": "page_param",
        "total_path": "declared.total_pages",
        "maximum_page": "maximum",
        **_HAS_MORE,
    },
    "offset": {
        "limit": "page_size",
        "offset_param": "offset_param",
        "limit_param": "limit_param",
        "total_path": "declared.total_count",
        "maximum_offset": "maximum",
        **_HAS_MORE,
    },
    "cursor": {
        "cursor_path": "declared.cursor",
        "cursor_param": "cursor_param",
        **_HAS_MORE,
    },
    "header_cursor": {
        "cursor_key": "declared.cursor_header",
        "cursor_param": "cursor_param",
    },
    "json_link": {"next_url_path": "declared.next_url"},
    "header_link": {"links_next_key": "declared.link_header"},
}
"""The words of each paginator, and the field of Paging that each sets."""


@dataclass(frozen=True)
class Ask:
    """One request for a page: parameters to add, or the whole address."""

    number: int
    params: Mapping[str, Any] = field(default_factory=dict)
    url: str | None = None


@dataclass(frozen=True)
class Page:
    """One page of records, in the order the API sent them.

    ``raw`` is their JSON list, ``count`` its length and ``digest`` that of its bytes: the
    same bytes are the same content. ``date`` is when it was sent by the API's clock,
    ``received_at`` when it came by ours.
    """

    number: int
    raw: bytes
    count: int
    signs: PageSigns
    date: datetime
    received_at: datetime

    @cached_property
    def digest(self) -> bytes:
        return hashlib.blake2b(self.raw, digest_size=16).digest()

    @cached_property
    def items(self) -> set[bytes]:
        """The records, as the bytes they came in."""
        return {bytes(item) for item in _ITEMS.decode(self.raw)}

    @cached_property
    def records(self) -> list[dict[str, Any]]:
        return documents.loads(self.raw)


@dataclass(frozen=True)
class ReadEnd:
    """The end of a read.

    ``proof`` says how the end was proven or, of an incomplete read, what contradicts it
    and which setting to look at. ``announced`` is the number of records by the API.
    """

    is_complete: bool
    proof: str
    announced: int | None = None
    first_page: int | None = None
    """The number of the API's first page; None where it is not known."""


class Pager:
    """Decides the next requests of one read, and whether its end was proven.

    Raises PagingError for paging that would never end.
    """

    def __init__(self, api: str, path: str, paging: Paging) -> None:
        self._api, self._path, self._paging = api, path, paging
        self._style: _Style | None = _STYLES.get(paging.type)
        self._offset_words = (paging.offset_param, paging.limit_param)
        self._limit = paging.page_size
        self._pages = self._rows = self._empty = self._size = self._lacking = 0
        self._has_grown = False
        self._seen: dict[bytes, int] = {}
        self._followed: set[str] = set()
        self._first: Page | None = None
        self._last: Page | None = None
        self._announced: Sign[int] | None = None
        self._said_more = False
        self._end: str | None = None
        self._problem: str | None = None
        self._look = LastLook(paging)

    @property
    def style(self) -> str | None:
        """Return how the pages are asked for; None until the first one said it."""
        return self._style

    def first(self) -> Ask:
        """The first request."""
        if self._style == "offsets":
            return self._at_offset(self._paging.first_page)
        if self._style == "one":
            return Ask(self._paging.first_page)
        return self._page(self._paging.first_page)

    def see(self, page: Page) -> bool:
        """Take the next page into account; returns whether its records are new."""
        self._pages += 1
        self._allow(self._pages)
        before, self._last = self._last, page
        self._first = self._first or page
        self._note_total(page.signs)
        self._look.see(page, may_grow=self._may_grow())
        is_again = self._is_again(page)
        if not is_again:
            self._rows += page.count
        self._said_more |= page.signs.more is not None
        if is_again:
            self._see_again(page, before)
            return False
        if not page.count:
            self._see_empty(page)
            return True
        self._empty = 0
        self._seen[page.digest] = page.number
        # A cap may change while the list is read.
        self._has_grown |= self._first.count < min(page.count, self._paging.page_size)
        if self._style == "offsets":
            self._lacking += max(0, self._size - page.count)
        return True

    @property
    def is_over(self) -> bool:
        """Return whether what was asked for ahead is no longer of interest."""
        assert self._last is not None
        # A total implies pages without a gap; a number of pages does not.
        ends_here = not self._last.count and self._last.signs.total_pages is None
        return bool(self._end or self._problem) or ends_here

    def upcoming(self) -> Sequence[Ask]:
        """The requests to send next, in their order; none when the read is over."""
        page = self._last
        assert page is not None
        assert self._first is not None
        if self._end or self._problem:
            return []
        if self._style is None:
            self._style = self._recognised(page.signs)
        if page is self._first:
            self._size = self._page_size(page)
        if self._style == "one":
            self._end = f"one answer has everything ({self._paging.setting})"
            return []
        if self._style in ("cursors", "links"):
            return self._follow(page)
        return self._within_maximum(self._count_on(page))

    def page_before(self) -> Ask | None:
        """One last request: the page before the first, where nothing proves the first."""
        if self._problem:
            return None
        if self._offset_may_count_pages():
            offset, limit = self._offset_words
            return Ask(1, {offset: 1, limit: self._limit or self._size})
        total = self._total()
        if self._has_grown and self._style == "pages" and self._may_grow():
            return self._page(self._paging.first_page) if self._look.begin() else None
        number = self._look.page_before(self._style, self._rows, total)
        return None if number is None else self._page(number)

    def _may_grow(self) -> bool:
        """Return whether only this would notice larger pages, and gaps between them.

        A total that is announced is compared with the different records that were read.
        """
        assert self._first is not None
        return self._announced is None and self._first.count < self._paging.page_size

    def see_before(self, page: Page) -> bool:
        """Take the page before the first into account; returns whether it has records."""
        unknown = self._look.see_before(page)
        self._rows += unknown
        if unknown and page.number == self._paging.first_page and self._has_grown:
            self._problem = (
                "the pages became larger while they were read, so records between them "
                "were missed; the next read tries again"
            )
        # One record more is on it where an offset counts records.
        if self._style == "offsets" and unknown == page.count and unknown:
            offset, _ = self._offset_words
            self._problem = (
                f"{offset}=1 leads to {unknown:,} other records, so it may count pages: "
                f"`paginator: {{type: page_number, page_param: {offset}, base_page: 0}}`"
            )
        return bool(unknown)

    def refused_before(self, error: ReadError) -> None:
        """Take an error for the answer; raises one that is not about that page."""
        self._look.refused(error)

    def end(self) -> ReadEnd:
        """Return how the read ended; ask when ``page_before`` is answered."""
        problem = self._problem or self._contradiction()
        total = self._total()
        announced = total.value if total else None
        if problem:
            return ReadEnd(False, self._explained(problem), announced)
        proof = self._end or "nothing was asked"
        first_page = self._look.first_page
        if first_page == 0:
            proof += "; pages are counted from 0"
        return ReadEnd(True, proof, announced, first_page)

    def _offset_may_count_pages(self) -> bool:
        """Return whether a full first page with nothing after it has to be looked into."""
        assert self._first is not None
        assert self._last is not None
        size = self._first.signs.page_size
        full = size.value if size else self._limit
        is_all = self._pages == 2 and not self._last.count and self._total() is None
        is_full = 0 < full <= self._first.count
        return self._style == "offsets" and is_all and is_full and self._look.begin()

    def _is_again(self, page: Page) -> bool:
        """Return whether all of a page was sent before, as a page or in the first.

        An API that ignores how it is asked may answer with another size, too.
        """
        if not page.count:
            return False
        assert self._first is not None
        is_part = self._pages == 2 and page.items <= self._first.items
        return is_part or page.digest in self._seen

    def _note_total(self, signs: PageSigns) -> None:
        """Keep what was announced last; the last page may say nothing."""
        if signs.total_count is not None:
            self._announced = signs.total_count
        elif signs.doubtful_total is not None:
            self._announced = signs.doubtful_total

    def _see_empty(self, page: Page) -> None:
        self._empty += 1
        if self._empty > _MAX_EMPTY_PAGES and not page.signs.total_pages:
            raise PagingError(
                f"{self._api} sent {self._empty} empty pages in a row at /{self._path} "
                "and says that more follow. Nothing was loaded; report it to the vendor, "
                "and try again later."
            )

    def _see_again(self, page: Page, before: Page | None) -> None:
        assert self._first is not None
        follows_itself = before is not None and page.digest == before.digest
        follows_itself &= page.digest != self._first.digest
        if follows_itself and self._pages > 2 and self._style in ("pages", "offsets"):
            # Some APIs send the last page again for every page after it.
            self._end = f"page {page.number} is the last page again"
            return
        if before and before.signs.has_more and not before.signs.has_more.value:
            # Its link led to what was read already.
            self._end = self._no_more(before.signs)
            return
        if self._pages == 2 and (said := self._end_said_at_first()):
            self._end = said
            return
        if self._pages == 2 and page.number == 1 and self._style in (None, "pages"):
            # Some APIs that count from 1 send their first page for 0, too.
            return
        if self._pages == 2 and self._style == "offsets" and not self._limit:
            # It repeats an offset, and is asked by page all the same.
            self._style, self._last, self._pages = "pages", self._first, 1
            return
        earlier = self._seen.get(page.digest, self._paging.first_page)
        words = {
            "cursors": "cursor_param",
            "offsets": "offset_param and limit_param",
        }.get(self._style or "", "page_param")
        self._problem = (
            f"page {page.number} is the same as page {earlier}, so the API may ignore "
            f"how it is asked ({words}). If one answer has everything, declare "
            "`paginator: single_page`"
        )

    def _end_said_at_first(self) -> str | None:
        """Return what the first answer said of the end, which was not believed at once."""
        assert self._first is not None
        signs = self._first.signs
        if signs.doubtful_total and signs.doubtful_total.value == self._rows:
            return self._total_reached(signs.doubtful_total)
        return f"{signs.ends} has no next page" if signs.ends else None

    def _recognised(self, signs: PageSigns) -> _Style:
        if signs.says_no_more:
            return "pages"
        if signs.next_url:
            return "links"
        if signs.cursor:
            return "cursors"
        following = signs.next_page.value if signs.next_page else None
        if signs.offset_words or following == self._rows > self._paging.first_page + 1:
            self._offset_words = signs.offset_words or self._offset_words
            self._limit = 0
            return "offsets"
        if following not in (None, self._paging.first_page + 1):
            return "cursors"
        return "pages"

    def _page_size(self, page: Page) -> int:
        """The size of the API's own pages: what it says, or what the first page has."""
        told = page.signs.page_size
        # An API that repeats what it was asked for may cap its pages all the same.
        if told and told.value != self._paging.page_size and told.value >= page.count:
            return told.value
        return page.count

    def _follow(self, page: Page) -> Sequence[Ask]:
        signs = page.signs
        if signs.says_no_more or self._is_over_after(page):
            self._end = self._no_more(signs)
            return []
        if self._style == "links":
            sign = signs.next_url
        elif signs.next_page and not signs.cursor:
            sign = Sign(str(signs.next_page.value), signs.next_page.where)
        else:
            sign = signs.cursor
        if sign is None:
            return self._without_next(page)
        if sign.value in self._followed and signs.has_more and not signs.has_more.value:
            self._end = self._no_more(signs)
            return []
        if sign.value in self._followed:
            raise PagingError(
                f"{self._api} sent the same next-page cursor twice for /{self._path}, so "
                "the read would never end. Nothing was loaded; report it to the vendor, "
                "and try again later."
            )
        self._followed.add(sign.value)
        number = page.number + 1
        if self._style == "links":
            return [Ask(number, url=sign.value)]
        param = cursor_param(sign.where, self._paging.cursor_param)
        size = {self._paging.page_size_param: self._paging.page_size}
        return [Ask(number, {param: sign.value, **size})]

    def _is_over_after(self, page: Page) -> bool:
        """Return whether a page has nothing, and says that nothing follows."""
        more = page.signs.has_more
        return not page.count and more is not None and not more.value

    def _no_more(self, signs: PageSigns) -> str:
        assert signs.has_more is not None
        return f"{signs.has_more.where} says that no more follows"

    def _without_next(self, page: Page) -> Sequence[Ask]:
        """A page without the link or cursor to the next one."""
        if page is self._first and not page.signs.ends and page.count:
            # It was never there, so it proves nothing: ask as if nothing were declared.
            self._style = "pages"
            return self._count_on(page)
        self._end = f"{page.signs.ends or 'the last answer'} has no next page"
        return []

    def _count_on(self, page: Page) -> Sequence[Ask]:
        """Ask by page number or offset."""
        signs, total = page.signs, self._total()
        is_short_of_total = total is not None and self._rows < total.value
        last = self._last_number(total)
        may_go_on = page.count > 0 or signs.total_pages is not None
        if last is not None and page.number < last and may_go_on:
            self._allow(last - self._paging.first_page + 1)
            return [self._at(number) for number in range(page.number + 1, last + 1)]
        if signs.has_more is not None and not is_short_of_total:
            if signs.has_more.value or not (
                signs.says_no_more or self._is_over_after(page)
            ):
                return [self._at(page.number + 1)]
            self._end = self._no_more(signs)
            return []
        if not page.count and page is self._first and page.number == 0 and not total:
            # It may be counted from 1.
            return [self._at(1)]
        if not page.count:
            self._end = (
                "the first page is empty"
                if page is self._first
                else f"page {page.number}, after the last, is empty"
            )
            return []
        if total is not None and not is_short_of_total and not self._is_doubtful():
            self._end = self._total_reached(total)
            return []
        if signs.ends and not is_short_of_total and self._said_more:
            self._end = f"{signs.ends} has no next page"
            return []
        pages, full = signs.total_pages, signs.page_size
        full_size = full.value if full else self._paging.page_size
        if pages and pages.value and not is_short_of_total and page.count < full_size:
            self._end = f"all {pages.value:,} pages ({pages.where}) were read"
            return []
        return [self._at(page.number + 1)]

    def _is_doubtful(self) -> bool:
        """Return whether a total may be just the length of the only page so far."""
        assert self._first is not None
        return self._pages == 1 and self._first.signs.total_count is None

    def _total_reached(self, total: Sign[int]) -> str:
        return f"the total of {total.value:,} ({total.where}) was reached"

    def _last_number(self, total: Sign[int] | None) -> int | None:
        """The number of the last page, where the API says or implies it."""
        assert self._last is not None
        pages = self._last.signs.total_pages
        if pages is not None:
            return self._paging.first_page + pages.value - 1
        if total is None or not self._size or total.value <= self._rows:
            return None
        may_be_the_last = self._pages == 1 and self._last.count < self._paging.page_size
        if self._is_doubtful() or (may_be_the_last and self._look.first_page is None):
            # It may be money, or its size that of the last page: look at one more page
            # before many are asked for.
            return self._paging.first_page + 1
        return self._paging.first_page + -(-total.value // self._size) - 1

    def _total(self) -> Sign[int] | None:
        """The number of records by the API, as last announced, where it can be one."""
        # Fewer than there are: it means something else.
        announced = self._announced
        return announced if announced and announced.value >= self._rows else None

    def _contradiction(self) -> str | None:
        """Return what the answers themselves say against the end of the read."""
        assert self._first is not None
        assert self._last is not None
        if (where := self._first.signs.has_previous) and not self._look.is_settled:
            return (
                f"the first answer says that a page comes before it ({where}); the first "
                f"page may not be {self._paging.first_page} (base_page)"
            )
        total = self._total()
        if total is not None and total.value > self._rows:
            return (
                f"the answer says that there are {total.value:,} records "
                f"({total.where}), and {self._rows:,} were read"
            )
        signs = self._last.signs
        is_of_page = signs.cursor_may_be_of_this_page and self._style == "links"
        more = signs.more
        if more and self._style != "one" and not is_of_page:
            return f"the last answer says that more follows ({more})"
        return None

    def _explained(self, problem: str) -> str:
        return (
            f"{problem}. The {self._rows:,} records that were read are loaded and nothing "
            "is marked as deleted. Declare how the API pages, in dlt's words "
            "(total_path, has_more_path, cursor_path, next_url_path, …): "
            f"{self._paging.setting}."
        )

    def _within_maximum(self, asks: Sequence[Ask]) -> Sequence[Ask]:
        maximum = self._paging.maximum
        if maximum is None:
            return asks
        within = [ask for ask in asks if self._place(ask.number) < maximum]
        if asks and not within:
            self._end = f"the declared maximum ({maximum:,}) was reached"
        return within

    def _place(self, number: int) -> int:
        if self._style != "offsets":
            return number
        return (number - self._paging.first_page) * self._size - self._lacking

    def _at(self, number: int) -> Ask:
        if self._style == "offsets":
            return self._at_offset(number)
        return self._page(number)

    def _page(self, number: int) -> Ask:
        paging = self._paging
        return Ask(
            number,
            {paging.page_param: number, paging.page_size_param: paging.page_size},
        )

    def _at_offset(self, number: int) -> Ask:
        offset, limit = self._offset_words
        # An API that was recognised is asked for pages of the size of its first.
        size = self._limit or self._size
        return Ask(number, {offset: self._place(number), limit: size})

    def _allow(self, pages: int) -> None:
        if pages > self._paging.max_pages:
            raise PagingError(
                f"{self._api} announces {pages} pages at /{self._path}, more than the "
                f"cap of {self._paging.max_pages}. Nothing was loaded; raise max_pages "
                "for this source if that many are expected."
            )
