"""Roster pages as they stand on the day the world starts."""

from __future__ import annotations

import random
import uuid

from roster_platform.sandbox.simulation import vocabulary as words
from roster_platform.sandbox.simulation.discord.pages import (
    FOREIGN_PAGES,
    OTHER_OWNER_ID,
    OWNER_ID,
    Change,
    Listing,
    Member,
    Page,
    Person,
    Rank,
    listings,
)

_FIRST_SNOWFLAKE = 180_000_000_000_000_000
_SNOWFLAKE_STEP = 4_194_304_013
_SECTION_SHAPES = ("names", "objects", "members")


class Beginning:
    """Makes pages, and the people on them."""

    def __init__(self, seed: int, pages: int, members: int, as_of: int) -> None:
        self.seed = seed
        self.day = as_of
        self.people: list[Person] = []
        self.changes: list[Change] = []
        self.pages: dict[str, Page] = {}
        self.listings: dict[str, list[tuple[int, tuple[Listing, ...]]]] = {}
        self._snowflakes = 0
        self._touched: set[str] = set()
        self._gone: list[Person] = []
        self._rng = random.Random(f"{seed}:rosters")
        for number in range(pages + FOREIGN_PAGES):
            page = self._make_page(number, is_foreign=number >= pages)
            self.pages[page.page_id] = page
            self._fill_page(page, members)
        self._own = [page for page in self.pages.values() if page.owner_id == OWNER_ID]
        for page in self.pages.values():
            self.listings[page.page_id] = [(as_of, listings(page))]

    @property
    def own_page_ids(self) -> list[str]:
        """The pages the sandbox's key may read."""
        return [page.page_id for page in self._own]

    @property
    def foreign_page_ids(self) -> list[str]:
        """Pages of another owner."""
        return [p.page_id for p in self.pages.values() if p.owner_id != OWNER_ID]

    def _snowflake(self) -> str:
        """A Discord id: beyond 2^53, so a float would corrupt it."""
        self._snowflakes += 1
        noise = self._rng.randrange(1, 4_000_000)
        return str(_FIRST_SNOWFLAKE + self._snowflakes * _SNOWFLAKE_STEP + noise)

    def _make_page(self, number: int, *, is_foreign: bool) -> Page:
        kind, names, commanding = words.DEPARTMENTS[number % len(words.DEPARTMENTS)]
        town = words.TOWNS[number // len(words.DEPARTMENTS) % len(words.TOWNS)]
        series = number // (len(words.DEPARTMENTS) * len(words.TOWNS))
        ranks = tuple(
            Rank(
                name=name,
                role_id=self._snowflake(),
                is_command=place < commanding,
                is_vacant=number % 5 == 0 and place == 1,
            )
            for place, name in enumerate(names)
        )
        return Page(
            number=number,
            page_id=str(uuid.UUID(int=self._rng.getrandbits(128), version=4)),
            owner_id=OTHER_OWNER_ID if is_foreign else OWNER_ID,
            title=f"{town} {kind}" + (f" {series + 1}" if series else ""),
            ranks=ranks,
            section_shape=_SECTION_SHAPES[number % len(_SECTION_SHAPES)],
            has_patrol_log=number % 4 != 3,
            resets_monthly=number % 3 == 1,
        )

    def _fill_page(self, page: Page, members: int) -> None:
        rng = self._rng
        for place in range(members):
            person = self._somebody(page)
            # One member leads; below, the more junior the rank the fuller it is.
            rank = 0 if place == 0 else self._usual_rank(page)
            member = self._make_member(page, person, rank)
            if place > 2 and rng.random() < 0.02:
                second = self._open_rank(page, rank, -1)
                if second is not None:
                    member.ranks.insert(0, second)
            page.members[person.discord_id] = member

    def _somebody(self, page: Page) -> Person:
        if len(self.people) > 20 and self._rng.random() < 0.05:
            known = self._rng.choice(self.people)
            if known.discord_id not in page.members:
                return known
        return self._new_person()

    def _new_person(self) -> Person:
        rng = self._rng
        first, last = rng.choice(words.FIRST_NAMES), rng.choice(words.LAST_NAMES)
        plain = (first + last).lower().replace("'", "").replace("ë", "e")
        username = f"{plain}{len(self.people)}"
        person = Person(self._snowflake(), username, f"{first} {last}")
        self.people.append(person)
        return person

    def _usual_rank(self, page: Page) -> int:
        open_ranks = [i for i, rank in enumerate(page.ranks) if not rank.is_vacant]
        weights = [(place + 1) ** 2 for place in open_ranks]
        return self._rng.choices(open_ranks, weights)[0]

    def _make_member(self, page: Page, person: Person, rank: int) -> Member:
        rng = self._rng
        promoted = self.day - rng.randint(3, 900) if rng.random() < 0.96 else None
        return Member(
            person=person,
            ranks=[rank],
            certifications=rng.sample(words.CERTIFICATIONS, rng.randint(0, 4)),
            subdivisions=rng.sample(words.SUBDIVISIONS, rng.choice((0, 1, 1, 2))),
            promoted=promoted,
            officer=self._officer(page, rank) if promoted else None,
            hours=rng.randint(0, 2500),
        )

    def _officer(self, page: Page, rank: int) -> str | None:
        """The name of somebody more senior on the page, if there is anybody."""
        senior = [m.person.name for m in page.members.values() if m.ranks[0] < rank]
        return self._rng.choice(senior) if senior else None

    def _open_rank(self, page: Page, rank: int, step: int) -> int | None:
        """The next rank up (-1) or down (1) that takes members; the top is not given."""
        place = rank + step
        while 0 < place < len(page.ranks):
            if not page.ranks[place].is_vacant:
                return place
            place += step
        return None
