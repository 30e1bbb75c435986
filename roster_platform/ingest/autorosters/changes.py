"""Who joined, left or changed on a page: what came, compared with the warehouse.

Compared by Discord id, set by set, with one query per table for all pages of a batch.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from roster_platform.ingest.autorosters.known import Query
from roster_platform.ingest.page_ids import listed

_COMPARED: Mapping[str, tuple[str, ...]] = {
    "users": (
        "role_id",
        "name",
        "discord_username",
        "promotion_date",
        "promotion_officer",
        "patrol_hours",
    ),
    "user_certifications": ("certification",),
    "user_subdivisions": ("subdivision",),
}

Members = Mapping[str, Mapping[str, set[tuple[Any, ...]]]]
"""By page and Discord id, everything a page says of the member."""


@dataclass(frozen=True)
class MemberChanges:
    """The numbers of members of a page that are new, gone, or changed."""

    joined: int
    left: int
    changed: int


NO_CHANGES = MemberChanges(0, 0, 0)


def held_members(query: Query, page_ids: Iterable[str]) -> Members:
    """The members of some pages as the warehouse holds them.

    The page ids must be validated: they become part of the SQL.
    """
    among = listed(page_ids)
    found: dict[str, dict[str, set[tuple[Any, ...]]]] = defaultdict(
        lambda: defaultdict(set)
    )
    for table, columns in _COMPARED.items():
        rows = query(
            f"select page_id, discord_id, {', '.join(columns)} "
            f"from {{table}} where page_id in ({among})",
            table,
        )
        for page_id, discord_id, *values in rows:
            found[page_id][discord_id].add((table, *map(_comparable, values)))
    return found


def read_members(
    rows: Mapping[str, Iterable[Mapping[str, Any]]], page_ids: Collection[str]
) -> Members:
    """The members of some of the pages whose rows these are, as the API sent them."""
    found: dict[str, dict[str, set[tuple[Any, ...]]]] = defaultdict(
        lambda: defaultdict(set)
    )
    for table, columns in _COMPARED.items():
        for row in rows[table]:
            if row["page_id"] not in page_ids:
                continue
            values = (_comparable(row.get(column)) for column in columns)
            found[row["page_id"]][str(row["discord_id"])].add((table, *values))
    return found


def changes_of(page_id: str, held: Members, read: Members) -> MemberChanges:
    """Return what is different on one page."""
    before, now = held.get(page_id, {}), read.get(page_id, {})
    return MemberChanges(
        joined=len(now.keys() - before.keys()),
        left=len(before.keys() - now.keys()),
        changed=sum(before[who] != now[who] for who in before.keys() & now.keys()),
    )


def _comparable(value: Any) -> str | None:
    """One text for one value, whether it comes as JSON or from the warehouse."""
    if value is None:
        return None
    return str(float(value)) if isinstance(value, int | float) else str(value)
