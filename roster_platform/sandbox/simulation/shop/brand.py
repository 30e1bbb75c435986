"""The brand behind the Roster API: contacts, codes, orders, rewards, community.

It lives one day at a time, each day from its own random numbers (seed and date), so
that two days in one step and two steps of one day end in the same world. History is
lived, not invented backwards: memberships change first, then the day's orders are
placed and attributed by the rules, then rewards and edits that fall due happen.
Orders are kept as slots and numbers, and become JSON only when served.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from roster_platform.sandbox.simulation.clock import DAY_MS, opening_ms
from roster_platform.sandbox.simulation.shop.community import Community
from roster_platform.sandbox.simulation.shop.members import Members
from roster_platform.sandbox.simulation.shop.orders import Orders


class Brand(Members, Orders, Community):
    """The brand's world up to ``day``."""

    def __init__(
        self, seed: int, orders: int, as_of: int, discord_names: Sequence[str]
    ) -> None:
        super().__init__(seed, orders, as_of, discord_names)
        while self.day < as_of:
            self.live_day()

    def live_day(self) -> None:
        """Live the next day."""
        self.day += 1
        self._rng = random.Random(f"{self.seed}:brand:{self.day}")
        self._end = opening_ms(self.day)
        self._start = self._end - DAY_MS
        self._today = []
        orders_before = len(self.orders)
        self._live_contacts()
        self._take_stock_of_members()
        self._place_orders()
        self._edit_orders(orders_before)
        self._settle_rewards()
        self._chat()
        self._plan_campaigns()
        self._today.sort(key=lambda event: event[0])
        self.events.extend(self._today)
