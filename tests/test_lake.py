"""A lake for a team: its data in a bucket, its catalogue made by whoever comes first."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing

import dagster as dg
import duckdb
import pytest

from roster_platform.sandbox import Sandbox, running_sandbox
from roster_platform.settings.platform import PlatformSettings
from roster_platform.warehouse.warehouse import Warehouse
from tests.deployment import ROOT, Deployment
from tests.destinations import (
    ACCESS,
    CATALOGUE,
    STORAGE,
    bucket_client,
    new_bucket,
    running_s3,
)
from tests.postgres import running_postgres


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox(orders=60, pages=1, members=12) as running:
        yield running


@pytest.fixture
def endpoint() -> Iterator[str]:
    with running_s3() as address:
        yield address


def test_a_lake_in_a_bucket_shows_hashes_and_no_secret(
    sandbox, endpoint, tmp_path
) -> None:
    deployment = Deployment(
        tmp_path,
        {
            **sandbox.environment,
            **new_bucket(endpoint, "lake", STORAGE),
            "ROSTER_PLATFORM__DESTINATION": "ducklake",
            "ROSTER_PLATFORM__HASH_PII": "true",
            "ROSTER_PLATFORM__PII_KEY": "canary-key-of-the-hashes",
        },
    )
    for command in (
        ("roster_platform.ingest", "roster", "orders"),
        ("roster_platform.ingest", "autorosters"),
        (
            *("roster_platform.cli", "dbt", "build", "-s"),
            *("+dim_members", "+fct_order_lines", "--exclude-resource-type", "test"),
            *("--exclude-resource-type", "unit_test"),
        ),
    ):
        done = deployment.run(*command)
        assert done.returncode == 0, done.stdout
    deployment.publish()
    with duckdb.connect(tmp_path / "published" / "roster.duckdb") as database:
        (orders,) = database.sql(
            "select count(distinct order_key) from marts.fct_order_lines"
        ).fetchone()
        (members, shown) = database.sql(
            "select count(full_name), count(*) filter (length(full_name) <> 32) "
            "from marts.dim_members where not is_placeholder"
        ).fetchone()
    assert orders == 60
    assert members >= 12
    assert shown == 0
    stored = bucket_client(endpoint).list_objects_v2(Bucket="lake", Prefix="roster/")[
        "Contents"
    ]
    assert {key["Key"].split("/")[1] for key in stored} >= {"roster_data", "marts"}
    assert deployment.files_that_contain(ACCESS["aws_secret_access_key"]) == []


def test_retention_leaves_few_files_of_a_lake_and_every_row(sandbox, tmp_path) -> None:
    deployment = Deployment(
        tmp_path,
        {**sandbox.environment, "ROSTER_PLATFORM__DESTINATION": "ducklake"},
    )
    load = ("roster_platform.ingest", "roster", "programs", "orders")
    for _ in range(3):
        done = deployment.run(*load, "--reload-unchanged")
        assert done.returncode == 0, done.stdout
    orphan = tmp_path / "lake" / "roster_data" / "orders" / "ducklake-killed.parquet"
    duckdb.sql("select 1 as a").write_parquet(str(orphan))

    def state() -> tuple[list[tuple], int, int]:
        """Every order, the files of the lake, and the bytes of its catalogue."""
        with running(deployment).pipeline("look", "roster_data") as run:
            rows = run.query("select order_id from {table} order by 1", "orders")
        files = sum(1 for _ in (tmp_path / "lake").rglob("*.parquet"))
        return (
            list(rows),
            files,
            sum(f.stat().st_size for f in tmp_path.glob("*.sqlite")),
        )

    orders, files, catalogue = state()
    assert len(orders) == 60
    retention = ("dagster", "job", "execute", "-m", "roster_platform.definitions")
    # Nothing is as old as a week.
    done = deployment.run(*retention, "-j", "retention")
    assert done.returncode == 0, done.stdout[-3000:]
    assert orphan.exists()
    done = deployment.run(
        *(*retention, "-j", "retention"), ROSTER_PLATFORM__KEEP_LAKE_DAYS="0"
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert _merged_files(deployment) > 0
    after = state()
    assert after[0] == orders
    assert not orphan.exists()
    assert after[1] < files
    assert len([*orphan.parent.iterdir()]) == 1
    assert after[2] <= catalogue
    # Loads go on.
    done = deployment.run(*load)
    assert done.returncode == 0, done.stdout
    assert state()[0] == orders


def _merged_files(deployment: Deployment) -> int:
    """How many files the runs of the job have merged, as the UI shows it."""
    with dg.DagsterInstance.from_config(str(deployment.home)) as instance:
        events = [
            entry.dagster_event
            for run in instance.get_runs()
            for entry in instance.all_logs(run.run_id)
        ]
    told = [
        event.step_output_data.metadata["files_merged"].value
        for event in events
        if event and event.is_successful_output and event.step_key == "tidy_lake"
    ]
    assert len(told) == 2
    return sum(told)


def test_loads_add_no_tables_to_the_catalogue_of_a_lake(sandbox, tmp_path) -> None:
    """Nor do they leave what they loaded in the staging dataset."""
    deployment = Deployment(
        tmp_path,
        {**sandbox.environment, "ROSTER_PLATFORM__DESTINATION": "ducklake"},
    )

    def tables() -> list[tuple]:
        done = deployment.run(
            *("roster_platform.ingest", "roster", "orders", "--reload-unchanged")
        )
        assert done.returncode == 0, done.stdout
        with closing(sqlite3.connect(tmp_path / "ducklake.sqlite")) as catalogue:
            return catalogue.execute(
                "select table_id, table_name from ducklake_table order by 1"
            ).fetchall()

    # The second load is the first that replaces rows, and makes its staging tables.
    tables()
    assert tables() == tables()
    with running(deployment).pipeline("look", "roster_data") as run:
        staged = "select count(*) from roster_data_staging.orders"
        assert run.query(staged, "orders") == [(0,)]


def running(deployment: Deployment) -> Warehouse:
    """The warehouse of a deployment, in this process."""
    data_dir = str(deployment.folder)
    return Warehouse(PlatformSettings(data_dir=data_dir, destination="ducklake"))


def test_several_first_writers_make_one_catalogue(sandbox, tmp_path) -> None:
    """They start at once on an empty database, and each has a machine of its own."""
    with running_postgres() as address:
        writers = [
            subprocess.Popen(
                [sys.executable, "-m", "roster_platform.ingest", "roster", name],
                cwd=ROOT,
                env=Deployment(
                    tmp_path / name,
                    {
                        **sandbox.environment,
                        "ROSTER_PLATFORM__DESTINATION": "ducklake",
                        CATALOGUE: address,
                        f"{STORAGE}__BUCKET_URL": str(tmp_path / "lake"),
                    },
                ).environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            for name in ("programs", "channels", "campaigns")
        ]
        for writer in writers:
            said, _ = writer.communicate()
            assert writer.returncode == 0, said
            assert "now in the warehouse" in said
