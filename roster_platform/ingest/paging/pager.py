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

from collections.abc import Sequence

from roster_platform.errors import PagingError, ReadError
from roster_platform.ingest.paging.declared import Paging
from roster_platform.ingest.paging.last_look import LastLook
from roster_platform.ingest.paging.page import Ask, Page, ReadEnd
from roster_platform.ingest.paging.proofs import (
    contradiction,
    explained,
    no_more,
    repeated,
    total_reached,
)
from roster_platform.ingest.paging.requests import PageRequests, Style
from roster_platform.ingest.signs.names import cursor_param
from roster_platform.ingest.signs.page_signs import PageSigns, Sign

_MAX_EMPTY_PAGES = 20


class Pager:
    """Decides the next requests of one read, and whether its end was proven.

    Raises PagingError for paging that would never end.
    """

    def __init__(self, api: str, path: str, paging: Paging) -> None:
        self._api, self._path, self._paging = api, path, paging
        self._ask = PageRequests(paging)
        self._pages = self._rows = self._empty = 0
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
        return self._ask.style

    def first(self) -> Ask:
        """The first request."""
        return self._ask.first()

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
        if self._ask.style == "offsets":
            self._ask.lacking += max(0, self._ask.size - page.count)
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
        if self._ask.style is None:
            self._ask.style = self._recognised(page.signs)
        if page is self._first:
            self._ask.see_size_of(page)
        if self._ask.style == "one":
            self._end = f"one answer has everything ({self._paging.setting})"
            return []
        if self._ask.style in ("cursors", "links"):
            return self._follow(page)
        asks = self._count_on(page)
        within = self._ask.within_maximum(asks)
        if asks and not within:
            self._end = f"the declared maximum ({self._paging.maximum:,}) was reached"
        return within

    def page_before(self) -> Ask | None:
        """One last request: the page before the first, where nothing proves the first."""
        if self._problem:
            return None
        if self._offset_may_count_pages():
            offset, limit = self._ask.offset_words
            return Ask(1, {offset: 1, limit: self._ask.limit or self._ask.size})
        total = self._total()
        if self._has_grown and self._ask.style == "pages" and self._may_grow():
            return (
                self._ask.page(self._paging.first_page) if self._look.begin() else None
            )
        number = self._look.page_before(self._ask.style, self._rows, total)
        return None if number is None else self._ask.page(number)

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
        if self._ask.style == "offsets" and unknown == page.count and unknown:
            offset, _ = self._ask.offset_words
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
        problem = self._problem or self._contradicted()
        total = self._total()
        announced = total.value if total else None
        if problem:
            return ReadEnd(
                False, explained(problem, self._rows, self._paging.setting), announced
            )
        proof = self._end or "nothing was asked"
        first_page = self._look.first_page
        if first_page == 0:
            proof += "; pages are counted from 0"
        return ReadEnd(True, proof, announced, first_page)

    def _contradicted(self) -> str | None:
        assert self._first is not None
        assert self._last is not None
        if (where := self._first.signs.has_previous) and not self._look.is_settled:
            return (
                f"the first answer says that a page comes before it ({where}); the first "
                f"page may not be {self._paging.first_page} (base_page)"
            )
        signs, style = self._last.signs, self._ask.style
        return contradiction(signs, style, self._total(), self._rows)

    def _offset_may_count_pages(self) -> bool:
        """Return whether a full first page with nothing after it has to be looked into."""
        assert self._first is not None
        assert self._last is not None
        size = self._first.signs.page_size
        full = size.value if size else self._ask.limit
        is_all = self._pages == 2 and not self._last.count and self._total() is None
        is_full = 0 < full <= self._first.count
        return (
            self._ask.style == "offsets" and is_all and is_full and self._look.begin()
        )

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
        if (
            follows_itself
            and self._pages > 2
            and self._ask.style in ("pages", "offsets")
        ):
            # Some APIs send the last page again for every page after it.
            self._end = f"page {page.number} is the last page again"
            return
        if before and before.signs.has_more and not before.signs.has_more.value:
            # Its link led to what was read already.
            self._end = no_more(before.signs)
            return
        if self._pages == 2 and (said := self._end_said_at_first()):
            self._end = said
            return
        if self._pages == 2 and page.number == 1 and self._ask.style in (None, "pages"):
            # Some APIs that count from 1 send their first page for 0, too.
            return
        if self._pages == 2 and self._ask.style == "offsets" and not self._ask.limit:
            # It repeats an offset, and is asked by page all the same.
            self._ask.style, self._last, self._pages = "pages", self._first, 1
            return
        earlier = self._seen.get(page.digest, self._paging.first_page)
        self._problem = repeated(page.number, earlier, self._ask.style)

    def _end_said_at_first(self) -> str | None:
        """Return what the first answer said of the end, which was not believed at once."""
        assert self._first is not None
        signs = self._first.signs
        if signs.doubtful_total and signs.doubtful_total.value == self._rows:
            return total_reached(signs.doubtful_total)
        return f"{signs.ends} has no next page" if signs.ends else None

    def _recognised(self, signs: PageSigns) -> Style:
        if signs.says_no_more:
            return "pages"
        if signs.next_url:
            return "links"
        if signs.cursor:
            return "cursors"
        following = signs.next_page.value if signs.next_page else None
        if signs.offset_words or following == self._rows > self._paging.first_page + 1:
            self._ask.offset_words = signs.offset_words or self._ask.offset_words
            self._ask.limit = 0
            return "offsets"
        if following not in (None, self._paging.first_page + 1):
            return "cursors"
        return "pages"

    def _follow(self, page: Page) -> Sequence[Ask]:
        signs = page.signs
        if signs.says_no_more or self._is_over_after(page):
            self._end = no_more(signs)
            return []
        if self._ask.style == "links":
            sign = signs.next_url
        elif signs.next_page and not signs.cursor:
            sign = Sign(str(signs.next_page.value), signs.next_page.where)
        else:
            sign = signs.cursor
        if sign is None:
            return self._without_next(page)
        if sign.value in self._followed and signs.has_more and not signs.has_more.value:
            self._end = no_more(signs)
            return []
        if sign.value in self._followed:
            raise PagingError(
                f"{self._api} sent the same next-page cursor twice for /{self._path}, so "
                "the read would never end. Nothing was loaded; report it to the vendor, "
                "and try again later."
            )
        self._followed.add(sign.value)
        number = page.number + 1
        if self._ask.style == "links":
            return [Ask(number, url=sign.value)]
        param = cursor_param(sign.where, self._paging.cursor_param)
        size = {self._paging.page_size_param: self._paging.page_size}
        return [Ask(number, {param: sign.value, **size})]

    def _is_over_after(self, page: Page) -> bool:
        """Return whether a page has nothing, and says that nothing follows."""
        more = page.signs.has_more
        return not page.count and more is not None and not more.value

    def _without_next(self, page: Page) -> Sequence[Ask]:
        """A page without the link or cursor to the next one."""
        if page is self._first and not page.signs.ends and page.count:
            # It was never there, so it proves nothing: ask as if nothing were declared.
            self._ask.style = "pages"
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
            return [self._ask.at(number) for number in range(page.number + 1, last + 1)]
        if signs.has_more is not None and not is_short_of_total:
            if signs.has_more.value or not (
                signs.says_no_more or self._is_over_after(page)
            ):
                return [self._ask.at(page.number + 1)]
            self._end = no_more(signs)
            return []
        if not page.count and page is self._first and page.number == 0 and not total:
            # It may be counted from 1.
            return [self._ask.at(1)]
        if not page.count:
            self._end = (
                "the first page is empty"
                if page is self._first
                else f"page {page.number}, after the last, is empty"
            )
            return []
        if total is not None and not is_short_of_total and not self._is_doubtful():
            self._end = total_reached(total)
            return []
        if signs.ends and not is_short_of_total and self._said_more:
            self._end = f"{signs.ends} has no next page"
            return []
        pages, full = signs.total_pages, signs.page_size
        full_size = full.value if full else self._paging.page_size
        if pages and pages.value and not is_short_of_total and page.count < full_size:
            self._end = f"all {pages.value:,} pages ({pages.where}) were read"
            return []
        return [self._ask.at(page.number + 1)]

    def _is_doubtful(self) -> bool:
        """Return whether a total may be just the length of the only page so far."""
        assert self._first is not None
        return self._pages == 1 and self._first.signs.total_count is None

    def _last_number(self, total: Sign[int] | None) -> int | None:
        """The number of the last page, where the API says or implies it."""
        assert self._last is not None
        pages = self._last.signs.total_pages
        if pages is not None:
            return self._paging.first_page + pages.value - 1
        if total is None or not self._ask.size or total.value <= self._rows:
            return None
        may_be_the_last = self._pages == 1 and self._last.count < self._paging.page_size
        if self._is_doubtful() or (may_be_the_last and self._look.first_page is None):
            # It may be money, or its size that of the last page: look at one more page
            # before many are asked for.
            return self._paging.first_page + 1
        return self._paging.first_page + -(-total.value // self._ask.size) - 1

    def _total(self) -> Sign[int] | None:
        """The number of records by the API, as last announced, where it can be one."""
        # Fewer than there are: it means something else.
        announced = self._announced
        return announced if announced and announced.value >= self._rows else None

    def _allow(self, pages: int) -> None:
        if pages > self._paging.max_pages:
            raise PagingError(
                f"{self._api} announces {pages} pages at /{self._path}, more than the "
                f"cap of {self._paging.max_pages}. Nothing was loaded; raise max_pages "
                "for this source if that many are expected."
            )
