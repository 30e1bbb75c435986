"""Connections to a DuckLake, used again within a run.

dlt opens a connection each time it asks the destination something, some fifteen times a
load. For a lake each is a DuckDB of its own with its extensions, to which the catalogue is
attached: half of what a load of few rows costs.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, suppress
from typing import Any

import dlt
import duckdb
from dlt.destinations.impl.duckdb.configuration import DuckDbCredentials
from dlt.destinations.impl.ducklake.ducklake import DuckLakeClient
from dlt.destinations.impl.ducklake.sql_client import DuckLakeSqlClient

from roster_platform.warehouse.pool import Pool


def _close(connection: duckdb.DuckDBPyConnection) -> None:
    """Close it as dlt does: a lake is detached first, or its catalogue may be damaged."""
    ((lake,),) = connection.execute("select current_database()").fetchall()
    if lake != "memory":
        connection.execute(f'use memory; detach "{lake}"')
    connection.close()


_pool = Pool(_close)


def lake_connections_kept() -> AbstractContextManager[None]:
    """Keep the connections to lakes that are closed in the body, until its end.

    One that is kept has the catalogue attached, but no transaction. That stops nobody else
    from writing, unless the catalogue is a DuckDB file: those are closed at once.
    """
    return _pool.kept()


class _SqlClient(DuckLakeSqlClient):
    """dlt's client of a lake, which takes a connection that was kept if there is one."""

    def open_connection(self) -> duckdb.DuckDBPyConnection:
        connection = _pool.take(self.attach_statement)
        if connection is None:
            return super().open_connection()
        # As dlt does with a new one. The dataset may not be there yet.
        lake = self.capabilities.escape_identifier(self.credentials.ducklake_name)
        try:
            connection.execute(f"use {lake}")
        except duckdb.Error:
            # One that a fatal error has spoilt is of no use.
            connection.close()
            return super().open_connection()
        with suppress(duckdb.Error):
            connection.execute(
                f"set search_path = '{self.fully_qualified_dataset_name()}'"
            )
        self._conn = connection
        return connection

    def close_connection(self) -> None:
        if self._conn is None:
            return
        connection = self._conn
        # As dlt's own client does, whose type leaves None out.
        self._conn = None  # type: ignore[assignment]
        with suppress(duckdb.Error):
            connection.execute("rollback")
        is_a_file = isinstance(self.credentials.catalog, DuckDbCredentials)
        if is_a_file or not _pool.put(self.attach_statement, connection):
            _close(connection)


class _Client(DuckLakeClient):
    def __init__(self, schema: Any, config: Any, capabilities: Any) -> None:
        super().__init__(schema, config, capabilities)
        made = self.sql_client
        self.sql_client = _SqlClient(
            made.dataset_name,
            made.staging_dataset_name,
            made.credentials,
            made.capabilities,
            override_data_path=made.override_data_path,
            automatic_migration=made.automatic_migration,
        )


class Lake(dlt.destinations.ducklake):
    """dlt's destination of a DuckLake, with connections that are used again."""

    @property
    def destination_type(self) -> str:
        return "dlt.destinations.ducklake"

    @property
    def client_class(self) -> type:
        return _Client
