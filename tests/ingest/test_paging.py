"""Every way to page that APIs have: a read is complete, or it says that it is not.

The server of these tests is written from the APIs' side: it pages in one style, takes only
the parameters of that style, caps its pages, and says what its vocabulary says. It knows
nothing of what the client recognises.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count, cycle, product
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse

from roster_platform.ingest.http.client import ApiClient
from roster_platform.ingest.paging.declared import Paging, with_paginator
from roster_platform.ingest.paging.page import Page, ReadEnd
from roster_platform.ingest.settings import ClientSettings
from tests.local_api import LocalApi, local_api

IDS = [f"record-{number:03}" for number in range(110)]
CAPS = (25, 50, 99)


@dataclass(frozen=True)
class Place:
    """Where the server stands in its list: records from ``start``, ``size`` of them."""

    start: int
    size: int
    base: int = 1

    @property
    def following(self) -> int | None:
        after = self.start + self.size
        return after if after < len(IDS) else None

    @property
    def number(self) -> int:
        return self.start // self.size + self.base

    @property
    def pages(self) -> int:
        return -(-len(IDS) // self.size)


Says = Callable[[Place, Any], Mapping[str, Any]]
"""What a vocabulary adds to the body; the second argument is the next cursor or link."""


def _next(key: str, following: Any) -> Mapping[str, Any]:
    """A key for what follows, which APIs that page otherwise do not send."""
    return {} if following is UNUSED else {key: following}


UNUSED = object()
VOCABULARIES: Mapping[str, Says] = {
    "roster": lambda p, n: {
        "pagination": {
            "page": p.number,
            "pageSize": p.size,
            "totalCount": len(IDS),
            "totalPages": p.pages,
            **_next("nextPageToken", n),
        }
    },
    "laravel": lambda p, n: {
        "meta": {
            "current_page": p.number,
            "last_page": p.pages - 1 + p.base,
            "per_page": p.size,
            "total": len(IDS),
            **({} if is_link(n) else _next("next_cursor", n)),
        },
        "links": {
            "prev": f"/things?before={p.start}" if p.start else None,
            "next": n if is_link(n) else None,
        },
    },
    "camel": lambda p, n: {
        "paging": {
            "lastPage": p.pages - 1 + p.base,
            "perPage": p.size,
            "total": len(IDS),
        },
        **_next("nextCursor", n),
    },
    "pascal": lambda p, n: {
        "TotalCount": len(IDS),
        "PageNumber": p.number,
        "HasNextPage": p.following is not None,
        **_next("NextPageLink" if is_link(n) else "NextPageToken", n),
    },
    "pages and count": lambda p, n: {
        "info": {"page": p.number, "pages": p.pages, "count": len(IDS)}
        | _next("next", n)
    },
    "spring": lambda p, n: {
        "page": {
            "number": p.start // p.size,
            "size": p.size,
            "totalElements": len(IDS),
            "totalPages": p.pages,
        },
        "_links": {"self": {"href": "/things"}}
        | ({"next": {"href": n}} if is_link(n) else {}),
    },
    "has more": lambda p, n: {
        "has_more": p.following is not None,
        **_next("next_cursor", n),
    },
    "next only": lambda p, n: _next("next", n),
    "odata": lambda p, n: {
        "@odata.count": len(IDS),
        **({"@odata.nextLink": n} if is_link(n) else {}),
    },
    "total on top": lambda p, n: {"total": len(IDS)},
    "offset and limit": lambda p, n: {
        "pagination": {"offset": p.start, "limit": p.size, "total": len(IDS)}
    },
    "nothing": lambda p, n: {},
    "words that nobody knows": lambda p, n: {
        "weiter": p.following is not None,
        "anzahl": len(IDS),
        **_next("naechste", n),
    },
}
STYLES = ("page", "page from 0", "offset", "cursor", "link", "header")
BEFORE = ("the first", "nothing", 400, "the last", 404, 500)
"""What an API that counts from 1 answers for page 0."""
CHANGES = ("none", "words", "cap")


def is_link(following: Any) -> bool:
    return isinstance(following, str) and following.startswith("/")


class Server:
    """One list of records, paged in one style and told in one vocabulary."""

    def __init__(
        self, style: str, vocabulary: str, cap: int, before: str | int = "the first"
    ) -> None:
        self.style, self.vocabulary, self.cap = style, vocabulary, cap
        self.before = before
        self.begin(0)

    def begin(self, read: int) -> None:
        """Count the requests of one read, by its number."""
        self.read, self.requests, self.asked_before = read, 0, 0

    def __call__(self, request: Request) -> Any:
        if request.headers[READ_NUMBER] != str(self.read):
            # Sent ahead by a read that ended meanwhile.
            return {}
        self.requests += 1
        place = self._place(request.query_params)
        if place.start < 0:
            self.asked_before += 1
            if isinstance(self.before, int):
                return JSONResponse({"message": "no such page"}, self.before)
            start = {"the first": 0, "nothing": len(IDS), "the last": len(IDS) - 9}
            place = Place(start[self.before], place.size)
        records = [{"id": name} for name in IDS[place.start :][: place.size]]
        following = self._following(place)
        body = {"data": records, **VOCABULARIES[self.vocabulary](place, following)}
        headers = {}
        if self.style == "header" and place.following is not None:
            headers["Link"] = f'<{self._link(place.following)}>; rel="next"'
        return JSONResponse(body, headers=headers)

    def _place(self, query: Mapping[str, str]) -> Place:
        match self.style:
            case "page" | "page from 0" as style:
                base = 1 if style == "page" else 0
                size = min(self.cap, int(query.get("pageSize", 20)))
                return Place((int(query.get("page", base)) - base) * size, size, base)
            case "offset":
                size = min(self.cap, int(query.get("limit", self.cap)))
                return Place(int(query.get("offset", 0)), size)
            case "cursor":
                token = next((query[n] for n in CURSOR_PARAMS if n in query), None)
                return Place(int(token.removeprefix("c")) if token else 0, self.cap)
            case _:
                return Place(int(query.get("from", 0)), self.cap)

    def _following(self, place: Place) -> Any:
        if self.style not in ("link", "cursor"):
            return UNUSED
        if place.following is None:
            return None
        is_link = self.style == "link"
        return self._link(place.following) if is_link else f"c{place.following}"

    def _link(self, start: int) -> str:
        return f"/things?from={start}"

    def needed(self) -> int:
        return -(-len(IDS) // self.cap)


READ_NUMBER = "x-read"
CURSOR_PARAMS = ("cursor", "pageToken", "next_cursor", "after")


@contextmanager
def client(api: LocalApi, number: int = 0) -> Iterator[ApiClient]:
    settings = ClientSettings(base_url=api.url, max_attempts=1)
    headers = {READ_NUMBER: str(number)}
    with ApiClient("Test API", settings, headers, "token", {}) as made:
        yield made


def read(api: LocalApi, paging: Paging, number: int = 0) -> tuple[list[str], ReadEnd]:
    """The ids of the records in their order, and how the read ended."""
    found: list[str] = []

    def collect() -> Iterator[Page]:
        with client(api, number) as made:
            return (yield from made.pages("things", {}, paging))

    pages = collect()
    while True:
        try:
            found += [record["id"] for record in next(pages).records]
        except StopIteration as stop:
            return found, stop.value


NUMBERS = count(1)
AUTO = Paging(data_selector="data", page_size=100, setting="mappings/test.yaml")


@pytest.mark.parametrize("vocabulary", VOCABULARIES)
def test_a_read_is_complete_or_says_that_it_is_not(vocabulary) -> None:
    """Styles, page caps, and words or caps that change between two reads."""
    others = dict(zip(VOCABULARIES, [*list(VOCABULARIES)[1:], "nothing"], strict=True))
    servers: list[Server] = []
    before = cycle(BEFORE)
    with local_api(lambda request: servers[-1](request)) as api:
        for style, cap, change in product(STYLES, CAPS, CHANGES):
            servers.append(Server(style, vocabulary, cap, next(before)))
            first = _try(api, servers[-1])
            if change == "words":
                servers.append(Server(style, others[vocabulary], cap, next(before)))
            elif change == "cap":
                servers.append(Server(style, vocabulary, CAPS[CAPS.index(cap) - 1]))
            _try(api, servers[-1], first.first_page)
    assert len(servers) >= 90


def _try(api: LocalApi, server: Server, first_page: int | None = None) -> ReadEnd:
    """Read once, as the loader does: from the first page that the last read found."""
    server.begin(next(NUMBERS))
    paging = AUTO
    if first_page is not None:
        paging = replace(AUTO, first_page=first_page, first_page_is_known=True)
    found, end = read(api, paging, server.read)
    about = (server.style, server.vocabulary, server.cap, server.before, end.proof)
    if end.is_complete:
        # What an API sends twice is one record to the loader, by its key.
        assert sorted(found) == IDS, about
        assert end.first_page is not None, about
    else:
        assert "mappings/test.yaml" in end.proof, about
    assert server.asked_before <= (first_page is None), about
    assert server.requests - server.asked_before <= server.needed() + 1, about
    return end


def test_the_common_ways_to_page_are_read_to_their_end() -> None:
    """What must be complete without any setting, so that red is not the easy way out."""
    recognised = [
        *product(["page", "page from 0"], VOCABULARIES),
        *product(["cursor"], ["roster", "laravel", "camel", "pascal", "has more"]),
        *product(["link"], ["laravel", "pascal", "spring", "odata", "next only"]),
        *product(["header"], VOCABULARIES),
        ("offset", "offset and limit"),
        ("cursor", "next only"),
        ("cursor", "pages and count"),
    ]
    servers: list[Server] = []
    with local_api(lambda request: servers[-1](request)) as api:
        for style, vocabulary in recognised:
            servers.append(Server(style, vocabulary, 50))
            found, end = read(api, AUTO)
            about = (style, vocabulary, end.proof)
            assert (sorted(found), end.is_complete) == (IDS, True), about


@pytest.mark.parametrize(
    ("style", "paginator"),
    [
        ("page", {"type": "page_number", "total_path": "seiten.anzahl"}),
        ("page", {"type": "page_number", "has_more_path": "$.seiten.weiter"}),
        ("offset", "offset"),
        ("offset", {"type": "offset", "limit": 40, "total_path": "seiten.summe"}),
        ("cursor", {"type": "cursor", "cursor_path": "seiten.naechste"}),
        ("link", {"type": "json_link", "next_url_path": "seiten.naechste"}),
        ("header", "header_link"),
    ],
)
def test_what_is_not_recognised_can_be_declared_in_dlts_words(style, paginator) -> None:
    server = Server(style, "nothing", 50)

    def answer(request: Request) -> Any:
        plain = server(request)
        place = server._place(request.query_params)
        said = {
            "anzahl": place.pages,
            "summe": len(IDS),
            "weiter": place.following is not None,
            **_next("naechste", server._following(place)),
        }
        body = {**json.loads(plain.body), "seiten": said}
        headers = {k: v for k, v in plain.headers.items() if k == "link"}
        return JSONResponse(body, headers=headers)

    if isinstance(paginator, dict) and paginator["type"] == "cursor":
        paginator = {**paginator, "cursor_param": "cursor"}
    with local_api(answer) as api:
        found, end = read(api, with_paginator(AUTO, paginator))
    assert (found, end.is_complete) == (IDS, True), end.proof
    assert server.requests <= server.needed() + 1


MANY = [{"id": str(number)} for number in range(3)]
HEALTHY: Mapping[str, Any] = {
    "no errors": {"data": MANY, "errors": []},
    "null error": {"data": MANY, "error": None, "success": True},
    "an error of none": {"data": MANY, "error": "none", "message": "OK"},
    "an empty error": {"data": MANY, "error": {}, "errors": {}},
    "money": {"data": MANY, "total": 24079.5},
    "money as text": {"data": MANY, "total": "24079.50"},
    "money with a currency": {"data": MANY, "total": 24079, "currency": "USD"},
    "money in a summary": {"data": MANY, "summary": {"total": 24079, "count": 9}},
    "parts of an amount": {"data": MANY, "subtotal": 90, "tax": 10, "total": 100},
    "the size asked for": {"data": MANY, "count": 100, "limit": 100, "page": 1},
    "the length of the page": {"data": MANY, "count": 3, "size": 100},
    "a total": {"data": MANY, "total": 3},
    "a total as text": {"data": MANY, "meta": {"total": "3"}},
    "a next step": {"data": MANY, "next": "Call us to learn more"},
    "no next": {"data": MANY, "next": None, "previous": None},
    "an empty next": {"data": MANY, "links": {"next": "", "self": "/things"}},
    "no more": {"data": MANY, "hasMore": False},
    "no more as text": {"data": MANY, "has_more": "false"},
    "the last page": {"data": MANY, "page": {"number": 0, "last": True, "first": True}},
    "a last name": {"data": MANY, "last": "Doe", "first": "Jo", "done": False},
    "a good status": {"data": MANY, "status": "ok", "code": 200, "statusCode": "200"},
    "a code of none": {"data": MANY, "errorCode": 0, "error_code": "0", "code": 0},
    "a good flag": {"data": MANY, "ok": True, "hasErrors": False, "isSuccess": "true"},
    "a job": {"data": MANY, "status": "done", "complete": False, "finished": False},
    "a cursor of this page": {"data": MANY, "pagination": {"cursor": None}},
    "more about it": {"data": MANY, "more": {"docs": "https://example.com/?a=b"}},
    "links": {"data": MANY, "_links": {"self": {"href": "/things?page=1"}}},
    "a list of links": {"data": MANY, "links": [{"rel": "self", "href": "/things"}]},
    "one page": {"data": MANY, "pagination": {"totalPages": 1, "page": 1}},
    "pages of a book": {"data": MANY, "book": {"pages": 300, "total": 900}},
    "a token": {"data": MANY, "token": "abc", "sessionToken": "def"},
    "the pages before": {"data": MANY, "meta": {"previous": "/things?cursor=x"}},
    "an offset": {"data": MANY, "offset": 0, "limit": 100, "total": 3},
    "a rate limit": {"data": MANY, "rateLimit": {"limit": 100, "remaining": 7}},
    "versions": {"data": MANY, "version": 2, "items": 3, "results": 3},
    "nothing left out": {"data": MANY, "partial": False, "incomplete_results": False},
    "a good answer": {
        "data": MANY,
        "meta": {"code": 200, "success": True, "error": None},
    },
    "in another style": {"Data": MANY, "TotalCount": 3},
}


@pytest.mark.parametrize("server", HEALTHY)
def test_a_healthy_server_with_tempting_words_stays_green(server) -> None:
    asked = []

    def answer(request: Request) -> Any:
        asked.append(dict(request.query_params))
        is_first = request.query_params.get("page", "1") == "1"
        is_first &= request.query_params.get("offset", "0") == "0"
        body = HEALTHY[server]
        return (
            body if is_first else {k: v or [] for k, v in body.items()} | {"data": []}
        )

    if server == "in another style":
        answer = lambda request: HEALTHY[server]  # noqa: E731
    with local_api(answer) as api:
        found, end = read(api, AUTO)
    assert found == ["0", "1", "2"]
    assert end.is_complete, end.proof
    assert len([query for query in asked if query.get("page") != "0"]) <= 2
    assert len(asked) <= 3


@pytest.mark.parametrize(
    "body",
    [
        {"data": [], "success": False},
        {"data": [], "Success": "false"},
        {"data": [], "error": "upstream timeout"},
        {"data": MANY, "error": {"code": "UPSTREAM_TIMEOUT"}},
        {"data": [], "errors": [{"message": "upstream timeout"}]},
        {"Data": [], "Errors": ["upstream timeout"], "TotalCount": 0},
        {"data": [], "ok": False},
        {"data": [], "isSuccess": "False"},
        {"data": [], "status": "error", "message": "upstream timeout"},
        {"data": [], "status_code": 503},
        {"data": [], "code": "500"},
        {"data": [], "errorMessage": "upstream timeout"},
        {"data": [], "ErrorCode": "E17"},
        {"data": [], "has_errors": True},
        {"data": [], "fault": {"faultstring": "timeout"}},
        {"data": [], "meta": {"success": False}},
        {"data": [], "meta": {"code": 503, "error_message": "timeout"}},
        {"data": [], "status": {"code": 500, "message": "timeout"}},
    ],
    ids=json.dumps,
)
def test_an_error_in_a_200_is_a_failed_read(body) -> None:
    from roster_platform.errors import BadResponseError

    with (
        local_api(lambda request: body) as api,
        pytest.raises(BadResponseError, match="an error in it"),
    ):
        read(api, AUTO)


@pytest.mark.parametrize(
    ("headers", "where"),
    [
        ({"X-Total-Count": "110"}, "header x-total-count"),
        ({"Content-Range": "items 0-49/110"}, "header content-range"),
        ({"X-Pagination": '{"TotalCount": 110}'}, "header x-pagination.TotalCount"),
        ({"X-Next-Page": "2"}, "header x-next-page"),
        ({"X-Has-More": "true"}, "header x-has-more"),
    ],
)
def test_headers_contradict_a_server_that_ignores_the_page(headers, where) -> None:
    records = [{"id": name} for name in IDS[:50]]
    with local_api(lambda _: JSONResponse({"data": records}, headers=headers)) as api:
        found, end = read(api, AUTO)
    assert found == IDS[:50]
    assert not end.is_complete
    assert "mappings/test.yaml" in end.proof


def test_headers_lead_to_the_end() -> None:
    def by_total(request: Request) -> Any:
        start = (int(request.query_params["page"]) - 1) * 50
        records = [{"id": name} for name in IDS[start : start + 50]]
        return JSONResponse({"data": records}, headers={"X-Total": str(len(IDS))})

    def by_cursor(request: Request) -> Any:
        token = request.query_params.get("cursor")
        start = int(base64.b64decode(token)) if token else 0
        records = [{"id": name} for name in IDS[start : start + 50]]
        headers = {}
        if start + 50 < len(IDS):
            following = base64.b64encode(str(start + 50).encode()).decode()
            headers["X-Next-Cursor"] = following
        return JSONResponse({"data": records}, headers=headers)

    for answer in (by_total, by_cursor):
        with local_api(answer) as api:
            found, end = read(api, AUTO)
        assert (found, end.is_complete) == (IDS, True)


def spring(request: Request) -> Any:
    """An API that counts from 0, and says of each page whether it is the first."""
    number = int(request.query_params["page"])
    records = [{"id": name} for name in IDS[number * 50 :][:50]]
    return {"data": records, "first": number == 0, "last": number == 2}


def test_page_0_is_read_where_pages_are_counted_from_0() -> None:
    zero = with_paginator(AUTO, {"type": "page_number", "base_page": 0})
    with local_api(spring) as api:
        for paging in (AUTO, zero):
            found, end = read(api, paging)
            assert (sorted(found), end.is_complete) == (IDS, True)
            assert end.first_page == 0


@pytest.mark.parametrize("rows", [3, 50, 51, 100, 110])
@pytest.mark.parametrize("declared", [None, 0, 1])
@pytest.mark.parametrize("base", [0, 1])
def test_lists_of_any_length_are_read_whatever_page_is_the_first(
    base, declared, rows
) -> None:
    """One that fits on page 0 leaves page 1 empty, and the other way round."""

    def answer(request: Request) -> Any:
        start = max(0, int(request.query_params["page"]) - base) * 50
        return {"data": [{"id": name} for name in IDS[:rows][start:][:50]]}

    paging = AUTO
    if declared is not None:
        paging = with_paginator(AUTO, {"type": "page_number", "base_page": declared})
    with local_api(answer) as api:
        found, end = read(api, paging)
    if (base, declared) == (0, 1):
        assert found == IDS[50:rows]
        return
    assert sorted(set(found)) == IDS[:rows]
    assert end.is_complete


def test_a_page_0_that_cannot_be_had_is_no_page_0() -> None:
    """Unless an answer says that a page comes before: then the read is incomplete."""
    says_so = True

    def answer(request: Request) -> Any:
        if (number := int(request.query_params["page"])) == 0:
            return JSONResponse({"error": "try again later"}, 503)
        rest = {"hasPreviousPage": number > 0} if says_so else {}
        return {"data": MANY if number == 1 else [], **rest}

    with local_api(answer) as api:
        found, end = read(api, AUTO)
        assert found == ["0", "1", "2"]
        assert not end.is_complete
        assert "base_page" in end.proof
        assert "mappings/test.yaml" in end.proof
        says_so = False
        _, end = read(api, AUTO)
        # It may be there, so the next read asks again.
        assert (end.is_complete, end.first_page) == (True, None)


def no_more_and_a_link(query: Mapping[str, str], asked: int) -> Any:
    start = int(query.get("from", 0))
    following = {"next": f"/things?from={start + 50}"} if start < 100 else {}
    return {"data": IDS[start:][:50], "has_more": False, "links": following}


def no_more_and_a_link_beyond(query: Mapping[str, str], asked: int) -> Any:
    start = int(query.get("from", 0))
    links = {"next": f"/things?from={min(start + 50, len(IDS))}"}
    return {"data": IDS[start:][:50], "has_more": start < 60, "links": links}


def no_more_and_a_cursor(query: Mapping[str, str], asked: int) -> Any:
    start = int(query.get("cursor", "c0")[1:])
    following = f"c{start + 50}" if start < 100 else None
    return {"data": IDS[start:][:50], "hasMore": False, "nextCursor": following}


def no_more_and_the_next_number(query: Mapping[str, str], asked: int) -> Any:
    number = int(query["page"])
    records = IDS[max(0, number - 1) * 50 :][:50]
    return {"data": records, "has_more": number < 3, "next_page": number + 1}


def links_and_the_cursor_of_this_page(query: Mapping[str, str], asked: int) -> Any:
    start = int(query.get("after", "c0")[1:])
    paging = {"cursors": {"after": f"c{start + 50}"}}
    if start < 100:
        paging["next"] = f"/things?after=c{start + 50}"
    return {"data": IDS[start:][:50], "paging": paging}


def offsets_whose_cap_falls(query: Mapping[str, str], asked: int) -> Any:
    start = int(query.get("offset", 0))
    size = min(50 if asked == 1 else 25, int(query.get("limit", 50)))
    return {"data": IDS[start:][:size], "offset": start, "limit": size}


def pages_whose_first_is_short(query: Mapping[str, str], asked: int) -> Any:
    """Some APIs leave records out of a page that the reader may not see."""
    ids = ["hidden", *IDS]
    start = max(0, int(query["page"]) - 1) * 50
    return {"data": [name for name in ids[start:][:50] if name != "hidden"]}


@pytest.mark.parametrize(
    "server",
    [
        no_more_and_a_link,
        no_more_and_a_link_beyond,
        no_more_and_a_cursor,
        no_more_and_the_next_number,
        links_and_the_cursor_of_this_page,
        offsets_whose_cap_falls,
        pages_whose_first_is_short,
    ],
)
def test_an_answer_that_differs_with_itself_is_followed_to_the_end(server) -> None:
    def answer(request: Request) -> Any:
        body = server(request.query_params, len(api.requests))
        return {**body, "data": [{"id": name} for name in body["data"]]}

    with local_api(answer) as api:
        found, end = read(api, AUTO)
    assert (sorted(found), end.is_complete) == (IDS, True), end.proof


def test_a_cap_that_grows_while_a_list_is_read_leaves_a_gap() -> None:
    def answer(request: Request) -> Any:
        size = 25 if len(api.requests) == 1 else 50
        start = max(0, int(request.query_params["page"]) - 1) * size
        return {"data": [{"id": name} for name in IDS[start:][:size]]}

    with local_api(answer) as api:
        _, end = read(api, AUTO)
    assert not end.is_complete
    assert "became larger" in end.proof
    assert "mappings/test.yaml" in end.proof


@pytest.mark.parametrize("counts_pages", [True, False])
def test_an_offset_that_counts_pages_is_noticed(counts_pages) -> None:
    ids = IDS if counts_pages else IDS[:50]

    def answer(request: Request) -> Any:
        offset = int(request.query_params.get("offset", 0))
        start = 50 * offset if counts_pages else offset
        records = [{"id": name} for name in ids[start:][:50]]
        return {"data": records, "paging": {"offset": offset, "limit": 50}}

    with local_api(answer) as api:
        for paging in (AUTO, with_paginator(AUTO, {"type": "offset", "limit": 50})):
            found, end = read(api, paging)
            assert end.is_complete == (not counts_pages)
            if counts_pages:
                assert "page_param: offset, base_page: 0" in end.proof
            else:
                assert sorted(found) == ids


def test_a_link_to_page_2_says_nothing_about_page_0() -> None:
    def answer(request: Request) -> Any:
        number = int(request.query_params["page"])
        following = f"/things?page={number + 1}" if number < 2 else None
        records = [{"id": name} for name in IDS[number * 50 :][:50]]
        return {"data": records, "next": following}

    with local_api(answer) as api:
        found, end = read(api, AUTO)
    assert (sorted(found), end.first_page) == (IDS, 0)


@pytest.mark.parametrize(
    ("selector", "body"),
    [
        ("result.items", {"result": {"items": MANY, "total": 3}}),
        ("$.result.items", {"result": {"items": MANY, "total": 3}}),
        ("result", {"Result": MANY, "totalCount": 3}),
        ("$.pages[*].rows[*]", {"pages": [{"rows": MANY}], "hasMore": False}),
        ("result", {"result": None, "totalCount": 0}),
        ("$", MANY),
    ],
)
def test_records_are_found_wherever_the_selector_leads(selector, body) -> None:
    paging = with_paginator(Paging(data_selector=selector), "auto")

    def answer(request: Request) -> Any:
        return body if request.query_params["page"] == "1" else []

    with local_api(answer) as api:
        found, end = read(api, paging)
    assert found == ([] if None in body else ["0", "1", "2"])[: len(found)]
    assert end.is_complete, end.proof


def test_a_wrong_selector_names_the_lists_that_came() -> None:
    from roster_platform.errors import BadResponseError

    with (
        local_api(lambda _: {"payload": {"rows": MANY}}) as api,
        pytest.raises(BadResponseError, match=r"payload\.rows.*mappings/test\.yaml"),
    ):
        read(api, AUTO)
