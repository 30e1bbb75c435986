"""The middleware of every request: simulated clock, injected faults, rate limit.

One ASGI layer around the app, because it must also see what no route answers (404s,
refusals, failures) and give each of them the world's ``Date``.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs

import orjson
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from roster_platform.sandbox.simulation.world import World

ADMIN = "/admin"
_log = logging.getLogger(__name__)
_LOOPBACK = frozenset(("127.0.0.1", "::1", "testclient"))


class SimulatedClock:
    """06:00 UTC of the world's date, plus the real seconds since it got there.

    ``stands_still`` leaves the seconds out, for reads that are to be compared.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._date_header = (0, b"")
        self.stands_still = False
        self.restart()

    def restart(self) -> None:
        """The world has just moved."""
        self._since = time.monotonic()

    @property
    def now_ms(self) -> int:
        """The simulated time in milliseconds."""
        elapsed = 0 if self.stands_still else time.monotonic() - self._since
        return self._world.opening_ms + int(elapsed * 1000)

    def date_header(self) -> bytes:
        """The simulated time as an HTTP date, made once a second."""
        second = self.now_ms // 1000
        if self._date_header[0] != second:
            moment = datetime.fromtimestamp(second, UTC)
            self._date_header = (second, format_datetime(moment, True).encode())
        return self._date_header[1]


@dataclass
class Fault:
    """A failure or delay put in the way of requests whose path starts with ``match``.

    ``status`` answers instead of the API, ``delay_ms`` alone only delays. The first
    ``skip`` matching requests pass, then ``times`` are hit (-1: all). ``query`` narrows
    the match to requests with these parameters. A text ``body`` is sent as HTML.
    """

    match: str
    status: int | None = None
    times: int = 1
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    delay_ms: float = 0
    query: Mapping[str, str] = field(default_factory=dict)
    skip: int = 0

    def takes(self, scope: Scope) -> bool:
        """Return whether this request is hit; counts it if so."""
        if not self.times or not scope["path"].startswith(self.match):
            return False
        if self.query:
            sent = parse_qs(scope["query_string"].decode())
            if any(sent.get(key) != [str(want)] for key, want in self.query.items()):
                return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.times -= self.times > 0
        return True

    def response(self) -> Response | None:
        """Return what the client gets instead, if anything."""
        if self.status is None:
            return None
        headers = {key: str(value) for key, value in self.headers.items()}
        if isinstance(self.body, str):
            return Response(self.body, self.status, headers, media_type="text/html")
        body = {"error": "Injected fault"} if self.body is None else self.body
        content = orjson.dumps(body)
        return Response(content, self.status, headers, media_type="application/json")


class RateLimit:
    """At most so many requests in any 60 seconds, for each of the two APIs."""

    def __init__(self, requests_per_minute: int) -> None:
        self.requests_per_minute = requests_per_minute
        self._recent: dict[str, deque[float]] = {}

    def seconds_to_wait(self, api: str) -> int:
        """0 when a request of the API may pass now (it is then counted)."""
        if self.requests_per_minute <= 0:
            return 0
        now = time.monotonic()
        recent = self._recent.setdefault(api, deque())
        while recent and now - recent[0] >= 60:
            recent.popleft()
        if len(recent) < self.requests_per_minute:
            recent.append(now)
            return 0
        return max(1, int(60 - (now - recent[0])) + 1)

    def reset(self, requests_per_minute: int) -> None:
        """Change the limit and forget what was counted."""
        self.requests_per_minute = requests_per_minute
        self._recent.clear()


@dataclass
class Traffic:
    """The requests so far, as /admin/requests returns them."""

    counts: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    in_flight: int = 0
    most_in_flight: int = 0

    def as_json(self) -> dict[str, Any]:
        """Counts by method and path template, then by status."""
        by_path: dict[str, dict[str, int]] = {}
        for (method, template, status), count in sorted(self.counts.items()):
            by_path.setdefault(f"{method} {template}", {})[str(status)] = count
        return {
            "total": sum(self.counts.values()),
            "paths": by_path,
            "max_in_flight": self.most_in_flight,
        }


class Gate:
    """The ASGI layer; ``template_of`` names the route a path belongs to."""

    def __init__(self, app: ASGIApp, *, state: Any) -> None:
        self._app = app
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 500

        async def dated_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                header = (b"date", self._state.clock.date_header())
                message["headers"] = [*message["headers"], header]
            await send(message)

        if scope["path"].startswith(ADMIN):
            await self._admin(scope, receive, dated_send)
            return
        traffic = self._state.traffic
        traffic.in_flight += 1
        traffic.most_in_flight = max(traffic.most_in_flight, traffic.in_flight)
        try:
            answer = await self._refusal(scope) or self._guarded_app
            await answer(scope, receive, dated_send)
        finally:
            traffic.in_flight -= 1
            template = self._state.template_of(scope["path"])
            traffic.counts[scope["method"], template, status] += 1

    async def _guarded_app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The app; its own failures become a 500 here, to be dated like the rest."""
        started = False

        async def noted_send(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, noted_send)
        except Exception:
            if started:
                raise
            _log.exception("%s %s failed", scope["method"], scope["path"])
            failure = Response(b'{"error":"Internal server error"}', 500)
            await failure(scope, receive, send)

    async def _admin(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = scope.get("client")
        if client is None or client[0] in _LOOPBACK:
            await self._guarded_app(scope, receive, send)
            return
        refusal = Response(b'{"error":"Only from this machine"}', 403)
        await refusal(scope, receive, send)

    async def _refusal(self, scope: Scope) -> Response | None:
        state = self._state
        if state.latency_ms:
            await asyncio.sleep(state.latency_ms / 1000)
        fault = next((fault for fault in state.faults if fault.takes(scope)), None)
        if fault is not None:
            if fault.delay_ms:
                await asyncio.sleep(fault.delay_ms / 1000)
            response = fault.response()
            if response is not None:
                return response
        api = "roster" if scope["path"].startswith("/v2/") else "autorosters"
        wait = state.rate_limit.seconds_to_wait(api)
        if not wait:
            return None
        return Response(
            b'{"error":"Too many requests"}',
            429,
            {"retry-after": str(wait)},
            media_type="application/json",
        )
