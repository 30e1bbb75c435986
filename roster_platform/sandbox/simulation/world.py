"""The sandbox's world: both systems on one simulated clock, without any HTTP.

A world is a pure function of its options and of the days it lived. ``advance`` moves it
a day at a time; the only state that comes from outside is the clicks it is sent.

    world = World(WorldOptions(orders=5000, pages=40, members=50))
    world.advance(3)
    world.collections["orders"].record(0)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from types import MappingProxyType
from typing import Any

import orjson

from roster_platform.ingest.roster.endpoints import BY_NAME, ENDPOINTS
from roster_platform.kept import kept_for_good
from roster_platform.sandbox.simulation import vocabulary as words
from roster_platform.sandbox.simulation.clock import iso, opening_ms
from roster_platform.sandbox.simulation.collection import Collection
from roster_platform.sandbox.simulation.discord.pages import Page
from roster_platform.sandbox.simulation.discord.rosters import Rosters
from roster_platform.sandbox.simulation.discord.shown import page_json, users_json
from roster_platform.sandbox.simulation.ids import rule_id
from roster_platform.sandbox.simulation.render import WEBHOOK_TOPICS, Renderer
from roster_platform.sandbox.simulation.shop.brand import Brand
from roster_platform.sandbox.simulation.shop.entities import PROGRAMS, RULES

DEFAULT_AS_OF = date(2026, 11, 1)


@dataclass(frozen=True)
class WorldOptions:
    """The size and the day of the world."""

    seed: int = 7
    orders: int = 5000
    pages: int = 40
    members: int = 50
    as_of: date = DEFAULT_AS_OF


@dataclass(frozen=True)
class Click:
    """A click on a smart link that was sent to the sandbox."""

    number: int
    referral_id: str
    url: str | None
    clicked_at: int
    created_at: int
    extra: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The click as the API answers it."""
        return {
            "id": f"clk_{self.number:06d}",
            "referralId": self.referral_id,
            "url": self.url,
            "clickedAt": iso(self.clicked_at),
            "createdAt": iso(self.created_at),
            **self.extra,
        }


class World:
    """Both systems as of one day."""

    def __init__(self, options: WorldOptions) -> None:
        self.options = options
        day = options.as_of.toordinal()
        with kept_for_good():
            self.rosters = Rosters(options.seed, options.pages, options.members, day)
            names = [person.username for person in self.rosters.people[::3]]
            self.brand = Brand(options.seed, options.orders, day, names)
        self.clicks: list[Click] = []
        self.captured_orders: list[dict[str, Any]] = []
        self.collections = self._make_collections()
        self.codes_by_rule = self._make_codes_by_rule()
        self._pages: dict[tuple[str, str], bytes] = {}
        self._refresh()

    # -- the clock --------------------------------------------------------------

    @property
    def as_of(self) -> date:
        """The simulated date."""
        return date.fromordinal(self.brand.day)

    @property
    def opening_ms(self) -> int:
        """06:00 UTC of the simulated date."""
        return opening_ms(self.brand.day)

    def advance(self, days: int) -> None:
        """Live some days more, one after the other."""
        for _ in range(days):
            self.rosters.live_day()
            self.brand.live_day()
        if days:
            self._refresh()

    # -- Roster -----------------------------------------------------------------

    def _make_collections(self) -> Mapping[str, Collection]:
        renderer = Renderer(self.brand)
        made = {
            endpoint.name: Collection(
                renderer.of(endpoint.name),
                moment=renderer.moment_of(endpoint.name)
                if endpoint.order_field
                else None,
            )
            for endpoint in ENDPOINTS
        }
        made["programs"].view = range(len(PROGRAMS))
        made["channels"].view = range(len(words.CHANNELS))
        made["webhooks"].view = range(len(WEBHOOK_TOPICS))
        return MappingProxyType(made)

    def _make_codes_by_rule(self) -> Mapping[str, Collection]:
        render = Renderer(self.brand).of("discount_codes_by_rule")
        rendered: dict[int, bytes] = {}
        return MappingProxyType(
            {
                rule_id(number): Collection(render, rendered=rendered)
                for number in range(len(RULES))
            }
        )

    def _refresh(self) -> None:
        """Bring what is served up to date with what the last days changed."""
        brand, made = self.brand, self.collections
        deleted = brand.deleted_posts
        made["posts"].view = [n for n in range(len(brand.posts)) if n not in deleted]
        made["comments"].view = [
            n for n, comment in enumerate(brand.comments) if comment.post not in deleted
        ]
        made["likes"].view = [
            n for n, like in enumerate(brand.likes) if like[0] not in deleted
        ]
        made["campaigns"].view = range(len(brand.campaigns))
        made["campaigns"].forget_all()
        made["events"].view = range(len(brand.events))
        made["contacts"].view = range(len(brand.contacts))
        made["discount_codes_lookup"].view = range(len(brand.codes))
        made["discount_codes_by_rule"].view = range(len(brand.codes))
        for number in range(len(RULES)):
            self.codes_by_rule[rule_id(number)].view = [
                code.number for code in brand.codes if code.rule == number
            ]
        self._refresh_orders()
        self._forget_changed()
        self._pages.clear()

    def _refresh_orders(self) -> None:
        orders = self.brand.orders
        # Stable, so orders touched in the same millisecond stay in order of their id.
        self.collections["orders"].view = sorted(
            range(len(orders)), key=lambda number: orders[number].updated
        )

    def _forget_changed(self) -> None:
        changes = self.brand.changes
        any_rule = next(iter(self.codes_by_rule.values()))
        for name, numbers in (
            ("orders", changes.orders),
            ("contacts", changes.contacts),
            ("discount_codes_lookup", changes.codes),
        ):
            for number in numbers:
                self.collections[name].forget(number)
        for number in changes.codes:
            any_rule.forget(number)
        changes.orders.clear()
        changes.contacts.clear()
        changes.codes.clear()

    def warm(self) -> None:
        """Render every record and page now, so that no request pays for it."""
        with kept_for_good():
            for collection in self.collections.values():
                collection.warm()
            for page_id in self.rosters.pages:
                self.page_body(page_id)
                self.users_body(page_id)

    # -- Auto Rosters -----------------------------------------------------------

    def page(self, page_id: str) -> Page | None:
        """A page by its id, whoever owns it."""
        return self.rosters.pages.get(page_id)

    def page_body(self, page_id: str) -> bytes:
        """The hierarchical page as JSON."""
        return self._page_part("page", page_id)

    def users_body(self, page_id: str) -> bytes:
        """The flat user list as JSON."""
        return self._page_part("users", page_id)

    def empty_page_body(self, page_id: str) -> bytes:
        """The page as it would be without a single member."""
        page = self.rosters.pages[page_id]
        return orjson.dumps(page_json(replace(page, members={})))

    def _page_part(self, part: str, page_id: str) -> bytes:
        body = self._pages.get((part, page_id))
        if body is None:
            page = self.rosters.pages[page_id]
            body = orjson.dumps(page_json(page) if part == "page" else users_json(page))
            self._pages[part, page_id] = body
        return body

    # -- clicks -----------------------------------------------------------------

    def record_click(
        self,
        referral_id: str,
        url: str | None,
        clicked_at: int,
        created_at: int,
        extra: Mapping[str, Any],
    ) -> Click:
        """Keep a click."""
        click = Click(
            len(self.clicks) + 1, referral_id, url, clicked_at, created_at, extra
        )
        self.clicks.append(click)
        return click

    def record_order(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Keep an order that was sent; returns the answer to it."""
        number = len(self.captured_orders) + 1
        self.captured_orders.append({"id": f"cap_{number:06d}", **body})
        return self.captured_orders[-1]

    def served_path(self, name: str) -> str:
        """Return where an endpoint of the catalogue is served, with a leading slash."""
        return "/" + (BY_NAME[name].path or f"v2/{name}")
