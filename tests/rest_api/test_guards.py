"""What holds for every declared API: paging ends, hosts, sizes, pauses, secrets."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.responses import JSONResponse, RedirectResponse, Response

from roster_platform.errors import (
    BadResponseError,
    ConfigurationError,
    IncompleteReadError,
    IngestError,
    PagingError,
    RateLimitError,
)
from roster_platform.rest_api import rest_api_source
from roster_platform.rest_api.guards import StatusError
from roster_platform.rest_api.reads import reads_of
from tests.local_api import local_api
from tests.rest_api.apis import TOKEN


def _read(url: str, endpoint: dict[str, Any] | None = None, **client: Any) -> list[Any]:
    return list(_source(url, endpoint, **client))


def _source(url: str, endpoint: dict[str, Any] | None = None, **client: Any) -> Any:
    endpoint = {"path": "x", **(endpoint or {})}
    return rest_api_source(
        {
            "client": {"base_url": url, **client},
            "resources": [{"name": "things", "endpoint": endpoint}],
        }
    )


def _failure(
    url: str, endpoint: dict[str, Any] | None = None, **client: Any
) -> Exception:
    """What a read fails with, and that no secret is in any part of it."""
    with pytest.raises(Exception) as failure:  # noqa: PT011
        _read(url, endpoint, **client)
    error: BaseException | None = failure.value
    found: Exception = failure.value
    while error is not None:
        assert TOKEN not in str(error)
        if isinstance(error, IngestError) and isinstance(error, Exception):
            found = error
        error = error.__cause__ or error.__context__
    return found


@pytest.mark.parametrize("engine", ["fast", "dlt"])
def test_a_link_in_a_circle(engine: str, monkeypatch):
    monkeypatch.setenv("SOURCES__REST_API__ENGINE", engine)

    def handler(request):
        return {"data": [{"id": 1}], "next": "/x?page=2"}

    with local_api(handler) as api:
        assert isinstance(_failure(api.url, {"paginator": "json_link"}), PagingError)
    assert len(api.requests) <= 3


def test_endless_cursors(monkeypatch):
    monkeypatch.setenv("SOURCES__REST_API__MAX_PAGES", "7")
    count = iter(range(1000))
    with local_api(
        lambda request: {"data": [{"id": 1}], "next": str(next(count))}
    ) as api:
        paginator = {"type": "cursor", "cursor_path": "next"}
        error = _failure(api.url, {"paginator": paginator})
    assert isinstance(error, PagingError)
    assert "max_pages" in str(error)
    assert len(api.requests) == 7


def test_a_server_that_ignores_the_page():
    with local_api(lambda request: [{"id": 1}, {"id": 2}]) as api:
        paginator = {"type": "page_number", "total_path": None}
        source = _source(api.url, {"paginator": paginator})
        assert list(source) == [{"id": 1}, {"id": 2}]
    assert len(api.requests) == 2
    read = reads_of(source)["things"]
    assert read.complete is None
    assert "single_page" in read.warnings[0]


@pytest.mark.parametrize("engine", ["fast", "dlt"])
def test_another_host_gets_no_token(engine: str, monkeypatch):
    monkeypatch.setenv("SOURCES__REST_API__ENGINE", engine)
    auth = {"type": "api_key", "name": "X-API-Key", "api_key": TOKEN}
    with local_api(lambda request: [{"id": 1}]) as other:

        def handler(request):
            if request.url.path == "/moved":
                return RedirectResponse(f"{other.url}/x", 302)
            return {"data": [{"id": 1}], "next": f"{other.url}/x?key={TOKEN}"}

        with local_api(handler) as api:
            linked = _failure(api.url, {"paginator": "json_link"}, auth=auth)
            moved = _failure(api.url, {"path": "moved"}, auth=auth)
    assert isinstance(linked, PagingError)
    assert isinstance(moved, PagingError)
    assert other.requests == []


@pytest.mark.parametrize("engine", ["fast", "dlt"])
def test_an_oversized_answer(engine: str, monkeypatch):
    monkeypatch.setenv("SOURCES__REST_API__ENGINE", engine)
    monkeypatch.setenv("SOURCES__REST_API__MAX_RESPONSE_BYTES", "1000")
    with local_api(lambda request: [{"id": "x" * 2000}]) as api:
        error = _failure(api.url)
    assert isinstance(error, BadResponseError)
    assert "max_response_bytes" in str(error)


def test_a_pause_is_kept_or_raised(monkeypatch):
    monkeypatch.setenv("SOURCES__REST_API__MAX_WAIT_SECONDS", "1")
    answers = iter(["0", "0", None, "3600"])

    def handler(request):
        pause = next(answers)
        if pause is None:
            return [{"id": 1}]
        return JSONResponse({}, 429, headers={"Retry-After": pause})

    with local_api(handler) as api:
        assert _read(api.url, {"paginator": "single_page"}) == [{"id": 1}]
        error = _failure(api.url)
    assert isinstance(error, RateLimitError)
    assert error.retry_after == 3600


@pytest.mark.parametrize(
    "auth",
    [
        {"token": TOKEN},
        {"type": "api_key", "name": "k", "api_key": TOKEN, "location": "query"},
        {"type": "http_basic", "username": "ann", "password": TOKEN},
    ],
    ids=["bearer", "query", "basic"],
)
def test_refused_credentials_are_not_shown(auth: dict[str, str]):
    def handler(request):
        said = f"{request.url} {request.headers.get('authorization')} {TOKEN.upper()}"
        return JSONResponse({"error": said}, 401)

    with local_api(handler) as api:
        error = _failure(api.url, auth=auth)
    assert isinstance(error, StatusError)
    assert error.permanent
    assert error.response is not None
    assert "401" in str(error)
    assert TOKEN.upper() not in str(error)
    assert len(api.requests) == 1


def test_a_header_that_cannot_be_sent_is_not_shown():
    with local_api(lambda request: []) as api:
        error = _failure(api.url, auth={"token": f"{TOKEN}\nx"})
    assert isinstance(error, ConfigurationError)


def test_an_error_in_a_200():
    with local_api(lambda request: {"data": [], "error": "database is down"}) as api:
        error = _failure(api.url, {"data_selector": "data"})
    assert isinstance(error, BadResponseError)
    assert "database is down" in str(error)


def test_a_failing_server_is_asked_again(monkeypatch):
    answers: Any = iter([500, "<html>", None])

    def handler(request):
        answer = next(answers)
        if answer == 500:
            return JSONResponse({}, 500)
        return Response(answer) if answer else [{"id": 1}]

    with local_api(handler) as api:
        assert _read(api.url, {"paginator": "single_page"}) == [{"id": 1}]


@pytest.mark.parametrize(
    "body",
    [
        {"data": [{"id": 1}], "total": 312},
        {"data": [{"id": 1}], "meta": {"total_pages": 7}},
        {"data": [{"id": 1}], "has_more": True},
        {"data": [{"id": 1}], "next_page": "/x?page=2"},
        {"data": [{"id": 1}], "paging": {"cursors": {"next_cursor": "abc"}}},
    ],
    ids=lambda body: str([*body][-1]),
)
def test_an_answer_that_contradicts_its_end(body: dict[str, Any]):
    paginator = {"type": "json_link", "next_url_path": "links.following"}
    with local_api(lambda request: body) as api:
        error = _failure(api.url, {"paginator": paginator, "data_selector": "data"})
        assert isinstance(error, IncompleteReadError)
        # Declared, it is believed; nothing is lost that anybody had asked for.
        assert _read(api.url, {"paginator": "single_page", "data_selector": "data"})
