"""A lake for a team: its data in a bucket, its catalogue made by whoever comes first."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import duckdb
import pytest

from roster_platform.sandbox import Sandbox, running_sandbox
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
            "from marts.dim_members"
        ).fetchone()
    assert orders == 60
    assert members >= 12
    assert shown == 0
    stored = bucket_client(endpoint).list_objects_v2(Bucket="lake", Prefix="roster/")[
        "Contents"
    ]
    assert {key["Key"].split("/")[1] for key in stored} >= {"roster_data", "marts"}
    assert deployment.files_that_contain(ACCESS["aws_secret_access_key"]) == []


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
