"""Shoppers: who buys, by which link and with which codes."""

from __future__ import annotations

import random

from roster_platform.sandbox.simulation import vocabulary as words
from roster_platform.sandbox.simulation.attribution import Contact
from roster_platform.sandbox.simulation.shop.entities import (
    LEAKPROOF,
    NO_CODES,
    PERSONAL,
    REWARD,
    SHAREABLE,
)
from roster_platform.sandbox.simulation.shop.names import PLAIN_FIRST_NAMES
from roster_platform.sandbox.simulation.shop.state import State


class Shoppers(State):
    """Chooses who buys; the rules judge it later."""

    def _shopper(
        self, rng: random.Random
    ) -> tuple[str, str, str | None, tuple[str, ...]]:
        """Return who buys, by which link and with which codes; the rules judge it later."""
        kind = rng.random()
        if not self._active or kind < 0.28:
            return (*self._customer(rng, 0.0), None, NO_CODES)
        if kind < 0.44:
            return (*self._customer(rng, 1.0), None, NO_CODES)
        if kind < 0.63:
            return (*self._customer(rng, 0.2), self._member(rng).referral_id, NO_CODES)
        if kind < 0.79:
            codes = self._codes(rng, self._member(rng), (SHAREABLE, LEAKPROOF))
            return (*self._customer(rng, 0.2), None, codes)
        return self._unusual_shopper(rng, kind)

    def _unusual_shopper(
        self, rng: random.Random, kind: float
    ) -> tuple[str, str, str | None, tuple[str, ...]]:
        member = self._member(rng)
        customer = self._customer(rng, 0.2)
        if kind < 0.83 and member.email:
            # Some refer themselves: they enter the code that they share.
            own = self._codes_of(member, (SHAREABLE,))[:1] if kind < 0.8 else NO_CODES
            return member.email, member.first_name, None, own
        if kind < 0.86:
            return (*customer, None, self._codes(rng, member, (PERSONAL,)))
        if kind < 0.89:
            return (*customer, None, self._codes(rng, member, (REWARD,)))
        shared = self._codes(rng, member, (SHAREABLE,))
        if kind < 0.92:
            other = self._codes(rng, self._member(rng), (LEAKPROOF, SHAREABLE, REWARD))
            both = shared + other if rng.random() < 0.5 else other + shared
            return (*customer, None, tuple(dict.fromkeys(both)))
        if kind < 0.94:
            return (*customer, self._member(rng).referral_id, shared)
        if kind < 0.96:
            return (*customer, None, (rng.choice(self._idle_codes),))
        if not self._former:
            return (*customer, None, ("WELCOME5",))
        gone = self.contacts[rng.choice(self._former)]
        if kind < 0.98:
            return (*customer, gone.referral_id, shared if kind < 0.965 else NO_CODES)
        if kind < 0.995 or not gone.email:
            return (*customer, None, self._codes(rng, gone, (SHAREABLE,)))
        return gone.email, gone.first_name, None, NO_CODES

    def _member(self, rng: random.Random) -> Contact:
        # Squared, because a few members sell much more than the rest.
        chance = rng.random()
        return self.contacts[self._active[int(len(self._active) * chance * chance)]]

    def _customer(self, rng: random.Random, returning: float) -> tuple[str, str]:
        """E-mail and first name of a customer, new or seen before."""
        customers = self._customers
        if customers and returning and (returning == 1.0 or rng.random() < returning):
            return customers[int(rng.random() * len(customers))]
        first = words.FIRST_NAMES[int(rng.random() * len(words.FIRST_NAMES))]
        host = words.MAIL_HOSTS[int(rng.random() * len(words.MAIL_HOSTS))]
        email = f"{PLAIN_FIRST_NAMES[first]}.c{len(customers)}@{host}"
        customers.append((email, first))
        return email, first

    def _codes(
        self, rng: random.Random, contact: Contact, rules: tuple[int, ...]
    ) -> tuple[str, ...]:
        own = self._codes_of(contact, rules)
        return (rng.choice(own),) if own else NO_CODES

    def _codes_of(self, contact: Contact, rules: tuple[int, ...]) -> tuple[str, ...]:
        return tuple(
            code.text
            for code in map(self.codes.__getitem__, contact.codes)
            if code.rule in rules and code.text
        )
