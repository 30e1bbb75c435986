"""An API that breaks its answers on the wire, as no HTTP library can be told to."""

from __future__ import annotations

import json
import socket
import socketserver
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote


@dataclass(frozen=True)
class Asked:
    """One request as it came, and when (seconds of a steady clock)."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]
    target: str = ""
    at: float = field(default_factory=time.monotonic)


@dataclass(frozen=True)
class Raw:
    """Bytes to send as they are; then the connection is closed, reset, or held."""

    data: bytes = b""
    then: str = "close"


Handler = Callable[[Asked], Any]
"""Answers with Raw bytes, or with a JSON value."""


def response(
    body: bytes,
    status: str = "200 OK",
    length: int | None = None,
    content_type: str = "application/json",
    **headers: str,
) -> bytes:
    """An HTTP response; ``length`` is what it claims, however long it is."""
    lines = [
        f"HTTP/1.1 {status}",
        f"Content-Type: {content_type}",
        f"Content-Length: {len(body) if length is None else length}",
        *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


HARMS: dict[str, Callable[[bytes], Raw]] = {
    "status 500": lambda body: Raw(response(b"oops", "500 Oops")),
    "status 502": lambda body: Raw(response(b"<h1>bad</h1>", "502 Bad Gateway")),
    "status 503": lambda body: Raw(response(b"", "503 Unavailable")),
    "reset before": lambda body: Raw(then="reset"),
    "reset within": lambda body: Raw(response(body)[:-9], then="reset"),
    "closed before": lambda body: Raw(),
    "truncated": lambda body: Raw(response(body)[: -len(body) // 2]),
    "stalled before": lambda body: Raw(then="hold"),
    "stalled within": lambda body: Raw(response(body)[: -len(body) // 2], then="hold"),
    "length too long": lambda body: Raw(response(body, length=len(body) + 7)),
    "length too short": lambda body: Raw(response(body, length=len(body) - 7), "keep"),
    "gzip garbage": lambda body: Raw(response(body, Content_Encoding="gzip")),
    "not HTTP": lambda body: Raw(b"\x16\x03\x01\x02\x00\x01\x00" * 9),
    "HTML": lambda body: Raw(
        response(b"<html>maintenance</html>", content_type="text/html"), "keep"
    ),
    "invalid JSON": lambda body: Raw(response(body[:-1] + b",")),
    "not UTF-8": lambda body: Raw(response(b'{"data": ["\xff\xfe"]}')),
    "empty body": lambda body: Raw(response(b""), "keep"),
}


class RudeServer(socketserver.ThreadingTCPServer):
    """Where the API listens, and what it was asked, in the order it came."""

    daemon_threads = True
    # A held connection ends with its thread, when the process does.
    block_on_close = False
    request_queue_size = 128

    def __init__(self, handler: Handler) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.handler = handler
        self.asked: list[Asked] = []
        self.ended = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are part of the game."""


class _Connection(socketserver.StreamRequestHandler):
    server: RudeServer

    def handle(self) -> None:
        while (asked := self._read()) is not None:
            self.server.asked.append(asked)
            answer = self.server.handler(asked)
            if not isinstance(answer, Raw):
                answer = Raw(response(json.dumps(answer).encode()), "keep")
            self.wfile.write(answer.data)
            if answer.then == "keep":
                continue
            if answer.then == "hold":
                self.server.ended.wait()
            if answer.then == "reset":
                linger = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                self.connection.close()
            return

    def _read(self) -> Asked | None:
        request = self.rfile.readline().decode()
        if not request.strip():
            return None
        headers = {}
        while line := self.rfile.readline().decode().strip():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        self.rfile.read(int(headers.get("content-length", 0)))
        target = request.split()[1]
        path, _, query = target.partition("?")
        return Asked(unquote(path), dict(parse_qsl(query)), headers, target)


@contextmanager
def rude_server(handler: Handler) -> Iterator[RudeServer]:
    """Serve ``handler(request)`` on a free loopback port."""
    with RudeServer(handler) as server:
        thread = threading.Thread(
            target=server.serve_forever, args=(0.05,), daemon=True
        )
        thread.start()
        try:
            yield server
        finally:
            server.ended.set()
            server.shutdown()
            thread.join()
