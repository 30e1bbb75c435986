"""The raw tables of an Auto Rosters page (https://autorosters.com/api, documented).

One page is one partition: the page, its ranks in order of seniority, its users, and
what they hold. ``page_loads`` keeps one row per page and read, because the API itself
has no history; ``page_users`` is the API's own flat list, kept to cross-check.
"""

from __future__ import annotations

from types import MappingProxyType

from roster_platform.ingest.catalogue import Column, Table

API_DOCS_URL = "https://autorosters.com/api-docs"

_PAGE_ID = Column("text", "The roster page (UUID).")
_DISCORD_ID = Column("text", "The member's Discord id, exact (beyond 2^53).")

_USER_COLUMNS = {
    "page_id": _PAGE_ID,
    "discord_id": _DISCORD_ID,
    "name": Column("text", "The member's name on the roster.", pii=True),
    "rank": Column("text", "The name of the rank."),
    "is_command": Column("bool", "True when the rank is a command rank."),
    "discord_username": Column("text", "The member's Discord username.", pii=True),
    "promotion_date": Column("date", "When promoted to the current rank."),
    "promotion_officer": Column("text", "Who promoted the member (a name).", pii=True),
    "patrol_hours": Column(
        "double", "Hours on patrol; NULL when the page keeps no patrol log."
    ),
}

TABLES: tuple[Table, ...] = (
    Table(
        name="pages",
        description="One roster page.",
        primary_key=("page_id",),
        columns={
            "page_id": _PAGE_ID,
            "owner_id": Column("text", "The Discord id of the page's owner."),
            "custom_title": Column("text", "The page's title."),
            "description": Column("text", "The page's description."),
            "custom_url_path": Column("text", "The last part of the public address."),
            "public_url": Column("text", "The public address."),
            "certifications": Column(
                "json", "The page's certifications section, as sent."
            ),
            "subdivisions": Column("json", "The page's subdivisions section, as sent."),
        },
    ),
    Table(
        name="ranks",
        description="One rank of one page.",
        primary_key=("page_id", "role_id"),
        columns={
            "page_id": _PAGE_ID,
            "role_id": Column("text", "The rank's Discord role: its stable key."),
            "rank_name": Column("text", "The rank's name."),
            "is_command": Column("bool", "True for a command rank."),
            "position": Column("bigint", "Place in the page, 0 is the most senior."),
        },
    ),
    Table(
        name="users",
        description="One member in one rank of one page.",
        primary_key=("page_id", "role_id", "discord_id"),
        columns={
            **_USER_COLUMNS,
            "role_id": Column(
                "text", "The role of the rank the member is listed under."
            ),
        },
    ),
    Table(
        name="user_certifications",
        description="One certification held by one member on one page.",
        primary_key=("page_id", "discord_id", "certification"),
        columns={
            "page_id": _PAGE_ID,
            "discord_id": _DISCORD_ID,
            "certification": Column("text", "The certification's name."),
        },
    ),
    Table(
        name="user_subdivisions",
        description="One subdivision one member of one page belongs to.",
        primary_key=("page_id", "discord_id", "subdivision"),
        columns={
            "page_id": _PAGE_ID,
            "discord_id": _DISCORD_ID,
            "subdivision": Column("text", "The subdivision's name."),
        },
    ),
    Table(
        name="page_loads",
        description="One successful read of one page, or its retirement.",
        primary_key=("page_id", "observed_at"),
        columns={
            "page_id": _PAGE_ID,
            "observed_at": Column(
                "timestamp", "The API's clock when the page was read."
            ),
            "outcome": Column(
                "text",
                "loaded; or retired, when the page is no longer configured and nothing "
                "was read.",
            ),
            "content_hash": Column("text", "SHA-256 of the page's content."),
            "member_count": Column("bigint", "Distinct members on the page."),
            "rank_count": Column("bigint", "Ranks on the page."),
        },
    ),
    Table(
        name="page_users",
        description="One entry of the API's flat user list of one page.",
        primary_key=("page_id", "discord_id", "rank"),
        columns={
            **_USER_COLUMNS,
            "certifications": Column("json", "Names of the certifications held."),
            "subdivisions": Column("json", "Names of the subdivisions."),
            "list_hash": Column(
                "text",
                "SHA-256 of the list the entry came with; NULL when read by itself.",
            ),
        },
    ),
)

BY_NAME = MappingProxyType({table.name: table for table in TABLES})
