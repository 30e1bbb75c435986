"""One answer of Auto Rosters as rows, whatever shape its parts have.

A part that cannot be read costs itself and never the page: it is left out, counted and
named. Whoever may stand in such a part is not said to have left: ``unread`` names what
the caller has to keep from the read before. Only an answer without any usable rank list,
or in which no user has an id, is refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from roster_platform import documents
from roster_platform.errors import BadResponseError, DriftError
from roster_platform.ingest.autorosters.names import (
    Finding,
    Oddities,
    is_id_key,
    name_of,
    names_of,
)
from roster_platform.ingest.autorosters.objects import PageNames
from roster_platform.ingest.mappings import where_to_declare

Rows = dict[str, list[dict[str, Any]]]
KnownRoles = Callable[[], Mapping[str, str]]
"""Looks up the role of each rank that is known of the page, by the rank's name."""

# Pages are written again when the rows that an answer becomes are others than before.
_RULES_VERSION = b"3:"
_RANK_FIELDS = {"rank_name", "role_id", "users"}
_MOST_NAMED = 10
LISTS: Mapping[str, tuple[str, str]] = {
    "certifications": ("user_certifications", "certification"),
    "subdivisions": ("user_subdivisions", "subdivision"),
}
"""A user's lists of names: the table and the column that each fills."""


@dataclass(frozen=True)
class Flat:
    """The rows of one answer, what was odd in it, and what could not be read.

    ``sent`` are the fields that the API sent, by table. ``unread_people`` is true where
    members may stand in a part that could not be read; ``unread_lists`` are the members
    whose list could not be read, by table.
    """

    rows: Rows
    content_hash: str
    sent: Mapping[str, set[str]]
    findings: Mapping[Finding, int]
    unread_people: bool = False
    unread_lists: Mapping[str, set[str]] = field(default_factory=dict)


def flatten_page(
    page_id: str,
    body: Any,
    names: PageNames,
    known_roles: KnownRoles,
    volatile: Collection[str] = (),
) -> Flat:
    """Return one hierarchical page as rows of the page tables, repeats dropped.

    Raises BadResponseError for an answer that is no page, or another page, and DriftError
    where not a single user has an id.
    """
    sent, body = body, names.page(body)
    listed = _ranks_of(page_id, body, names)
    told = body.get("page_id")
    if told is not None and str(told).lower() != page_id.lower():
        raise BadResponseError(
            f"Auto Rosters answered page {page_id} with another page. Nothing of it was "
            "loaded; the page keeps its last good rows."
        )
    flattener = _PageFlattener(page_id, body, listed, known_roles, names)
    return flattener.flat(sent, volatile)


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
    users = _Users("page_users", odd, names)
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


def hash_of(
    body: Any,
    sources: Mapping[str, Mapping[str, str]] | None = None,
    volatile: Collection[str] = (),
) -> str:
    """Return the digest of an answer: equal when it becomes the same rows.

    ``sources`` are the other names that its fields are read from; fields named
    ``volatile`` may differ.
    """
    content = documents.digest(body, volatile)
    if sources:
        content += documents.dumps(sources, sort_keys=True)
    return hashlib.sha256(_RULES_VERSION + content).hexdigest()


def _ranks_of(page_id: str, body: Any, names: PageNames) -> list[Any]:
    ranks = body.get("ranks") if isinstance(body, dict) else None
    if ranks is None and isinstance(body, dict) and "ranks" in body:
        return []
    if isinstance(ranks, dict) and ranks:
        by_key = names.ranks(list(ranks.values()))
        if all(isinstance(r, dict) and r.keys() & _RANK_FIELDS for r in by_key):
            return by_key
    if not isinstance(ranks, list):
        raise BadResponseError(
            f"Auto Rosters answered page {page_id} without its list of ranks. The page "
            f"keeps its last good rows. {where_to_declare('autorosters')}"
        )
    return names.ranks(ranks)


def _id(value: Any) -> str | None:
    """An id as text; None for what cannot be one."""
    if isinstance(value, str):
        return value.strip() or None
    return str(value) if type(value) is int else None


class _Users:
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
            if discord_id := _id(sent):
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
        came = ", ".join(sorted(self.fields - {"discord_id"})[:_MOST_NAMED])
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


class _PageFlattener:
    """Takes one page apart."""

    def __init__(
        self,
        page_id: str,
        body: Mapping[str, Any],
        listed: list[Any],
        known_roles: KnownRoles,
        names: PageNames,
    ) -> None:
        self._names = names
        self._page_id = page_id
        self._body = body
        self._listed = listed
        self._known_roles = known_roles
        self._sent_roles = {
            _id(rank.get("role_id")) for rank in listed if isinstance(rank, dict)
        }
        self._odd = Oddities()
        self._users = _Users("users", self._odd, names)
        self._ranks: dict[str, dict[str, Any]] = {}
        self._members: dict[tuple[str, str], dict[str, Any]] = {}
        self._held: dict[str, dict[tuple[str, str], dict[str, Any]]] = {
            table: {} for table, _ in LISTS.values()
        }
        self._unread_lists: dict[str, set[str]] = {}
        self._rank_fields: set[str] = set()
        self._has_unread_rank = False

    def flat(self, sent: Any, volatile: Collection[str] = ()) -> Flat:
        """Take the page apart, which came as ``sent``.

        Raises DriftError where no user has an id.
        """
        if isinstance(self._body["ranks"], dict):
            self._note("ranks", "ranks", "an object instead of a list", "warning")
        for position, rank in enumerate(self._listed):
            self._add_rank(position, rank)
        self._users.refuse_if_nobody_has_an_id(self._page_id)
        self._refuse_renamed_users()
        page = {**self._body, "page_id": self._page_id}
        del page["ranks"]
        rows: Rows = {
            "pages": [page],
            "ranks": list(self._ranks.values()),
            "users": list(self._members.values()),
            **{table: list(held.values()) for table, held in self._held.items()},
        }
        return Flat(
            rows,
            hash_of(sent, self._names.sources(of_list=False), volatile),
            self._sent(page, rows),
            self._odd.found,
            unread_people=self._users.unread or self._has_unread_rank,
            unread_lists=self._unread_lists,
        )

    def _sent(self, page: Mapping[str, Any], rows: Rows) -> dict[str, set[str]]:
        own = {"page_id", "role_id"}
        is_command = self._rank_fields & {"is_command"}
        sent = {"pages": set(page)}
        if rows["ranks"]:
            sent["ranks"] = self._rank_fields - {"users"} | {"page_id", "position"}
        if rows["users"]:
            sent["users"] = self._users.fields - LISTS.keys() | own | is_command
        for table, _ in LISTS.values():
            if rows[table]:
                sent[table] = set(rows[table][0])
        return sent

    def _add_rank(self, position: int, rank: Any) -> None:
        if rank is None:
            self._note("ranks", "ranks", "a rank is null", "warning")
            return
        if not isinstance(rank, dict):
            self._has_unread_rank = True
            self._note("ranks", "ranks", "a rank that is not an object", "error")
            return
        self._rank_fields.update(rank)
        role_id = self._role_of(rank)
        if role_id is None:
            self._has_unread_rank |= bool(rank.get("users"))
            return
        if role_id not in self._ranks:
            row = {**rank, "page_id": self._page_id, "role_id": role_id}
            row |= {"position": position}
            row.pop("users", None)
            self._ranks[role_id] = row
        where = f"the users of {name_of(rank.get('rank_name')) or role_id}"
        for discord_id, user in self._users.of(rank.get("users"), where):
            self._add_user(discord_id, user, rank, role_id)

    def _role_of(self, rank: Mapping[str, Any]) -> str | None:
        """The rank's role: the one it has, was known by, or is made of its name.

        A rank that comes without its role keeps the role that this page's rank of the
        same name has in the warehouse, so that its members do not change rank. Where
        none is known, ``name:`` and the name is the key, which is as stable as the name.
        """
        if role_id := _id(rank.get("role_id")):
            return role_id
        name = name_of(rank.get("rank_name"))
        if name is None:
            self._note("ranks", "role_id", "missing, and the rank has no name", "error")
            return None
        known = self._known_roles().get(name)
        if known and known not in self._sent_roles:
            problem = f"missing; {name} keeps the role it had at the last read"
            self._note("ranks", "role_id", problem, "error")
            return known
        self._note("ranks", "role_id", f"missing; {name} is known by its name", "error")
        return f"name:{name}"

    def _add_user(
        self,
        discord_id: str,
        user: Mapping[str, Any],
        rank: Mapping[str, Any],
        role_id: str,
    ) -> None:
        for name, (table, column) in LISTS.items():
            value = user.get(name)
            if value is None:
                continue
            names, is_read = names_of(value, table, column, self._odd)
            if not is_read:
                self._unread_lists.setdefault(table, set()).add(discord_id)
            for held in names:
                self._held[table][discord_id, held] = {
                    "page_id": self._page_id,
                    "discord_id": discord_id,
                    column: held,
                }
        row = {key: value for key, value in user.items() if key not in LISTS}
        row |= {"discord_id": discord_id, "page_id": self._page_id}
        row |= {"role_id": role_id, "is_command": rank.get("is_command")}
        # Of a repeat the later one counts.
        self._members[role_id, discord_id] = row

    def _refuse_renamed_users(self) -> None:
        """Raise DriftError where ranks came with their people under another name."""
        if not self._ranks or "users" in self._rank_fields:
            return
        lists = sorted(
            {
                field
                for rank in self._listed
                if isinstance(rank, dict)
                for field, value in rank.items()
                if isinstance(value, list | dict) and value
            }
        )
        if lists:
            raise DriftError(
                f"No rank of page {self._page_id} came with its users; lists that came: "
                f"{', '.join(lists[:_MOST_NAMED])}. The page keeps its last good rows. "
                f"{where_to_declare('autorosters')}"
            )
        self._note("ranks", "users", "never came", "warning")

    def _note(
        self,
        table: str,
        field: str,
        problem: str,
        severity: Literal["warning", "error"],
    ) -> None:
        self._odd.note(table, field, problem, severity)
