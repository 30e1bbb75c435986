"""Killed, interrupted or run all at once: nothing lost, nothing twice, nothing stuck.

The short form reads less of Roster: orders with their lines, and a resource whose
addresses come from another's rows.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from roster_platform.sandbox import Sandbox, running_sandbox
from tests.deployment import ROOT, Deployment
from tests.forks import ForkServerProcess, start_module

INGEST = "roster_platform.ingest"
_PATIENCE_SECONDS = 120
_SHORT = ("orders", "discount_codes_lookup", "discount_codes_by_rule")


@pytest.fixture(scope="module")
def sandbox(is_long) -> Iterator[Sandbox]:
    with running_sandbox(orders=400, pages=4 if is_long else 2, members=8) as running:
        yield running


@pytest.fixture(scope="module")
def reads(is_long) -> tuple[tuple[str, ...], ...]:
    """The commands that read both APIs."""
    return (
        (INGEST, "roster", *(() if is_long else _SHORT)),
        (INGEST, "autorosters"),
    )


@pytest.fixture
def deployment(sandbox: Sandbox, tmp_path: Path) -> Deployment:
    return Deployment(tmp_path, sandbox.environment)


@pytest.fixture(scope="module")
def undisturbed(sandbox: Sandbox, reads, tmp_path_factory) -> dict[str, list[tuple]]:
    """What a run that nothing happened to loads."""
    made = Deployment(tmp_path_factory.mktemp("undisturbed"), sandbox.environment)
    for command in reads:
        assert made.run(*command).returncode == 0
    return contents(made)


def started(
    deployment: Deployment, *command: str, output: str = os.devnull
) -> ForkServerProcess:
    environment = deployment.environment
    return start_module(*command, environment=environment, output=output)


def contents(deployment: Deployment) -> dict[str, list[tuple]]:
    """Every row read from the APIs, but for when and by which load it came."""
    columns = deployment.query(
        """
        select table_schema || '.' || table_name, list(column_name order by column_name)
        from information_schema.columns
        where table_schema in ('roster_data', 'autorosters_data')
            and table_name not like '\\_dlt%' escape '\\'
            and table_name not in ('page_loads', 'clicks', '_reads')
            and column_name not in ('_observed_at', '_dlt_load_id', '_deleted')
            and column_name not in ('_valid_from', '_sequence')
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
    how, deployment, reads, undisturbed, tries, is_long
) -> None:
    tried, moments = tries("Killed as a command"), random.Random(int(how))
    for _ in range(5 if is_long else 2):
        for command in reads:
            process = started(deployment, *command)
            process.join(moments.uniform(0.1, 3.0))
            if process.is_alive():
                os.kill(process.pid, how)
                tried()
            process.join(_PATIENCE_SECONDS)
            assert process.exitcode is not None
    for command in reads:
        done = deployment.run(*command)
        assert done.returncode == 0, done.stdout
    assert contents(deployment) == undisturbed
    runs = deployment.folder / "dlt" / "runs"
    assert [path for path in runs.iterdir() if path.is_dir()] == []


_LOSES_CTRL_C = """
import os, signal
from roster_platform.ingest.__main__ import ended_by_ctrl_c

with ended_by_ctrl_c(seconds=1):
    for _ in range(600):
        try:
            os.kill(os.getpid(), signal.SIGINT) if _ == 0 else signal.sigtimedwait([], 1)
        except KeyboardInterrupt:
            pass  # as a destructor loses it
"""


def test_ctrl_c_ends_a_load_that_never_hears_of_it() -> None:
    done = subprocess.run([sys.executable, "-c", _LOSES_CTRL_C], cwd=ROOT)
    assert done.returncode == -signal.SIGALRM


def test_runs_started_at_once_all_finish(
    deployment, reads, undisturbed, tries, is_long
) -> None:
    tries("Runs at once")(6)
    deployment.register()
    pages = f"{deployment.page_ids[0]}...{deployment.page_ids[-1]}"
    dagster = ("dagster", "asset", "materialize", "-m", "roster_platform.definitions")
    roster = (
        "group:roster" if is_long else " or ".join(f"key:roster/{n}" for n in _SHORT)
    )
    of_roster, of_pages = reads
    commands = [
        of_roster,
        of_roster,
        of_pages,
        (*dagster, "--select", roster),
        (*dagster, "--select", "group:autorosters", "--partition-range", pages),
        (*dagster, "--select", "roster/orders"),
    ]
    outputs = [str(deployment.folder / f"{n}.log") for n in range(len(commands))]
    processes = [
        started(deployment, *command, output=output)
        for command, output in zip(commands, outputs, strict=True)
    ]
    for process, output in zip(processes, outputs, strict=True):
        process.join(4 * _PATIENCE_SECONDS)
        assert process.exitcode == 0, Path(output).read_text()[-3000:]
    assert contents(deployment) == undisturbed
