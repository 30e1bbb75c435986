"""Signs in the body of an answer: the words around the list of records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from roster_platform.ingest.signs import values, words
from roster_platform.ingest.signs.found import Found

DEEPEST = 3


class BodySigns:
    """Reads the words of an answer; what they may mean depends on what was asked."""

    def __init__(self, found: Found, rows: int, asked: int, *, no_totals: bool) -> None:
        """``rows`` came; ``asked`` is the page size that was asked for."""
        self._found = found
        self._rows = rows
        self._asked = asked
        self._no_totals = no_totals

    def paging_objects(self, path: str, body: Mapping[str, Any], depth: int) -> None:
        """Look into paging objects, and into those inside them."""
        if not depth:
            return
        for key, value in body.items():
            if values.word(key) not in words.PAGING_OBJECTS:
                continue
            where = values.join(path, key)
            if isinstance(value, Mapping):
                self.read_words(where, value, is_paging=True)
                self.paging_objects(where, value, depth - 1)
            elif isinstance(value, list):
                self._link_list(where, value)

    def _link_list(self, where: str, links: Iterable[Any]) -> None:
        """A list of links as HATEOAS has them: ``[{"rel": "next", "href": …}]``."""
        relations = {
            str(link.get("rel") or link.get("name") or "").lower(): values.link_in(link)
            for link in links
            if isinstance(link, Mapping)
        }
        if url := relations.get("next"):
            self._found.keep("next_url", url, f"{where}[rel=next]")
        elif relations.keys() & {"first", "last", "prev", "previous", "self"}:
            self._found.keep_place("ends", f"{where}[rel=next]")

    def read_words(
        self, path: str, body: Mapping[str, Any], *, is_paging: bool
    ) -> None:
        """Read every word of one object."""
        by_word = {values.word(key): key for key in body}
        is_money = bool(by_word.keys() & words.MONEY)
        for word, key in by_word.items():
            value, where = body[key], values.join(path, key)
            if not is_money and not self._no_totals:
                self._counts(word, value, where, is_paging=is_paging)
            self._flags(word, value, where, is_paging=is_paging)
            self._nexts(word, value, where, is_paging=is_paging)
        self._offsets(by_word, body, is_paging=is_paging)

    def _counts(self, word: str, value: Any, where: str, *, is_paging: bool) -> None:
        number = values.number(value)
        if number is None:
            return
        doubtful = words.DOUBTFUL_TOTAL | (
            words.DOUBTFUL_TOTAL_IN_PAGING if is_paging else frozenset()
        )
        if word in words.TOTAL:
            self._found.keep("total_count", number, where)
        elif word in doubtful:
            # Below that it may be the length of the page, or repeat the size asked for.
            if word == "total" or (number > self._rows and number != self._asked):
                self._found.keep("doubtful_total", number, where)
        elif word in words.TOTAL_PAGES:
            self._found.keep("total_pages", number, where)
        if word in words.PAGE_SIZE and number:
            self._found.keep("page_size", number, where)

    def _flags(self, word: str, value: Any, where: str, *, is_paging: bool) -> None:
        truth = values.truth(
            bool(value) if word in words.HAS_MORE and value in (0, 1) else value
        )
        if truth is None:
            return
        if word in words.HAS_MORE or (is_paging and word in words.HAS_MORE_IN_PAGING):
            self._found.keep("has_more", truth, where)
        elif word in words.IS_PART:
            if truth:
                self._found.keep("has_more", True, where)
        elif word in words.IS_LAST or (is_paging and word in words.IS_LAST_IN_PAGING):
            self._found.keep("has_more", not truth, where)
        elif word in words.HAS_PREVIOUS | words.IS_FIRST:
            comes_before = truth is (word in words.HAS_PREVIOUS)
            self._found.keep_place("has_previous" if comes_before else "begins", where)

    def _nexts(self, word: str, value: Any, where: str, *, is_paging: bool) -> None:
        if word in words.PREVIOUS:
            if values.leads_to_page_zero(values.link_in(value)):
                self._found.keep_place("has_previous", where)
            elif value is None or value == "":
                self._found.keep_place("begins", where)
            return
        is_weak = word in words.WEAK_CURSOR or (
            is_paging and word in words.WEAK_CURSOR_IN_PAGING
        )
        is_cursor = word in words.CURSOR or word == "next"
        if not (is_weak or is_cursor or word in words.NEXT_URL):
            return
        if value is None or value is False or value == "":
            if not is_weak:
                self._found.keep_place("ends", where)
        elif isinstance(value, Mapping):
            self._next_object(value, where)
        elif value is True:
            if word in words.NEXT_PAGE:
                self._found.keep("has_more", True, where)
        elif (
            word in words.NEXT_URL
            and isinstance(value, str)
            and values.looks_like_url(value)
        ):
            self._found.keep("next_url", value.strip(), where)
        elif word in words.NEXT_PAGE and (number := values.number(value)) is not None:
            self._found.keep("next_page", number, where)
        elif is_cursor and values.is_token(value):
            self._found.keep("cursor", values.text(value), where)
        elif is_weak and values.is_token(value):
            self._found.keep_weak_cursor(values.text(value), where)

    def _next_object(self, value: Mapping[str, Any], where: str) -> None:
        """The next page as an object: a link, or a cursor (``next.after``)."""
        url = values.link_in(value)
        if url and values.looks_like_url(url):
            self._found.keep("next_url", url, f"{where}.{values.link_key(value)}")
            return
        for key, token in value.items():
            word = values.word(key)
            if word in words.CURSOR | words.WEAK_CURSOR_IN_PAGING and values.is_token(
                token
            ):
                self._found.keep("cursor", values.text(token), f"{where}.{key}")
            elif word == "page" and (number := values.number(token)) is not None:
                self._found.keep("next_page", number, f"{where}.{key}")

    def _offsets(
        self, by_word: Mapping[str, str], body: Mapping[str, Any], *, is_paging: bool
    ) -> None:
        """The names by which an API that echoes its offset is asked."""
        if by_word.keys() & {"page", "currentpage", "pagenumber", "pageindex"}:
            return
        for word, usual_limit in words.OFFSETS.items():
            offset = values.number(body[by_word[word]]) if word in by_word else None
            if offset is None:
                continue
            if is_paging and word == "offset" and offset > 1:
                # Asked by a page number, it skipped what comes before.
                self._found.keep_place("has_previous", by_word[word])
                continue
            limits = [by_word[limit] for limit in words.LIMITS if limit in by_word]
            if limits or (is_paging and word in {"offset", "skip"}):
                limit = limits[0] if limits else usual_limit
                self._found.keep_place("offset_words", (by_word[word], limit))
