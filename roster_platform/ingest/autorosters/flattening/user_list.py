"""The flat user list of a page, and a single user, as rows of page_users."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from roster_platform.errors import BadResponseError, DriftError
from roster_platform.ingest.autorosters.flattening.flat import LISTS, Flat, hash_of
from roster_platform.ingest.autorosters.flattening.oddities import (
    Oddities,
    is_id_key,
    name_of,
    names_of,
)
from roster_platform.ingest.autorosters.flattening.users import Users
from roster_platform.ingest.autorosters.objects import PageNames


def flatten_list(
    page_id: str, body: Any, names: PageNames, volatile: Collection[str] = ()
) -> Flat:
    """Return the flat user list of one page (a bare JSON array) as rows of page_users.

    No content, or null, is an empty list. Raises BadResponseError for an answer that is
    no list, and DriftError where not a single user has an id.
    """
    body = [] if body is None else body
    is_by_id = isinstance(body, dict) and all(map(is_id_key, body)) and bool(body)
    if not isinstance(body, list) and not is_by_id:
        raise BadResponseError(
            f"Auto Rosters answered the user list of page {page_id} with something that "
            "is not a list. The page keeps its last good rows."
        )
    odd = Oddities()
    users = Users("page_users", odd, names)
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for discord_id, user in users.of(body, "the list of users"):
        rank = name_of(user.get("rank")) or ""
        if not rank:
            odd.note("page_users", "rank", "missing", "warning")
        row = {**user, "discord_id": discord_id, "page_id": page_id, "rank": rank}
        for name in LISTS:
            if user.get(name) is None:
                continue
            listed, is_read = names_of(user[name], "page_users", name, odd)
            # What could not be read stays as it came.
            row[name] = listed if is_read else user[name]
        # Of a repeat the later one counts.
        rows[discord_id, rank] = row
    users.refuse_if_nobody_has_an_id(page_id)
    content_hash = hash_of(body, names.sources(of_list=True), volatile)
    for row in rows.values():
        row["list_hash"] = content_hash
    return Flat(
        {"page_users": list(rows.values())},
        content_hash,
        {"page_users": users.fields | {"page_id", "list_hash"}} if rows else {},
        odd.found,
        unread_people=users.unread,
    )


def flatten_user(page_id: str, body: Any, names: PageNames) -> Flat:
    """Return one user as a row of page_users that belongs to no list.

    Raises DriftError where the user has no id.
    """
    flat = flatten_list(page_id, [body], names)
    if not flat.rows["page_users"]:
        raise DriftError(
            f"Auto Rosters answered a user of page {page_id} without a discord_id. "
            "Nothing was loaded; compare the API's answer with its documentation."
        )
    for row in flat.rows["page_users"]:
        row["list_hash"] = None
    return flat
