"""Asks one endpoint a few times: where its records are, and how it pages.

Read only, small pages, one request after the other. What is proven is said, and how: page 2
differs from page 1; a page past the end is empty; a large page shows the server's cap. An
API that announces how it pages is asked four times. Any other is asked by the usual words,
eight times at most.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

from roster_platform.errors import (
    AccessDeniedError,
    CredentialsError,
    IngestError,
    NotFoundError,
)
from roster_platform.ingest.http.client import ApiClient
from roster_platform.ingest.paging.declared import Paging
from roster_platform.ingest.paging.page import Page
from roster_platform.ingest.paging.pager import Pager
from roster_platform.ingest.probe.asked import Asked, reason_of
from roster_platform.ingest.probe.edges import Edges
from roster_platform.ingest.probe.guesses import Guesses
from roster_platform.ingest.probe.lists import best_list, lists_in
from roster_platform.ingest.probe.requests import SMALL_PAGE, Requests
from roster_platform.ingest.probe.shapes import safe_path
from roster_platform.ingest.reading.answers import Answer
from roster_platform.records.field_mapping import style_key

ANNOUNCED_REQUESTS = 4
_PREFIX = re.compile(r"^(?:api/)?v\d+/")
_RATE_LIMIT = re.compile(r"rate-?limit|retry-after|quota", re.IGNORECASE)


class Asker:
    """Asks one endpoint; ``fields`` are the names that its records should have.

    ``known`` are the paginators that other endpoints of the API were found to have.
    """

    def __init__(
        self,
        client: ApiClient,
        path: str,
        params: Mapping[str, Any],
        paging: Paging,
        fields: Collection[str],
        *,
        is_declared: bool,
        known: list[Mapping[str, Any]],
    ) -> None:
        self._fields = {style_key(name) for name in fields}
        self._is_declared = is_declared
        self._requests = Requests(client, path, params, paging)
        self._edges = Edges(self._requests)
        self._guesses = Guesses(self._requests, is_declared=is_declared, known=known)
        self.asked = self._requests.asked
        self._waiting: Answer | None = None

    def ask(self) -> Asked:
        """Ask, and return what was found; raises CredentialsError for a refused token."""
        asked = self.asked
        try:
            answer = self._first()
            if answer is None:
                return asked
            first = self._requests.page(self._requests.paging.first_page, answer)
            self._requests.keep(first)
            self._find_paging(first, answer)
        except CredentialsError:
            raise
        except IngestError as error:
            asked.open.append(f"a later page could not be read: {reason_of(error)}")
        return asked

    def _first(self) -> Answer | None:
        """The first answer, at the path or at a likely other one."""
        asked = self.asked
        paths = [asked.path, *_other_paths(asked.path)]
        for path in paths:
            try:
                answer = self._requests.get(
                    Pager("", path, self._requests.paging).first(), path
                )
            except CredentialsError:
                raise
            except IngestError as error:
                # The reason of the declared path is the one that counts.
                asked.refused = asked.refused or reason_of(error)
                asked.is_gone = isinstance(error, AccessDeniedError | NotFoundError)
                if not isinstance(error, NotFoundError):
                    return None
                continue
            asked.path, asked.refused, asked.is_gone = path, None, False
            asked.rate_limits = {
                name: value if value.strip().isdigit() else "…"
                for name, value in answer.headers.items()
                if _RATE_LIMIT.search(name)
            }
            return self._found_list(answer)
        return None

    def _found_list(self, answer: Answer) -> Answer | None:
        asked = self.asked
        asked.bodies.append(answer.body)
        lists = list(lists_in(answer.body))
        declared = self._requests.paging.data_selector
        if not isinstance(answer.body, list):
            selector = best_list(
                lists, self._fields, self._requests.paging.data_selector
            )
            if selector is None:
                asked.refused = "its answer has no list of records"
                return None
            asked.selector = selector
            self._requests.paging = replace(
                self._requests.paging, data_selector=selector
            )
            if safe_path(selector.split(".")) != selector:
                asked.open.append("its records are kept by id, which is not understood")
        elif declared:
            asked.selector = None
            asked.proofs.append("the answer is the list itself")
        return answer

    def _find_paging(self, first: Page, answer: Answer) -> None:
        asked = self.asked
        if not first.count:
            self._edges.look_at_page_0(first)
            return
        pager = Pager("", asked.path, self._requests.paging)
        pager.first()
        pager.see(first)
        asks = pager.upcoming()
        if not asks:
            asked.paging = f"one page: {pager.end().proof}"
            if self._requests.paging.type != "single_page":
                large = self._edges.find_cap(first)
                if (
                    self._style_is_pages(first)
                    and large
                    and not (large.items & first.items)
                ):
                    self._edges.check_first_page(first)
            return
        second = self._requests.followed(asks[0], answer)
        is_new = self._requests.keep(second)
        pager.see(second)
        if is_new:
            self._recognised(pager, first, second)
            return
        if not second.count:
            # It decides how the list ended when it is asked what is next.
            pager.upcoming()
            if pager.end().is_complete:
                asked.paging = f"one page: {pager.end().proof}"
            else:
                # More is announced than came: it may be on the page before the first.
                self._edges.look_at_page_0(second)
            return
        if not pager.upcoming() and pager.end().is_complete:
            asked.paging = f"one page: {pager.end().proof}"
            return
        if first.count < SMALL_PAGE:
            # Perhaps all there is: the words that others have may prove it.
            self._waiting = answer
        elif not self._guesses.prove(answer):
            self._undecided()

    @property
    def is_waiting(self) -> bool:
        """Return whether the paging of a short list follows from that of others."""
        return self._waiting is not None

    def decide_waiting(self) -> None:
        """Try the words that the other endpoints have, and the usual ones."""
        assert self._waiting is not None
        if not self._guesses.prove(self._waiting):
            self._undecided()

    def _recognised(self, pager: Pager, first: Page, second: Page) -> None:
        """What is asked for without any setting brings other records: it is understood."""
        asked = self.asked
        style = pager.style or "pages"
        where = _announced_by(first)
        asked.paging = {
            "pages": f"page numbers ({self._requests.paging.page_param})",
            "offsets": "offset and limit",
            "cursors": "a cursor",
            "links": "links to the next page",
        }.get(style, style) + (
            f", announced by {where}" if where else ", not announced"
        )
        asked.proofs.append("page 2 differs from page 1")
        if self._is_declared:
            asked.paginator = "kept"
        large = self._edges.find_cap(first)
        if style != "pages" or large is None:
            return
        if large.items & first.items and large.digest != first.digest:
            total = first.signs.total_count or first.signs.doubtful_total
            self._edges.past_the_end(first, second, total.value if total else None)
        else:
            # No page 1 of any size shows what is before it.
            self._edges.check_first_page(first)

    def _style_is_pages(self, first: Page) -> bool:
        return not (first.signs.cursor or first.signs.next_url)

    def _undecided(self) -> None:
        asked = self.asked
        asked.paging = "not known"
        asked.open.append(
            "page 2 is the same as page 1, by any of the usual words. If one answer has "
            "everything, declare `paginator: single_page`; else declare how it pages"
        )


def _other_paths(path: str) -> Iterator[str]:
    """Yield other paths of an endpoint: dltHub's example leaves out v2."""
    bare = _PREFIX.sub("", path)
    if bare != path:
        yield bare
        yield f"api/{path}"


def _announced_by(first: Page) -> str | None:
    signs = first.signs
    for sign in (
        signs.next_url,
        signs.cursor,
        signs.total_pages,
        signs.total_count,
        signs.doubtful_total,
        signs.has_more,
        signs.next_page,
    ):
        if sign is not None:
            return sign.where
    return None
