"""A client of one API: documents, and lists of many pages, several at a time.

dlt's own ``RESTClient`` reads one page after the other; with 50 ms of latency that is
five times slower than reading pages side by side. This client keeps dlt's vocabulary
(paths, params, data selector) and adds what was measured to be missing: pages are fetched
concurrently once the first one says how many there are, and are handed over in order
while the next ones are on their way. Paging always ends: repeated pages, endless cursors
and foreign hosts are errors.
"""

from __future__ import annotations

from collections.abc import (
    AsyncGenerator,
    Generator,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from functools import partial
from typing import Any, TypeVar
from urllib.parse import urljoin, urlsplit

import msgspec

from roster_platform.errors import (
    BadResponseError,
    IngestError,
    PagingError,
    ReadError,
)
from roster_platform.ingest.http.document_client import DocumentClient
from roster_platform.ingest.http.loop import in_order
from roster_platform.ingest.http.selection import lists_in, selected
from roster_platform.ingest.paging.declared import Paging
from roster_platform.ingest.paging.page import Ask, Page, ReadEnd
from roster_platform.ingest.paging.pager import Pager
from roster_platform.ingest.reading.answers import Answer
from roster_platform.ingest.signs.reading import signs_of

_T = TypeVar("_T")


class _Object(msgspec.Struct):
    """Any JSON object."""


_OBJECTS = msgspec.json.Decoder(list[_Object])


class ApiClient(DocumentClient):
    """Reads documents and lists of one API; see DocumentClient for what it is made of."""

    def pages(
        self, path: str, params: Mapping[str, Any], paging: Paging
    ) -> Generator[Page, None, ReadEnd]:
        """Read every page of an endpoint, in order; stop iterating to stop early.

        Returns how the read ended, and whether that was proven. Raises PagingError when
        paging does not end within ``max_pages`` or leads to another host, and any other
        IngestError.
        """
        for page in self._iterate(self._pages(path, params, paging)):
            if isinstance(page, ReadEnd):
                return page
            yield page
        raise AssertionError("a read ends with its end")

    def pages_of_each(
        self, reads: Iterable[tuple[str, Mapping[str, Any], Paging]]
    ) -> Iterator[tuple[str, tuple[list[Page], ReadEnd] | IngestError]]:
        """Read all pages of many small endpoints, several endpoints at a time."""

        async def attempt(
            path: str, params: Mapping[str, Any], paging: Paging
        ) -> tuple[str, tuple[list[Page], ReadEnd] | IngestError]:
            pages: list[Page] = []
            try:
                async for page in self._pages(path, params, paging):
                    if isinstance(page, ReadEnd):
                        return path, (pages, page)
                    pages.append(page)
            except IngestError as error:
                return path, error
            raise AssertionError("a read ends with its end")

        calls = (
            lambda path=path, params=params, paging=paging: attempt(
                path, params, paging
            )
            for path, params, paging in reads
        )
        return self._iterate(in_order(calls, self._window(alone_first=True)))

    async def _pages(
        self, path: str, params: Mapping[str, Any], paging: Paging
    ) -> AsyncGenerator[Page | ReadEnd, None]:
        """The pages, and at last how the read ended."""
        pager = Pager(self._name, path, paging)
        window = self._window(ramp_up=paging.ramp_up)
        followed = self._base_url

        async def fetch(ask: Ask) -> tuple[Ask, Answer]:
            if ask.url is None:
                asked = {**params, **ask.params}
                return ask, await self._get(path, asked, of_list=True)
            url = self.same_host(path, followed, ask.url)
            return ask, await self._get(url, {}, of_list=True)

        asks: Sequence[Ask] = [pager.first()]
        while asks:
            answers = in_order((partial(fetch, ask) for ask in asks), window)
            try:
                async for ask, answer in answers:
                    followed = answer.url
                    page = self._page(path, ask.number, answer, paging)
                    if pager.see(page):
                        yield page
                    if pager.is_over:
                        break
            finally:
                await answers.aclose()
            asks = pager.upcoming()
        if before := pager.page_before():
            try:
                _, answer = await fetch(before)
                page = self._page(path, before.number, answer, paging)
            except ReadError as error:
                pager.refused_before(error)
            else:
                if pager.see_before(page):
                    yield page
        yield pager.end()

    def same_host(self, path: str, answered: str, link: str) -> str:
        """A link as an address; raises PagingError for one to another host."""
        target, base = urlsplit(urljoin(answered, link)), urlsplit(self._base_url)
        if (target.scheme, target.netloc) != (base.scheme, base.netloc):
            raise PagingError(
                f"{self._name} answered /{path} with a next-page link to another host "
                f"({self._struck(str(target.hostname))}). It was not followed, because "
                "the token would go there too. Nothing was loaded."
            )
        return target.geturl()

    def _page(self, path: str, number: int, answer: Answer, paging: Paging) -> Page:
        """The page in an answer, its records left as the bytes they came in."""
        selector = paging.data_selector
        try:
            raw, around = selected(answer, selector)
            count = len(_OBJECTS.decode(raw))
        except (msgspec.ValidationError, KeyError):
            found = ", ".join(lists_in(answer.body)) or "no list at all"
            raise BadResponseError(
                f"{self._name} answered /{path} without the list of records expected "
                f"under '{selector}' (it has: {found}). Its rows loaded earlier are "
                f"kept. Set the endpoint's data_selector: {paging.setting}."
            ) from None
        signs = signs_of(
            around, answer.headers, count, paging.page_size, paging.declared
        )
        return Page(number, raw, count, signs, answer.date, answer.received_at)
