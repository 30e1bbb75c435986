"""A tiny API on a real port, whose answers a test writes as plain functions."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from roster_platform.ingest.pacing import rate_limit as gate

Handler = Callable[[Request], Any]


class LocalApi:
    """Where the API listens and what it was asked."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.bodies: list[bytes] = []


@contextmanager
def local_api(handler: Handler) -> Iterator[LocalApi]:
    """Serve ``handler(request)`` (a Response, or a JSON value) on a free loopback port."""
    api: LocalApi

    async def endpoint(request: Request) -> Response:
        api.bodies.append(await request.body())
        api.requests.append((request.url.path, dict(request.query_params)))
        answer = await run_in_threadpool(handler, request)
        return answer if isinstance(answer, Response) else JSONResponse(answer)

    app = Starlette(routes=[Route("/{path:path}", endpoint, methods=["GET", "POST"])])
    server = uvicorn.Server(
        uvicorn.Config(
            app, host="127.0.0.1", port=0, log_level="error", date_header=False
        )
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    api = LocalApi(f"http://127.0.0.1:{port}")
    # A port is used again, and what was asked of its last server does not hold for this.
    for known in [url for url in gate._gates if url.startswith(api.url)]:
        gate._gates.pop(known)
    try:
        yield api
    finally:
        server.should_exit = True
        thread.join()
