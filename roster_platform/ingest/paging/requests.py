"""The requests for the pages of one read, by number, offset or page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from roster_platform.ingest.paging.declared import Paging
from roster_platform.ingest.paging.page import Ask, Page

Style = Literal["pages", "offsets", "cursors", "links", "one"]
STYLES: Mapping[str, Style] = {
    "page_number": "pages",
    "offset": "offsets",
    "cursor": "cursors",
    "header_cursor": "cursors",
    "json_link": "links",
    "header_link": "links",
    "single_page": "one",
}


class PageRequests:
    """Makes the request for a page of a number, in the style that the read has found."""

    def __init__(self, paging: Paging) -> None:
        self._paging = paging
        self.style: Style | None = STYLES.get(paging.type)
        """How pages are asked for; None until the first one said it."""
        self.offset_words = (paging.offset_param, paging.limit_param)
        self.limit = paging.page_size
        """How many records are asked for at an offset; 0 for as many as a page has."""
        self.size = 0
        """How many records a page of the API has."""
        self.lacking = 0
        """How many records the pages so far had less than that."""

    def see_size_of(self, page: Page) -> None:
        """Note the size of the API's own pages: what it says, or what the first one has."""
        told = page.signs.page_size
        # An API that repeats what it was asked for may cap its pages all the same.
        repeats = told is None or told.value == self._paging.page_size
        is_told = told and not repeats and told.value >= page.count
        self.size = told.value if told and is_told else page.count

    def first(self) -> Ask:
        """Return the first request."""
        if self.style == "one":
            return Ask(self._paging.first_page)
        return self.at(self._paging.first_page)

    def at(self, number: int) -> Ask:
        """Return the request for a page by its number, also where offsets are asked for."""
        if self.style == "offsets":
            offset, limit = self.offset_words
            # An API that was recognised is asked for pages of the size of its first.
            size = self.limit or self.size
            return Ask(number, {offset: self._place(number), limit: size})
        return self.page(number)

    def page(self, number: int) -> Ask:
        """Return the request for a page by its number."""
        paging = self._paging
        return Ask(
            number,
            {paging.page_param: number, paging.page_size_param: paging.page_size},
        )

    def within_maximum(self, asks: Sequence[Ask]) -> Sequence[Ask]:
        """Return those before the declared maximum, if one is declared."""
        maximum = self._paging.maximum
        if maximum is None:
            return asks
        return [ask for ask in asks if self._place(ask.number) < maximum]

    def _place(self, number: int) -> int:
        if self.style != "offsets":
            return number
        return (number - self._paging.first_page) * self.size - self.lacking
