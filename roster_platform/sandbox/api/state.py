"""The state of the server in addition to its world, and the tokens it knows."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from starlette.routing import Route

from roster_platform.sandbox.api.gate import Fault, RateLimit, SimulatedClock, Traffic
from roster_platform.sandbox.simulation.world import World

PRIVATE_TOKEN = "sandbox-private-token"
PUBLIC_TOKEN = "sandbox-public-token"
API_KEY = "sandbox-api-key"
FREE_KEY = "sandbox-free-key"
OTHER_KEY = "sandbox-other-key"


class State:
    """The server's state in addition to its world."""

    def __init__(
        self,
        world: World,
        *,
        contacts: bool,
        latency_ms: float,
        requests_per_minute: int,
    ) -> None:
        self.world = world
        self.has_contacts = contacts
        self.clock = SimulatedClock(world)
        self.latency_ms = latency_ms
        self.rate_limit = RateLimit(requests_per_minute)
        self.faults: list[Fault] = []
        self.traffic = Traffic()
        self.served: dict[str, set[Any]] = defaultdict(set)
        self.cleared_pages: set[str] = set()
        self.revoked_pages: set[str] = set()
        self.answered: dict[tuple[str, str], bytes] = {}
        self._templates: list[tuple[re.Pattern[str], str]] = []

    def know_templates(self, routes: Sequence[Route]) -> None:
        """Learn the routes, to count requests by them."""
        self._templates = [(route.path_regex, route.path) for route in routes]

    def template_of(self, path: str) -> str:
        """The route a path belongs to, or ``(unknown)``."""
        for pattern, template in self._templates:
            if pattern.match(path):
                return template
        return "(unknown)"
