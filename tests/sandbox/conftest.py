"""One small sandbox for tests that only read, and a client that speaks HTTP to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import orjson
import pytest

from roster_platform.ingest.roster.endpoints import BY_NAME
from roster_platform.sandbox import Sandbox, running_sandbox

SMALL = {"orders": 600, "pages": 6, "members": 12}


@dataclass(frozen=True)
class Answer:
    """A response, whatever its status."""

    status: int
    headers: dict[str, str]
    body: Any


@dataclass(frozen=True)
class Client:
    """Asks a sandbox, as the key's owner unless told otherwise."""

    sandbox: Sandbox

    def ask(
        self,
        path: str,
        *,
        token: str | None = "sandbox-private-token",
        key: str | None = "sandbox-api-key",
        method: str = "GET",
        body: Any = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        sent = dict(headers or {})
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        if key is not None:
            sent["X-API-Key"] = key
        content = body if isinstance(body, bytes) else body and orjson.dumps(body)
        request = Request(self.sandbox.url + path, content, sent, method=method)
        try:
            with urlopen(request, timeout=20) as response:
                status, raw, received = response.status, response.read(), response
        except HTTPError as error:
            status, raw, received = error.code, error.read(), error
        headers = {key.lower(): value for key, value in received.headers.items()}
        is_json = headers.get("content-type") == "application/json"
        return Answer(status, headers, orjson.loads(raw) if is_json else raw)

    def read_all(self, name: str, size: int = 100, **placeholders: str) -> list[Any]:
        """Every record of a catalogue endpoint, page after page."""
        endpoint = BY_NAME[name]
        path = "/" + (endpoint.path or f"v2/{name}").format(**placeholders)
        records: list[Any] = []
        page = 1
        while True:
            body = self.ask(f"{path}?page={page}&pageSize={size}").body
            records += body[endpoint.data_selector]
            if page >= body["pagination"]["totalPages"]:
                return records
            page += 1


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """A sandbox nobody advances."""
    with running_sandbox(**SMALL) as running:
        yield running


@pytest.fixture
def client(sandbox: Sandbox) -> Client:
    return Client(sandbox)


@pytest.fixture
def start() -> Iterator[Callable[..., Client]]:
    """Starts sandboxes of the test's own, stopped when it ends."""
    with ExitStack() as stack:

        def start_one(**options: Any) -> Client:
            return Client(stack.enter_context(running_sandbox(**SMALL | options)))

        yield start_one
