"""A sandbox that lives hour by hour, and counts every state that it shows.

What happens on a simulated day is shown as the day passes: an order or an event from the
hour in which it happened, a roster page from an hour of its own, all else at the day's
end. The count compares the JSON that is served from one hour to the next; it shares
nothing with the platform that reads it.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import orjson
import uvicorn

from roster_platform.sandbox.api.app import create_app
from roster_platform.sandbox.api.serve import environment
from roster_platform.sandbox.simulation.collection import Collection
from roster_platform.sandbox.simulation.discord.shown import page_json, users_json
from roster_platform.sandbox.simulation.shop.entities import HOUR_MS
from roster_platform.sandbox.simulation.world import World, WorldOptions

HOURS = 24
_PAGE_HOURS = 6
"""Pages have dates of the day that begins six hours before the simulated one ends."""

Served = dict[int, bytes]
"""The records of one list by their number, in the order in which they are served."""


class LivingWorld(World):
    """A world whose days pass in hours."""

    def __init__(self, options: WorldOptions) -> None:
        self._hour = HOURS
        super().__init__(options)
        self.changes: Counter[str] = Counter()
        """New, changed and gone records since the world began, by raw table."""
        self._bodies: dict[tuple[str, str], bytes] = {}
        self._before = self._after = self._rendered()
        self._show()
        self._states = self.states()

    @property
    def opening_ms(self) -> int:
        """The simulated time: the end of the hour that was lived last."""
        return super().opening_ms - (HOURS - self._hour) * HOUR_MS

    def live(self, hours: int) -> None:
        """Live some hours more; what is served changes once, at their end."""
        for _ in range(hours):
            if self._hour == HOURS:
                self._before = self._after
                self._bodies_before = self._bodies_now()
                self.advance(1)
                self._after = self._rendered()
                self._hour = 0
            self._hour += 1
        self._show()
        states = self.states()
        for table, now in states.items():
            was = self._states[table]
            self.changes[table] += sum(
                was.get(key) != now.get(key) for key in was.keys() | now.keys()
            )
        self._states = states

    def states(self) -> dict[str, dict[Any, bytes]]:
        """Every record that is served now, by raw table and its key."""
        found: dict[str, dict[Any, bytes]] = {
            "users": {},
            "user_certifications": {},
            "user_subdivisions": {},
            "page_users": {},
            "discount_codes_by_rule": {},
        }
        for name, collection in self._lists():
            table, _, rule = name.partition("/")
            for number in collection.view:
                body = collection.body([number])
                found.setdefault(table, {})[rule, number] = body
        for page_id in self.rosters.own_page_ids:
            page = json.loads(self.page_body(page_id))
            for rank in page["ranks"]:
                for user in rank["users"]:
                    key = (page_id, rank["role_id"], user["discord_id"])
                    # What is held has tables of its own, whatever the rank.
                    for what in ("certifications", "subdivisions"):
                        for name in user.pop(what):
                            held = (page_id, user["discord_id"], name)
                            found[f"user_{what}"][held] = b""
                    found["users"][key] = orjson.dumps(user)
            for user in json.loads(self.users_body(page_id)):
                key = (page_id, user["rank"], user["discord_id"])
                found["page_users"][key] = orjson.dumps(user)
        return found

    def _lists(self) -> Iterator[tuple[str, Collection]]:
        for name, collection in self.collections.items():
            if name != "discount_codes_by_rule":
                yield name, collection
        for rule, collection in self.codes_by_rule.items():
            yield f"discount_codes_by_rule/{rule}", collection

    def _rendered(self) -> Mapping[str, Served]:
        """Everything as it is at the end of the day."""
        return {
            name: {n: orjson.dumps(collection.record(n)) for n in collection.view}
            for name, collection in self._lists()
        }

    def _bodies_now(self) -> dict[tuple[str, str], bytes]:
        return {
            (part, page_id): orjson.dumps(make(self.rosters.pages[page_id]))
            for page_id in self.rosters.own_page_ids
            for part, make in (("page", page_json), ("users", users_json))
        }

    def _show(self) -> None:
        for name, collection in self._lists():
            served = self._of_this_hour(name, collection)
            collection.view = list(served)
            # The lists of the rules share what is rendered; it is the same in each.
            collection._rendered.update(served)
        if self._hour == HOURS:
            self._bodies = self._bodies_now()
            return
        passed = self._hour - (HOURS - _PAGE_HOURS)
        now = self._bodies_now()
        self._bodies = {
            (part, page_id): now[part, page_id]
            if self.rosters.own_page_ids.index(page_id) % _PAGE_HOURS < passed
            else body
            for (part, page_id), body in self._bodies_before.items()
        }

    def _of_this_hour(self, name: str, collection: Collection) -> Served:
        before, after = self._before[name], self._after[name]
        if self._hour == HOURS:
            return after
        moment = collection._moment
        if moment is None:
            return before
        happened = {
            number: body
            for number, body in after.items()
            if before.get(number) != body and moment(number) <= self.opening_ms
        }
        shown = {n: body for n, body in before.items() if n not in happened} | happened
        # Orders come in the order of their changes, the others in that of their making.
        return shown if name == "orders" else dict(sorted(shown.items()))

    def _page_part(self, part: str, page_id: str) -> bytes:
        body = self._bodies.get((part, page_id))
        return body if body is not None else super()._page_part(part, page_id)


@contextmanager
def living_sandbox(
    options: WorldOptions,
) -> Iterator[tuple[LivingWorld, dict[str, str]]]:
    """Serve a living world; gives it, and the variables that point a client at it."""
    world = LivingWorld(options)
    app = create_app(world)
    app.state.sandbox.clock.stands_still = True
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            port=0,
            log_level="warning",
            access_log=False,
            date_header=False,
            lifespan="off",
            ws="none",
        )
    )
    config = server.config
    socket = config.bind_socket()
    thread = threading.Thread(target=server.run, kwargs={"sockets": [socket]})
    thread.start()
    try:
        yield world, environment(f"http://127.0.0.1:{socket.getsockname()[1]}", world)
    finally:
        server.should_exit = True
        thread.join()
        socket.close()
