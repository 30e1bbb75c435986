"""The objects of an Auto Rosters answer, and under which names their fields come."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any

from roster_platform.ingest.autorosters.tables import BY_NAME
from roster_platform.ingest.mappings import SourceMapping
from roster_platform.records.field_mapping import FieldNames, has_path

_LISTS = {"certifications", "subdivisions"}
OBJECTS: Mapping[str, Collection[str]] = MappingProxyType(
    {
        "pages": (*BY_NAME["pages"].columns, "ranks"),
        "ranks": (
            *(BY_NAME["ranks"].columns.keys() - {"page_id", "position"}),
            "users",
        ),
        "users": (
            *(BY_NAME["users"].columns.keys() - {"page_id", "role_id"} | _LISTS),
        ),
    }
)
"""What the API sends of a page, a rank and a user, by the table that it fills."""


class PageNames:
    """The names in use in the pages of one read, decided by the first of them."""

    def __init__(self, mapping: SourceMapping) -> None:
        self._names = {
            table: FieldNames({f: mapping.x_from.get((table, f), ()) for f in declared})
            for table, declared in OBJECTS.items()
        }

    def page(self, body: Any) -> Any:
        """The page under the declared names, its ranks as they came."""
        return self._canonical("pages", [body])[0]

    def ranks(self, ranks: list[Any]) -> list[Any]:
        """The ranks under the declared names, their users as they came."""
        return self._canonical("ranks", ranks)

    def users(self, users: list[Any]) -> list[Any]:
        """The users under the declared names."""
        return self._canonical("users", users)

    def is_user(self, value: Mapping[str, Any]) -> bool:
        """Return whether an object is a user, rather than users by id."""
        names = self._names["users"]
        names.decide([value])
        return has_path(value, names.sources["discord_id"])

    def sources(self, of_list: bool) -> dict[str, dict[str, str]]:
        """The fields that are read from other names, by table, with the path."""
        renamed = {table: names.renamed() for table, names in self._names.items()}
        if of_list:
            renamed = {"page_users": renamed["users"]}
        return {table: paths for table, paths in renamed.items() if paths}

    def _canonical(self, table: str, values: list[Any]) -> list[Any]:
        names = self._names[table]
        names.decide(value for value in values if isinstance(value, dict))
        return [
            names.canonical(value) if isinstance(value, dict) else value
            for value in values
        ]
