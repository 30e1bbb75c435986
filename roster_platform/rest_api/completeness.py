"""Completeness: the end of a read of one endpoint, and its proof.

dlt's paginators decide where a read ends. What the answers say about themselves
(``signs``) may prove that end, or contradict it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dlt.sources.helpers.rest_client.paginators import (
    BasePaginator,
    HeaderCursorPaginator,
    HeaderLinkPaginator,
    JSONLinkPaginator,
    JSONResponseCursorPaginator,
    OffsetPaginator,
    PageNumberPaginator,
    RangePaginator,
    SinglePagePaginator,
)
from requests import Request, Response

from roster_platform.errors import BadResponseError
from roster_platform.ingest.signs import words
from roster_platform.ingest.signs.errors import error_in
from roster_platform.ingest.signs.page_signs import Around, DeclaredPaths, PageSigns
from roster_platform.ingest.signs.reading import signs_of

# They never ask for the same page twice; one of a user's own may.
DLTS_PAGINATORS = (
    HeaderCursorPaginator,
    HeaderLinkPaginator,
    JSONLinkPaginator,
    JSONResponseCursorPaginator,
    OffsetPaginator,
    PageNumberPaginator,
    SinglePagePaginator,
)
_COUNTING = (PageNumberPaginator, OffsetPaginator)
_NO_SIGNS = PageSigns()
_STARTS = words.OFFSETS.keys() | {"page", "pagenumber", "pageindex", "cursor", "after"}


@dataclass
class Reading:
    """The pages of one endpoint seen so far."""

    single_page: bool
    """The declaration says that there is one page."""
    counts_records: bool
    """The rows of a page are the records that the API counts."""
    pages: int = 0
    rows: int = 0
    ignored: bool = False
    """A response action ended it."""
    repeated: bool = False
    paginator: BasePaginator | None = None
    _first: PageSigns = _NO_SIGNS
    _last: PageSigns = _NO_SIGNS
    _last_rows: int = 0
    _digest: bytes = b""
    _is_list: bool = False
    _starts_within: bool = field(default=False)

    def see(
        self, request: Request, response: Response, selector: Any, data: list[Any]
    ) -> PageSigns:
        """Note one page; ``request`` is the one it answers. Returns its signs.

        Raises BadResponseError for a 200 that says that it is an error.
        """
        body = response.json()
        around = _around(body, selector)
        self._is_list = bool(around) or isinstance(body, list)
        if around and (said := error_in(around[0][1])):
            raise BadResponseError(
                f"answered with status {response.status_code} and an error in it "
                f"(“{' '.join(said.split())[:200]}”)"
            )
        signs = signs_of(
            around, response.headers, len(data), _size_asked(request), DeclaredPaths()
        )
        if not self.pages:
            params: Any = request.params or {}
            self._first = signs
            self._starts_within = any(
                _word(name) in _STARTS and str(value) not in ("0", "1")
                for name, value in params.items()
            )
        self._last, self._last_rows = signs, len(data)
        self.pages += 1
        self.rows += len(data)
        return signs

    def is_repeated(self, data: list[Any]) -> bool:
        """Return whether a page repeats its predecessor, where only an empty one ends it.

        A server that ignores ``page`` answers the same for ever.
        """
        paginator = self.paginator
        if type(paginator) not in _COUNTING:
            return False
        assert isinstance(paginator, RangePaginator)
        knows_end = paginator.total_path or paginator.has_more_path
        if knows_end or paginator.maximum_value is not None:
            return False
        digest = hashlib.blake2b(repr(data).encode("utf-8", "replace")).digest()
        self.repeated = bool(data) and digest == self._digest
        self._digest = digest
        return self.repeated

    def end(self) -> tuple[bool | None, str]:
        """Return whether everything was read (None: not known), and why."""
        if self.ignored:
            return True, "a response action ends the read"
        if self.single_page:
            return True, "declared as a single page"
        if not self.pages:
            return True, "nothing was answered"
        if problem := self._contradiction():
            # A paginator of the user's own may have its reasons.
            return (False if type(self.paginator) in DLTS_PAGINATORS else None), problem
        if self.repeated:
            if self.pages > 1:
                return True, f"page {self.pages + 1} is the same as the one before"
            return None, (
                "page 2 is the same as page 1, so the API may ignore how it is asked. If "
                "one answer has everything, declare `paginator: single_page`"
            )
        total = self._last.total_count or self._first.doubtful_total
        if total is not None and total.value == self.rows:
            return True, f"the total of {total.value:,} ({total.where}) was reached"
        if self._last.has_more is not None:
            return True, f"{self._last.has_more.where} says that no more follows"
        if self._last.ends:
            return True, f"{self._last.ends} has no next page"
        if not self._last_rows and self._is_list:
            return True, "the last page is empty"
        if not self._is_list:
            return True, "the answer is one record"
        name = type(self.paginator).__name__
        if isinstance(self.paginator, SinglePagePaginator):
            return None, (
                "the answer says nothing about other pages. If it has everything, declare "
                "`paginator: single_page`; otherwise declare how the API pages"
            )
        return True, f"{name} found no next page"

    def _contradiction(self) -> str | None:
        """Return what the answers themselves say against the end."""
        paginator = self.paginator
        if isinstance(paginator, RangePaginator):
            maximum, value = paginator.maximum_value, paginator.current_value
            if maximum is not None and value >= maximum:
                return None
            if paginator.initial_value > max(1, paginator.base_index):
                return None
        if self._starts_within:
            return None
        total = self._last.total_count or self._first.total_count
        total = total or self._first.doubtful_total
        if self.counts_records and total and total.value > self.rows:
            return (
                f"the answer says that there are {total.value:,} records "
                f"({total.where}), and {self.rows:,} were read"
            )
        pages = self._last.total_pages
        if pages and pages.value > self.pages and self._last_rows:
            return (
                f"the answer says that there are {pages.value:,} pages "
                f"({pages.where}), and {self.pages:,} were read"
            )
        if self._last_rows and (more := self._last.more):
            return f"the last answer says that more follows ({more})"
        return None


def counts_records(selector: Any) -> bool:
    """Return whether what a selector finds is one list, not parts of several."""
    return selector is None or _keys(str(selector)) is not None


def _keys(selector: str) -> list[str] | None:
    """The keys on the way to the list; None for a selector that is more than keys."""
    path = selector.removeprefix("$").removeprefix(".")
    keys = path.split(".") if path else []
    return keys if all(re.fullmatch(r"[\w@ -]+", key) for key in keys) else None


def _around(body: Any, selector: Any) -> list[Around]:
    """The objects around the list of records, from the outermost."""
    keys = _keys(str(selector)) if selector is not None else None
    if not isinstance(body, dict) or keys == []:
        return []
    if keys is None:
        return [("", body)]
    found: list[Around] = []
    for depth, key in enumerate(keys):
        if not isinstance(body, Mapping) or key not in body:
            break
        rest = {name: value for name, value in body.items() if name != key}
        found.append((".".join(keys[:depth]), rest))
        body = body[key]
    return found


def _size_asked(request: Request) -> int:
    sizes = words.PAGE_SIZE | {*words.LIMITS, "maxresults"}
    for params in (request.params, request.json):
        for name, value in (params if isinstance(params, dict) else {}).items():
            if _word(name) in sizes and str(value).isdigit():
                return int(value)
    return 0


def _word(name: Any) -> str:
    return re.sub(r"[^a-z0-9]", "", str(name).lower())
