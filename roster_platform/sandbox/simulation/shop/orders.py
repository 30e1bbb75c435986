"""Orders: placed and attributed by the rules, edited and refunded later."""

from __future__ import annotations

import random

from roster_platform.sandbox.simulation import vocabulary as words
from roster_platform.sandbox.simulation.attribution import NOBODY, OWN_CODES, REFERRED
from roster_platform.sandbox.simulation.shop.entities import (
    CANCELLED,
    HISTORY_DAYS,
    NO_CODES,
    PAID,
    PARTIALLY_REFUNDED,
    REFUNDED,
    Order,
)
from roster_platform.sandbox.simulation.shop.rewards import Rewards
from roster_platform.sandbox.simulation.shop.shoppers import Shoppers


class Orders(Shoppers, Rewards):
    """Places and edits the orders of a day."""

    def _orders_today(self) -> int:
        if self.is_live:
            return max(3, round(self._orders_per_day * self._rng.uniform(0.85, 1.15)))
        lived = self.day - self.started
        planned = self._planned_orders
        if lived == HISTORY_DAYS:
            return planned - len(self.orders)
        due = int(planned * (lived + 1) / (HISTORY_DAYS + 1))
        return max(0, due - len(self.orders))

    def _place_orders(self) -> None:
        count = self._orders_today()
        moments = sorted(self._moment() for _ in range(count))
        for moment in moments:
            self._place_order(moment)

    def _place_order(self, moment: int) -> None:
        rng = self._rng
        email, first_name, referral_id, codes = self._shopper(rng)
        if rng.random() < 0.03:
            email = email.capitalize() if rng.random() < 0.5 else email.upper()
        order = Order(moment, first_name, email, referral_id, codes)
        self._fill_basket(order, rng)
        decision = self.attribution.decide(moment, email, referral_id, codes)
        if decision[0] in OWN_CODES and decision[2] == NOBODY:
            # The vendor does not say what an own code does outside any program.
            order.codes = NO_CODES
            decision = self.attribution.decide(moment, email, referral_id, NO_CODES)
        order.method, order.contact, order.program = decision
        number = len(self.orders)
        self.orders.append(order)
        if order.method in REFERRED:
            self._earn(number, order)
        if rng.random() < 0.06:
            due = self.day + 1 + int(rng.random() * 25)
            status = rng.choices((PARTIALLY_REFUNDED, REFUNDED, CANCELLED), (3, 2, 1))[
                0
            ]
            self._due_refunds[due].append((number, status))

    def _fill_basket(self, order: Order, rng: random.Random) -> None:
        products = words.PRODUCTS
        chance = rng.random()
        lines = tuple(
            (int(rng.random() * len(products)), 1 + int(rng.random() * 2.4))
            for _ in range(1 if chance < 0.6 else 2 if chance < 0.9 else 3)
        )
        # Baskets repeat, so a million orders share some ten thousand of them.
        order.lines = self._baskets.setdefault(lines, lines)
        full = sum(products[product][2] * quantity for product, quantity in lines)
        order.subtotal = full - full // 10 if order.codes else full
        order.total = _with_tax_and_shipping(order.subtotal)
        chance = rng.random()
        order.currency = 0 if chance < 0.8 else 1 if chance < 0.93 else 2

    def _edit_orders(self, orders_before: int) -> None:
        due = self._due_refunds.pop(self.day, [])
        for number, status in due:
            self._refund(number, status)
        recent = range(max(0, orders_before - 200), orders_before)
        paid = [number for number in recent if self.orders[number].status == PAID]
        if paid:
            self._change_lines(self._rng.choice(paid))
        if self.is_live and not due and len(paid) > 1:
            self._refund(self._rng.choice(paid), PARTIALLY_REFUNDED)

    def _refund(self, number: int, status: int) -> None:
        order = self.orders[number]
        if order.status != PAID:
            return
        order.status = status
        order.refunded = (
            order.total // 3 if status == PARTIALLY_REFUNDED else order.total
        )
        self._touch(number, order)

    def _change_lines(self, number: int) -> None:
        """One more piece of the first line, as a shop's staff may do."""
        order = self.orders[number]
        (product, quantity), *others = order.lines
        order.lines = ((product, quantity + 1), *others)
        order.subtotal += words.PRODUCTS[product][2]
        order.total = _with_tax_and_shipping(order.subtotal)
        self._touch(number, order)

    def _touch(self, number: int, order: Order) -> None:
        order.updated = max(order.updated + 1, self._moment())
        self.changes.orders.add(number)


def _with_tax_and_shipping(subtotal: int) -> int:
    return subtotal + subtotal * 8 // 100 + (595 if subtotal < 7500 else 0)
