"""One more request at the end of a read, where its first page may not be the API's first.

Pages may be counted from 0, and an API that announces nothing then sends page 1 as if
nothing came before it. So where no answer proves which page is the first, the page before
it is asked for, once: an error, an empty list and records that are known prove that nothing
comes before; other records are read. A number that counts pages may likewise be taken for
an offset, which then leads past the end at once.
"""

from __future__ import annotations

import re
from array import array
from itertools import chain
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from roster_platform.errors import (
    AccessDeniedError,
    BadResponseError,
    NotFoundError,
    ReadError,
    UnreachableError,
)

if TYPE_CHECKING:
    from roster_platform.ingest.paging.declared import Paging
    from roster_platform.ingest.paging.page import Page
    from roster_platform.ingest.signs.page_signs import Sign

_REFUSALS = (AccessDeniedError, BadResponseError, NotFoundError)
# These may be the number of the last page, which is one less when counted from 0.
_LAST_NUMBERS = {"lastpage", "lastpagenumber", "maxpage", "maxpages"}


class LastLook:
    """Decides about the request, and what its answer says of the pages that were read.

    ``first_page`` is the number of the API's first page; None where it is not known.
    ``is_settled`` says that the request was answered, whatever other answers say.
    """

    def __init__(self, paging: Paging) -> None:
        self._paging = paging
        self._first: Page | None = None
        self._full: Page | None = None
        self._known: list[array[int]] = []
        self._is_asked = False
        self.first_page = paging.first_page if paging.first_page_is_known else None
        self.is_settled = False

    def see(self, page: Page, *, may_grow: bool) -> None:
        """Take a page of the read into account.

        ``may_grow``: the first page may have to be asked for again, and be compared.
        """
        self._first = self._first or page
        if page.count:
            self._full = page
        signs = self._first.signs
        is_unknown = self.first_page is None and not signs.begins
        if may_grow or is_unknown or signs.has_previous:
            # By their hashes, as there may be many records.
            self._known.append(array("q", map(hash, page.items)))

    def begin(self) -> bool:
        """Return whether nothing was asked yet: there is one request."""
        was_asked, self._is_asked = self._is_asked, True
        return not was_asked

    def page_before(
        self, style: str | None, rows: int, total: Sign[int] | None
    ) -> int | None:
        """The number of the page to look at; None where nothing is to be asked.

        ``rows`` were read in this ``style``, and ``total`` is what the API announces.
        """
        assert self._first is not None
        number = self._paging.first_page - 1
        if number < 0 or not self.begin():
            return None
        if self._first.signs.has_previous:
            return number
        if self.first_page is None and self._is_proven(style, rows, total):
            self.first_page = self._paging.first_page
        return number if self.first_page is None else None

    def see_before(self, page: Page) -> int:
        """The number of records on the page before the first that the read has not met."""
        known = set(chain.from_iterable(self._known))
        unknown = sum(hash(item) not in known for item in page.items)
        self.is_settled = True
        if not unknown:
            self.first_page = self._paging.first_page
        elif unknown == len(page.items):
            self.first_page = page.number
        return unknown

    def refused(self, error: ReadError) -> None:
        """Take an error for the answer; raises what says nothing about that page."""
        status = error.status if isinstance(error, UnreachableError) else None
        is_failure = status is not None
        if not (is_failure or isinstance(error, _REFUSALS)):
            raise error
        # An offset below 0 makes some servers fail; others only fail for a while.
        if not is_failure or status == 500:
            self.first_page = self._paging.first_page
            self.is_settled = True

    def _is_proven(self, style: str | None, rows: int, total: Sign[int] | None) -> bool:
        """Return whether an answer says or implies that no page comes before the first."""
        first = self._first
        assert first is not None
        signs = first.signs
        if signs.begins or style in ("one", "offsets", "cursors"):
            return True
        if total is not None and total.value == rows:
            return True
        if style == "links":
            return not _counts_pages(signs.next_url, self._paging)
        pages = signs.total_pages
        if pages is None or self._full is None or _name(pages) in _LAST_NUMBERS:
            return False
        return self._full.number == self._paging.first_page + pages.value - 1


def _counts_pages(link: Sign[str] | None, paging: Paging) -> bool:
    """Return whether a link leads to the second page by its number."""
    second = str(paging.first_page + 1)
    return any(
        value == second and ("page" in name.lower() or name == paging.page_param)
        for name, value in parse_qsl(urlsplit(link.value if link else "").query)
    )


def _name(sign: Sign[int]) -> str:
    return re.sub(r"[^a-z]", "", sign.where.rsplit(".", 1)[-1].lower())
