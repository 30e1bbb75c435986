"""SQL on one dataset of the warehouse, by one connection at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cached_property
from typing import Any

from dlt.common.storages.load_package import create_load_id
from dlt.common.utils import chunks
from dlt.destinations.exceptions import DatabaseUndefinedRelation
from dlt.destinations.sql_client import SqlClientBase

from roster_platform.catalogue import LOAD_ID
from roster_platform.warehouse.information_schema import columns_of, first_value
from roster_platform.warehouse.pipelines import OwnPipeline

_ROWS_AT_ONCE = 500
Execute = Callable[..., Sequence[Sequence[Any]]]


class Dataset:
    """The dataset of a pipeline: ask it, count in it, add to it."""

    def __init__(
        self,
        own: OwnPipeline,
        opening: Callable[[], AbstractContextManager[None]],
        *,
        holds_nul: bool,
    ) -> None:
        """``opening`` holds the right to open the warehouse."""
        self._own = own
        self._opening = opening
        self._holds_nul = holds_nul
        self._client: SqlClientBase[Any] | None = None

    @contextmanager
    def connected(self) -> Iterator[None]:
        """Ask the warehouse by one connection until the end; nothing is fetched in it."""
        with self._opening(), self.client():
            yield

    @contextmanager
    def client(self) -> Iterator[SqlClientBase[Any]]:
        """The connection that is open, or one of its own; hold the right to open it."""
        if self._client is not None:
            yield self._client
            return
        with self._own.sql_client as client:
            self._client = client
            try:
                yield client
            finally:
                self._client = None

    @contextmanager
    def _opened(self) -> Iterator[SqlClientBase[Any]]:
        """The connection that is open, or one that is opened for now."""
        is_held = self._client is not None
        with (
            nullcontext() if is_held else self._opening(),
            self.client() as client,
        ):
            yield client

    @cached_property
    def load_id(self) -> str:
        """What marks rows of this run that no load of dlt's writes, as dlt marks its."""
        return create_load_id()

    def insert(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add rows, all of the same columns, to a table that is there, without dlt.

        Hold the right to write them. They have ``load_id``.
        """
        with self.statements(table) as execute:
            for some in chunks(rows, _ROWS_AT_ONCE):
                own = [{**row, LOAD_ID: self.load_id} for row in some]
                # Not every driver takes a parameter that is NULL.
                values = ", ".join(
                    f"({', '.join('null' if v is None else '%s' for v in row.values())})"
                    for row in own
                )
                execute(
                    f"insert into {{table}} ({', '.join(own[0])}) values {values}",
                    *(
                        self._as_held(value)
                        for row in own
                        for value in row.values()
                        if value is not None
                    ),
                )

    def _as_held(self, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        # Of a kind of text, such as an outcome, drivers know nothing.
        text = str(value)
        if self._holds_nul:
            return text
        from roster_platform.warehouse.nul import text_without_nul

        return text_without_nul(text)

    def query(
        self, sql: str, table: str, *, needs: Sequence[str] = ()
    ) -> Sequence[Any]:
        """Rows of a query on ``{table}``; none when the table does not exist yet.

        Nor when one of the columns it ``needs`` does not: one that came with a later
        version of the platform than the warehouse was loaded by.
        """
        with self.statements(table) as execute:
            if needs and not self._columns(table) >= set(needs):
                return []
            try:
                return execute(sql)
            except DatabaseUndefinedRelation:
                return []

    @contextmanager
    def statements(self, table: str) -> Iterator[Execute]:
        """Run SQL on ``{table}``, values as further arguments."""
        with self._opened() as client:
            name = client.make_qualified_table_name(table)

            def execute(sql: str, *values: Any) -> Sequence[Sequence[Any]]:
                return client.execute_sql(sql.format(table=name), *values) or []

            yield execute

    def all_columns(self) -> dict[str, set[str]]:
        """The columns of every table of the dataset, in lower case."""
        with self._opened() as client:
            found = columns_of(client, self._own.pipeline.dataset_name.lower())
        return {table: columns for (_, table), columns in found.items()}

    def columns(self, table: str) -> set[str]:
        """The columns a table has; none when it does not exist."""
        with self._opened():
            return self._columns(table)

    def _columns(self, table: str) -> set[str]:
        with self.client() as client:
            try:
                name = client.make_qualified_table_name(table)
                with client.execute_query(
                    f"select * from {name} where 1 = 0"
                ) as cursor:
                    return {column[0] for column in cursor.description}
            except DatabaseUndefinedRelation:
                return set()

    def row_counts(self, tables: Iterable[str]) -> dict[str, int]:
        """Count the rows of some tables, which are there."""
        with self._opened() as client:
            return {
                table: first_value(
                    client,
                    f"select count(*) from {client.make_qualified_table_name(table)}",
                )
                for table in tables
            }
