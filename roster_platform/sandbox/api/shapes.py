"""The sandbox's facts in other shapes: those of a mapping, or of an OpenAPI document.

Paths, envelopes, names, types and the words of paging are what differs; the facts are the
same, so the whole graph can be tried on a shape before the real API is asked. Of an API
that nobody can reach, this shows that a mapping is understood, not that it is right.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path as File
from typing import Any

from roster_platform.catalogue import Endpoint, Table
from roster_platform.errors import ConfigurationError
from roster_platform.ingest.mappings import SourceMapping, mapping_at
from roster_platform.ingest.openapi.document import read_document
from roster_platform.ingest.openapi.findings import (
    Calibration,
    Described,
    calibrated,
    schema_at,
)
from roster_platform.ingest.paging.declared import Paging
from roster_platform.ingest.roster.endpoints import BY_NAME, ENDPOINTS
from roster_platform.ingest.roster.requests import paging_of
from roster_platform.ingest.settings import roster_settings
from roster_platform.records.field_mapping import Path, path_of, value_at
from roster_platform.sandbox.api.instances import OMITTED, Instances, converted

Record = Mapping[str, Any]
_MOST = 1000
_AFTER = "after"


@dataclass(frozen=True)
class PageWords:
    """By which words a client asks for a page, and how large one is.

    ``style`` is ``pages``, ``offsets``, ``cursors``, ``links`` or ``one``; ``start_param``
    has the number of the page or the place of its first record.
    """

    style: str
    start_param: str = "page"
    first: int = 1
    size_param: str = "pageSize"
    usual_size: int = 100
    most: int = _MOST

    def page(self, query: Mapping[str, str], total: int) -> PageFacts:
        """The page that is asked for. Raises ValueError for what is no number."""
        if self.style == "one":
            return PageFacts(0, total, total, self.first, None, "")
        size = min(self._number(query, self.size_param, self.usual_size, 1), self.most)
        asked = self._number(query, self.start_param, self.first, self.first)
        start = (asked - self.first) * size if self.style == "pages" else asked
        end = start + size
        following = asked + 1 if self.style == "pages" else end
        number = start // size + self.first
        link = f"{self.start_param}={following}&{self.size_param}={size}"
        return PageFacts(
            start, size, total, number, following if end < total else None, link
        )

    def _number(
        self, query: Mapping[str, str], name: str, default: int, least: int
    ) -> int:
        text = query.get(name)
        if not text:
            return default
        if not text.isascii() or not text.isdigit() or int(text[:18]) < least:
            raise ValueError(f"{name} must be a whole number from {least}")
        return int(text[:18])


@dataclass(frozen=True)
class PageFacts:
    """One page of a list: where it starts, and what follows."""

    start: int
    size: int
    total: int
    number: int
    following: int | None
    """The number or place of the next page; None on the last."""
    query: str

    @property
    def pages(self) -> int:
        """How many pages there are."""
        return -(-self.total // self.size) if self.size else 1


@dataclass(frozen=True)
class Shape:
    """How one endpoint is served.

    ``encode`` turns a record of the declared names into what is sent, and ``body`` some of
    them into an answer; it gets the address of the next page, without its query.
    """

    path: str
    words: PageWords
    encode: Callable[[Record], Any]
    body: Callable[[Sequence[Any], PageFacts, str], Any]
    headers: Callable[[PageFacts, str], Mapping[str, str]] = lambda page, address: {}


Shapes = Mapping[str, Shape]


# -- of a mapping ---------------------------------------------------------------


def shapes_of_mapping(path: File) -> Shapes:
    """The shapes that a mapping of Roster describes. Raises ConfigurationError."""
    if not path.exists():
        raise ConfigurationError(f"There is no mapping {path}.")
    mapping = mapping_at("roster", path)
    settings = roster_settings()
    settings.endpoints = {name: dict(said) for name, said in mapping.endpoints.items()}
    return {
        endpoint.name: _of_mapping(endpoint, mapping, paging_of(endpoint, settings))
        for endpoint in ENDPOINTS
        if mapping.enabled and endpoint.name not in mapping.disabled
    }


def _of_mapping(endpoint: Endpoint, mapping: SourceMapping, paging: Paging) -> Shape:
    said = mapping.endpoints.get(endpoint.name, {})
    table = mapping.applied(endpoint.table)
    path = str(said.get("path", endpoint.path) or f"v2/{endpoint.name}")
    usual = min(paging.page_size, _MOST)
    words = {
        "offset": PageWords(
            "offsets", paging.offset_param, 0, paging.limit_param, usual
        ),
        "cursor": PageWords("cursors", paging.cursor_param or "cursor", 0),
        "header_cursor": PageWords("cursors", paging.cursor_param or "cursor", 0),
        "json_link": PageWords("links", _AFTER, 0),
        "header_link": PageWords("links", _AFTER, 0),
        "single_page": PageWords("one"),
    }.get(paging.type) or PageWords("pages", paging.page_param, paging.first_page)
    if words.style != "offsets":
        words = replace(words, size_param=paging.page_size_param)
    return Shape(
        f"/{path.lstrip('/')}",
        words,
        lambda record: _renamed(record, table),
        lambda records, page, address: _enveloped(records, page, address, paging),
        lambda page, address: _headers(page, address, paging),
    )


def _renamed(record: Record, table: Table) -> dict[str, Any]:
    """A record with its fields where the mapping says first that they come from."""
    sent: dict[str, Any] = {}
    for name, value in record.items():
        column = table.columns.get(name)
        child = next((each for each in table.children if each.field == name), None)
        x_from = column.x_from if column else child.x_from if child else ()
        if child and isinstance(value, list):
            inner = Table(child.name, "", (), child.columns)
            value = [
                _renamed(each, inner) if isinstance(each, dict) else each
                for each in value
            ]
        for path in x_from[:1] or (f"['{name}']",):
            _put(sent, path, value)
    return sent


def _put(body: dict[str, Any], path: str, value: Any) -> None:
    *outer, last = path_of(path)
    for name in outer:
        inner = body.get(name)
        body = body.setdefault(name, {}) if inner is None else inner
        if not isinstance(body, dict):
            return
    body[last] = value


def _enveloped(
    records: Sequence[Any], page: PageFacts, address: str, paging: Paging
) -> Any:
    body: dict[str, Any] = {}
    declared, more = paging.declared, page.following is not None
    if paging.type in ("auto", "page_number", "offset") and not declared.no_totals:
        counts = {"pageSize": page.size, "totalCount": page.total}
        numbers = {"page": page.number, "totalPages": page.pages}
        body["pagination"] = counts if paging.type == "offset" else counts | numbers
    following = str(page.following) if more else None
    for path, value in (
        (declared.total_pages, page.pages),
        (declared.total_count, page.total),
        (declared.has_more, more),
        (declared.cursor, following),
        (declared.next_url, f"{address}?{page.query}" if more else None),
    ):
        if path:
            _put(body, path, value)
    _put(body, paging.data_selector, list(records))
    return body


def _headers(page: PageFacts, address: str, paging: Paging) -> Mapping[str, str]:
    if page.following is None:
        return {}
    if paging.type == "header_link":
        relation = paging.declared.link_header or "next"
        return {"Link": f'<{address}?{page.query}>; rel="{relation}"'}
    if paging.type == "header_cursor" and paging.declared.cursor_header:
        return {paging.declared.cursor_header: str(page.following)}
    return {}


# -- of a document --------------------------------------------------------------


def shapes_of_document(path: File) -> Shapes:
    """The shapes that an OpenAPI document of Roster describes.

    Only what the document has is served. Raises ConfigurationError.
    """
    calibration = calibrated(read_document(path), "roster")
    if not calibration.described:
        raise ConfigurationError(
            f"{path} describes none of Roster's endpoints, so there is nothing to serve."
        )
    return {
        name: _of_document(BY_NAME[name], described, calibration)
        for name, described in calibration.described.items()
    }


def _of_document(
    endpoint: Endpoint, described: Described, calibration: Calibration
) -> Shape:
    paging = described.paging
    record = described.record
    assert paging is not None
    assert record is not None
    size = paging.size.schema if paging.size else None
    usual = int(size.default) if size and isinstance(size.default, int) else 100
    most = paging.cap or _MOST
    words = PageWords("one")
    if paging.page:
        words = PageWords("pages", paging.page.name, paging.first)
    elif paging.offset:
        words = PageWords("offsets", paging.offset.name, 0)
    elif paging.cursor:
        words = PageWords("cursors", paging.cursor.name, 0)
    elif "link" in paging.signs:
        words = PageWords("links", _AFTER, 0)
    words = replace(words, usual_size=min(usual, most), most=most)
    if paging.size:
        words = replace(words, size_param=paging.size.name)
    fields = _Fields(endpoint, described, calibration)
    selector = tuple(described.selector.split(".")) if described.selector else ()

    def body(records: Sequence[Any], page: PageFacts, address: str) -> Any:
        more = page.following is not None
        said = {
            "total": page.total,
            "pages": page.pages,
            "more": more,
            "cursor": str(page.following) if more else None,
            "link": f"{address}?{page.query}" if more else None,
        }
        values = {
            tuple(path.split(".")): said[kind] for kind, path in paging.signs.items()
        }
        around = Instances({**values, selector: list(records)}, is_answer=True)
        return around.of(described.answer)

    return Shape(f"/{described.path}", words, fields.encode, body)


class _Fields:
    """Turns records of the declared names into those of a document."""

    def __init__(
        self, endpoint: Endpoint, described: Described, calibration: Calibration
    ) -> None:
        assert described.record is not None
        self._schema = described.record
        self._table = endpoint.table
        places = calibration.places(endpoint.name)
        self._places = places[endpoint.name]
        self._children = {
            child.field: places.get(f"{endpoint.name}__{child.name}", {})
            for child in endpoint.table.children
        }

    def encode(self, record: Record) -> Any:
        """One record as the document describes it."""
        values = {}
        currency = record.get("currency")
        for name, paths in self._places.items():
            value = record.get(name)
            for path in paths:
                if name in self._children:
                    value = self._elements(name, path, value or [], currency)
                values[path] = value
        return Instances(values, currency=currency).of(self._schema)

    def _elements(
        self, name: str, path: Path, listed: Sequence[Any], currency: str | None
    ) -> list[Any]:
        found = schema_at(self._schema, path)
        items = found.items if found else None
        sent = []
        for each in listed:
            if items is None:
                sent.append(each)
            elif isinstance(each, Mapping) or items.is_object:
                plain = next(iter(self._column_names(name)))
                fields = each if isinstance(each, Mapping) else {plain: each}
                places = self._children[name]
                values = {
                    place: value_at(fields, (field,))
                    for field, paths in places.items()
                    for place in paths
                }
                sent.append(Instances(values, currency).of(items))
            else:
                sent.append(converted(items, each))
        return [each for each in sent if each is not OMITTED]

    def _column_names(self, name: str) -> Sequence[str]:
        child = next(each for each in self._table.children if each.field == name)
        return list(child.columns)
