"""Reading and writing of each endpoint of a roster page.

A page's load replaces that page, table by table; a table that the page no longer fills
gets a tombstone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import dlt

from roster_platform.catalogue import DELETED_HINTS
from roster_platform.ingest.autorosters.flattening.flat import Flat, Rows
from roster_platform.ingest.autorosters.flattening.page import KnownRoles, flatten_page
from roster_platform.ingest.autorosters.flattening.user_list import (
    flatten_list,
    flatten_user,
)
from roster_platform.ingest.autorosters.objects import PageNames
from roster_platform.ingest.autorosters.tables import BY_NAME, ENDPOINTS
from roster_platform.ingest.history.versions_tables import VersionsTables

if TYPE_CHECKING:
    import pyarrow as pa

    from roster_platform.records.table_builder import TableBuilder

PAGE_TABLES = (
    "pages",
    "ranks",
    "users",
    "user_certifications",
    "user_subdivisions",
    "page_loads",
)


@dataclass(frozen=True)
class Reading:
    """One of the three endpoints: its request, its rows, and their tables."""

    path: str
    tables: tuple[str, ...]
    flatten: Callable[[str, Any, PageNames, KnownRoles, Collection[str]], Flat]
    merge_key: tuple[str, ...]
    of_whole_pages: bool = True

    def key_of(self, table: str) -> tuple[str, ...]:
        """The columns by which a load replaces rows of one of the tables."""
        return BY_NAME[table].primary_key if table == "page_loads" else self.merge_key


class Batch:
    """Rows of some pages, on their way to one Arrow table each."""

    def __init__(
        self,
        reading: Reading,
        builders: Mapping[str, TableBuilder],
        appends: Callable[[], bool] = lambda: False,
    ) -> None:
        """``appends`` says whether no row is there that these could replace."""
        self.reading = reading
        self._appends = appends
        self._builders = builders
        self._versions = VersionsTables(*(BY_NAME[name] for name in reading.tables))
        self._clear()

    def _clear(self) -> None:
        self.pages = 0
        self.changed_pages: list[str] = []
        self.rows: Rows = {name: [] for name in self.reading.tables}
        self._emptied: dict[str, list[str]] = {name: [] for name in self.reading.tables}
        self._observed_at: datetime | None = None

    def add(self, page_id: str, rows: Rows, observed_at: datetime) -> None:
        self.pages += 1
        if "users" in rows:
            self.changed_pages.append(page_id)
        self._observed_at = self._observed_at or observed_at
        for name, rows_of_table in rows.items():
            self.rows[name].extend(rows_of_table)
            if not rows_of_table:
                self._emptied[name].append(page_id)

    def empty_tables(self) -> Iterator[Any]:
        """Every table without a row."""
        for name, builder in self._builders.items():
            yield from self.routed(name, builder.build([], datetime.now(UTC))[name])

    def routed(self, name: str, arrow: pa.Table) -> Iterator[Any]:
        """Rows for a table of pages, and what its table of versions needs."""
        if name == self.reading.tables[0]:
            yield arrow
        else:
            hints = dlt.mark.make_hints(
                table_name=name,
                **write_hints(self.reading, name, appends=self._appends()),
            )
            yield dlt.mark.with_hints(arrow, hints, create_table_variant=True)
        yield from self._versions.item(name, arrow)

    def flush(self) -> Iterator[Any]:
        from roster_platform.records.table_builder import tombstone_rows

        if self._observed_at is None:
            return
        for name in self.reading.tables:
            built = self._builders[name].build(self.rows[name], self._observed_at)
            parts = [built[name]] if self.rows[name] else []
            if self._emptied[name] and not self._appends():
                parts.append(
                    tombstone_rows(
                        BY_NAME[name], "page_id", self._emptied[name], self._observed_at
                    )
                )
            for part in parts:
                yield from self.routed(name, part)
        self._clear()


def write_hints(
    reading: Reading, table: str, *, appends: bool = False
) -> dict[str, Any]:
    """How rows are written: they replace those of their page, if there can be any."""
    merged = {
        "disposition": "merge",
        "strategy": "delete-insert",
        "deduplicated": True,
    }
    return {
        "write_disposition": "append" if appends else merged,
        "primary_key": (),
        "merge_key": list(reading.key_of(table)),
        "columns": {} if appends else DELETED_HINTS,
    }


def _path(endpoint: str) -> str:
    """The declared path of one page; a page is a partition."""
    return ENDPOINTS[endpoint].path.replace("{partition}", "{page_id}")


READINGS: Mapping[str, Reading] = {
    "pages": Reading(
        path=_path("pages"),
        tables=PAGE_TABLES,
        flatten=flatten_page,
        merge_key=("page_id",),
    ),
    "page_users": Reading(
        path=_path("page_users"),
        tables=("page_users",),
        flatten=lambda page_id, body, names, _, volatile: flatten_list(
            page_id, body, names, volatile
        ),
        merge_key=("page_id",),
    ),
    "user": Reading(
        path=_path("pages") + "/{discord_id}",
        tables=("page_users",),
        flatten=lambda page_id, body, names, *_: flatten_user(page_id, body, names),
        merge_key=("page_id", "discord_id"),
        of_whole_pages=False,
    ),
}
