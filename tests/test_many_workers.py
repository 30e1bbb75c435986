"""Many workers on one warehouse: everything lands once, whoever else writes."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

import dlt
import psycopg2
import pytest

from roster_platform.ingest.autorosters import load_pages
from roster_platform.ingest.roster.source import load_endpoint
from roster_platform.sandbox import Sandbox, running_sandbox
from tests.deployment import Deployment
from tests.postgres import running_postgres

PAGES, MEMBERS = 40, 12
_PATIENCE_SECONDS = 300


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox(orders=200, pages=PAGES, members=MEMBERS) as running:
        running.post("/admin/settings", {"clock_stands_still": True})
        yield running


@pytest.fixture
def postgres() -> Iterator[str]:
    with running_postgres() as address:
        yield address


@pytest.fixture
def deployment(sandbox, postgres, tmp_path) -> Deployment:
    return Deployment(
        tmp_path,
        {
            **sandbox.environment,
            "ROSTER_PLATFORM__DESTINATION": "postgres",
            "DESTINATION__POSTGRES__CREDENTIALS": postgres,
        },
    )


def query(address: str, sql: str) -> list[tuple[Any, ...]]:
    with closing(psycopg2.connect(address)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall() if cursor.description else []


def raw_rows(address: str) -> dict[str, list[str]]:
    """Every row of the raw tables, but for the load it came by."""
    tables = query(
        address,
        "select table_schema || '.' || table_name from information_schema.tables "
        "where table_schema in ('roster_data', 'autorosters_data') "
        r"and table_name not like '\_dlt%'",
    )
    return {
        table: sorted(
            row
            for (row,) in query(
                address,
                f"select (to_jsonb(t) - '_dlt_load_id')::text from {table} as t",
            )
        )
        for (table,) in tables
    }


def staging_datasets(address: str) -> list[tuple[Any, ...]]:
    sql = r"select nspname from pg_namespace where nspname like '%\_staging%'"
    return query(address, sql)


def load_when_all_are_ready(
    barrier: Any, environment: Mapping[str, str], pages: Sequence[str]
) -> None:
    """Load pages, or Roster's orders without any, when every process has read its own."""
    os.environ.update(environment)
    normalize = dlt.Pipeline.normalize

    def normalize_and_wait(pipeline: dlt.Pipeline, *arguments: Any) -> Any:
        normalized = normalize(pipeline, *arguments)
        barrier.wait(_PATIENCE_SECONDS)
        return normalized

    dlt.Pipeline.normalize = normalize_and_wait
    with load_pages(pages) if pages else load_endpoint("orders"):
        pass


def test_loads_at_once_land_everything_once(deployment, postgres) -> None:
    """Into a server that has no table yet, pages that overlap and pages that do not."""
    query(postgres, "create schema autorosters_data_staging_of_a_dead_load")
    ids = deployment.page_ids
    shares = ([], ids[:20], ids[20:], ids[:20], ids[10:30], [])
    spawned = multiprocessing.get_context("spawn")
    barrier = spawned.Barrier(len(shares))
    processes = [
        spawned.Process(
            target=load_when_all_are_ready,
            args=(barrier, deployment.environment, share),
        )
        for share in shares
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(_PATIENCE_SECONDS)
    assert [process.exitcode for process in processes] == [0] * len(shares)
    landed = raw_rows(postgres)
    assert landed["autorosters_data.users"]
    twice = {
        table: len(rows) - len(set(rows))
        for table, rows in landed.items()
        if len(set(rows)) < len(rows)
    }
    assert twice == {}
    assert len(landed["autorosters_data.pages"]) == PAGES
    assert staging_datasets(postgres) == []
    # What one worker loads alone is the same.
    query(postgres, "drop schema autorosters_data, roster_data cascade")
    for arguments in (("autorosters",), ("roster", "orders")):
        done = deployment.run("roster_platform.ingest", *arguments)
        assert done.returncode == 0, done.stdout
    alone = raw_rows(postgres)
    assert {table: alone[table] for table in landed} == landed
