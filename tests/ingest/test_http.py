"""The client's promises, kept against a real server on a real port."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse

from roster_platform import errors
from roster_platform.ingest.http.client import ApiClient
from roster_platform.ingest.paging.declared import Paging
from roster_platform.ingest.paging.page import Page
from roster_platform.ingest.settings import ClientSettings
from tests.local_api import LocalApi, local_api

TOKEN = "very-secret-token"
RECORDS = [{"id": str(number)} for number in range(95)]
PAGING = Paging(data_selector="data", page_size=10)


@contextmanager
def client(api: LocalApi, **settings: object) -> Iterator[ApiClient]:
    configured = ClientSettings(base_url=api.url, max_attempts=3)
    for name, value in settings.items():
        setattr(configured, name, value)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with ApiClient("Test API", configured, headers, TOKEN, {401: "Fix it."}) as made:
        yield made


def read(api: LocalApi, paging: Paging = PAGING, **settings: object) -> list[str]:
    with client(api, **settings) as made:
        pages: list[Page] = list(made.pages("things", {}, paging))
    return [record["id"] for page in pages for record in page.records]


def slice_of(request: Request) -> list[dict[str, str]]:
    number = int(request.query_params["page"])
    size = int(request.query_params["pageSize"])
    return RECORDS[(number - 1) * size : number * size]


ALL_IDS = [record["id"] for record in RECORDS]


@pytest.mark.parametrize(
    "describe",
    [
        lambda n: {"pagination": {"page": n, "pageSize": 10, "totalPages": 10}},
        lambda n: {"pagination": {"page": n, "pageSize": 10, "totalCount": 95}},
        lambda n: {"totalCount": 95},
        lambda n: {"hasMore": n < 10},
        lambda n: {},
    ],
    ids=["total pages", "total count", "count on top", "has more", "nothing"],
)
def test_every_way_of_paging_reads_everything_once_in_order(describe) -> None:
    def answer(request: Request) -> object:
        number = int(request.query_params["page"])
        return {"data": slice_of(request), **describe(number)}

    with local_api(answer) as api:
        assert read(api) == ALL_IDS


def test_cursors_are_followed() -> None:
    def answer(request: Request) -> object:
        start = int(request.query_params.get("pageToken", 0))
        cursor = str(start + 10) if start + 10 < len(RECORDS) else None
        return {"data": RECORDS[start : start + 10], "nextPageToken": cursor}

    with local_api(answer) as api:
        assert read(api) == ALL_IDS


def test_a_total_that_grows_while_reading_is_followed() -> None:
    def answer(request: Request) -> object:
        return {"data": slice_of(request), "pagination": {"totalPages": 5}}

    with local_api(answer) as api:
        assert read(api) == ALL_IDS


def test_a_server_that_ignores_the_page_is_read_once() -> None:
    with local_api(lambda request: {"data": RECORDS[:10]}) as api:
        assert read(api) == ALL_IDS[:10]
        assert len(api.requests) == 2


def test_a_cursor_that_repeats_ends_in_an_error() -> None:
    count = iter(range(1000))

    def answer(request: Request) -> object:
        return {"data": [{"id": str(next(count))}], "nextPageToken": "again"}

    with local_api(answer) as api, pytest.raises(errors.PagingError, match="cursor"):
        read(api)


def test_a_next_page_on_another_host_is_refused() -> None:
    def answer(request: Request) -> object:
        return {"data": RECORDS[:10], "next": "http://127.0.0.2:1/things"}

    with local_api(answer) as api, pytest.raises(errors.PagingError, match="127.0.0.2"):
        read(api)


def test_more_pages_than_the_cap_end_in_an_error() -> None:
    def answer(request: Request) -> object:
        return {"data": slice_of(request), "pagination": {"totalPages": 10}}

    paging = Paging(data_selector="data", page_size=10, max_pages=5)
    with local_api(answer) as api, pytest.raises(errors.PagingError, match="cap of 5"):
        read(api, paging)


def test_a_redirect_never_carries_the_token() -> None:
    with local_api(lambda request: {"data": []}) as other:

        def answer(request: Request) -> object:
            return RedirectResponse(f"{other.url}/things")

        with (
            local_api(answer) as api,
            pytest.raises(errors.BadResponseError, match="redirect"),
        ):
            read(api)
        assert other.requests == []


def test_temporary_failures_are_tried_again() -> None:
    failures = iter(["500", "html", "none"])

    def answer(request: Request) -> object:
        kind = next(failures, "none")
        if kind == "500":
            return PlainTextResponse("oops", status_code=500)
        if kind == "html":
            return PlainTextResponse("<html>maintenance</html>")
        return {"data": slice_of(request), "pagination": {"totalPages": 10}}

    with local_api(answer) as api:
        assert read(api) == ALL_IDS


def test_lasting_failures_end_after_the_configured_tries() -> None:
    def answer(request: Request) -> object:
        return PlainTextResponse("oops", status_code=503)

    with local_api(answer) as api:
        with pytest.raises(errors.UnreachableError, match="3 times in a row"):
            read(api)
        assert len(api.requests) == 3


def test_a_refused_token_is_asked_once_and_never_shown() -> None:
    def answer(request: Request) -> object:
        return JSONResponse(
            {"error": f"bad token {TOKEN}", "token": TOKEN}, status_code=401
        )

    with local_api(answer) as api, client(api) as made:
        outcomes = list(made.get_each(f"things/{number}" for number in range(50)))
        assert len(api.requests) == 1
    assert all(isinstance(error, errors.CredentialsError) for _, error in outcomes)
    assert "Fix it." in str(outcomes[0][1])
    assert TOKEN not in str(outcomes[0][1])


def test_a_short_retry_after_is_waited_for_by_every_request() -> None:
    refused = iter([True])

    def answer(request: Request) -> object:
        if request.query_params["page"] == "3" and next(refused, False):
            return JSONResponse({}, status_code=429, headers={"Retry-After": "1"})
        return {"data": slice_of(request), "pagination": {"totalPages": 10}}

    with local_api(answer) as api:
        assert read(api) == ALL_IDS


@pytest.mark.parametrize("header", ["3600", "Wed, 01 Jan 2031 01:00:00 GMT"])
def test_a_long_retry_after_is_raised_and_nobody_asks_again(header: str) -> None:
    def answer(request: Request) -> object:
        return JSONResponse(
            {},
            status_code=429,
            headers={"Retry-After": header, "Date": "Wed, 01 Jan 2031 00:00:00 GMT"},
        )

    with local_api(answer) as api:
        for _ in range(2):
            with pytest.raises(errors.RateLimitError) as raised:
                read(api)
            assert 3500 < raised.value.retry_after <= 3600
        assert len(api.requests) == 1


def test_one_failing_document_leaves_the_others() -> None:
    def answer(request: Request) -> object:
        if request.url.path == "/things/7":
            return JSONResponse({"error": "gone"}, status_code=404)
        return {"path": request.url.path}

    with local_api(answer) as api, client(api) as made:
        outcomes = dict(made.get_each(f"things/{number}" for number in range(20)))
    assert isinstance(outcomes.pop("things/7"), errors.NotFoundError)
    assert [a.body["path"] for a in outcomes.values()] == [f"/{p}" for p in outcomes]


def test_no_more_requests_at_once_than_configured() -> None:
    import threading
    import time

    under_way, most = 0, 0
    lock = threading.Lock()

    def answer(request: Request) -> object:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        time.sleep(0.01)
        with lock:
            under_way -= 1
        return {"data": slice_of(request), "pagination": {"totalPages": 10}}

    with local_api(answer) as api:
        assert read(api, concurrency=3) == ALL_IDS
    assert 1 < most <= 3


def test_an_api_that_refuses_is_asked_by_fewer_requests_at_once() -> None:
    lock, now, most, answered = threading.Lock(), 0, 0, 0

    def answer(request: Request) -> object:
        nonlocal now, most, answered
        number = int(request.query_params["page"])
        with lock:
            now += 1
            answered += 1
            refuse = answered == 2
            if 20 < answered < 40:
                most = max(most, now)
        time.sleep(0.02)
        with lock:
            now -= 1
        if refuse:
            return JSONResponse({}, status_code=429, headers={"Retry-After": "0"})
        return {"data": [{"id": str(number)}], "pagination": {"totalPages": 60}}

    with local_api(answer) as api:
        read(api, concurrency=16)
    assert most < 16


def test_no_other_credentials_are_looked_for(tmp_path, monkeypatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else")
    monkeypatch.setenv("NETRC", str(netrc))
    tokens = []

    def answer(request: Request) -> object:
        tokens.append(request.headers["Authorization"])
        return {"data": [{"id": "1"}], "pagination": {"totalPages": 1}}

    with local_api(answer) as api:
        assert read(api) == ["1"]
    assert tokens == [f"Bearer {TOKEN}"]


def test_the_proxy_of_the_environment_is_used(monkeypatch) -> None:
    asked = []

    def proxy(request: Request) -> object:
        asked.append(request.headers["Host"])
        return {"data": [{"id": "1"}], "pagination": {"totalPages": 1}}

    with local_api(proxy) as api:
        monkeypatch.setenv("http_proxy", api.url)
        monkeypatch.setenv("no_proxy", "elsewhere.example")
        assert read(LocalApi("http://roster.example")) == ["1"]
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        assert read(api) == ["1"]
    assert asked == ["roster.example", api.url.removeprefix("http://")]


def test_an_api_that_is_not_there_says_where_it_was_looked_for() -> None:
    with local_api(lambda request: {}) as api:
        pass
    with pytest.raises(errors.UnreachableError, match="127.0.0.1"):
        read(api)
