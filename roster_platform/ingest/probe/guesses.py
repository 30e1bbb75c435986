"""Paging that is not announced: the usual words, tried until one is proven."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from roster_platform.errors import CredentialsError, IngestError
from roster_platform.ingest.http.selection import selected
from roster_platform.ingest.paging.declared import with_paginator
from roster_platform.ingest.paging.pager import Pager
from roster_platform.ingest.probe.requests import Requests
from roster_platform.ingest.probe.shapes import safe_path
from roster_platform.ingest.reading.answers import Answer

MOST_REQUESTS = 8
_PAGE_WORDS = ("pageNumber", "p", "page[number]", "pageIndex", "currentPage")
_OFFSETS = (("offset", "limit"), ("skip", "take"), ("start", "limit"))


class Guesses:
    """Tries paginators; ``known`` are those that other endpoints of the API have."""

    def __init__(
        self,
        requests: Requests,
        *,
        is_declared: bool,
        known: list[Mapping[str, Any]],
    ) -> None:
        self._requests = requests
        self._asked = requests.asked
        self._is_declared = is_declared
        self._known = known

    def prove(self, answer: Answer) -> bool:
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
            if self._asked.requests >= MOST_REQUESTS:
                return False
            if proof := self._proof_of(paginator, answer):
                self._asked.paginator = paginator
                self._asked.paging = f"{_in_words(paginator)}, not announced"
                self._asked.proofs.append(proof)
                if paginator not in self._known:
                    self._known.append(paginator)
                return True
        return False

    def _proof_of(self, paginator: Mapping[str, Any], answer: Answer) -> str | None:
        """Return how a paginator is proven; None where it is ignored."""
        declared = with_paginator(self._requests.paging, paginator)
        first = self._requests.page(declared.first_page, answer, declared)
        pager = Pager("", self._asked.path, declared)
        pager.first()
        pager.see(first)
        asks = pager.upcoming()
        if not asks:
            is_said = paginator["type"] == "cursor" and pager.end().is_complete
            return pager.end().proof if is_said else None
        try:
            page = self._requests.page(2, self._requests.get(asks[0]))
        except CredentialsError:
            raise
        except IngestError:
            return None
        if page.count and self._requests.keep(page):
            return "page 2 differs from page 1"
        is_understood = not page.count and paginator["type"] != "cursor"
        return "page 2 is empty, so the words are understood" if is_understood else None

    def _undeclared_guesses(self, answer: Answer) -> Iterator[Mapping[str, Any]]:
        """What is recognised without the paginator that the mapping declares."""
        signs = self._requests.page(self._requests.paging.first_page, answer).signs
        if signs.next_url:
            yield {"type": "json_link", "next_url_path": signs.next_url.where}
        yield {"type": "page_number", "base_page": 1, "page_param": "page"}

    def _cursor_guesses(self, answer: Answer) -> Iterator[Mapping[str, Any]]:
        """A lone text or number around the list may be the cursor to the next page."""
        _, around = selected(answer, self._requests.paging.data_selector)
        paths = [
            f"{path}.{name}" if path else name
            for outer, body in around
            for path, value, name in _scalars(body, outer)
            if isinstance(value, str | int) and not isinstance(value, bool)
        ]
        for path in paths[:2]:
            if safe_path(path.split(".")) == path:
                yield {"type": "cursor", "cursor_path": path, "cursor_param": "cursor"}


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


def _in_words(paginator: Mapping[str, Any]) -> str:
    words = {
        "offset": "offset and limit ({offset_param}, {limit_param})",
        "page_number": "page numbers ({page_param})",
        "cursor": "a cursor ({cursor_path}, sent as {cursor_param})",
        "json_link": "links to the next page ({next_url_path})",
    }
    return words[paginator["type"]].format(**paginator)
