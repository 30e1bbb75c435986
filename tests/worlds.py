"""Deployments that are made once for a whole run of the suite, and copied.

The sandbox is the same world whenever it is started with the same sizes and advanced by
as many days. So a test that wants to go on from a copy starts a sandbox of its own.

In the short form later days come without Dagster and the models' tests.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from filelock import FileLock

from roster_platform.sandbox import Sandbox, running_sandbox
from tests.deployment import Deployment

PAGES, MEMBERS = 5, 15
DAYS_BETWEEN = 3


@contextmanager
def world() -> Iterator[Sandbox]:
    """The sandbox of the shared deployments, as of its first day."""
    with running_sandbox(orders=700, pages=PAGES, members=MEMBERS) as running:
        yield running


class Worlds:
    """Data folders that whoever needs them first makes, on whichever worker that is."""

    def __init__(self, folder: Path, *, is_long: bool) -> None:
        self._folder = folder
        self._is_long = is_long

    def first_day(self, folder: Path, sandbox: Sandbox) -> Deployment:
        """Everything loaded, built and published by Dagster once."""

        def make(made: Path) -> None:
            with world() as first:
                _materialize(Deployment(made, first.environment))

        return self._copy("first-day", make, folder, sandbox)

    def next_days(self, folder: Path, sandbox: Sandbox) -> Deployment:
        """The same, and once more when days had passed; ``sandbox`` is advanced to it."""

        def make(made: Path) -> None:
            with world() as later:
                deployment = self.first_day(made, later)
                later.advance(DAYS_BETWEEN)
                if self._is_long:
                    _materialize(deployment)
                else:
                    deployment.load_and_build()
                    _publish(deployment)

        sandbox.advance(DAYS_BETWEEN)
        return self._copy("next-days", make, folder, sandbox)

    def _copy(
        self, name: str, make: Callable[[Path], None], folder: Path, sandbox: Sandbox
    ) -> Deployment:
        made = self._folder / name
        self._folder.mkdir(exist_ok=True)
        with FileLock(f"{made}.lock"):
            finished = made.with_suffix(".finished")
            if not finished.exists():
                # Whatever a try that failed left.
                shutil.rmtree(made, ignore_errors=True)
                make(made)
                finished.touch()
        shutil.copytree(made, folder, dirs_exist_ok=True)
        # dbt's record of what it parsed is that of the other folder.
        (folder / "dbt" / "partial_parse.msgpack").unlink(missing_ok=True)
        return Deployment(folder, sandbox.environment)


def _materialize(deployment: Deployment) -> None:
    done = deployment.materialize_everything()
    assert done.returncode == 0, done.stdout[-5000:]


def _publish(deployment: Deployment) -> None:
    done = deployment.run("roster_platform.cli", "publish")
    assert done.returncode == 0, done.stdout[-5000:]


@pytest.fixture(scope="session")
def worlds(tmp_path_factory, worker_id: str, is_long: bool) -> Worlds:
    """The same for every worker."""
    mine = tmp_path_factory.getbasetemp()
    folder = (mine if worker_id == "master" else mine.parent) / "worlds"
    return Worlds(folder, is_long=is_long)
