"""Whose order is it? Roster's attribution rules, applied once when an order is created.

The vendor documents the rules in prose; the order in which they are tried is our
reading. The first that qualifies wins:

1. personal by e-mail: the order's e-mail is that of a contact who is in a program;
2. a personal code, or a code of a reward rule, assigned by then to a contact who is in a
   program;
3. smart link: the referral id of a contact who is in a program;
4. a shareable or leakproof code, assigned by then to a contact who is in a program;
5. recurring: the customer's last referred order, if its contact is still in a program.

"By then" is the order's creation time; e-mails are compared in lower case; of several
codes the first in the order's list that qualifies counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

METHODS = ("none", "link", "code", "recurring", "email", "personal_code", "reward_code")
TYPES = {
    "none": "none",
    "link": "referred",
    "code": "referred",
    "recurring": "referred",
    "email": "personal",
    "personal_code": "personal",
    "reward_code": "personal",
}
NONE, LINK, CODE, RECURRING, EMAIL, PERSONAL_CODE, REWARD_CODE = range(len(METHODS))
REFERRED = frozenset((LINK, CODE, RECURRING))
OWN_CODES = frozenset((PERSONAL_CODE, REWARD_CODE))
NOBODY = -1
FOREVER = 1 << 62


@dataclass(slots=True)
class Contact:
    """A person known to the brand, and when they were in which program."""

    number: int
    first_name: str
    last_name: str
    email: str | None
    social_handle: str | None
    discord_handle: str | None
    referral_id: str
    created: int
    updated: int
    stage: str
    stage_before: str
    stage_since: int
    periods: list[tuple[int, int, int]] = field(default_factory=list)
    """(joined, left or FOREVER, program), in order of time."""
    codes: list[int] = field(default_factory=list)

    def program_at(self, moment: int) -> int:
        """The program that the contact is in at a time, or NOBODY."""
        for joined, left, program in reversed(self.periods):
            if joined <= moment:
                return program if moment < left else NOBODY
        return NOBODY

    def stage_at(self, moment: int) -> str:
        """The stage at a time not long ago."""
        return self.stage if moment >= self.stage_since else self.stage_before

    def move_to(self, stage: str, moment: int) -> None:
        """Change the stage."""
        self.stage_before, self.stage, self.stage_since = self.stage, stage, moment
        self.updated = max(self.updated, moment)


@dataclass(slots=True)
class Code:
    """A discount code; ``assigned`` is None until it belongs to a contact."""

    number: int
    text: str
    rule: int
    kind: str
    is_personal: bool
    created: int
    contact: int = NOBODY
    assigned: int | None = None


class Attribution:
    """The input of the rules, and the decision itself."""

    def __init__(self) -> None:
        self.contacts: list[Contact] = []
        self.by_email: dict[str, int] = {}
        self.by_referral: dict[str, int] = {}
        self.codes: dict[str, Code] = {}
        self._referrer_of: dict[str, int] = {}

    def decide(
        self, created: int, email: str, referral_id: str | None, codes: tuple[str, ...]
    ) -> tuple[int, int, int]:
        """The method, contact and program of an order; call it in order of creation."""
        customer = email.lower()
        found = (
            self._by_email(created, customer)
            or (codes and self._by_own_code(created, codes))
            or (referral_id and self._by_link(created, referral_id))
            or (codes and self._by_shared_code(created, codes))
            or self._by_earlier_order(created, customer)
        )
        if not found:
            return NONE, NOBODY, NOBODY
        if found[0] in REFERRED:
            self._referrer_of[customer] = found[1]
        return found

    def _by_email(self, created: int, customer: str) -> tuple[int, int, int] | None:
        return self._member(EMAIL, self.by_email.get(customer), created)

    def _assigned(self, created: int, codes: tuple[str, ...]) -> Iterator[Code]:
        """The codes that belonged to somebody when the order was created."""
        for text in codes:
            code = self.codes.get(text)
            if code and code.assigned is not None and code.assigned <= created:
                yield code

    def _by_own_code(
        self, created: int, codes: tuple[str, ...]
    ) -> tuple[int, int, int] | None:
        for code in self._assigned(created, codes):
            if code.is_personal or code.kind == "reward":
                method = PERSONAL_CODE if code.is_personal else REWARD_CODE
                found = self._member(method, code.contact, created)
                if found:
                    return found
        return None

    def _by_link(self, created: int, referral_id: str) -> tuple[int, int, int] | None:
        return self._member(LINK, self.by_referral.get(referral_id), created)

    def _by_shared_code(
        self, created: int, codes: tuple[str, ...]
    ) -> tuple[int, int, int] | None:
        for code in self._assigned(created, codes):
            if code.kind != "reward":
                found = self._member(CODE, code.contact, created)
                if found:
                    return found
        return None

    def _by_earlier_order(
        self, created: int, customer: str
    ) -> tuple[int, int, int] | None:
        return self._member(RECURRING, self._referrer_of.get(customer), created)

    def _member(
        self, method: int, contact: int | None, created: int
    ) -> tuple[int, int, int] | None:
        if contact is None:
            return None
        program = self.contacts[contact].program_at(created)
        return None if program == NOBODY else (method, contact, program)
