"""Every version of every record, in ``<table>_versions``: an append-only log.

A version has the columns of its table and ``_valid_from`` (when the API was read, never
before the version it follows), ``_sequence`` (the order of the versions of a key),
``_change`` (inserted, updated, deleted) and ``_digest`` (see ``record_digests``). Children
are versioned with their parent. A deleted record's last version has its last values.

The log is caught up from the current table, by comparison with each key's last version:
after a load, and before the next one replaces rows, so that a load that was killed in
between loses nothing. Comparing twice adds nothing. Each catch-up is one transaction where
the warehouse has transactions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from dlt.common.utils import chunks

from roster_platform.catalogue import (
    CHANGE,
    DELETED_AT,
    DIGEST,
    IS_DELETED,
    LOAD_ID,
    OBSERVED_AT,
    SEQUENCE,
    VALID_FROM,
    Table,
    child_table_name,
    column_name,
    versions_table_name,
)
from roster_platform.ingest.page_ids import listed
from roster_platform.ingest.reading.log import READS, Outcome

if TYPE_CHECKING:
    from dlt.destinations.sql_client import SqlClientBase

    from roster_platform.warehouse.pipeline_run import PipelineRun

_PAGES_AT_ONCE = 1_000


def log_records(run: PipelineRun, table: Table) -> None:
    """Add what the loads of an endpoint changed to the versions of its table.

    Hold the right to write the endpoint.
    """
    tables = run.tables
    with run.client() as client:
        log = VersionsLog(
            tables, client, table.name, map(column_name, table.primary_key)
        )
        if not log.is_behind():
            return
        with transaction(client):
            sequence = log.next_sequence()
            log.add_of_loads(sequence, soft_deletes=table.soft_deletes)
            for child in table.children:
                log.add_children(
                    child_table_name(table, child),
                    column_name(child.parent_key),
                    sequence,
                )


def log_pages(
    run: PipelineRun, endpoint: str, tables: Sequence[Table], page_ids: Sequence[str]
) -> None:
    """Add what the loads of pages changed to the versions of the pages' tables.

    ``endpoint`` is the name under which reads of pages are logged. Pages that are retired
    hold nothing any more. Hold the right to write the pages, whose ids must be validated:
    they become part of the SQL.
    """
    made = run.tables
    if not page_ids:
        return
    with run.client() as client:
        logs = [
            VersionsLog(made, client, table.name, map(column_name, table.primary_key))
            for table in tables
            if versions_table_name(table.name) in made
        ]
        for some in chunks(page_ids, _PAGES_AT_ONCE):
            with transaction(client):
                for log in logs:
                    log.add_of_pages(log.next_sequence(), endpoint, tables[0], some)


def pages_behind(
    run: PipelineRun, tables: Sequence[Table], page_ids: Sequence[str]
) -> list[str]:
    """Return the pages among some that a load has written and whose versions it has not.

    The first of the tables shows it, because a load writes it with the others.
    """
    versioned = [table.name for table in tables if table.versions]
    with run.client() as client:
        name = client.make_qualified_table_name
        logged = " union ".join(
            f"select distinct {LOAD_ID} from {name(versions_table_name(table))}"
            for table in versioned
        )
        behind = client.execute_sql(
            f"select distinct page_id from {name(versioned[0])} "
            f"where {DIGEST} is not null and {LOAD_ID} not in ({logged})"
        )
    wanted = set(page_ids)
    return [page_id for (page_id,) in behind or () if page_id in wanted]


@contextmanager
def transaction(client: SqlClientBase[Any]) -> Iterator[None]:
    """Write all that the body writes, or nothing, where the warehouse has transactions."""
    # A destination that says nothing of it has them.
    if client.capabilities.supports_transactions is False:
        yield
        return
    with client.begin_transaction() as begun:
        try:
            yield
        except BaseException as error:
            # dlt rolls back for the others only, and the connection may be used again.
            if not isinstance(error, Exception):
                begun.rollback_transaction()
            raise


class _Names:
    """The names of a table, its versions and their columns, as SQL has them."""

    def __init__(
        self,
        tables: Mapping[str, Any],
        client: SqlClientBase[Any],
        table: str,
        keys: Iterable[str],
    ) -> None:
        self._tables = tables
        self._client = client
        self._table = client.make_qualified_table_name(table)
        self._versions = client.make_qualified_table_name(versions_table_name(table))
        self._columns = self._shared_columns(table)
        self._keys = list(keys)

    def _is_same(self, one: str, other: str) -> str:
        names = map(self._client.escape_column_name, self._keys)
        return " and ".join(f"{one}.{key} = {other}.{key}" for key in names)

    def _shared_columns(self, table: str) -> list[str]:
        """The columns that a table and its versions have, but for the versions' own."""
        of_versions = self._tables[versions_table_name(table)]["columns"]
        return [
            name
            for name in self._tables[table]["columns"]
            if name in of_versions and name != DIGEST
        ]

    def _listed(self, columns: Iterable[str], table: str = "") -> str:
        prefix = f"{table}." if table else ""
        return ", ".join(
            prefix + self._client.escape_column_name(column) for column in columns
        )


class VersionsLog(_Names):
    """The log of one table's versions, and how it is caught up."""

    def is_behind(self) -> bool:
        """Whether there are rows of loads that are not in the log."""
        found = self._client.execute_sql(
            f"select 1 from {self._table} where {self._is_not_logged()} limit 1"
        )
        return bool(found)

    def next_sequence(self) -> int:
        """Return the number that the next versions get."""
        rows = self._client.execute_sql(
            f"select coalesce(max({SEQUENCE}), 0) + 1 from {self._versions} "
            f"where {SEQUENCE} > 0"
        )
        return int(rows[0][0]) if rows else 1

    def add_of_loads(self, sequence: int, *, soft_deletes: bool) -> None:
        """Add the rows of loads that are not in the log, where they say something new."""
        now = f"select * from {self._table} where {self._is_not_logged()}"
        if not soft_deletes:
            self._add(
                *(sequence, now, f"now.{OBSERVED_AT}"),
                has_versions=self._has_versions(),
            )
            return
        is_deleted = f"coalesce(now.{IS_DELETED}, false)"
        read_at = (
            f"case when {is_deleted} then now.{DELETED_AT} else now.{OBSERVED_AT} end"
        )
        self._add(
            *(sequence, now, read_at, is_deleted), has_versions=self._has_versions()
        )

    def add_children(
        self,
        child: str,
        parent_key: str,
        sequence: int,
        *,
        of: str | None = None,
        key: str | None = None,
    ) -> None:
        """Add the children of the records that have a version of this number.

        ``of`` is the table of the parents, this one by default; their ``key``, by default
        the last of their primary key, is the ``parent_key`` of the children.
        """
        name = self._client.make_qualified_table_name
        columns = self._shared_columns(child)
        parents = name(versions_table_name(of)) if of else self._versions
        key = key or self._keys[-1]
        self._client.execute_sql(
            f"insert into {name(versions_table_name(child))} "
            f"({self._listed([*columns, VALID_FROM, SEQUENCE, CHANGE, DIGEST])}) "
            f"select {self._listed(columns, 'child')}, parent.{VALID_FROM}, {sequence}, "
            f"parent.{CHANGE}, parent.{DIGEST} from {name(child)} as child "
            f"inner join {parents} as parent on child.{parent_key} = parent.{key} "
            f"where parent.{SEQUENCE} = {sequence} and parent.{CHANGE} <> 'deleted'"
        )

    def add_gone(self, sequence: int, gone_at: datetime, load_id: str) -> None:
        """Add that records were deleted which the table, loaded as a whole, lacks."""
        columns = [c for c in self._columns if c not in (OBSERVED_AT, LOAD_ID)]
        target = [*columns, OBSERVED_AT, LOAD_ID, VALID_FROM, SEQUENCE, CHANGE, DIGEST]
        self._client.execute_sql(
            f"insert into {self._versions} ({self._listed(target)}) "
            f"select {self._listed(columns, 'last')}, %s, %s, "
            f"{_later('last.' + VALID_FROM, '%s')}, {sequence}, 'deleted', last.{DIGEST} "
            f"from ({self._last('1 = 1')}) as last where last.{CHANGE} <> 'deleted' "
            f"and not exists (select 1 from {self._table} as now "
            f"where {self._is_same('now', 'last')})",
            *(gone_at, load_id, gone_at, gone_at),
        )

    def add_of_pages(
        self, sequence: int, endpoint: str, leading: Table, page_ids: Sequence[str]
    ) -> None:
        """Add what is on some pages and was not, is otherwise, or is there no longer.

        A load writes the table ``leading`` with the others.
        """
        name = self._client.make_qualified_table_name
        among = f"({listed(page_ids)})"
        pages = name(leading.name)
        # Of a page whose flat list alone was ever read, nothing says that it is retired.
        retired = (
            "select page_id, observed_at from ("
            "select page_id, outcome, observed_at, row_number() over ("
            "partition by page_id order by observed_at desc) as place "
            f"from {name('page_loads')} where page_id in {among}) as loads "
            "where place = 1 and outcome = 'retired'"
            if "page_loads" in self._tables
            else f"select page_id, {OBSERVED_AT} as observed_at from {pages} where 1 = 0"
        )
        reads = (
            f"select part, observed_at, null from {name(READS.name)} "
            f"where endpoint = '{endpoint}' and part in {among} "
            f"and outcome not in ('{Outcome.REJECTED}', '{Outcome.FAILED}') union all "
            if READS.name in self._tables
            else ""
        )
        now = (
            f"select * from {self._table} where page_id in {among} "
            f"and page_id not in (select page_id from ({retired}) as retired)"
        )
        has_versions = self._has_versions(f"where page_id in {among}")
        self._add(sequence, now, f"now.{OBSERVED_AT}", has_versions=has_versions)
        if not has_versions:
            return
        # What is gone was missed by the read that wrote the page, or is with its page.
        gone = (
            "select page_id, max(observed_at) as gone_at, max(load_id) as load_id from ("
            f"select page_id, observed_at, null as load_id from ({retired}) as retired "
            f"union all {reads}select page_id, {OBSERVED_AT}, {LOAD_ID} from {pages} "
            f"where page_id in {among}) as times group by page_id"
        )
        columns = [c for c in self._columns if c not in (OBSERVED_AT, LOAD_ID)]
        target = [*columns, OBSERVED_AT, LOAD_ID, VALID_FROM, SEQUENCE, CHANGE, DIGEST]
        valid_from = _later(f"last.{VALID_FROM}", "gone.gone_at")
        self._client.execute_sql(
            f"insert into {self._versions} ({self._listed(target)}) "
            f"select {self._listed(columns, 'last')}, gone.gone_at, "
            f"coalesce(gone.load_id, ''), {valid_from}, {sequence}, 'deleted', "
            f"last.{DIGEST} from ({self._last(f'page_id in {among}')}) as last "
            f"inner join ({gone}) as gone on last.page_id = gone.page_id "
            f"where last.{CHANGE} <> 'deleted' and not exists ("
            f"select 1 from ({now}) as now where {self._is_same('now', 'last')})"
        )

    def _add(
        self,
        sequence: int,
        now: str,
        read_at: str,
        is_deleted: str = "1 = 0",
        *,
        has_versions: bool,
    ) -> None:
        """Add the rows of a query, where they differ from the last version of their key.

        There is nothing to compare them with where none of them ``has_versions``.
        """
        columns = self._listed([*self._columns, VALID_FROM, SEQUENCE, CHANGE, DIGEST])
        last = self._last(
            f"exists (select 1 from ({now}) as now where "
            f"{self._is_same('now', 'versions')})"
            if has_versions
            else "1 = 0"
        )
        was_deleted = f"last.{CHANGE} = 'deleted'"
        is_new = f"last.{SEQUENCE} is null"
        self._client.execute_sql(
            f"insert into {self._versions} ({columns}) "
            f"select {self._listed(self._columns, 'now')}, "
            f"{_later('last.' + VALID_FROM, read_at)}, {sequence}, "
            f"case when {is_deleted} then 'deleted' "
            f"when {is_new} or {was_deleted} then 'inserted' else 'updated' end, "
            f"now.{DIGEST} from ({now}) as now left join ({last}) as last "
            f"on {self._is_same('now', 'last')} "
            f"where now.{DIGEST} is not null and ({is_new} "
            f"or last.{DIGEST} <> now.{DIGEST} "
            f"or case when {was_deleted} then 1 else 0 end "
            f"<> case when {is_deleted} then 1 else 0 end)"
        )

    def _has_versions(self, among: str = "") -> bool:
        found = self._client.execute_sql(
            f"select 1 from {self._versions} {among} limit 1"
        )
        return bool(found)

    def _last(self, where: str) -> str:
        """The last version of each key, among some."""
        columns = [*self._columns, VALID_FROM, SEQUENCE, CHANGE, DIGEST]
        return (
            f"select * from (select {self._listed(columns)}, row_number() over ("
            f"partition by {self._listed(self._keys)} order by {SEQUENCE} desc) as recency "
            f"from {self._versions} as versions where {where}) as ranked "
            "where recency = 1"
        )

    def _is_not_logged(self) -> str:
        return (
            f"{DIGEST} is not null and {LOAD_ID} not in (select distinct {LOAD_ID} "
            f"from {self._versions} where {LOAD_ID} is not null)"
        )


def _later(timestamp: str, at_least: str) -> str:
    return f"case when {timestamp} > {at_least} then {timestamp} else {at_least} end"
