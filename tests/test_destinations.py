"""The same graph on every destination: the same rows, and the same answers."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from roster_platform.sandbox import Sandbox, running_sandbox
from tests.deployment import ROOT, Deployment
from tests.destinations import CATALOGUE, CREDENTIALS, FILES, NAMES

BUCKET_URL = f"{FILES}__BUCKET_URL"
UNREACHABLE = "postgresql://roster:hidden-secret@127.0.0.1:9/roster"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox(orders=300, pages=4, members=12) as running:
        running.post("/admin/settings", {"clock_stands_still": True})
        yield running


@pytest.fixture(scope="module")
def deployments(sandbox, destinations, tmp_path_factory) -> dict[str, Deployment]:
    """Every destination after the same two days, the second one's by Dagster."""
    made = {
        name: Deployment(
            tmp_path_factory.mktemp("deployment"),
            {**sandbox.environment, **destinations.new(name)},
        )
        for name in NAMES
    }
    for deployment in made.values():
        deployment.load_and_build()
    sandbox.advance(1)
    for name, deployment in made.items():
        done = deployment.materialize_everything()
        assert done.returncode == 0, f"{name}: {done.stdout[-5000:]}"
    return made


def _published(deployment: Deployment) -> Path:
    return deployment.folder / "published" / "roster.duckdb"


def test_every_destination_has_the_same_marts(deployments) -> None:
    """Every row and every column."""
    first, *others = deployments
    for other in others:
        with duckdb.connect() as database:
            for alias, name in (("one", first), ("two", other)):
                path = _published(deployments[name])
                database.execute(f"attach '{path}' as {alias} (read_only)")
            tables = database.execute(
                "select table_name from duckdb_tables() where database_name = 'one'"
            ).fetchall()
            assert len(tables) >= 38
            different = {}
            for (table,) in tables:
                one, two = (f"from {alias}.marts.{table}" for alias in ("one", "two"))
                ((count,),) = database.sql(
                    f"select count(*) from (({one} except all {two}) "
                    f"union all ({two} except all {one}))"
                ).fetchall()
                if count:
                    different[table] = count
            assert different == {}, other


@pytest.mark.parametrize("name", NAMES[1:])
def test_a_build_of_an_unchanged_warehouse_writes_nothing(deployments, name) -> None:
    deployment = deployments[name]
    done = deployment.run(
        *("roster_platform.cli", "dbt", "build"),
        *("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test"),
    )
    assert done.returncode == 0, done.stdout[-3000:]
    built = [line for line in done.stdout.splitlines() if "OK created" in line]
    tables = [line for line in built if "compared_table" in line]
    assert len(tables) > 50
    assert [line for line in tables if "UNCHANGED" not in line] == []


@pytest.mark.parametrize(
    ("name", "variable", "address", "said"),
    [
        ("postgres", CREDENTIALS, UNREACHABLE, "postgres) failed"),
        ("postgres", CREDENTIALS, "not an address", CREDENTIALS),
        ("ducklake", CATALOGUE, UNREACHABLE, "ducklake) failed"),
        ("ducklake", CATALOGUE, "not an address", "DESTINATION__DUCKLAKE__CREDENTIALS"),
        ("filesystem", BUCKET_URL, "s3://bucket/roster", f"{FILES}__CREDENTIALS__AWS"),
    ],
)
def test_a_server_that_cannot_be_reached_is_told_without_its_password(
    sandbox, tmp_path, name, variable, address, said
) -> None:
    deployment = Deployment(
        tmp_path,
        {
            **sandbox.environment,
            "ROSTER_PLATFORM__DESTINATION": name,
            variable: address,
        },
    )
    for command in (
        ("roster_platform.ingest", "roster", "programs"),
        ("roster_platform.cli", "doctor"),
        ("roster_platform.cli", "dbt", "run", "-s", "stg_roster__programs"),
    ):
        done = deployment.run(*command, COLUMNS="500")
        assert done.returncode != 0
        assert said in done.stdout or "dbt" in command
        assert "Traceback" not in done.stdout
        assert "hidden-secret" not in done.stdout


def test_pages_are_replaced_and_deletions_marked_everywhere(deployments) -> None:
    """What the loads do row by row is the same everywhere."""
    expected, *others = map(_raw_counts, deployments.values())
    assert others == [expected] * len(others)


def _raw_counts(deployment: Deployment) -> dict[str, int]:
    code = (
        "import json; from roster_platform.ingest.warehouse import Warehouse; "
        "print(json.dumps(Warehouse.from_settings().table_rows("
        "'roster_data', 'autorosters_data', 'snapshots')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=deployment.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    counts = json.loads(done.stdout.splitlines()[-1])
    return {name: rows for name, rows in counts.items() if not name.startswith("_dlt")}
