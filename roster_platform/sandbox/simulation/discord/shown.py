"""Roster pages as the API shows them."""

from __future__ import annotations

from collections.abc import Callable

from roster_platform.sandbox.simulation import vocabulary as words
from roster_platform.sandbox.simulation.clock import date_text
from roster_platform.sandbox.simulation.discord.pages import Member, Page, Rank, listed


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
