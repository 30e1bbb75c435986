"""Rewards: earned by an order, approved or rejected, paid or redeemed."""

from __future__ import annotations

from roster_platform.sandbox.simulation.clock import DAY_MS
from roster_platform.sandbox.simulation.shop.entities import (
    CANCELLED,
    CURRENCIES,
    MINUTE_MS,
    PROGRAMS,
    REFUNDED,
    REWARD_APPROVED,
    REWARD_PAID,
    REWARD_PENDING,
    REWARD_REDEEMED,
    REWARD_REJECTED,
    Order,
    Program,
)
from roster_platform.sandbox.simulation.shop.state import State

_APPROVAL_DAYS = 14
_PAYOUT_DAYS = 7


class Rewards(State):
    """Earns and settles rewards."""

    def _earn(self, number: int, order: Order) -> None:
        cents, currency = self._commission(order)
        reward = len(self.rewards)
        self.rewards.append((number, order.contact, order.program, cents, currency))
        moment = min(order.created + MINUTE_MS, self._end - 1)
        self._reward_event(moment, REWARD_PENDING, reward)
        self._due_approvals[self.day + _APPROVAL_DAYS].append(reward)

    def _commission(self, order: Order) -> tuple[int, str]:
        program = PROGRAMS[order.program]
        currency = CURRENCIES[order.currency]
        if program.commission == "fixed":
            return int((program.value or 0) * 100), program.currency
        rate = program.value
        if rate is None:
            rate = self._tier_rate(order, program)
        return int(order.subtotal * rate / 100 + 0.5), currency

    def _tier_rate(self, order: Order, program: Program) -> float:
        """The rate earned by the contact's referred revenue in the look-back period.

        Revenue counts for the program and in the currency it was made in.
        """
        recent = self._recent_revenue[order.contact, order.program, order.currency]
        since = order.created - (program.look_back_days or 0) * DAY_MS
        while recent and recent[0][0] < since:
            recent.popleft()
        revenue = sum(cents for _, cents in recent)
        recent.append((order.created, order.subtotal))
        return max(rate for floor, rate in program.tiers if revenue >= floor * 100)

    def _settle_rewards(self) -> None:
        rng = self._rng
        for reward in self._due_approvals.pop(self.day, ()):
            was_returned = self.orders[self.rewards[reward][0]].status in (
                REFUNDED,
                CANCELLED,
            )
            if was_returned or rng.random() < 0.03:
                self._reward_event(self._moment(), REWARD_REJECTED, reward)
                continue
            self._reward_event(self._moment(), REWARD_APPROVED, reward)
            self._due_payouts[self.day + _PAYOUT_DAYS].append(reward)
        for reward in self._due_payouts.pop(self.day, ()):
            kind = REWARD_REDEEMED if rng.random() < 0.08 else REWARD_PAID
            self._reward_event(self._moment(), kind, reward)

    def _reward_event(self, moment: int, kind: int, reward: int) -> None:
        _, contact, program, _, _ = self.rewards[reward]
        stage = self.contacts[contact].stage_at(moment)
        self._today.append((moment, kind, contact, stage, program, reward))
