"""Run the sandbox as a server until it is stopped."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import signal
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn

from roster_platform.sandbox.api.app import create_app
from roster_platform.sandbox.api.state import API_KEY, PRIVATE_TOKEN, PUBLIC_TOKEN
from roster_platform.sandbox.simulation.world import World, WorldOptions

if TYPE_CHECKING:
    from roster_platform.sandbox.api.shapes import Shapes

_PAGE_IDS = "SOURCES__AUTOROSTERS_SOURCE__PAGE_IDS"
_ANY_FUTURE = "1e10"


@dataclass(frozen=True)
class ServerOptions:
    """The address and habits of the server."""

    host: str = "127.0.0.1"
    port: int = 0
    contacts: bool = True
    latency_ms: float = 0
    requests_per_minute: int = 0
    updated_after_param: str | None = None
    openapi: Path | None = None
    mapping: Path | None = None
    warm: bool = True
    advance: int = 0
    env_file: Path | None = None
    exit_with_parent: bool = False


def environment(url: str, world: World, *, contacts: bool = True) -> dict[str, str]:
    """The variables that point the platform at a sandbox."""
    variables = {
        "SOURCES__ROSTER_SOURCE__ACCESS_TOKEN": PRIVATE_TOKEN,
        "SOURCES__ROSTER_SOURCE__PUBLIC_ACCESS_TOKEN": PUBLIC_TOKEN,
        "SOURCES__ROSTER_SOURCE__BASE_URL": url,
        "SOURCES__AUTOROSTERS_SOURCE__API_KEY": API_KEY,
        "SOURCES__AUTOROSTERS_SOURCE__BASE_URL": f"{url}/api",
        _PAGE_IDS: json.dumps(world.rosters.own_page_ids, separators=(",", ":")),
        # The default suits the real API; here any rate is welcome.
        "SOURCES__AUTOROSTERS_SOURCE__REQUESTS_PER_MINUTE": "60000",
        # Simulated days may lie in the future, which from a real API is a wrong clock.
        "SOURCES__ROSTER_SOURCE__CLOCK_TOLERANCE_SECONDS": _ANY_FUTURE,
        "SOURCES__AUTOROSTERS_SOURCE__CLOCK_TOLERANCE_SECONDS": _ANY_FUTURE,
    }
    if contacts:
        # An endpoint only some accounts may have, so it is off until configured.
        variables["SOURCES__ROSTER_SOURCE__CONTACTS_PATH"] = "v2/contacts"
    return variables


def env_file_text(variables: dict[str, str]) -> str:
    """``KEY=value`` lines that a shell, docker and dotenv all read alike.

    The page ids are a comma list here: a shell would strip the quotes of a JSON list.
    """
    plain = dict(variables)
    plain[_PAGE_IDS] = ",".join(json.loads(variables[_PAGE_IDS]))
    return "".join(f"{key}={value}\n" for key, value in plain.items())


def serve(world_options: WorldOptions, options: ServerOptions) -> int:
    """Generate the world, serve it, and return once stopped by a signal."""
    # Both also interrupt the generation of a large world.
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    shapes = _shapes(options)
    listener = _listen(options)
    world = World(world_options)
    world.advance(options.advance)
    if options.warm:
        world.warm()
    app = create_app(
        world,
        contacts=options.contacts,
        latency_ms=options.latency_ms,
        requests_per_minute=options.requests_per_minute,
        updated_after_param=options.updated_after_param,
        shapes=shapes,
    )
    config = uvicorn.Config(
        app,
        access_log=False,
        log_level="warning",
        date_header=False,
        server_header=False,
        timeout_graceful_shutdown=2,
        lifespan="off",
        ws="none",
    )
    server = _Server(config, world, _url(listener, options.host), options)
    server.run(sockets=[listener])
    return 0


def _shapes(options: ServerOptions) -> Shapes | None:
    """The shapes to serve. Raises ConfigurationError."""
    if not (options.openapi or options.mapping):
        return None
    # Imported late: few serve other shapes.
    from roster_platform.sandbox.api.shapes import shapes_of_document, shapes_of_mapping

    if options.openapi:
        return shapes_of_document(options.openapi)
    assert options.mapping is not None
    return shapes_of_mapping(options.mapping)


def _stop(signal_number: int, frame: object) -> None:
    sys.exit(0)


def _listen(options: ServerOptions) -> socket.socket:
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((options.host, options.port))
    return listener


def _url(listener: socket.socket, host: str) -> str:
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}:{listener.getsockname()[1]}"


class _Server(uvicorn.Server):
    """Says when it is ready, and stops when its parent is gone, if asked to."""

    def __init__(
        self, config: uvicorn.Config, world: World, url: str, options: ServerOptions
    ) -> None:
        super().__init__(config)
        self._world = world
        self._url = url
        self._options = options
        self._parent = os.getppid()
        self._watch: asyncio.Task[None] | None = None

    async def startup(self, sockets: Sequence[socket.socket] | None = None) -> None:
        await super().startup(list(sockets or ()))
        if not self.started:
            return
        options = self._options
        # In other shapes, their mapping says where the contacts are.
        contacts = options.contacts and not (options.openapi or options.mapping)
        variables = environment(self._url, self._world, contacts=contacts)
        if self._options.env_file is not None:
            self._options.env_file.write_text(env_file_text(variables))
        print(f"sandbox ready at {self._url}", flush=True)
        # What is read from here is kept apart from the data of real APIs.
        for key, value in {
            **variables,
            "ROSTER_PLATFORM__DATA_DIR": "data/tried",
        }.items():
            print(f"  export {key}={shlex.quote(value)}")
        print(f"  as of {self._world.as_of}; oracle and clock under /admin", flush=True)
        if self._options.exit_with_parent:
            self._watch = asyncio.create_task(self._watch_parent())

    async def _watch_parent(self) -> None:
        while os.getppid() == self._parent:
            await asyncio.sleep(0.5)
        self.should_exit = True
