"""Locks between workers on many machines: PostgreSQL's advisory locks.

The server drops the locks of a connection that ends, so a worker that dies leaves none.
They are held by a session: a connection pooler must not share it (PgBouncer's session
mode serves, its transaction mode does not).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from dlt.destinations.exceptions import DatabaseTransientException
from dlt.destinations.sql_client import SqlClientBase

from roster_platform.errors import IngestError

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 3600
REPORT_SECONDS = 15
_NOT_AVAILABLE = "55P03"
# The server keeps all locks of all sessions in one table of limited size.
_MOST_PARTS = 500


class ServerLocks:
    """Named locks held by one open connection; they end with it."""

    def __init__(self, client: SqlClientBase[Any]) -> None:
        self._client = client
        client.execute_sql(f"set lock_timeout = '{REPORT_SECONDS}s'")

    def take_parts(self, scope: str, parts: Sequence[str] | None) -> None:
        """Take some parts of a scope, or all of it when they are None or too many.

        Others hold other parts at the same time. Raises IngestError after an hour.
        """
        if parts is None or len(parts) > _MOST_PARTS:
            self.take(scope)
            return
        self._wait("select pg_advisory_lock_shared(hashtextextended(%s, 0))", scope)
        # In one order everywhere, so that two sessions never wait for each other.
        names = [f"{scope}: {part}" for part in sorted(set(parts))]
        self._wait(
            "select pg_advisory_lock(hashtextextended(name, 0)) "
            "from unnest(%s::text[]) as names (name)",
            names,
        )

    def take(self, name: str) -> None:
        """Wait for a lock. Raises IngestError after an hour."""
        self._wait("select pg_advisory_lock(hashtextextended(%s, 0))", name)

    def take_if_free(self, name: str) -> bool:
        """Take a lock unless another session holds it; returns whether it did."""
        sql = "select pg_try_advisory_lock(hashtextextended(%s, 0))"
        ((taken,),) = self._client.execute_sql(sql, name) or ()
        return bool(taken)

    def release(self, name: str) -> None:
        """Let others have a lock that was taken."""
        self._client.execute_sql(
            "select pg_advisory_unlock(hashtextextended(%s, 0))", name
        )

    @contextmanager
    def holding(self, name: str) -> Iterator[None]:
        """Hold a lock for as long as the body runs."""
        self.take(name)
        try:
            yield
        finally:
            self.release(name)

    def _wait(self, sql: str, wanted: str | list[str]) -> None:
        started = time.monotonic()
        while True:
            try:
                self._client.execute_sql(sql, wanted)
                return
            except DatabaseTransientException as error:
                if getattr(error.dbapi_exception, "pgcode", None) != _NOT_AVAILABLE:
                    raise
            waited = time.monotonic() - started
            if waited > PATIENCE_SECONDS:
                raise IngestError(
                    f"Another process has been writing {_named(wanted)} for an hour. "
                    "Find and stop it (pg_locks names its session), then run again; "
                    "nothing was changed."
                )
            logger.info(
                "waiting for another worker to finish writing %s (%.0f s)",
                _named(wanted),
                waited,
            )


def _named(wanted: str | list[str]) -> str:
    if isinstance(wanted, str):
        return wanted
    return wanted[0] if len(wanted) == 1 else f"{wanted[0]} or its neighbours"
