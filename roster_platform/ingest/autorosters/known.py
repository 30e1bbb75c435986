"""The earlier loads of roster pages, from the warehouse.

Read before an extraction (EarlierReads), or for single pages where a part of an answer
could not be read. Page ids must be validated: they become part of the SQL.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from roster_platform import documents
from roster_platform.ingest.autorosters.flattening.flat import LISTS, Flat, Rows
from roster_platform.ingest.autorosters.tables import BY_NAME
from roster_platform.ingest.page_ids import listed
from roster_platform.ingest.reading.log import READS, Outcome

if TYPE_CHECKING:
    from roster_platform.warehouse.pipeline_run import PipelineRun

Query = Callable[[str, str], Sequence[Sequence[Any]]]
"""Rows of a query on ``{table}``, and the table's name: ``PipelineRun.query``."""


@dataclass(frozen=True)
class KnownPage:
    """The result of a page's last good read; empty when it was retired since.

    ``is_last_written`` is false where it is not certain that the table holds this read.
    """

    members: int
    content_hash: str | None
    read_at: datetime
    is_last_written: bool = True


@dataclass(frozen=True)
class EarlierReads:
    """The last good read of each page, of all earlier runs of one kind.

    ``rejected`` are the members that a page had at its last read, where that was rejected
    as an implausible drop; ``last_at`` is the latest timestamp of a read of this kind.
    """

    pages: Mapping[str, KnownPage] = field(default_factory=dict)
    rejected: Mapping[str, int] = field(default_factory=dict)
    last_at: datetime | None = None


def earlier_reads(run: PipelineRun, kind: str) -> EarlierReads:
    """Read what is known of all pages, by ``pages`` or by ``page_users``."""
    pages = _known_lists(run) if kind == "page_users" else known_pages(run)
    moments = [page.read_at for page in pages.values()]
    rejected = {}
    for page_id, members, last_at in run.query(
        "select part, row_count, null as last_at from ("
        "select part, row_count, outcome, row_number() over ("
        "partition by part order by read_at desc) as place "
        f"from {{table}} where endpoint = '{kind}') as reads "
        f"where place = 1 and outcome = '{Outcome.REJECTED}' "
        "union all select null, null, max(observed_at) "
        f"from {{table}} where endpoint = '{kind}'",
        table=READS.name,
    ):
        if page_id is not None:
            rejected[page_id] = members
        elif last_at is not None:
            moments.append(last_at)
    last = max((moment.astimezone(UTC) for moment in moments), default=None)
    return EarlierReads(pages, rejected, last)


def known_pages(run: PipelineRun) -> dict[str, KnownPage]:
    """The last written read of each page, or its retirement.

    Hold ``run.connected()`` for several questions at once.

    It is also the latest, since timestamps never step back; where a warehouse of an older
    version says otherwise, its content is not compared with anything.
    """
    last_loads = run.query(
        "select page_id, member_count, content_hash, latest, observed_at from ("
        "select page_id, member_count, content_hash, observed_at, "
        "max(observed_at) over (partition by page_id) as latest, "
        "row_number() over (partition by page_id "
        "order by _dlt_load_id desc, observed_at desc) as place "
        "from {table}) as loads where place = 1",
        table="page_loads",
    )
    held: dict[str, int] = dict(
        run.query(
            "select page_id, count(distinct discord_id) from {table} group by page_id",
            table="users",
            needs=["page_id", "discord_id"],
        )
        if last_loads
        else ()
    )
    return {
        page_id: KnownPage(
            members,
            content_hash,
            latest,
            # Rows that a restore in part left out, or somebody deleted, are written anew.
            latest == observed_at and held.get(page_id, 0) == (members or 0),
        )
        for page_id, members, content_hash, latest, observed_at in last_loads
    }


def _known_lists(run: PipelineRun) -> dict[str, KnownPage]:
    # A member that was refreshed by itself has no hash, and the list's is not known then.
    lists = run.query(
        "select page_id, count(distinct discord_id), "
        "case when count(list_hash) = count(*) then min(list_hash) end, "
        "max(_observed_at) "
        "from {table} group by page_id",
        table="page_users",
        needs=["list_hash"],
    )
    return {page_id: KnownPage(*last_list) for page_id, *last_list in lists}


def titles_of(query: Query | None, page_ids: Collection[str]) -> dict[str, str]:
    """The titles of some pages, as far as they are known."""
    if query is None or not page_ids:
        return {}
    found = query(
        "select page_id, custom_title from {table} "
        f"where page_id in ({listed(page_ids)})",
        "pages",
    )
    return {page_id: title.strip() for page_id, title in found if title}


def roles_of(query: Query | None, page_id: str) -> dict[str, str]:
    """The roles of a page's ranks by name; those that share a name are left out."""
    if query is None:
        return {}
    found = query(
        "select trim(rank_name), min(role_id) from {table} "
        f"where page_id = '{page_id}' group by 1 having count(*) = 1",
        "ranks",
    )
    return {name: role_id for name, role_id in found if name}


def with_unread(query: Query, page_id: str, flat: Flat) -> Rows:
    """The rows of an answer, and those held of whoever could not be read in it.

    Members who were not found where a part of the page could not be read keep their last
    rows, and so do lists of names that could not be read: unknown is not gone.
    """
    rows = {table: list(records) for table, records in flat.rows.items()}
    people = "page_users" if "page_users" in rows else "users"
    found = {row["discord_id"] for row in rows[people]}
    lost: set[str] = set()
    if flat.unread_people:
        held = [
            row
            for row in _held(query, people, page_id)
            if row["discord_id"] not in found
        ]
        if people == "page_users":
            held = [{**row, "list_hash": flat.content_hash} for row in held]
        rows[people] += held
        lost = {row["discord_id"] for row in held}
        if "ranks" in rows:
            roles = {row["role_id"] for row in rows["ranks"]}
            needed = {row["role_id"] for row in held} - roles
            rows["ranks"] += [
                row
                for row in _held(query, "ranks", page_id)
                if row["role_id"] in needed
            ]
    for table, column in LISTS.values():
        unread = lost | flat.unread_lists.get(table, set())
        if table not in rows or not unread:
            continue
        read = {(row["discord_id"], row[column]) for row in rows[table]}
        rows[table] += [
            row
            for row in _held(query, table, page_id)
            if row["discord_id"] in unread
            and (row["discord_id"], row[column]) not in read
        ]
    return rows


def _held(query: Query, table: str, page_id: str) -> list[dict[str, Any]]:
    """The rows of a page as the API would send them."""
    columns = BY_NAME[table].columns
    found = query(
        f"select {', '.join(columns)} from {{table}} where page_id = '{page_id}'", table
    )
    return [
        {
            name: _as_sent(value, column.data_type)
            for (name, column), value in zip(columns.items(), values, strict=True)
            if value is not None
        }
        for values in found
    ]


def _as_sent(value: Any, data_type: str) -> Any:
    if data_type == "json" and isinstance(value, str):
        return documents.loads(value.encode())
    return value.isoformat() if isinstance(value, date) else value
