"""The edges of an endpoint's pages: the largest, the one past the end, and page 0."""

from __future__ import annotations

from roster_platform.ingest.paging.page import Page
from roster_platform.ingest.probe.requests import SMALL_PAGE, Requests

_LARGE_PAGE = 1000


class Edges:
    """Looks at the edges of an endpoint that is asked by page numbers."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests
        self._asked = requests.asked

    def past_the_end(self, first: Page, second: Page, total: int | None) -> None:
        """Ask for a page past the end: it proves that page numbers are understood."""
        size = max(first.count, second.count)
        pages = first.signs.total_pages
        last = pages.value if pages else -(-total // size) if total else 10**6
        number = self._requests.paging.first_page + last + 1
        page = self._requests.allowed(self._requests.at(number))
        if page is None:
            self._asked.proofs.append("a page past the end is refused")
        elif not page.count:
            self._asked.proofs.append("a page past the end is empty")
        elif (
            page.digest in (first.digest, second.digest)
            or not page.items - self._requests.items
        ):
            self._asked.proofs.append("a page past the end repeats another page")
        else:
            self._asked.open.append(
                "a page past the end has records: the total is wrong"
            )

    def find_cap(self, first: Page) -> Page | None:
        """Ask for a large page: how many come at most, and is page 1 the first?"""
        asked, paging = self._asked, self._requests.paging
        large = self._requests.allowed(
            self._requests.at(paging.first_page, _LARGE_PAGE)
        )
        if large is None:
            asked.proofs.append(f"pages of {_LARGE_PAGE:,} records are refused")
            return None
        asked.records += [
            r for r in large.records[:_LARGE_PAGE] if isinstance(r, dict)
        ][: _LARGE_PAGE // 2]
        if large.count > first.count:
            asked.cap = large.count
            asked.proofs.append(
                f"{paging.page_size_param} is understood; a page has {large.count} "
                "records at most"
                if self._has_more(large)
                else f"{paging.page_size_param} is understood"
            )
        elif first.count != SMALL_PAGE and self._has_more(large):
            asked.cap = large.count
            asked.proofs.append(
                f"each page has {large.count} records, whatever is asked"
            )
        return large

    def _has_more(self, large: Page) -> bool:
        total = large.signs.total_count or large.signs.doubtful_total
        return (total.value > large.count) if total else large.signs.more is not None

    def check_first_page(self, first: Page) -> None:
        """Records that no page 1 of any size has come before it: pages count from 0."""
        paging = self._requests.paging
        if paging.first_page == 0:
            return
        page = self._requests.allowed(self._requests.at(0))
        if page is None:
            self._asked.proofs.append("page 0 is refused")
        elif page.count and not page.items & first.items:
            self._requests.keep(page)
            self._counts_from_0("page numbers")

    def look_at_page_0(self, first: Page) -> None:
        """Records that page 1 does not have may be on the page before it."""
        asked, paging = self._asked, self._requests.paging
        page = (
            self._requests.allowed(self._requests.at(0))
            if paging.first_page == 1
            else first
        )
        if page is None or not self._requests.keep(page):
            asked.paging = "not known"
            asked.open.append(
                "more records are announced than came"
                if self._requests.items
                else "it has no records yet, so its fields are not known"
            )
            return
        self._counts_from_0(f"page numbers ({paging.page_param})")

    def _counts_from_0(self, paging: str) -> None:
        self._asked.paging = self._asked.paging or paging
        self._asked.proofs.append("page 0 has other records than page 1")
        self._asked.paginator = {
            "type": "page_number",
            "base_page": 0,
            "page_param": self._requests.paging.page_param,
        }
