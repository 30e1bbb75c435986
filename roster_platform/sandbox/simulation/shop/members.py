"""Contacts: how they come, join a program, switch, leave and come back."""

from __future__ import annotations

from roster_platform.sandbox.simulation import vocabulary as words
from roster_platform.sandbox.simulation.attribution import FOREVER, NOBODY, Contact
from roster_platform.sandbox.simulation.clock import moment_in, number_of
from roster_platform.sandbox.simulation.shop.codes import Codes
from roster_platform.sandbox.simulation.shop.entities import (
    CONTACT_CREATED,
    HISTORY_DAYS,
    HOUR_MS,
    MINUTE_MS,
    OPEN_PROGRAMS,
    PROGRAM_JOINED,
    PROGRAM_LEFT,
    SHAREABLE,
    STAGE_CHANGED,
)
from roster_platform.sandbox.simulation.shop.names import plain_name


class Members(Codes):
    """Lives the contacts of a day."""

    def _live_contacts(self) -> None:
        if self.day == self.started:
            for _ in range(8):
                self._issue_code(SHAREABLE, self._start + MINUTE_MS, "SPARE")
        for action, number in self._agenda.pop(self.day, ()):
            _ACTIONS[action](self, number)
        for _ in range(self._new_contacts_today()):
            self._create_contact()
        self._some_leave_or_switch()

    def _new_contacts_today(self) -> int:
        if self.is_live:
            return max(1, number_of(self._rng, self._planned_contacts * 0.6 / 365))
        lived = self.day - self.started
        due = int(self._planned_contacts * (0.4 + 0.6 * lived / HISTORY_DAYS))
        return due - len(self.contacts)

    def _create_contact(self) -> None:
        rng = self._rng
        number = len(self.contacts)
        first, last = rng.choice(words.FIRST_NAMES), rng.choice(words.LAST_NAMES)
        plain = plain_name(first) + "." + plain_name(last)
        has_email = rng.random() >= 0.12
        created = moment_in(rng, self._start, self._end - 2 * HOUR_MS)
        stage = rng.choices(
            ("Prospect", "Pending Application", "Invited", "Nominated"),
            (35, 35, 18, 12),
        )[0]
        contact = Contact(
            number=number,
            first_name=first,
            last_name=last,
            email=f"{plain}{number}@{rng.choice(words.MAIL_HOSTS)}"
            if has_email
            else None,
            social_handle=(
                f"@{plain.replace('.', '_')}{number}"
                if not has_email or rng.random() < 0.7
                else None
            ),
            discord_handle=self._discord_handle(plain, number),
            referral_id=(
                str(70_000_000 + number * 7919)
                if rng.random() < 0.4
                else f"{plain.replace('.', '-')}-{number}"
            ),
            created=created,
            updated=created,
            stage=stage,
            stage_before=stage,
            stage_since=created,
        )
        self.contacts.append(contact)
        self.attribution.by_referral[contact.referral_id] = number
        if contact.email:
            self.attribution.by_email[contact.email] = number
        self._happen(created, CONTACT_CREATED, contact)
        self._plan_answer(contact)

    def _discord_handle(self, plain: str, number: int) -> str | None:
        rng = self._rng
        if rng.random() >= 0.3:
            return None
        if self._spare_discord_names and rng.random() < 0.75:
            name = self._spare_discord_names.popleft()
            # People write their own handle differently from place to place.
            return name.capitalize() if rng.random() < 0.3 else name
        return f"{plain.replace('.', '')}_{number}"

    def _plan_answer(self, contact: Contact) -> None:
        """Decide an application, now or some days later."""
        rng = self._rng
        outcome = rng.random()
        if self.day == self.started and outcome < 0.75:
            self._join(contact.number)
        elif outcome < 0.75:
            self._agenda[self.day + rng.randint(1, 10)].append(("join", contact.number))
        elif outcome < 0.87:
            self._agenda[self.day + rng.randint(1, 20)].append(
                ("decline", contact.number)
            )

    def _join(self, number: int) -> None:
        contact = self.contacts[number]
        moment = self._moment_after(contact)
        if contact.stage != "Ambassador":
            contact.move_to("Ambassador", moment)
            self._happen(moment, STAGE_CHANGED, contact)
        self._start_period(contact, moment, self._rng.choice(OPEN_PROGRAMS))
        if not contact.codes:
            self._equip(contact, moment)

    def _start_period(self, contact: Contact, moment: int, program: int) -> None:
        contact.periods.append((moment, FOREVER, program))
        contact.updated = moment
        self.changes.contacts.add(contact.number)
        self._happen(moment, PROGRAM_JOINED, contact, program)

    def _end_period(self, contact: Contact, moment: int) -> int:
        joined, _, program = contact.periods[-1]
        contact.periods[-1] = (joined, moment, program)
        contact.updated = moment
        self.changes.contacts.add(contact.number)
        self._happen(moment, PROGRAM_LEFT, contact, program)
        return program

    def _leave(self, number: int) -> None:
        contact = self.contacts[number]
        moment = self._moment_after(contact)
        contact.move_to("Prospect", moment)
        self._end_period(contact, moment)
        self._happen(moment, STAGE_CHANGED, contact)
        if self._rng.random() < 0.6:
            back = self.day + self._rng.randint(5, 60)
            self._agenda[back].append(("join", number))

    def _switch(self, number: int) -> None:
        """Into another program, never in two of them at once."""
        contact = self.contacts[number]
        moment = self._moment_after(contact)
        left = self._end_period(contact, moment)
        others = [program for program in OPEN_PROGRAMS if program != left]
        later = min(moment + 5 * MINUTE_MS, self._end - 1)
        self._start_period(contact, later, self._rng.choice(others))

    def _decline(self, number: int) -> None:
        contact = self.contacts[number]
        if contact.stage == "Ambassador":
            return
        moment = self._moment_after(contact)
        contact.move_to("Declined", moment)
        self.changes.contacts.add(number)
        self._happen(moment, STAGE_CHANGED, contact)

    def _some_leave_or_switch(self) -> None:
        settled = [
            number
            for number in self._active
            if self.contacts[number].updated < self._start
            and self.contacts[number].program_at(self._start) != NOBODY
        ]
        leaving = number_of(self._rng, len(settled) * 0.002)
        switching = number_of(self._rng, len(settled) * 0.001)
        if self.is_live:
            # Someone who watches a few days must see both happen.
            leaving = max(leaving, self.day % 2)
            switching = max(switching, 1 - self.day % 2)
        chosen = self._rng.sample(settled, min(len(settled), leaving + switching))
        for number in chosen[:leaving]:
            self._leave(number)
        for number in chosen[leaving:]:
            self._switch(number)

    def _moment_after(self, contact: Contact) -> int:
        """A time of today, after what happened to the contact so far."""
        start = max(self._start, contact.updated)
        return moment_in(self._rng, start, self._end - 6 * MINUTE_MS)

    def _take_stock_of_members(self) -> None:
        self._active = []
        self._former = []
        for contact in self.contacts:
            if contact.periods:
                in_program = contact.periods[-1][1] == FOREVER
                (self._active if in_program else self._former).append(contact.number)


_ACTIONS = {
    "join": Members._join,
    "decline": Members._decline,
    "assign": Members._assign,
}
