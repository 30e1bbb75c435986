"""The Discord rosters behind the Auto Rosters API, and how they change day by day.

The API itself has no history, so neither has this world before the day it starts: a
page begins as it stands and every later day promotes, demotes, adds, removes and moves
a few members, each change noted for the oracle. A person may be on two pages, and be
listed under two ranks of one page. Own pages live; a few pages of another owner stand
still, only there to be refused.
"""

from __future__ import annotations

import random
from datetime import date

from roster_platform.sandbox.simulation import vocabulary as words
from roster_platform.sandbox.simulation.discord.beginning import Beginning
from roster_platform.sandbox.simulation.discord.pages import (
    Change,
    Member,
    Page,
    Person,
    listings,
    rank_name,
)


class Rosters(Beginning):
    """All pages as they stand on ``day``."""

    def live_day(self) -> None:
        """Live the next day on every own page."""
        self.day += 1
        self._rng = random.Random(f"{self.seed}:rosters:{self.day}")
        self._touched = set()
        before = len(self.changes)
        scale = sum(len(page.members) for page in self._own) / 400
        for act, share in (
            (self._promote, 1.0),
            (self._demote, 0.4),
            (self._remove, 0.5),
            (self._add, 0.6),
            (self._transfer, 0.3),
            (self._gain_certification, 0.8),
            (self._lose_certification, 0.4),
        ):
            for _ in range(max(1, round(scale * share)) if self._own else 0):
                act(self._rng.choice(self._own))
        self._patrol()
        self._note_listings(self.changes[before:])

    def _note_listings(self, changes: list[Change]) -> None:
        page_ids = {change.page_id for change in changes}
        page_ids.update(c.from_page_id for c in changes if c.from_page_id)
        for page_id in page_ids:
            self.listings[page_id].append((self.day, listings(self.pages[page_id])))

    def _patrol(self) -> None:
        rand = self._rng.random
        is_first_of_month = date.fromordinal(self.day).day == 1
        for page in self._own:
            if not page.has_patrol_log:
                continue
            resets = page.resets_monthly and is_first_of_month
            for member in page.members.values():
                if resets:
                    member.hours = 0
                chance = rand()
                if chance < 0.45:
                    member.hours += 5 + int(chance * 100)

    def _promote(self, page: Page) -> None:
        self._move_rank(page, "promotion", -1)

    def _demote(self, page: Page) -> None:
        self._move_rank(page, "demotion", 1)

    def _move_rank(self, page: Page, kind: str, step: int) -> None:
        movable = [
            member
            for member in page.members.values()
            if len(member.ranks) == 1
            and self._open_rank(page, member.ranks[0], step) is not None
            and self._is_settled(member)
        ]
        if not movable:
            return
        member = self._rng.choice(movable)
        old = member.ranks[0]
        new = self._open_rank(page, old, step)
        assert new is not None
        member.ranks = [new]
        member.promoted = self.day
        member.officer = self._officer(page, min(old, new)) or member.officer
        self._note(
            page,
            kind,
            member,
            from_rank=page.ranks[old].name,
            to_rank=page.ranks[new].name,
            officer=member.officer,
        )

    def _is_settled(self, member: Member) -> bool:
        """Nothing else happened to the member today, so that a day has one change."""
        return member.person.discord_id not in self._touched

    def _some_member(self, page: Page) -> Member | None:
        settled = [
            member
            for member in page.members.values()
            if member.ranks[0] > 0 and self._is_settled(member)
        ]
        return self._rng.choice(settled) if settled else None

    def _remove(self, page: Page) -> None:
        member = self._some_member(page)
        if member is None or len(page.members) < 2:
            return
        del page.members[member.person.discord_id]
        self._gone.append(member.person)
        self._note(page, "left", member, from_rank=rank_name(page, member))

    def _add(self, page: Page) -> None:
        """Somebody new, or now and then somebody who had left."""
        person = self._somebody_back(page) or self._new_person()
        member = self._arrive(page, person)
        self._note(page, "joined", member, to_rank=rank_name(page, member))

    def _somebody_back(self, page: Page) -> Person | None:
        if len(self._gone) < 4 or self._rng.random() >= 0.25:
            return None
        person = self._gone[0]
        if person.discord_id in page.members or person.discord_id in self._touched:
            return None
        return self._gone.pop(0)

    def _arrive(self, page: Page, person: Person) -> Member:
        rank = len(page.ranks) - 1
        member = self._make_member(page, person, rank)
        member.promoted = self.day
        member.officer = self._officer(page, rank)
        member.hours = 0
        page.members[person.discord_id] = member
        return member

    def _transfer(self, page: Page) -> None:
        """From one page to another; the hours stay behind."""
        others = [other for other in self._own if other is not page]
        member = self._some_member(page)
        if member is None or not others or len(page.members) < 2:
            return
        target = self._rng.choice(others)
        if member.person.discord_id in target.members:
            return
        del page.members[member.person.discord_id]
        arrived = self._arrive(target, member.person)
        self._note(
            target,
            "transfer",
            arrived,
            from_rank=rank_name(page, member),
            to_rank=rank_name(target, arrived),
            from_page_id=page.page_id,
        )

    def _gain_certification(self, page: Page) -> None:
        member = self._some_member(page)
        if member is None:
            return
        missing = [c for c in words.CERTIFICATIONS if c not in member.certifications]
        if missing:
            name = self._rng.choice(missing)
            member.certifications.append(name)
            self._note(page, "certification_gained", member, name=name)

    def _lose_certification(self, page: Page) -> None:
        member = self._some_member(page)
        if member is not None and member.certifications:
            name = self._rng.choice(member.certifications)
            member.certifications.remove(name)
            self._note(page, "certification_lost", member, name=name)

    def _note(
        self, page: Page, kind: str, member: Member, **details: str | None
    ) -> None:
        self._touched.add(member.person.discord_id)
        self.changes.append(
            Change(
                day=self.day,
                kind=kind,
                page_id=page.page_id,
                discord_id=member.person.discord_id,
                **details,
            )
        )
