"""Killed while dbt builds: one more build gives the tables of an undisturbed one."""

from __future__ import annotations

import random
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from roster_platform.settings.platform import PlatformSettings
from roster_platform.warehouse.warehouse import Warehouse
from tests.deployment import UNTESTED_BUILD, Deployment
from tests.worlds import Worlds, world

BUILT = ("intermediate", "marts")


@pytest.fixture(scope="module")
def deployment(worlds: Worlds, tmp_path_factory) -> Iterator[Deployment]:
    """One day built, the next one loaded and not built."""
    with world() as sandbox:
        made = worlds.first_day(tmp_path_factory.mktemp("killed"), sandbox)
        sandbox.advance(1)
        made.load()
        yield made


def build(deployment: Deployment) -> None:
    done = deployment.run(*UNTESTED_BUILD)
    assert done.returncode == 0, done.stdout[-3000:]


def test_whoever_writes_next_finds_no_dbt_of_a_process_that_died(
    deployment, tries
) -> None:
    tried = tries("Killed in a build")
    database = deployment.folder / "roster.duckdb"
    warehouse = Warehouse(PlatformSettings(data_dir=str(deployment.folder)))
    loaded = deployment.folder / "before.duckdb"
    shutil.copy(database, loaded)
    process = deployment.start(*UNTESTED_BUILD, output=subprocess.DEVNULL)
    # The log of what is written: from then on dbt holds the file.
    log = Path(f"{database}.wal")
    while not log.exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    tried()
    with warehouse.opening(), duckdb.connect(str(database)) as connection:
        tables = connection.sql("from duckdb_tables()").fetchall()
    assert len(tables) > 50
    process.wait()
    log.unlink(missing_ok=True)
    shutil.move(loaded, database)


def test_killed_while_building_one_more_build_makes_it_good(
    deployment, tries, scale
) -> None:
    tried, moments = tries("Killed in a build"), random.Random(17)
    database = deployment.folder / "roster.duckdb"
    loaded = deployment.folder / "loaded.duckdb"
    shutil.copy(database, loaded)
    started = time.monotonic()
    build(deployment)
    lasting = time.monotonic() - started
    undisturbed = deployment.contents(*BUILT)
    assert len(undisturbed) > 50
    for _ in range(1 if scale == 1 else 16):
        Path(f"{database}.wal").unlink(missing_ok=True)
        shutil.copy(loaded, database)
        process = deployment.start(*UNTESTED_BUILD, output=subprocess.DEVNULL)
        time.sleep(moments.uniform(0.3, 1) * lasting)
        process.kill()
        process.wait()
        tried()
        build(deployment)
        assert deployment.contents(*BUILT) == undisturbed
