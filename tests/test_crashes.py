"""Killed, interrupted or run all at once: nothing lost, nothing twice, nothing stuck."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from roster_platform.sandbox import Sandbox, running_sandbox
from tests.deployment import Deployment

_PATIENCE_SECONDS = 120


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox(orders=400, pages=4, members=8) as running:
        yield running


@pytest.fixture
def deployment(sandbox: Sandbox, tmp_path: Path) -> Deployment:
    return Deployment(tmp_path, sandbox.environment)


@pytest.fixture(scope="module")
def undisturbed(sandbox: Sandbox, tmp_path_factory) -> dict[str, list[tuple]]:
    """What a run that nothing happened to loads."""
    made = Deployment(tmp_path_factory.mktemp("undisturbed"), sandbox.environment)
    for source in ("roster", "autorosters"):
        assert made.run("roster_platform.ingest", source).returncode == 0
    return contents(made)


def contents(deployment: Deployment) -> dict[str, list[tuple]]:
    """Every row read from the APIs, but for when and by which load it came."""
    columns = deployment.query(
        """
        select table_schema || '.' || table_name, list(column_name order by column_name)
        from information_schema.columns
        where table_schema in ('roster_data', 'autorosters_data')
            and table_name not like '\\_dlt%' escape '\\'
            and table_name not in ('page_loads', 'clicks')
            and column_name not in ('_observed_at', '_dlt_load_id', '_deleted')
        group by all
        """
    )
    return {
        table: sorted(
            deployment.query(f"select {', '.join(names)} from {table}"), key=str
        )
        for table, names in columns
    }


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_died_is_made_good_by_the_next(
    how, deployment, undisturbed, tries
) -> None:
    tried, moments = tries("Killed as a command"), random.Random(int(how))
    for _ in range(5):
        for source in ("roster", "autorosters"):
            process = deployment.start("roster_platform.ingest", source)
            time.sleep(moments.uniform(0.5, 5.0))
            process.send_signal(how)
            tried()
            process.communicate(timeout=_PATIENCE_SECONDS)
    for source in ("roster", "autorosters"):
        done = deployment.run("roster_platform.ingest", source)
        assert done.returncode == 0, done.stdout
    assert contents(deployment) == undisturbed
    runs = deployment.folder / "dlt" / "runs"
    assert [path for path in runs.iterdir() if path.is_dir()] == []


def test_runs_started_at_once_all_finish(deployment, undisturbed, tries) -> None:
    tries("Runs at once")(6)
    deployment.register()
    pages = f"{deployment.page_ids[0]}...{deployment.page_ids[-1]}"
    dagster = ("dagster", "asset", "materialize", "-m", "roster_platform.definitions")
    commands = [
        ("roster_platform.ingest", "roster"),
        ("roster_platform.ingest", "roster"),
        ("roster_platform.ingest", "autorosters"),
        (*dagster, "--select", "group:roster"),
        (*dagster, "--select", "group:autorosters", "--partition-range", pages),
        (*dagster, "--select", "roster/orders"),
    ]
    processes = [deployment.start(*command) for command in commands]
    for process in processes:
        output, _ = process.communicate(timeout=4 * _PATIENCE_SECONDS)
        assert process.returncode == 0, output[-3000:]
    assert contents(deployment) == undisturbed
