"""The raw tables of an Auto Rosters page (https://autorosters.com/api, documented).

One page is one partition: the page, its ranks in order of seniority, its users, and
what they hold. ``page_loads`` keeps one row per page and read, because the API itself
has no history; ``page_users`` is the API's own flat list, kept to cross-check.
"""

from __future__ import annotations

from types import MappingProxyType

from roster_platform.catalogue import Column, Table

API_DOCS_URL = "https://autorosters.com/api-docs"

_PAGE_ID = Column("text", "The roster page (UUID).", required=True)
_DISCORD_ID = Column(
    "text", "The member's Discord id, exact (beyond 2^53).", required=True
)

_USER_COLUMNS = {
    "page_id": _PAGE_ID,
    "discord_id": _DISCORD_ID,
    "name": Column("text", "The member's name on the roster.", pii=True, required=True),
    "rank": Column("text", "The name of the rank."),
    "is_command": Column("bool", "True when the rank is a command rank."),
    "discord_username": Column(
        "text", "The member's Discord username.", pii=True, key="handle"
    ),
    "promotion_date": Column("date", "When promoted to the current rank."),
    "promotion_officer": Column("text", "Who promoted the member (a name).", pii=True),
    "patrol_hours": Column(
        "double",
        "Hours on patrol; NULL when the page keeps no patrol log.",
        optional=True,
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
            "description": Column("text", "The page's description.", optional=True),
            "custom_url_path": Column("text", "The last part of the public address."),
            "public_url": Column("text", "The public address."),
            "certifications": Column(
                "json", "The page's certifications section, as sent.", optional=True
            ),
            "subdivisions": Column(
                "json", "The page's subdivisions section, as sent.", optional=True
            ),
        },
    ),
    Table(
        name="ranks",
        description="One rank of one page.",
        primary_key=("page_id", "role_id"),
        columns={
            "page_id": _PAGE_ID,
            "role_id": Column(
                "text", "The rank's Discord role: its stable key.", required=True
            ),
            "rank_name": Column("text", "The rank's name.", required=True),
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
                "text",
                "The role of the rank that the member is in.",
                required=True,
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
            "certification": Column("text", "The certification's name.", required=True),
        },
    ),
    Table(
        name="user_subdivisions",
        description="One subdivision one member of one page belongs to.",
        primary_key=("page_id", "discord_id", "subdivision"),
        columns={
            "page_id": _PAGE_ID,
            "discord_id": _DISCORD_ID,
            "subdivision": Column("text", "The subdivision's name.", required=True),
        },
    ),
    Table(
        name="page_loads",
        description="One successful read of one page, or its retirement.",
        primary_key=("page_id", "observed_at"),
        versions=False,
        columns={
            "page_id": _PAGE_ID,
            "observed_at": Column(
                "timestamp",
                "When the page was read: by the API's clock unless that is ahead of "
                "ours, and always later than at the read before.",
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
        not_compared=("list_hash",),
        columns={
            **_USER_COLUMNS,
            "certifications": Column(
                "json", "Names of the certifications held.", optional=True
            ),
            "subdivisions": Column("json", "Names of the subdivisions.", optional=True),
            "list_hash": Column(
                "text",
                "SHA-256 of the list the entry came with; NULL when read by itself.",
            ),
        },
    ),
)

BY_NAME = MappingProxyType({table.name: table for table in TABLES})
