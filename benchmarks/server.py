"""Both APIs with every body prepared beforehand, so that the server is not measured.

    python -m benchmarks.server --orders 100000 --pages 2000

The sandbox's world is generated once and rendered into whole HTTP responses; answering
is then a look-up and a write, in a process of its own, after the latency asked for.
``PreparedServer.change`` makes the repeats: so many records differ from then on.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import orjson

from roster_platform.sandbox.api.state import API_KEY, PRIVATE_TOKEN
from roster_platform.sandbox.simulation.world import World, WorldOptions

PAGE_SIZE = 100
PAGES_URL = "BENCHMARKS__PAGES_URL"
_ROOT = Path(__file__).parents[1]
_READY = "ready at "


@dataclass(frozen=True)
class PreparedServer:
    """A running server: where it is, and which pages it has."""

    url: str
    page_ids: tuple[str, ...]

    @property
    def environment(self) -> dict[str, str]:
        """The variables that point the platform at it, with no page configured.

        An environment has no room for 10,000 page ids; contenders ask for them here.
        """
        return {
            "SOURCES__ROSTER_SOURCE__ACCESS_TOKEN": PRIVATE_TOKEN,
            "SOURCES__ROSTER_SOURCE__BASE_URL": self.url,
            "SOURCES__AUTOROSTERS_SOURCE__API_KEY": API_KEY,
            "SOURCES__AUTOROSTERS_SOURCE__BASE_URL": f"{self.url}/api",
            "SOURCES__AUTOROSTERS_SOURCE__PAGE_IDS": "[]",
            PAGES_URL: f"{self.url}/bench/pages",
            # The default suits the real API; here any rate is welcome.
            "SOURCES__AUTOROSTERS_SOURCE__REQUESTS_PER_MINUTE": "1e9",
        }

    def change(self, share: float) -> None:
        """From now on this share of the orders, and of the pages, is different."""
        _call(f"{self.url}/bench/change?share={share}")

    def wait_before_answers(self, milliseconds: float) -> None:
        """From now on every answer comes this much later."""
        _call(f"{self.url}/bench/latency?ms={milliseconds}")


@contextmanager
def prepared_server(
    *, orders: int = 0, pages: int = 0, members: int = 60, renamed: bool = False
) -> Iterator[PreparedServer]:
    """Start a server in a process of its own; it is gone when the block ends.

    ``renamed`` orders come under other names (see ``benchmarks.mapping``).
    """
    command = [sys.executable, "-m", "benchmarks.server"]
    command += [f"--orders={orders}", f"--pages={pages}", f"--members={members}"]
    command += ["--renamed"] if renamed else []
    path = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        if not line.startswith(_READY):
            raise RuntimeError("The prepared server did not start.")
        url = line.removeprefix(_READY).strip()
        yield PreparedServer(url, tuple(orjson.loads(_call(f"{url}/bench/pages"))))
    finally:
        # It ends with its standard input, so also when this process is killed.
        process.stdin.close()
        process.wait(30)
        process.stdout.close()


def _call(url: str) -> bytes:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=300) as response:
        return response.read()


class Bodies:
    """Every answer as it goes over the wire, by its request target."""

    def __init__(self, world: World, *, renamed: bool = False) -> None:
        orders = world.collections["orders"]
        self._orders = [
            orders.body([number]) for number in orders.numbers(0, len(orders))
        ]
        if renamed:
            from benchmarks.mapping import other_names

            self._orders = [
                orjson.dumps(other_names(orjson.loads(body))) for body in self._orders
            ]
        self._pages = {
            page_id: world.page_body(page_id) for page_id in world.rosters.own_page_ids
        }
        self._changes = 0
        self._answers: dict[bytes, bytes] = {}
        self.latency = 0.0
        self._prepare()

    def of(self, target: bytes) -> bytes:
        """The response to a GET of ``/path?query``, headers included."""
        return self._answers.get(target) or self._resolve(target)

    def _prepare(self) -> None:
        self._answers.clear()
        stamp = format_datetime(datetime.now(UTC), usegmt=True).encode()
        self._head = (
            b"HTTP/1.1 %b\r\nContent-Type: application/json\r\n"
            b"Date: " + stamp + b"\r\nContent-Length: %d\r\n\r\n"
        )
        for page in range(1, 1 + max(1, -(-len(self._orders) // PAGE_SIZE))):
            self._answers[self._target(page)] = self._orders_page(page)
        for page_id, body in self._pages.items():
            target = f"/api/roster/{page_id}".encode()
            self._answers[target] = self._response(body)

    def _target(self, page: int) -> bytes:
        return b"/v2/orders?page=%d&pageSize=%d" % (page, PAGE_SIZE)

    def _orders_page(self, page: int) -> bytes:
        start, total = (page - 1) * PAGE_SIZE, len(self._orders)
        counts = (page, PAGE_SIZE, total, -(-total // PAGE_SIZE))
        return self._response(
            b'{"data":['
            + b",".join(self._orders[start : start + PAGE_SIZE])
            + b'],"pagination":{"page":%d,"pageSize":%d,"totalCount":%d,"totalPages":%d}}'
            % counts
        )

    def _response(self, body: bytes, status: bytes = b"200 OK") -> bytes:
        return self._head % (status, len(body)) + body

    def _resolve(self, target: bytes) -> bytes:
        """Anything but the common look-up: another spelling of it, or an order to us."""
        parts = urlsplit(target.decode())
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.path == "/v2/orders":
            assert int(query.get("pageSize", PAGE_SIZE)) == PAGE_SIZE
            page = int(query.get("page", 1))
            answer = self._answers.get(self._target(page)) or self._orders_page(page)
            self._answers[target] = answer
            return answer
        if parts.path == "/bench/latency":
            self.latency = float(query["ms"]) / 1000
        elif parts.path == "/bench/change":
            self._change(float(query["share"]))
        elif parts.path != "/bench/pages":
            return self._response(b'{"error":"Not Found"}', b"404 Not Found")
        return self._response(orjson.dumps(list(self._pages)))

    def _change(self, share: float) -> None:
        """Touch records spread over all of them; orders list what changed last first."""
        self._changes += 1
        every = max(1, round(1 / share))
        moment = f"2027-01-{self._changes:02d}T00:00:00.000Z"
        touched = self._orders[self._changes % every :: every]
        del self._orders[self._changes % every :: every]
        changed = []
        for body in touched:
            order = orjson.loads(body)
            order |= {"updatedAt": moment, "refundedAmount": f"{self._changes}.00"}
            changed.append(orjson.dumps(order))
        self._orders[:0] = changed
        for page_id in list(self._pages)[self._changes % every :: every]:
            page = orjson.loads(self._pages[page_id])
            for rank in page["ranks"]:
                for user in rank["users"]:
                    user["patrol_hours"] = 1.0 + (user.get("patrol_hours") or 0.0)
            self._pages[page_id] = orjson.dumps(page)
        self._prepare()


class _Connection(asyncio.Protocol):
    """As much of HTTP/1.1 as clients need that only send GET: requests in a row."""

    def __init__(self, bodies: Bodies) -> None:
        self._bodies = bodies
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            _, target, _ = self._received[:end].split(b" ", 2)
            self._received = self._received[end + 4 :]
            answer = self._bodies.of(target)
            if self._bodies.latency and not target.startswith(b"/bench/"):
                loop = asyncio.get_running_loop()
                loop.call_later(self._bodies.latency, self._write, answer)
            else:
                self._write(answer)

    def _write(self, answer: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(answer)


async def _serve(bodies: Bodies) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(bodies), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    print(f"{_READY}http://127.0.0.1:{port}", flush=True)
    await server.serve_forever()


def main() -> None:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=0)
    parser.add_argument("--pages", type=int, default=0)
    parser.add_argument("--members", type=int, default=60)
    parser.add_argument("--renamed", action="store_true")
    options = parser.parse_args()
    world = World(
        WorldOptions(
            orders=options.orders, pages=options.pages, members=options.members
        )
    )
    bodies = Bodies(world, renamed=options.renamed)
    del world

    def end_with_parent() -> None:
        sys.stdin.read()
        os._exit(0)

    threading.Thread(target=end_with_parent, daemon=True).start()
    asyncio.run(_serve(bodies))


if __name__ == "__main__":
    main()
