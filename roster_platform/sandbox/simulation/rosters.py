"""The Discord rosters behind the Auto Rosters API, and how they change day by day.

The API itself has no history, so neither has this world before the day it starts: a
page begins as it stands and every later day promotes, demotes, adds, removes and moves
a few members, each change noted for the oracle. A person may be on two pages, and be
listed under two ranks of one page. Own pages live; a few pages of another owner stand
still, only there to be refused.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date

from roster_platform.sandbox.simulation import vocabulary as words
from roster_platform.sandbox.simulation.clock import date_text

FOREIGN_PAGES = 3
OWNER_ID = "181818181818181818"
OTHER_OWNER_ID = "272727272727272727"
_FIRST_SNOWFLAKE = 180_000_000_000_000_000
_SNOWFLAKE_STEP = 4_194_304_013
_SECTION_SHAPES = ("names", "objects", "members")


@dataclass(frozen=True, slots=True)
class Person:
    """A Discord user."""

    discord_id: str
    username: str
    name: str


@dataclass(frozen=True, slots=True)
class Rank:
    """A rank of a page; its place in the page is its seniority."""

    name: str
    role_id: str
    is_command: bool
    is_vacant: bool
    """A vacant rank stays on the page and never gets a member."""


@dataclass(slots=True)
class Member:
    """One person on one page; ``ranks`` are places in the page, most senior first."""

    person: Person
    ranks: list[int]
    certifications: list[str]
    subdivisions: list[str]
    promoted: int | None
    officer: str | None
    hours: int
    """Patrol hours in tenths, so that sums stay exact."""


@dataclass(slots=True)
class Page:
    """One roster page."""

    number: int
    page_id: str
    owner_id: str
    title: str
    ranks: tuple[Rank, ...]
    section_shape: str
    has_patrol_log: bool
    resets_monthly: bool
    members: dict[str, Member] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """Something that happened to one member on one day."""

    day: int
    kind: str
    page_id: str
    discord_id: str
    from_rank: str | None = None
    to_rank: str | None = None
    from_page_id: str | None = None
    officer: str | None = None
    name: str | None = None
    """The certification gained or lost."""


Listing = tuple[str, str]
"""Role id and Discord id of one entry on a page."""


class Rosters:
    """All pages as they stand on ``day``."""

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
            self.listings[page.page_id] = [(as_of, _listings(page))]

    @property
    def own_page_ids(self) -> list[str]:
        """The pages the sandbox's key may read."""
        return [page.page_id for page in self._own]

    @property
    def foreign_page_ids(self) -> list[str]:
        """Pages of another owner."""
        return [p.page_id for p in self.pages.values() if p.owner_id != OWNER_ID]

    # -- the beginning ----------------------------------------------------------

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

    # -- one day ----------------------------------------------------------------

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
            self.listings[page_id].append((self.day, _listings(self.pages[page_id])))

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

    def _open_rank(self, page: Page, rank: int, step: int) -> int | None:
        """The next rank up (-1) or down (1) that takes members; the top is not given."""
        place = rank + step
        while 0 < place < len(page.ranks):
            if not page.ranks[place].is_vacant:
                return place
            place += step
        return None

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
        self._note(page, "left", member, from_rank=_rank_name(page, member))

    def _add(self, page: Page) -> None:
        """Somebody new, or now and then somebody who had left."""
        person = self._somebody_back(page) or self._new_person()
        member = self._arrive(page, person)
        self._note(page, "joined", member, to_rank=_rank_name(page, member))

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
            from_rank=_rank_name(page, member),
            to_rank=_rank_name(target, arrived),
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


def listed(page: Page) -> Iterator[tuple[Rank, list[Member]]]:
    """The ranks of a page, most senior first, each with the members listed under it."""
    under: list[list[Member]] = [[] for _ in page.ranks]
    for member in page.members.values():
        for rank in member.ranks:
            under[rank].append(member)
    return zip(page.ranks, under, strict=True)


def _listings(page: Page) -> tuple[Listing, ...]:
    return tuple(
        (rank.role_id, member.person.discord_id)
        for rank, members in listed(page)
        for member in members
    )


def _rank_name(page: Page, member: Member) -> str:
    return page.ranks[member.ranks[0]].name


def user_json(page: Page, rank: Rank, member: Member) -> dict[str, object]:
    """A user as the page and the single-user endpoint show it."""
    shown: dict[str, object] = {
        "name": member.person.name,
        "rank": rank.name,
        "discord_id": member.person.discord_id,
        "discord_username": member.person.username,
        "certifications": member.certifications,
        "subdivisions": member.subdivisions,
        "promotion_date": date_text(member.promoted) if member.promoted else None,
        "promotion_officer": member.officer,
    }
    if page.has_patrol_log:
        shown["patrol_hours"] = member.hours / 10
    return shown


def page_json(page: Page) -> dict[str, object]:
    """The hierarchical page."""
    title = page.title.lower().replace(" & ", " and ").replace("'", "")
    path = "-".join(title.split())
    return {
        "page_id": page.page_id,
        "owner_id": page.owner_id,
        "custom_title": page.title,
        "description": f"The roster of {page.title}.",
        "custom_url_path": path,
        "public_url": f"https://autorosters.com/r/{path}",
        "ranks": [
            {
                "rank_name": rank.name,
                "role_id": rank.role_id,
                "is_command": rank.is_command,
                "users": [user_json(page, rank, member) for member in members],
            }
            for rank, members in listed(page)
        ],
        "certifications": _section(
            page, words.CERTIFICATIONS, lambda member: member.certifications
        ),
        "subdivisions": _section(
            page, words.SUBDIVISIONS, lambda member: member.subdivisions
        ),
    }


def users_json(page: Page) -> list[dict[str, object]]:
    """The flat list: one entry per rank a member is listed under."""
    return [
        {**user_json(page, rank, member), "is_command": rank.is_command}
        for rank, members in listed(page)
        for member in members
    ]


def _section(
    page: Page, names: tuple[str, ...], held: Callable[[Member], list[str]]
) -> object:
    """A page's section in one of the three shapes a client must accept."""
    if page.section_shape == "names":
        return list(names)
    holders = {
        name: [
            member.person.discord_id
            for member in page.members.values()
            if name in held(member)
        ]
        for name in names
    }
    if page.section_shape == "members":
        return holders
    return [{"name": name, "members": ids} for name, ids in holders.items()]
