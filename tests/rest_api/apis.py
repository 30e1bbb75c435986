"""Local servers that answer as PokéAPI, GitHub and ordinary APIs do, literally."""

from __future__ import annotations

import base64
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

POKEMON = [
    {"name": f"pokemon-{n}", "url": f"/api/v2/pokemon/{n}/"} for n in range(1, 251)
]
ISSUES = [
    {
        "id": 9000 + n,
        "number": n,
        "title": f"Issue {n}",
        "state": "open" if n % 3 else "closed",
        "updated_at": f"2024-{1 + n % 12:02}-{1 + n % 28:02}T10:00:00Z",
        "user": {"login": f"user{n % 5}", "id": n % 5},
        "labels": [{"id": n % 4, "name": "bug"}] if n % 2 else [],
        "closed_at": None,
        "score": n / 4,
    }
    for n in range(1, 52)
]
TOKEN = "ghp_s3cret-t0ken"  # pragma: allowlist secret


def pokeapi(request: Request) -> Any:
    """``/api/v2/pokemon``: ``count``, ``next``, ``previous`` and ``results``."""
    offset = int(request.query_params.get("offset", 0))
    limit = int(request.query_params.get("limit", 20))
    url = f"http://{request.headers['host']}{request.url.path}"

    def link(at: int) -> str | None:
        return f"{url}?offset={at}&limit={limit}" if 0 <= at < len(POKEMON) else None

    return {
        "count": len(POKEMON),
        "next": link(offset + limit),
        "previous": link(offset - limit),
        "results": POKEMON[offset : offset + limit],
    }


class GitHub:
    """``/repos/dlt-hub/dlt/``: lists as bare arrays, paged by ``Link`` headers."""

    def __init__(self) -> None:
        self.issues = [dict(issue) for issue in ISSUES]

    def __call__(self, request: Request) -> Response:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return JSONResponse({"message": "Bad credentials"}, 401)
        *_, kind = parts = request.url.path.strip("/").split("/")
        if kind == "issues":
            since = request.query_params.get("since", "")
            rows = [issue for issue in self.issues if issue["updated_at"] >= since]
            rows.sort(
                key=lambda issue: (issue["updated_at"], issue["id"]), reverse=True
            )
        elif kind == "comments":
            number = int(parts[-2])
            rows = [
                {"id": number * 100 + n, "body": f"Comment {n} of {number}"}
                for n in range(number % 3)
            ]
        else:
            rows = [
                {"id": 500 + n, "number": n, "draft": n % 2 == 0} for n in range(10)
            ]
        return _linked(request, rows)


def _linked(request: Request, rows: list[Any]) -> Response:
    params = dict(request.query_params)
    size, page = int(params.get("per_page", 30)), int(params.pop("page", 1))
    last = max(1, -(-len(rows) // size))

    def link(number: int, relation: str) -> str:
        query = "&".join(f"{k}={v}" for k, v in {**params, "page": number}.items())
        # GitHub's links name the repository by its number.
        path = request.url.path.replace("/repos/dlt-hub/dlt", "/repositories/1")
        return f'<http://{request.headers["host"]}{path}?{query}>; rel="{relation}"'

    links = []
    if page > 1:
        links += [link(page - 1, "prev"), link(1, "first")]
    if page < last:
        links = [*links, link(page + 1, "next"), link(last, "last")]
    headers = {"Link": ", ".join(links)} if links else {}
    return JSONResponse(rows[(page - 1) * size : page * size], headers=headers)


ITEMS = [
    {"id": n, "name": f"item {n}", "updated": f"2024-01-{1 + n // 4:02}", "rank": n % 7}
    for n in range(1, 48)
]
SIZE = 10


def generic(request: Request, body: dict[str, Any] | None = None) -> Any:
    """The items, paged in the way that the first part of the path names."""
    kind = request.url.path.strip("/").split("/")[0]
    asked = {**dict(request.query_params), **(body or {})}
    for part in ("paging", "options"):
        asked |= asked.get(part) or {} if isinstance(asked.get(part), dict) else {}
    rows = [i for i in ITEMS if asked.get("since", "") <= i["updated"]]
    if "until" in asked:
        rows = [item for item in rows if item["updated"] < asked["until"]]
    start = int(asked.get("offset", 0))
    if "page" in asked:
        start = (int(asked["page"]) - int(asked.get("base", 1))) * SIZE
    if asked.get("cursor"):
        start = int(asked["cursor"].removeprefix("after-"))
    found, end = rows[start : start + SIZE], start + SIZE
    more = end < len(rows)
    url = f"http://{request.headers['host']}{request.url.path}"
    if kind == "link":
        return {
            "data": found,
            "links": {"next": f"{url}?offset={end}" if more else None},
        }
    if kind == "relative":
        return {
            "data": found,
            "next": f"{request.url.path}?offset={end}" if more else None,
        }
    if kind == "cursor":
        return {"data": found, "meta": {"next": f"after-{end}" if more else None}}
    if kind == "headercursor":
        headers = {"X-Next": f"after-{end}"} if more else {}
        return JSONResponse(found, headers=headers)
    if kind == "offset":
        return {"data": found, "total": len(rows)}
    if kind == "pages":
        return {"data": found, "total_pages": -(-len(rows) // SIZE)}
    if kind == "more":
        return {"data": found, "more": more}
    if kind == "nested":
        return {"results": {"items": found}, "total": len(found)}
    return {"data": found}


def credentials(request: Request) -> dict[str, str]:
    """Whatever of a request may carry credentials."""
    value = request.headers.get("authorization", "")
    if value.startswith("Basic "):
        value = "Basic " + base64.b64decode(value.removeprefix("Basic ")).decode()
    return {
        "authorization": value,
        "header": request.headers.get("x-api-key", ""),
        "query": request.query_params.get("api_key", ""),
    }
