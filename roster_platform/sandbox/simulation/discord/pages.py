"""Roster pages: ranks, the members listed under them, and what changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

FOREIGN_PAGES = 3
OWNER_ID = "181818181818181818"
OTHER_OWNER_ID = "272727272727272727"


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


def listed(page: Page) -> Iterator[tuple[Rank, list[Member]]]:
    """The ranks of a page, most senior first, each with the members listed under it."""
    under: list[list[Member]] = [[] for _ in page.ranks]
    for member in page.members.values():
        for rank in member.ranks:
            under[rank].append(member)
    return zip(page.ranks, under, strict=True)


def listings(page: Page) -> tuple[Listing, ...]:
    """Every entry of a page, in its order."""
    return tuple(
        (rank.role_id, member.person.discord_id)
        for rank, members in listed(page)
        for member in members
    )


def rank_name(page: Page, member: Member) -> str:
    """The most senior rank of a member."""
    return page.ranks[member.ranks[0]].name
