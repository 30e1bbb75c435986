"""Many workers on one warehouse: everything lands once, whoever else writes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import dlt
import pytest

from roster_platform.ingest.autorosters import load_pages
from roster_platform.ingest.roster import load_endpoint
from roster_platform.sandbox import Sandbox, running_sandbox
from tests.cluster import Cluster, query, running_cluster, start_backfill, until
from tests.deployment import ROOT, Deployment
from tests.forks import forks
from tests.postgres import running_postgres
from tests.redis import running_redis

PAGES, MEMBERS = 40, 12
PAGE_IDS = "SOURCES__AUTOROSTERS_SOURCE__PAGE_IDS"
PARENT = "dagster/parent_run_id"
RANGE = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
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


def raw_rows(address: str) -> dict[str, list[str]]:
    """Every row of the raw tables, but for which load it came by."""
    tables = query(
        address,
        "select table_schema || '.' || table_name from information_schema.tables "
        "where table_schema in ('roster_data', 'autorosters_data') "
        r"and table_name not like '\_%'",
    )
    return {
        table: sorted(
            row
            for (row,) in query(
                address,
                "select (to_jsonb(t) - '_dlt_load_id' - '_sequence')::text "
                f"from {table} as t",
            )
        )
        for (table,) in tables
    }


def at_any_time(rows: Sequence[str]) -> list[str]:
    """Different rows, without when they were read."""
    timed = {"observed_at", "_observed_at", "_valid_from"}
    return sorted(
        {
            json.dumps({k: v for k, v in json.loads(row).items() if k not in timed})
            for row in rows
        }
    )


def staging_datasets(address: str) -> list[tuple[Any, ...]]:
    sql = r"select nspname from pg_namespace where nspname like '%\_staging%'"
    return query(address, sql)


def load_when_all_are_ready(
    barrier: Any, environment: Mapping[str, str], pages: Sequence[str]
) -> None:
    """Load pages, or Roster's orders without any, when every process has read its own."""
    os.environ.update(environment)
    normalize = dlt.Pipeline.normalize
    has_waited: list[bool] = []

    def normalize_and_wait(pipeline: dlt.Pipeline, *arguments: Any) -> Any:
        normalized = normalize(pipeline, *arguments)
        # Whoever was not the first reads again, alone.
        if not has_waited:
            has_waited.append(True)
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
    barrier = forks.Barrier(len(shares))
    processes = [
        forks.Process(
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
    # Whoever read again, because another was first, has read a moment later.
    assert {table: at_any_time(alone[table]) for table in landed} == {
        table: at_any_time(rows) for table, rows in landed.items()
    }


def test_two_workers_stay_below_a_tight_limit(tmp_path) -> None:
    """The sandbox counts, and refuses what is above it in any minute."""
    pages, limit = 26, 40
    with (
        running_redis() as redis_url,
        running_sandbox(orders=1, pages=pages, members=3) as sandbox,
    ):
        sandbox.post("/admin/settings", {"requests_per_minute": limit})
        variables = {
            **sandbox.environment,
            "ROSTER_PLATFORM__RATE_LIMIT_URL": redis_url,
            "SOURCES__AUTOROSTERS_SOURCE__REQUESTS_PER_MINUTE": str(limit - 2),
        }
        workers = [Deployment(tmp_path / name, variables) for name in ("one", "two")]
        ids = workers[0].page_ids
        shares = (ids[: pages // 2], ids[pages // 2 :])
        processes = [
            subprocess.Popen(
                [sys.executable, "-m", "roster_platform.ingest", "autorosters"]
                + [f"--page={page}" for page in share],
                cwd=ROOT,
                env=worker.environment,
            )
            for worker, share in zip(workers, shares, strict=True)
        ]
        assert [p.wait(_PATIENCE_SECONDS) for p in processes] == [0, 0]
        asked = sandbox.get("/admin/requests")
    # Each worker alone would keep the limit; together they would be above it.
    assert asked["total"] == 2 * pages > limit
    assert {status for path in asked["paths"].values() for status in path} == {"200"}


def test_a_load_leaves_no_staging_dataset_in_a_lake(
    sandbox, postgres, tmp_path
) -> None:
    deployment = Deployment(
        tmp_path,
        {
            **sandbox.environment,
            "ROSTER_PLATFORM__DESTINATION": "ducklake",
            "DESTINATION__DUCKLAKE__CREDENTIALS__CATALOG": postgres,
        },
    )
    page = f"--page={deployment.page_ids[0]}"
    done = deployment.run("roster_platform.ingest", "autorosters", page)
    assert done.returncode == 0, done.stdout
    ((place,),) = query(
        postgres,
        "select table_schema from information_schema.tables "
        "where table_name = 'ducklake_schema'",
    )
    sql = f"select schema_name from {place}.ducklake_schema where end_snapshot is null"
    datasets = {name for (name,) in query(postgres, sql)}
    assert "autorosters_data" in datasets
    assert not [name for name in datasets if "staging" in name]


def backfill_status(cluster: Cluster, backfill_id: str) -> str:
    return cluster.graphql(
        """
        query Status($id: String!) {
            partitionBackfillOrError(backfillId: $id) {
                ... on PartitionBackfill { status }
            }
        }
        """,
        id=backfill_id,
    )["partitionBackfillOrError"]["status"]


def runs(cluster: Cluster) -> list[dict[str, Any]]:
    found = cluster.graphql(
        "query { runsOrError { ... on Runs { results { runId status tags { key value } } "
        "} } }"
    )["runsOrError"]["results"]
    return [
        {**run, "tags": {tag["key"]: tag["value"] for tag in run["tags"]}}
        for run in found
    ]


def worker_of(run: dict[str, Any], cluster: Cluster) -> str | None:
    """The Celery worker that has the run's task."""
    from celery import Celery

    address = cluster.environment["CELERY_BROKER_URL"]
    with Celery(broker=address, backend=address) as app:
        task = app.AsyncResult(run["tags"].get("dagster-celery/task_id", "none"))
        return (task.info or {}).get("hostname") if task.state == "STARTED" else None


def test_a_backfill_outlives_a_worker_that_is_killed(tmp_path, is_long) -> None:
    """All of compose.yaml as processes; one worker is lost while it has a run."""
    count = int(os.environ.get("MANY_WORKERS_PAGES", "300" if is_long else "40"))
    backfill_runs = 10 if is_long else 4
    with running_sandbox(orders=20, pages=count, members=8) as sandbox:
        variables = {
            **sandbox.environment,
            "ROSTER_PLATFORM__PAGES_PER_RUN": str(count // backfill_runs),
            "SOURCES__AUTOROSTERS_SOURCE__REQUESTS_PER_MINUTE": "3000",
        }
        with running_cluster(tmp_path, variables, workers=2) as (cluster, workers):
            pages = json.loads(sandbox.environment[PAGE_IDS])
            done = subprocess.run(
                [sys.executable, "-m", "roster_platform.defs.autorosters.register"],
                env=cluster.environment,
                cwd=ROOT,
                capture_output=True,
                text=True,
            )
            assert done.returncode == 0, done.stderr
            for service in ("daemon", "worker"):
                until(partial(cluster.is_healthy, service), service, cluster)
            # The run of this page is under way until its worker is killed.
            held_up = pages[count // 2]
            sandbox.fault(f"/api/roster/{held_up}", delay_ms=120_000)
            backfill = start_backfill(cluster, pages)

            def run_held_up() -> dict[str, Any] | None:
                if sandbox.get("/admin/faults")[0]["times"]:
                    return None
                for run in runs(cluster):
                    first, last = (run["tags"][tag] for tag in RANGE)
                    if pages.index(first) <= count // 2 <= pages.index(last):
                        return run if run["status"] == "STARTED" else None
                return None

            lost = until(run_held_up, "the run of the slow page", cluster)
            worker = ["celery@first", "celery@second"].index(worker_of(lost, cluster))
            cluster.kill(workers[worker])

            def is_over() -> bool:
                return backfill_status(cluster, backfill).startswith("COMPLETED")

            until(is_over, "the backfill", cluster)
            assert backfill_status(cluster, backfill) == "COMPLETED_SUCCESS"
            by_id = {run["runId"]: run for run in runs(cluster)}
            assert by_id.pop(lost["runId"])["status"] == "FAILURE"
            assert {run["status"] for run in by_id.values()} == {"SUCCESS"}
            assert [
                run["tags"][PARENT] for run in by_id.values() if PARENT in run["tags"]
            ] == [lost["runId"]]
            landed = query(
                cluster.warehouse,
                "select page_id, count(*) from autorosters_data.pages group by page_id",
            )
            assert sorted(landed) == sorted((page, 1) for page in pages)
            twice = query(
                cluster.warehouse,
                "select page_id, discord_id, role_id from autorosters_data.users "
                "group by 1, 2, 3 having count(*) > 1",
            )
            assert twice == []
            assert staging_datasets(cluster.warehouse) == []
            (asked,) = sandbox.get("/admin/requests")["paths"].values()
            assert set(asked) == {"200"}
