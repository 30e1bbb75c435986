"""Discount codes: issued by a rule, assigned to a contact at once or later."""

from __future__ import annotations

from roster_platform.sandbox.simulation.attribution import Code, Contact
from roster_platform.sandbox.simulation.shop.entities import (
    LEAKPROOF,
    PERSONAL,
    REWARD,
    RULES,
    SHAREABLE,
)
from roster_platform.sandbox.simulation.shop.names import plain_name
from roster_platform.sandbox.simulation.shop.state import State


class Codes(State):
    """Issues and assigns codes."""

    def _equip(self, contact: Contact, moment: int) -> None:
        rng = self._rng
        for rule, share in ((SHAREABLE, 1.0), (LEAKPROOF, 0.3), (PERSONAL, 0.35),
                            (REWARD, 0.3)):  # fmt: skip
            if rng.random() >= share:
                continue
            name = plain_name(contact.first_name).upper()
            code = self._issue_code(rule, moment, name)
            if rng.random() < 0.15:
                # Printed on the flyer before anybody assigned it.
                code.contact = contact.number
                contact.codes.append(code.number)
                day = self.day + rng.randint(2, 30)
                self._agenda[day].append(("assign", code.number))
                self._idle_codes.append(code.text)
            else:
                contact.codes.append(code.number)
                code.contact = contact.number
                code.assigned = min(moment + rng.randint(1, 45) * 1000, self._end - 1)

    def _issue_code(self, rule: int, moment: int, name: str) -> Code:
        number = len(self.codes)
        issuer = RULES[rule]
        text = f"{name}{number}{issuer.suffix}"
        code = Code(number, text, rule, issuer.kind, issuer.is_personal, moment)
        self.codes.append(code)
        self.attribution.codes[text] = code
        if name == "SPARE":
            self._idle_codes.append(text)
        return code

    def _assign(self, number: int) -> None:
        code = self.codes[number]
        code.assigned = self._moment()
        self.changes.codes.add(number)
        self._idle_codes.remove(code.text)
