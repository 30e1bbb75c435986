"""The state of the brand, and the day that is being lived."""

from __future__ import annotations

import random
from collections import defaultdict, deque
from collections.abc import Sequence

from roster_platform.sandbox.simulation.attribution import (
    NOBODY,
    Attribution,
    Code,
    Contact,
)
from roster_platform.sandbox.simulation.clock import moment_in
from roster_platform.sandbox.simulation.shop.entities import (
    HISTORY_DAYS,
    Campaign,
    Changes,
    Comment,
    Event,
    Order,
    Post,
    Reward,
)


class State:
    """What the parts of the brand share; times are milliseconds."""

    def __init__(
        self, seed: int, orders: int, as_of: int, discord_names: Sequence[str]
    ) -> None:
        self.seed = seed
        self.started = as_of - HISTORY_DAYS
        self.day = self.started - 1
        self.attribution = Attribution()
        self.contacts = self.attribution.contacts
        self.codes: list[Code] = []
        self.orders: list[Order] = []
        self.rewards: list[Reward] = []
        self.events: list[Event] = []
        self.posts: list[Post] = []
        self.comments: list[Comment] = []
        self.likes: list[tuple[int, int, int]] = []
        self.deleted_posts: set[int] = set()
        self.campaigns: list[Campaign] = []
        self.changes = Changes()
        self._planned_orders = orders
        self._planned_contacts = max(60, min(4000, orders // 50))
        self._orders_per_day = max(3, round(orders / HISTORY_DAYS))
        self._first_live_day = as_of + 1
        self._spare_discord_names = deque(discord_names)
        self._customers: list[tuple[str, str]] = []
        self._active: list[int] = []
        self._former: list[int] = []
        self._idle_codes: list[str] = []
        self._agenda: dict[int, list[tuple[str, int]]] = defaultdict(list)
        self._due_approvals: dict[int, list[int]] = defaultdict(list)
        self._due_payouts: dict[int, list[int]] = defaultdict(list)
        self._due_refunds: dict[int, list[tuple[int, int]]] = defaultdict(list)
        self._recent_revenue: dict[tuple[int, int, int], deque[tuple[int, int]]] = (
            defaultdict(deque)
        )
        self._baskets: dict[tuple[tuple[int, int], ...], tuple] = {}
        self._likers: dict[int, set[int]] = {}
        self._today: list[Event] = []
        self._rng = random.Random()
        self._start = self._end = 0

    @property
    def now(self) -> int:
        """The end of the last day lived: nothing served is later."""
        return self._end

    @property
    def is_live(self) -> bool:
        """Past the history the world starts with: somebody may be watching."""
        return self.day >= self._first_live_day

    def _moment(self) -> int:
        return moment_in(self._rng, self._start, self._end)

    def _happen(
        self, moment: int, kind: int, contact: Contact, program: int = NOBODY
    ) -> None:
        event = (moment, kind, contact.number, contact.stage, program, NOBODY)
        self._today.append(event)
