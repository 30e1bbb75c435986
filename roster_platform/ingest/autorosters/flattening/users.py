"""Users in lists that may be odd: each by the Discord id, or left out and counted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from roster_platform.errors import DriftError
from roster_platform.ingest.autorosters.flattening.oddities import Oddities, is_id_key
from roster_platform.ingest.autorosters.objects import PageNames
from roster_platform.ingest.mappings import where_to_declare

MOST_NAMED = 10


class Users:
    """The users in lists that may be odd; remembers whom it could not read."""

    def __init__(self, table: str, odd: Oddities, names: PageNames) -> None:
        self._names = names
        self._table = table
        self._odd = odd
        self._with_id = 0
        self._lacking_the_field = 0
        self.unread = False
        """A member may stand in a part that could not be read."""
        self.fields: set[str] = set()

    def of(self, value: Any, where: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the users in a list by their Discord id."""
        if value is None:
            return
        for user in self._names.users(self._elements(value, where)):
            if user is None:
                self._odd.note(self._table, "discord_id", "a user is null", "warning")
                continue
            if not isinstance(user, dict):
                self._unreadable("a user that is not an object")
                continue
            self.fields.update(user)
            sent = user.get("discord_id")
            if discord_id := as_id(sent):
                self._with_id += 1
                yield discord_id, user
            elif sent is None or isinstance(sent, str):
                # As a rule a vacant position of the roster.
                self._lacking_the_field += "discord_id" not in user
                problem = "a user without Discord id, who is not counted as a member"
                self._odd.note(self._table, "discord_id", problem, "warning")
            else:
                self._unreadable("a Discord id that is neither a text nor an integer")

    def refuse_if_nobody_has_an_id(self, page_id: str) -> None:
        """Raise DriftError where users came, and the field of their id did not."""
        if self._with_id or not self._lacking_the_field:
            return
        came = ", ".join(sorted(self.fields - {"discord_id"})[:MOST_NAMED])
        raise DriftError(
            f"No user of page {page_id} came with a discord_id, so they cannot be "
            f"distinguished; fields that came: {came}. The page keeps its last good rows. "
            f"{where_to_declare('autorosters')}"
        )

    def _elements(self, value: Any, where: str) -> list[Any]:
        if isinstance(value, list):
            return value
        if not isinstance(value, dict):
            self._unreadable(f"{where}: a single value instead of a list")
            return []
        self._odd.note(
            self._table,
            "discord_id",
            f"{where}: an object instead of a list",
            "warning",
        )
        if self._names.is_user(value):
            return [value]
        return [_keyed_user(key, user) for key, user in value.items()]

    def _unreadable(self, problem: str) -> None:
        self.unread = True
        self._odd.note(self._table, "discord_id", problem, "error")


def _keyed_user(key: str, user: Any) -> Any:
    """A user of an object keyed by Discord id."""
    if not is_id_key(key):
        return user
    if isinstance(user, str):
        return {"discord_id": key, "name": user}
    return {"discord_id": key, **user} if isinstance(user, dict) else user


def as_id(value: Any) -> str | None:
    """An id as text; None for what cannot be one."""
    if isinstance(value, str):
        return value.strip() or None
    return str(value) if type(value) is int else None
