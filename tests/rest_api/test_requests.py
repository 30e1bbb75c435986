"""How a declared API is asked: authentication, paging, selectors, redirects."""

from __future__ import annotations

import json
from typing import Any

import pytest
from dlt.sources.helpers.rest_client.auth import (
    APIKeyAuth,
    BearerTokenAuth,
    HttpBasicAuth,
)
from dlt.sources.helpers.rest_client.paginators import JSONLinkPaginator
from starlette.responses import RedirectResponse

from roster_platform.errors import ConfigurationError
from roster_platform.rest_api import rest_api_source
from roster_platform.rest_api.reads import engine_of, reads_of
from tests.local_api import local_api
from tests.rest_api.apis import ITEMS, TOKEN, credentials, generic
from tests.rest_api.compared import rows, same_rows

_AUTHS = {
    "bearer": (
        {"type": "bearer", "token": TOKEN},
        {"authorization": f"Bearer {TOKEN}"},
    ),
    "bearer by default": ({"token": TOKEN}, {"authorization": f"Bearer {TOKEN}"}),
    "an object": (BearerTokenAuth(token=TOKEN), {"authorization": f"Bearer {TOKEN}"}),
    "header key": (
        {"type": "api_key", "name": "X-API-Key", "api_key": TOKEN},
        {"header": TOKEN},
    ),
    "query key": (
        {"type": "api_key", "name": "api_key", "api_key": TOKEN, "location": "query"},
        {"query": TOKEN},
    ),
    "basic": (
        {"type": "http_basic", "username": "ann", "password": TOKEN},
        {"authorization": f"Basic ann:{TOKEN}"},
    ),
    "an empty password, on purpose": (
        HttpBasicAuth("ann", ""),
        {"authorization": "Basic ann:"},
    ),
    "none": (None, {}),
}


@pytest.mark.parametrize("kind", _AUTHS)
def test_authentication(kind: str):
    auth, expected = _AUTHS[kind]
    with local_api(lambda request: [credentials(request)]) as api:
        client = {"base_url": api.url, "paginator": "single_page"}
        if auth is not None:
            client["auth"] = auth
        found = same_rows(lambda: {"client": client, "resources": ["me"]})
    assert {k: v for k, v in found["me"][0].items() if v} == expected


def test_oauth2_client_credentials():
    def handler(request):
        if request.url.path == "/token":
            return {"access_token": TOKEN, "expires_in": 3600}
        return [credentials(request)]

    with local_api(handler) as api:
        auth = {
            "type": "oauth2_client_credentials",
            "access_token_url": f"{api.url}/token",
            "client_id": "id",
            "client_secret": "secret",  # pragma: allowlist secret
        }
        client = {"base_url": api.url, "auth": auth, "paginator": "single_page"}
        found = same_rows(lambda: {"client": client, "resources": ["me", "you"]})
    assert found["me"][0]["authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize(
    "auth",
    [
        {"type": "bearer", "token": ""},
        {"token": "  "},
        {"type": "api_key", "name": "X-API-Key", "api_key": ""},
        {"type": "http_basic", "username": "ann", "password": ""},
        APIKeyAuth(name="X-API-Key", api_key=""),
        {
            "type": "oauth2_client_credentials",
            "access_token_url": "http://127.0.0.1:1/token",
            "client_id": "id",
            "client_secret": "",
        },
    ],
    ids=lambda auth: str(auth)[:30],
)
def test_an_empty_secret_is_an_error(auth: Any):
    with pytest.raises(ConfigurationError, match="is empty for the resource 'me'"):
        rest_api_source(
            {
                "client": {"base_url": "http://127.0.0.1:1", "auth": auth},
                "resources": ["me"],
            }
        )


@pytest.mark.parametrize("headers", [{"Authorization": "Bearer "}, {"X-API-Key": ""}])
def test_an_empty_secret_header_is_an_error(headers: dict[str, str]):
    client = {"base_url": "http://127.0.0.1:1", "headers": headers}
    with pytest.raises(ConfigurationError, match="header"):
        rest_api_source({"client": client, "resources": ["me"]})


_PAGINATORS: dict[str, tuple[Any, str, int]] = {
    # The declaration, the server's way, and how many answers were sent for ahead.
    "json_link": ({"type": "json_link", "next_url_path": "links.next"}, "link", 0),
    "json_link relative": ("json_link", "relative", 0),
    "an object": (JSONLinkPaginator("links.next"), "link", 0),
    "cursor": (
        {"type": "cursor", "cursor_path": "meta.next", "cursor_param": "cursor"},
        "cursor",
        0,
    ),
    "header_cursor": (
        {"type": "header_cursor", "cursor_key": "X-Next"},
        "headercursor",
        0,
    ),
    "offset": ({"type": "offset", "limit": 10}, "offset", 4),
    "offset to a maximum": (
        {"type": "offset", "limit": 10, "total_path": None, "maximum_offset": 30},
        "none",
        2,
    ),
    "offset to an empty page": (
        {"type": "offset", "limit": 10, "total_path": None},
        "none",
        0,
    ),
    "page_number": (
        # The index of the first page counts into dlt's total.
        {"type": "page_number", "base_page": 1, "total_path": "total_pages"},
        "pages",
        4,
    ),
    "page_number and more": (
        {
            "type": "page_number",
            "base_page": 1,
            "total_path": None,
            "has_more_path": "more",
        },
        "more",
        0,
    ),
    "auto by links": ("auto", "relative", 0),
}


@pytest.mark.parametrize("kind", _PAGINATORS)
def test_paginators(kind: str):
    paginator, way, ahead = _PAGINATORS[kind]
    selector = None if way == "headercursor" else "data"
    endpoint = {"path": f"{way}/items", "paginator": paginator}
    if selector:
        endpoint["data_selector"] = selector
    with local_api(generic) as api:

        def config() -> dict[str, Any]:
            return {
                "client": {"base_url": api.url},
                "resources": [{"name": "items", "endpoint": dict(endpoint)}],
            }

        plain = same_rows(config)
        requests = len(api.requests) // 2
        source = rest_api_source(config())
        assert len(list(source)) == len(plain["items"])
    assert len(plain["items"]) == (30 if "maximum" in kind else len(ITEMS))
    read = reads_of(source)["items"]
    assert (read.ahead, read.requests, read.complete) == (ahead, requests, True)


@pytest.mark.parametrize(
    ("way", "paginator"),
    [
        (
            "offset",
            {"type": "offset", "limit": 10, "offset_body_path": "paging.offset"},
        ),
        (
            "pages",
            {
                "type": "page_number",
                "base_page": 1,
                "total_path": "total_pages",
                "page_body_path": "page",
            },
        ),
        (
            "cursor",
            {
                "type": "cursor",
                "cursor_path": "meta.next",
                "cursor_body_path": "cursor",
            },
        ),
    ],
)
def test_paging_in_the_body_of_a_post(way: str, paginator: dict[str, Any]):
    def handler(request):
        return generic(request, json.loads(api.bodies[-1] or b"{}"))

    # The server finds the body of the request that it answers, so one at a time.
    with local_api(handler) as api, pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOURCES__REST_API__CONCURRENCY", "1")
        found = same_rows(
            lambda: {
                "client": {"base_url": api.url},
                "resources": [
                    {
                        "name": "items",
                        "endpoint": {
                            "path": f"{way}/search",
                            "method": "POST",
                            "json": {"query": "dlt", "paging": {"size": 10}},
                            "data_selector": "data",
                            "paginator": dict(paginator),
                        },
                    }
                ],
            }
        )
        assert all(b'"query": "dlt"' in body for body in api.bodies)
    assert len(found["items"]) == len(ITEMS)


@pytest.mark.parametrize(
    "selector", ["$.data[*]", "data[?(@.id > 40)]", "$..items", "$"]
)
def test_selectors(selector: str):
    with local_api(
        lambda request: {"data": ITEMS, "more": {"items": [{"id": 1}]}}
    ) as api:
        endpoint = {"path": "x", "data_selector": selector, "paginator": "single_page"}
        found = same_rows(
            lambda: {
                "client": {"base_url": api.url},
                "resources": [{"name": "items", "endpoint": endpoint}],
            }
        )
    assert found["items"]


def test_redirects_of_the_same_host_are_followed():
    def handler(request):
        if not request.url.path.endswith("/"):
            return RedirectResponse(request.url.path + "/?" + request.url.query, 308)
        return [{"id": 1, **credentials(request)}]

    with local_api(handler) as api:
        client = {
            "base_url": api.url,
            "auth": {"token": TOKEN},
            "paginator": "single_page",
        }
        found = same_rows(lambda: {"client": client, "resources": ["me"]})
    assert found["me"][0]["authorization"] == f"Bearer {TOKEN}"


def test_what_cannot_be_read_fast_says_why():
    import requests

    with local_api(generic) as api:
        client = {"base_url": api.url, "session": requests.Session()}
        config = {
            "client": client,
            "resources": [{"name": "items", "endpoint": "offset/items"}],
        }
        source = rest_api_source(config)
        assert engine_of(source.items) == (
            "dlt",
            "the declaration brings its own session",
        )
        assert rows(
            {**config, "client": {"base_url": api.url, "paginator": "single_page"}}
        )
