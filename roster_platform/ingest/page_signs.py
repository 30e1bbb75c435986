"""Signs of further pages in one answer, in any of the usual vocabularies.

Words (``page_words``) are looked for at the top of the answer, in every object around the
list of records, in paging objects inside those, and in the headers. A declared path comes
before any word (dlt's ``total_path``, ``has_more_path``, ``cursor_path``, …).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import parse_qsl, urlsplit

from dlt.common import jsonpath
from requests.utils import parse_header_links

from roster_platform import documents
from roster_platform.ingest import page_words as words

_T = TypeVar("_T")
Around = tuple[str, Mapping[str, Any]]
"""An object around the list of records: its path, and its members without the list."""
_ERROR_WORDS = words.ERRORS | words.HAS_ERROR | words.IS_SUCCESS | words.STATUS


@dataclass(frozen=True)
class Sign(Generic[_T]):
    """A value that an answer carries, and where: ``meta.total``, ``header Link``."""

    value: _T
    where: str


@dataclass(frozen=True)
class PageSigns:
    """The signs of other pages in an answer; None where it has none.

    ``ends`` is where the answer says that nothing follows: a null cursor or link, or a
    ``Link`` header without ``rel="next"``; ``begins`` is where it says that nothing comes
    before. ``doubtful_total`` is a total under a word that may mean the length of the page.
    ``has_previous`` and ``offset_words`` (the names of the offset and the limit, as echoed)
    say how the API counts.
    """

    total_count: Sign[int] | None = None
    doubtful_total: Sign[int] | None = None
    total_pages: Sign[int] | None = None
    page_size: Sign[int] | None = None
    has_more: Sign[bool] | None = None
    cursor: Sign[str] | None = None
    cursor_may_be_of_this_page: bool = False
    next_page: Sign[int] | None = None
    next_url: Sign[str] | None = None
    ends: str | None = None
    begins: str | None = None
    has_previous: str | None = None
    offset_words: tuple[str, str] | None = None

    @property
    def says_no_more(self) -> bool:
        """Return whether the answer says so, and nothing else in it differs."""
        is_no = self.has_more is not None and not self.has_more.value
        return is_no and not (self.next_url or self.cursor or self.next_page)

    @property
    def more(self) -> str | None:
        """Return where the answer says that more follows."""
        if self.has_more is not None:
            return self.has_more.where if self.has_more.value else None
        sign = self.next_url or self.cursor or self.next_page
        return sign.where if sign else None


@dataclass(frozen=True)
class DeclaredPaths:
    """The declared places of the signs, as JSONPath, as dlt takes them."""

    total_pages: str | None = None
    total_count: str | None = None
    has_more: str | None = None
    cursor: str | None = None
    next_url: str | None = None
    link_header: str | None = None
    """The relation of the next page in a ``Link`` header, dlt's ``links_next_key``."""
    cursor_header: str | None = None
    no_totals: bool = False
    """What looks like a total is not one (``total_path: null``)."""

    def __bool__(self) -> bool:
        return self != DeclaredPaths()


_WORDS_OF_TRUTH = {"true": True, "false": False, "yes": True, "no": False}
_URL_KEYS = ("href", "url", "uri", "link")
_DEEPEST = 3


def signs_of(
    around: Sequence[Around],
    headers: Mapping[str, str],
    rows: int,
    asked: int,
    declared: DeclaredPaths,
) -> PageSigns:
    """Read the signs of one answer.

    ``around`` has the objects around the list of records, from the outermost; ``rows`` is
    the length of the list and ``asked`` the page size that was asked for.
    """
    found = _Found(rows, asked, no_totals=declared.no_totals)
    if around and declared:
        found.declared(around[0][1], headers, declared)
    found.headers(headers)
    # From the innermost: what stands next to the records is about them.
    for path, body in reversed(around):
        found.paging_objects(path, body, _DEEPEST)
        found.words(path, body, is_paging=False)
    return found.signs()


def error_in(body: Any) -> str | None:
    """Return what a 200 says went wrong: ``error``, ``success: false``, ``status: 503``.

    They count at the top of the answer, and in an object there that is about the answer
    (``meta``); an empty list or a null is no error. Where several words say it, an error
    comes before a flag.
    """
    if not isinstance(body, Mapping):
        return None
    by_word = {_word(key): (key, value) for key, value in body.items()}
    said = [by_word[word] for word in sorted(by_word.keys() & words.ERRORS)]
    said = [(key, value) for key, value in said if _is_error(value)]
    flags = [
        by_word[word]
        for word in sorted(by_word.keys() & (_ERROR_WORDS - words.ERRORS))
        if _says_error(word, by_word[word][1])
    ]
    for key, value in said:
        return f"{key}: {_excerpt(value)}"
    for key, value in flags:
        return f"{key}: {str(value).lower()}"
    for key, value in body.items():
        about = isinstance(value, Mapping) and _word(key) in words.ABOUT_ANSWER
        if about and (error := error_in(value)):
            return f"{key}.{error}"
    return None


def may_say_error(name: str) -> bool:
    """Return whether ``error_in`` looks at the member of this name."""
    return _word(name) in _ERROR_WORDS | words.ABOUT_ANSWER


def _says_error(word: str, value: Any) -> bool:
    """Return whether a flag or a status says that the answer is an error."""
    if word in words.IS_SUCCESS:
        return _truth(value) is False
    if word in words.HAS_ERROR:
        return _truth(value) is True
    number = _number(value)
    if number is not None:
        return 400 <= number < 600
    return isinstance(value, str) and _word(value) in words.STATUS_OF_ERROR


def _is_error(value: Any) -> bool:
    if isinstance(value, str):
        return value.strip().strip("0").lower() not in {
            *("", "none", "null", "false", "no", "ok", "success"),
            *("no error", "no errors"),
        }
    return bool(value)


def _excerpt(value: Any) -> str:
    if isinstance(value, Mapping):
        for key in ("message", "detail", "title", "description", "code"):
            if value.get(key):
                return str(value[key])
    if isinstance(value, list):
        return _excerpt(value[0])
    return str(value)


class _Found:
    """The signs found so far; the first of a kind is kept."""

    def __init__(self, rows: int, asked: int, *, no_totals: bool) -> None:
        self._no_totals = no_totals
        self._rows = rows
        self._asked = asked
        self._signs: dict[str, Any] = {}
        self._weak_cursor: Sign[str] | None = None

    def signs(self) -> PageSigns:
        says_next = self._signs.keys() & {"cursor", "next_url", "next_page", "ends"}
        more = self._signs.get("has_more")
        if self._weak_cursor and not says_next and (more is None or more.value):
            self._signs["cursor"] = self._weak_cursor
            self._signs["cursor_may_be_of_this_page"] = True
        return PageSigns(**self._signs)

    def _keep(self, kind: str, value: Any, where: str) -> None:
        self._signs.setdefault(kind, Sign(value, where))

    def declared(
        self, body: Mapping[str, Any], headers: Mapping[str, str], paths: DeclaredPaths
    ) -> None:
        for kind in ("total_pages", "total_count"):
            if (path := getattr(paths, kind)) and (
                number := _number(_at(path, body))
            ) is not None:
                self._keep(kind, number, path)
        if paths.has_more and (more := _truth(_at(paths.has_more, body))) is not None:
            self._keep("has_more", more, paths.has_more)
        if paths.cursor:
            self._declared_next("cursor", body, paths.cursor)
        if paths.next_url:
            self._declared_next("next_url", body, paths.next_url)
        if paths.link_header:
            self._link(headers, paths.link_header)
        if paths.cursor_header:
            value = _header(headers, paths.cursor_header)
            if value:
                self._keep("cursor", value, f"header {paths.cursor_header}")

    def _declared_next(self, kind: str, body: Mapping[str, Any], path: str) -> None:
        values = jsonpath.find_values(path, dict(body))
        if not values:
            return
        value = values[0]
        if value is None or value == "" or value is False:
            self._signs.setdefault("ends", path)
        elif isinstance(value, str | int | float):
            self._keep(kind, _text(value), path)

    def headers(self, headers: Mapping[str, str]) -> None:
        self._link(headers, "next")
        for name, value in headers.items():
            word, where = _word(re.sub("^[xX]-", "", name)), f"header {name}"
            number = _number(value)
            if word in {"pagination", "paging"} and value.lstrip().startswith("{"):
                self._json_header(where, value)
            elif word == "contentrange":
                _, _, total = value.rpartition("/")
                if (number := _number(total)) is not None:
                    self._keep("total_count", number, where)
            elif word in words.TOTAL | {"total"} and number is not None:
                self._keep("total_count", number, where)
            elif word in words.TOTAL_PAGES and number is not None:
                self._keep("total_pages", number, where)
            elif word in words.PAGE_SIZE and number:
                self._keep("page_size", number, where)
            elif word in words.NEXT_PAGE and number is not None:
                self._keep("next_page", number, where)
            elif word in words.NEXT_PAGE and not value.strip():
                self._signs.setdefault("ends", where)
            elif word in words.PREVIOUS and not value.strip():
                self._signs.setdefault("begins", where)
            elif word in words.HAS_MORE and (more := _truth(value)) is not None:
                self._keep("has_more", more, where)
            elif word in words.CURSOR and value.strip():
                self._keep("cursor", value.strip(), where)

    def _json_header(self, where: str, value: str) -> None:
        """ASP.NET's habit: ``X-Pagination: {"TotalCount": 300, …}``."""
        try:
            body = documents.loads(value.encode())
        except ValueError:
            return
        self.words(where, body, is_paging=True)

    def _link(self, headers: Mapping[str, str], next_relation: str) -> None:
        header = _header(headers, "Link")
        if not header:
            return
        relations = {
            relation: link["url"]
            for link in parse_header_links(header)
            for relation in link.get("rel", "").lower().split()
        }
        if url := relations.get(next_relation.lower()):
            self._keep("next_url", url, "header Link")
        elif relations.keys() & {"first", "last", "prev", "previous"}:
            self._signs.setdefault("ends", "header Link")
        if _leads_to_page_zero(relations.get("prev") or relations.get("previous")):
            self._signs.setdefault("has_previous", "header Link")

    def paging_objects(self, path: str, body: Mapping[str, Any], depth: int) -> None:
        """Look into paging objects, and into those inside them."""
        if not depth:
            return
        for key, value in body.items():
            if _word(key) not in words.PAGING_OBJECTS:
                continue
            where = _join(path, key)
            if isinstance(value, Mapping):
                self.words(where, value, is_paging=True)
                self.paging_objects(where, value, depth - 1)
            elif isinstance(value, list):
                self._link_list(where, value)

    def _link_list(self, where: str, links: Iterable[Any]) -> None:
        """A list of links as HATEOAS has them: ``[{"rel": "next", "href": …}]``."""
        relations = {
            str(link.get("rel") or link.get("name") or "").lower(): _url_in(link)
            for link in links
            if isinstance(link, Mapping)
        }
        if url := relations.get("next"):
            self._keep("next_url", url, f"{where}[rel=next]")
        elif relations.keys() & {"first", "last", "prev", "previous", "self"}:
            self._signs.setdefault("ends", f"{where}[rel=next]")

    def words(self, path: str, body: Mapping[str, Any], *, is_paging: bool) -> None:
        """Read every word of one object."""
        by_word = {_word(key): key for key in body}
        is_money = bool(by_word.keys() & words.MONEY)
        for word, key in by_word.items():
            value, where = body[key], _join(path, key)
            if not is_money and not self._no_totals:
                self._counts(word, value, where, is_paging=is_paging)
            self._flags(word, value, where, is_paging=is_paging)
            self._nexts(word, value, where, is_paging=is_paging)
        self._offsets(by_word, body, is_paging=is_paging)

    def _counts(self, word: str, value: Any, where: str, *, is_paging: bool) -> None:
        number = _number(value)
        if number is None:
            return
        doubtful = words.DOUBTFUL_TOTAL | (
            words.DOUBTFUL_TOTAL_IN_PAGING if is_paging else frozenset()
        )
        if word in words.TOTAL:
            self._keep("total_count", number, where)
        elif word in doubtful:
            # Below that it may be the length of the page, or repeat the size asked for.
            if word == "total" or (number > self._rows and number != self._asked):
                self._keep("doubtful_total", number, where)
        elif word in words.TOTAL_PAGES:
            self._keep("total_pages", number, where)
        if word in words.PAGE_SIZE and number:
            self._keep("page_size", number, where)

    def _flags(self, word: str, value: Any, where: str, *, is_paging: bool) -> None:
        truth = _truth(
            bool(value) if word in words.HAS_MORE and value in (0, 1) else value
        )
        if truth is None:
            return
        if word in words.HAS_MORE or (is_paging and word in words.HAS_MORE_IN_PAGING):
            self._keep("has_more", truth, where)
        elif word in words.IS_PART:
            if truth:
                self._keep("has_more", True, where)
        elif word in words.IS_LAST or (is_paging and word in words.IS_LAST_IN_PAGING):
            self._keep("has_more", not truth, where)
        elif word in words.HAS_PREVIOUS | words.IS_FIRST:
            comes_before = truth is (word in words.HAS_PREVIOUS)
            self._signs.setdefault("has_previous" if comes_before else "begins", where)

    def _nexts(self, word: str, value: Any, where: str, *, is_paging: bool) -> None:
        if word in words.PREVIOUS:
            if _leads_to_page_zero(_url_in(value)):
                self._signs.setdefault("has_previous", where)
            elif value is None or value == "":
                self._signs.setdefault("begins", where)
            return
        is_weak = word in words.WEAK_CURSOR or (
            is_paging and word in words.WEAK_CURSOR_IN_PAGING
        )
        is_cursor = word in words.CURSOR or word == "next"
        if not (is_weak or is_cursor or word in words.NEXT_URL):
            return
        if value is None or value is False or value == "":
            if not is_weak:
                self._signs.setdefault("ends", where)
        elif isinstance(value, Mapping):
            self._next_object(value, where)
        elif value is True:
            if word in words.NEXT_PAGE:
                self._keep("has_more", True, where)
        elif (
            word in words.NEXT_URL and isinstance(value, str) and _looks_like_url(value)
        ):
            self._keep("next_url", value.strip(), where)
        elif word in words.NEXT_PAGE and (number := _number(value)) is not None:
            self._keep("next_page", number, where)
        elif is_cursor and _is_token(value):
            self._keep("cursor", _text(value), where)
        elif is_weak and _is_token(value):
            self._weak_cursor = self._weak_cursor or Sign(_text(value), where)

    def _next_object(self, value: Mapping[str, Any], where: str) -> None:
        """The next page as an object: a link, or a cursor (``next.after``)."""
        url = _url_in(value)
        if url and _looks_like_url(url):
            self._keep("next_url", url, f"{where}.{_url_key(value)}")
            return
        for key, token in value.items():
            word = _word(key)
            if word in words.CURSOR | words.WEAK_CURSOR_IN_PAGING and _is_token(token):
                self._keep("cursor", _text(token), f"{where}.{key}")
            elif word == "page" and (number := _number(token)) is not None:
                self._keep("next_page", number, f"{where}.{key}")

    def _offsets(
        self, by_word: Mapping[str, str], body: Mapping[str, Any], *, is_paging: bool
    ) -> None:
        """The names by which an API that echoes its offset is asked."""
        if by_word.keys() & {"page", "currentpage", "pagenumber", "pageindex"}:
            return
        for word, usual_limit in words.OFFSETS.items():
            offset = _number(body[by_word[word]]) if word in by_word else None
            if offset is None:
                continue
            if is_paging and word == "offset" and offset > 1:
                # Asked by a page number, it skipped what comes before.
                self._signs.setdefault("has_previous", by_word[word])
                continue
            limits = [by_word[limit] for limit in words.LIMITS if limit in by_word]
            if limits or (is_paging and word in {"offset", "skip"}):
                limit = limits[0] if limits else usual_limit
                self._signs.setdefault("offset_words", (by_word[word], limit))


def cursor_param(where: str, configured: str | None) -> str:
    """The parameter that a cursor is sent back under, by where it was found.

    ``configured`` comes first. ``meta.next_cursor`` is sent as ``cursor``,
    ``nextPageToken`` as ``pageToken``, ``paging.cursors.after`` as ``after``.
    """
    if configured:
        return configured
    name = re.sub(r"^header (?:[xX]-)?", "", where).rsplit(".", 1)[-1]
    if name.lower() in {"next", "cursor"}:
        return "cursor"
    if name.lower() in {"endcursor", "end_cursor"}:
        return "after"
    short = re.sub(r"^(?:next(?=[A-Z])|next[_-]|Next[_-]?)|[_-]?[nN]ext$", "", name)
    if short.lower() != "token":
        name = short
    name = name.replace("-", "_")
    return name[:1].lower() + name[1:] if name else "cursor"


def same_name(name: str, names: Iterable[str]) -> str:
    """Return the one of ``names`` that is ``name`` in any style: ``Result``, ``result``.

    Raises KeyError when there is none, or when several could be meant.
    """
    names = list(names)
    if name in names:
        return name
    found = [other for other in names if _word(other) == _word(name)]
    if len(found) != 1:
        raise KeyError(name)
    return found[0]


def _at(path: str, body: Any) -> Any:
    values = jsonpath.find_values(path, dict(body))
    return values[0] if values else None


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _word(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _number(value: Any) -> int | None:
    """A count: a whole number that is not negative, also as text; money is not one."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and re.fullmatch(r"\s*\d{1,15}\s*", value, re.ASCII):
        return int(value)
    return value if isinstance(value, int) and value >= 0 else None


def _truth(value: Any) -> bool | None:
    if isinstance(value, str):
        return _WORDS_OF_TRUTH.get(value.strip().lower())
    return value if isinstance(value, bool) else None


def _text(value: Any) -> str:
    return str(value).strip()


def _is_token(value: Any) -> bool:
    """Return whether a value can be a cursor: text without blanks, or a number."""
    if isinstance(value, bool):
        return False
    if isinstance(value, str):
        return bool(value) and not re.search(r"\s", value.strip())
    return isinstance(value, int | float)


def _looks_like_url(text: str) -> bool:
    text = text.strip()
    if re.search(r"\s", text):
        return False
    return bool(re.match(r"(?:[a-z]+:)?//|/|\?", text, re.IGNORECASE)) or (
        "?" in text and "=" in text
    )


def _leads_to_page_zero(url: str | None) -> bool:
    """Return whether a link to the previous page says that pages are counted from 0.

    Other such links prove nothing: some APIs always send one.
    """
    return any(
        value == "0" and "page" in name.lower() and "size" not in name.lower()
        for name, value in parse_qsl(urlsplit(url or "").query)
    )


def _url_key(value: Mapping[str, Any]) -> str | None:
    return next((key for key in value if key.lower() in _URL_KEYS and value[key]), None)


def _url_in(value: Any) -> str | None:
    """The address in a link, which is a text or an object with one."""
    if isinstance(value, Mapping):
        key = _url_key(value)
        value = value[key] if key else None
    return value if isinstance(value, str) and value else None


def _header(headers: Mapping[str, str], name: str) -> str | None:
    return next((v for k, v in headers.items() if k.lower() == name.lower()), None)
