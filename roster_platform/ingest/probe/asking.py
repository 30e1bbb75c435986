"""Asks one endpoint a few times: where its records are, and how it pages.

Read only, small pages, one request after the other. What is proven is said, and how: page 2
differs from page 1; a page past the end is empty; a large page shows the server's cap. An
API that announces how it pages is asked four times. Any other is asked by the usual words,
eight times at most.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from roster_platform import documents
from roster_platform.errors import (
    AccessDeniedError,
    BadResponseError,
    CredentialsError,
    IngestError,
    NotFoundError,
    PagingError,
    RateLimitError,
    RefusedError,
    UnreachableError,
)
from roster_platform.ingest.http import Answer, ApiClient, selected
from roster_platform.ingest.paging import Ask, Page, Pager, Paging, with_paginator
from roster_platform.ingest.probe.shapes import safe_path
from roster_platform.ingest.signs.reading import signs_of
from roster_platform.records.field_mapping import style_key

ANNOUNCED_REQUESTS = 4
MOST_REQUESTS = 8
SMALL_PAGE = 5
LARGE_PAGE = 1000
_DEEPEST = 4
_REASONS: Mapping[type[IngestError], str] = {
    CredentialsError: "status 401: the token is wrong or was revoked",
    AccessDeniedError: "status 403: the token may not read it, or the plan lacks it",
    NotFoundError: "status 404: there is no such path",
    RefusedError: "status 400 or 422: the request is refused",
    RateLimitError: "status 429: too many requests; lower requests_per_minute, or "
    "try again later",
    UnreachableError: "no usable answer (network, time-out or status 5xx)",
    BadResponseError: "an answer that is not JSON, or an error in it",
    PagingError: "paging that does not end",
}
_PAGE_WORDS = ("pageNumber", "p", "page[number]", "pageIndex", "currentPage")
_OFFSETS = (("offset", "limit"), ("skip", "take"), ("start", "limit"))
_PREFIX = re.compile(r"^(?:api/)?v\d+/")
_RATE_LIMIT = re.compile(r"rate-?limit|retry-after|quota", re.IGNORECASE)


@dataclass
class Asked:
    """The shape of an endpoint's answer, without any value that could be shown.

    ``paginator`` is what a mapping has to say, None where the API is recognised without.
    ``open`` are questions that the answers leave open.
    """

    path: str
    id: str | None = None
    """What stands in the path for its parent, and is not to be shown."""
    requests: int = 0
    refused: str | None = None
    is_gone: bool = False
    """It does not exist, or the token may not read it: asking again does not help."""
    selector: str | None = None
    params: dict[str, Any] = field(default_factory=dict)
    """What has to be sent with each request, as a document says."""
    paginator: Mapping[str, Any] | str | None = None
    paging: str = ""
    proofs: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)
    cap: int | None = None
    rate_limits: dict[str, str] = field(default_factory=dict)
    records: list[Mapping[str, Any]] = field(default_factory=list)
    bodies: list[Any] = field(default_factory=list)


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
        self._client = client
        self._params = params
        self._paging = replace(paging, page_size=SMALL_PAGE)
        self._fields = {style_key(name) for name in fields}
        self._is_declared = is_declared
        self._known = known
        self.asked = Asked(path)
        self._items: set[bytes] = set()
        self._waiting: Answer | None = None

    def ask(self) -> Asked:
        """Ask, and return what was found; raises CredentialsError for a refused token."""
        asked = self.asked
        try:
            answer = self._first()
            if answer is None:
                return asked
            first = self._page(self._paging.first_page, answer)
            self._keep(first)
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
                answer = self._get(Pager("", path, self._paging).first(), path)
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
        declared = self._paging.data_selector
        if not isinstance(answer.body, list):
            selector = best_list(lists, self._fields, self._paging.data_selector)
            if selector is None:
                asked.refused = "its answer has no list of records"
                return None
            asked.selector = selector
            self._paging = replace(self._paging, data_selector=selector)
            if safe_path(selector.split(".")) != selector:
                asked.open.append("its records are kept by id, which is not understood")
        elif declared:
            asked.selector = None
            asked.proofs.append("the answer is the list itself")
        return answer

    def _get(self, ask: Ask, path: str | None = None) -> Answer:
        self.asked.requests += 1
        return self._client.get(
            ask.url or path or self.asked.path,
            {} if ask.url else {**self._params, **ask.params},
        )

    def _page(self, number: int, answer: Answer, paging: Paging | None = None) -> Page:
        paging = paging or self._paging
        try:
            raw, around = selected(answer, self._paging.data_selector)
            count = len(documents.loads(raw))
        except (KeyError, ValueError, TypeError):
            raise BadResponseError("without the list of records") from None
        signs = signs_of(
            around,
            answer.headers,
            count,
            paging.page_size,
            paging.declared,
        )
        return Page(number, raw, count, signs, datetime.now(UTC))

    def _keep(self, page: Page) -> bool:
        """Keep the records of a page; returns whether any of them is new."""
        new = page.items - self._items
        self._items |= page.items
        self.asked.records += [r for r in page.records if isinstance(r, dict)]
        return bool(new)

    def _find_paging(self, first: Page, answer: Answer) -> None:
        asked = self.asked
        if not first.count:
            self._look_at_page_0(first)
            return
        pager = Pager("", asked.path, self._paging)
        pager.first()
        pager.see(first)
        asks = pager.upcoming()
        if not asks:
            asked.paging = f"one page: {pager.end().proof}"
            if self._paging.type != "single_page":
                large = self._find_cap(first)
                if (
                    self._style_is_pages(first)
                    and large
                    and not (large.items & first.items)
                ):
                    self._check_first_page(first)
            return
        second = self._followed(asks[0], answer)
        is_new = self._keep(second)
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
                self._look_at_page_0(second)
            return
        if not pager.upcoming() and pager.end().is_complete:
            asked.paging = f"one page: {pager.end().proof}"
            return
        if first.count < SMALL_PAGE:
            # Perhaps all there is: the words that others have may prove it.
            self._waiting = answer
        elif not self._guess(answer):
            self._undecided()

    @property
    def is_waiting(self) -> bool:
        """Return whether the paging of a short list follows from that of others."""
        return self._waiting is not None

    def decide_waiting(self) -> None:
        """Try the words that the other endpoints have, and the usual ones."""
        assert self._waiting is not None
        if not self._guess(self._waiting):
            self._undecided()

    def _followed(self, ask: Ask, answer: Answer) -> Page:
        if ask.url is not None:
            url = self._client.same_host(self.asked.path, answer.url, ask.url)
            ask = replace(ask, url=url)
        return self._page(ask.number, self._get(ask))

    def _recognised(self, pager: Pager, first: Page, second: Page) -> None:
        """What is asked for without any setting brings other records: it is understood."""
        asked = self.asked
        style = pager.style or "pages"
        where = _announced_by(first)
        asked.paging = {
            "pages": f"page numbers ({self._paging.page_param})",
            "offsets": "offset and limit",
            "cursors": "a cursor",
            "links": "links to the next page",
        }.get(style, style) + (
            f", announced by {where}" if where else ", not announced"
        )
        asked.proofs.append("page 2 differs from page 1")
        if self._is_declared:
            asked.paginator = "kept"
        large = self._find_cap(first)
        if style != "pages" or large is None:
            return
        if large.items & first.items and large.digest != first.digest:
            total = first.signs.total_count or first.signs.doubtful_total
            self._past_the_end(first, second, total.value if total else None)
        else:
            # No page 1 of any size shows what is before it.
            self._check_first_page(first)

    def _past_the_end(self, first: Page, second: Page, total: int | None) -> None:
        size = max(first.count, second.count)
        pages = first.signs.total_pages
        last = pages.value if pages else -(-total // size) if total else 10**6
        number = self._paging.first_page + last + 1
        page = self._allowed(self._at(number))
        if page is None:
            self.asked.proofs.append("a page past the end is refused")
        elif not page.count:
            self.asked.proofs.append("a page past the end is empty")
        elif (
            page.digest in (first.digest, second.digest) or not page.items - self._items
        ):
            self.asked.proofs.append("a page past the end repeats another page")
        else:
            self.asked.open.append(
                "a page past the end has records: the total is wrong"
            )

    def _allowed(self, ask: Ask) -> Page | None:
        """A page; None where the API refuses to be asked for it."""
        try:
            return self._page(ask.number, self._get(ask))
        except (NotFoundError, RefusedError):
            return None

    def _at(self, number: int, size: int = SMALL_PAGE) -> Ask:
        paging = self._paging
        return Ask(number, {paging.page_param: number, paging.page_size_param: size})

    def _find_cap(self, first: Page) -> Page | None:
        """Ask for a large page: how many come at most, and is page 1 the first?"""
        asked, paging = self.asked, self._paging
        large = self._allowed(self._at(paging.first_page, LARGE_PAGE))
        if large is None:
            asked.proofs.append(f"pages of {LARGE_PAGE:,} records are refused")
            return None
        asked.records += [r for r in large.records[:LARGE_PAGE] if isinstance(r, dict)][
            : LARGE_PAGE // 2
        ]
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

    def _style_is_pages(self, first: Page) -> bool:
        return not (first.signs.cursor or first.signs.next_url)

    def _check_first_page(self, first: Page) -> None:
        """Records that no page 1 of any size has come before it: pages count from 0."""
        paging = self._paging
        if paging.first_page == 0:
            return
        page = self._allowed(self._at(0))
        if page is None:
            self.asked.proofs.append("page 0 is refused")
        elif page.count and not page.items & first.items:
            self._keep(page)
            self._counts_from_0("page numbers")

    def _look_at_page_0(self, first: Page) -> None:
        """Records that page 1 does not have may be on the page before it."""
        asked, paging = self.asked, self._paging
        page = self._allowed(self._at(0)) if paging.first_page == 1 else first
        if page is None or not self._keep(page):
            asked.paging = "not known"
            asked.open.append(
                "more records are announced than came"
                if self._items
                else "it has no records yet, so its fields are not known"
            )
            return
        self._counts_from_0(f"page numbers ({paging.page_param})")

    def _counts_from_0(self, paging: str) -> None:
        self.asked.paging = self.asked.paging or paging
        self.asked.proofs.append("page 0 has other records than page 1")
        self.asked.paginator = {
            "type": "page_number",
            "base_page": 0,
            "page_param": self._paging.page_param,
        }

    def _guess(self, answer: Answer) -> bool:
        """Try the words that other endpoints have, and then the usual ones."""
        guesses = [
            *self._known,
            *(self._undeclared_guesses(answer) if self._is_declared else ()),
            *self._cursor_guesses(answer),
            *(
                {"type": "offset", "offset_param": o, "limit_param": n, "limit": 100}
                for o, n in _OFFSETS
            ),
            *(
                {"type": "page_number", "base_page": 1, "page_param": word}
                for word in _PAGE_WORDS
            ),
        ]
        for paginator in guesses:
            if self.asked.requests >= MOST_REQUESTS:
                return False
            if proof := self._proof_of(paginator, answer):
                self.asked.paginator = paginator
                self.asked.paging = f"{_in_words(paginator)}, not announced"
                self.asked.proofs.append(proof)
                if paginator not in self._known:
                    self._known.append(paginator)
                return True
        return False

    def _proof_of(self, paginator: Mapping[str, Any], answer: Answer) -> str | None:
        """Return how a paginator is proven; None where it is ignored."""
        declared = with_paginator(self._paging, paginator)
        first = self._page(declared.first_page, answer, declared)
        pager = Pager("", self.asked.path, declared)
        pager.first()
        pager.see(first)
        asks = pager.upcoming()
        if not asks:
            is_said = paginator["type"] == "cursor" and pager.end().is_complete
            return pager.end().proof if is_said else None
        try:
            page = self._page(2, self._get(asks[0]))
        except CredentialsError:
            raise
        except IngestError:
            return None
        if page.count and self._keep(page):
            return "page 2 differs from page 1"
        is_understood = not page.count and paginator["type"] != "cursor"
        return "page 2 is empty, so the words are understood" if is_understood else None

    def _undeclared_guesses(self, answer: Answer) -> Iterator[Mapping[str, Any]]:
        """What is recognised without the paginator that the mapping declares."""
        signs = self._page(self._paging.first_page, answer).signs
        if signs.next_url:
            yield {"type": "json_link", "next_url_path": signs.next_url.where}
        yield {"type": "page_number", "base_page": 1, "page_param": "page"}

    def _cursor_guesses(self, answer: Answer) -> Iterator[Mapping[str, Any]]:
        """A lone text or number around the list may be the cursor to the next page."""
        _, around = selected(answer, self._paging.data_selector)
        paths = [
            f"{path}.{name}" if path else name
            for outer, body in around
            for path, value, name in _scalars(body, outer)
            if isinstance(value, str | int) and not isinstance(value, bool)
        ]
        for path in paths[:2]:
            if safe_path(path.split(".")) == path:
                yield {"type": "cursor", "cursor_path": path, "cursor_param": "cursor"}

    def _undecided(self) -> None:
        asked = self.asked
        asked.paging = "not known"
        asked.open.append(
            "page 2 is the same as page 1, by any of the usual words. If one answer has "
            "everything, declare `paginator: single_page`; else declare how it pages"
        )


def reason_of(error: IngestError) -> str:
    """Return why a request failed, in words that quote nothing of the answer."""
    return next(
        (said for kind, said in _REASONS.items() if type(error) is kind),
        type(error).__name__,
    )


def _other_paths(path: str) -> Iterator[str]:
    """Yield other paths of an endpoint: dltHub's example leaves out v2."""
    bare = _PREFIX.sub("", path)
    if bare != path:
        yield bare
        yield f"api/{path}"


def best_list(
    lists: Iterable[tuple[str, list[Any]]], fields: Collection[str], declared: str
) -> str | None:
    """Return the path of the list whose records have most of some fields (style keys).

    ``declared`` is the path that counts where several have as many.
    """

    def likeness(found: tuple[str, list[Any]]) -> tuple[int, bool, int]:
        path, records = found
        names = {style_key(n) for r in records if isinstance(r, dict) for n in r}
        is_declared = style_key(path) == style_key(declared)
        return len(names.intersection(fields)), is_declared, len(records)

    of_objects = [
        (path, found)
        for path, found in lists
        if all(isinstance(each, dict) for each in found)
    ]
    return max(of_objects, key=likeness)[0] if of_objects else None


def lists_in(
    body: Any, path: str = "", depth: int = _DEEPEST
) -> Iterator[tuple[str, Any]]:
    """Yield each list in an answer, but for those in lists, with its path."""
    if isinstance(body, list):
        yield path, body
    elif isinstance(body, Mapping) and depth:
        for name, inner in body.items():
            yield from lists_in(inner, f"{path}.{name}" if path else name, depth - 1)


def _scalars(
    body: Mapping[str, Any], path: str, depth: int = 2
) -> Iterator[tuple[str, Any, str]]:
    for name, value in body.items():
        if isinstance(value, Mapping):
            if depth:
                inner = f"{path}.{name}" if path else name
                yield from _scalars(value, inner, depth - 1)
        elif value is not None and not isinstance(value, list):
            yield path, value, name


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


def _in_words(paginator: Mapping[str, Any]) -> str:
    words = {
        "offset": "offset and limit ({offset_param}, {limit_param})",
        "page_number": "page numbers ({page_param})",
        "cursor": "a cursor ({cursor_path}, sent as {cursor_param})",
        "json_link": "links to the next page ({next_url_path})",
    }
    return words[paginator["type"]].format(**paginator)
