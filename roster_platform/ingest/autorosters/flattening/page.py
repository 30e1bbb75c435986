"""One hierarchical page as rows of the page tables."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Literal

from roster_platform.errors import BadResponseError, DriftError
from roster_platform.ingest.autorosters.flattening.flat import (
    LISTS,
    Flat,
    Rows,
    hash_of,
)
from roster_platform.ingest.autorosters.flattening.oddities import (
    Oddities,
    name_of,
    names_of,
)
from roster_platform.ingest.autorosters.flattening.users import MOST_NAMED, Users, as_id
from roster_platform.ingest.autorosters.objects import PageNames
from roster_platform.ingest.mappings import where_to_declare

KnownRoles = Callable[[], Mapping[str, str]]
"""Looks up the role of each rank that is known of the page, by the rank's name."""
_RANK_FIELDS = {"rank_name", "role_id", "users"}


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
            as_id(rank.get("role_id")) for rank in listed if isinstance(rank, dict)
        }
        self._odd = Oddities()
        self._users = Users("users", self._odd, names)
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
        if role_id := as_id(rank.get("role_id")):
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
                f"{', '.join(lists[:MOST_NAMED])}. The page keeps its last good rows. "
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
