"""The requests to one endpoint: small pages, one after the other, each counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from roster_platform import documents
from roster_platform.errors import BadResponseError, NotFoundError, RefusedError
from roster_platform.ingest.http.client import ApiClient
from roster_platform.ingest.http.selection import selected
from roster_platform.ingest.paging.declared import Paging
from roster_platform.ingest.paging.page import Ask, Page
from roster_platform.ingest.probe.asked import Asked
from roster_platform.ingest.reading.answers import Answer
from roster_platform.ingest.signs.reading import signs_of

SMALL_PAGE = 5


class Requests:
    """Asks for pages, and keeps what came in ``asked``; ``items`` are its records."""

    def __init__(
        self,
        client: ApiClient,
        path: str,
        params: Mapping[str, Any],
        paging: Paging,
    ) -> None:
        self._client = client
        self._params = params
        self.paging = replace(paging, page_size=SMALL_PAGE)
        self.asked = Asked(path)
        self.items: set[bytes] = set()

    def get(self, ask: Ask, path: str | None = None) -> Answer:
        """Ask, and count the request. Raises IngestError."""
        self.asked.requests += 1
        return self._client.get(
            ask.url or path or self.asked.path,
            {} if ask.url else {**self._params, **ask.params},
        )

    def page(self, number: int, answer: Answer, paging: Paging | None = None) -> Page:
        """Return the page in an answer. Raises BadResponseError without a list."""
        paging = paging or self.paging
        try:
            raw, around = selected(answer, self.paging.data_selector)
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
        now = datetime.now(UTC)
        return Page(number, raw, count, signs, now, now)

    def keep(self, page: Page) -> bool:
        """Keep the records of a page; returns whether any of them is new."""
        new = page.items - self.items
        self.items |= page.items
        self.asked.records += [r for r in page.records if isinstance(r, dict)]
        return bool(new)

    def followed(self, ask: Ask, answer: Answer) -> Page:
        """Return the page that an answer leads to. Raises IngestError."""
        if ask.url is not None:
            url = self._client.same_host(self.asked.path, answer.url, ask.url)
            ask = replace(ask, url=url)
        return self.page(ask.number, self.get(ask))

    def allowed(self, ask: Ask) -> Page | None:
        """A page; None where the API refuses to be asked for it."""
        try:
            return self.page(ask.number, self.get(ask))
        except (NotFoundError, RefusedError):
            return None

    def at(self, number: int, size: int = SMALL_PAGE) -> Ask:
        """What to ask for a page by its number."""
        paging = self.paging
        return Ask(number, {paging.page_param: number, paging.page_size_param: size})
