"""Killed at a random moment, or out of disk: nothing lost, nothing left, nothing stuck.

The victims are forked from a process that has imported the platform already, so that a
kill costs no interpreter's start. tests/test_crashes.py kills whole commands instead.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import dlt
import duckdb
import pytest

from roster_platform.errors import IngestError
from roster_platform.ingest.autorosters import load_pages
from roster_platform.ingest.roster import load_endpoint
from roster_platform.publish import marts as publish
from roster_platform.warehouse.warehouse import Warehouse
from tests.faults.platform import LocalPlatform
from tests.faults.rude_server import Asked, RudeServer, rude_server
from tests.forks import forks

PAGES = [f"page-{number}" for number in range(30)]
STAGES = {
    "Killed in a fetch": "extract",
    "Killed in normalising": "normalize",
    "Killed in a load": "load",
}


class Changing:
    """Both APIs, all of whose values are the version they are at."""

    version = 0

    def __call__(self, asked: Asked) -> dict[str, Any]:
        said = str(self.version)
        if "roster/" in asked.path:
            members = range(self.version % 3, 5)
            users = [{"discord_id": str(n), "name": said} for n in members]
            return {"ranks": [{"role_id": "1", "rank_name": said, "users": users}]}
        number, size = int(asked.query["page"]), int(asked.query["pageSize"])
        orders = [
            {"orderId": str(n), "firstName": said, "discountCodes": [said] * (n % 3)}
            for n in range(600)
        ]
        return {
            "data": orders[(number - 1) * size : number * size],
            "pagination": {"totalCount": len(orders)},
        }


@pytest.fixture
def api() -> Iterator[RudeServer]:
    with rude_server(Changing()) as serving:
        yield serving


def victim(
    job: Callable[[Warehouse], None],
    environment: Mapping[str, str],
    announce: Callable[[Callable[[], None]], None] | None,
    pipe: Connection,
) -> None:
    """Do a job in this process, and say when its stage begins and how it ended."""
    os.environ.update(environment)
    if announce:
        announce(lambda: pipe.send("begun"))
    try:
        job(Warehouse.from_settings())
        pipe.send("done")
    except Exception as error:
        pipe.send(f"{type(error).__name__}: {error}")


class Announced:
    """Tells when a method of dlt's pipeline, or a function, begins."""

    def __init__(self, owner: Any, name: str) -> None:
        self._owner, self._name = owner, name

    def __call__(self, tell: Callable[[], None]) -> None:
        original = getattr(self._owner, self._name)

        def told(*arguments: Any, **options: Any) -> Any:
            tell()
            return original(*arguments, **options)

        setattr(self._owner, self._name, told)


def start(platform: LocalPlatform, job: Any, announce: Any = None) -> Any:
    mine, theirs = forks.Pipe()
    environment = {
        name: value
        for name, value in os.environ.items()
        if name.startswith(("SOURCES__", "DESTINATION__", "DLT_", "ROSTER_PLATFORM__"))
    }
    process = forks.Process(target=victim, args=(job, environment, announce, theirs))
    process.start()
    theirs.close()
    return process, mine


def load_orders(warehouse: Warehouse) -> None:
    with load_endpoint("orders", warehouse=warehouse):
        pass


def load_every_page(warehouse: Warehouse) -> None:
    with load_pages(PAGES, warehouse=warehouse):
        pass


def publish_marts(warehouse: Warehouse) -> None:
    publish.publish_marts(warehouse)


def extract(tell: Any) -> None:
    Announced(dlt.Pipeline, "extract")(tell)


def normalize(tell: Any) -> None:
    Announced(dlt.Pipeline, "normalize")(tell)


def load(tell: Any) -> None:
    Announced(dlt.Pipeline, "load")(tell)


def publishing(tell: Any) -> None:
    Announced(publish, "_publish")(tell)


def kill_in(platform: LocalPlatform, job: Any, stage: Any, after: float) -> None:
    process, pipe = start(platform, job, stage)
    assert pipe.recv() == "begun"
    # What it says ends the wait as well: then it was done before its time came.
    pipe.poll(after)
    process.kill()
    process.join()


def assert_nothing_is_left(platform: LocalPlatform) -> None:
    runs = platform.folder / "dlt" / "runs"
    assert [path for path in runs.iterdir() if path.is_dir()] == []
    assert not platform.warehouse.is_being_written()
    assert not platform.warehouse.dead_runs()


@pytest.mark.parametrize("promise", STAGES)
def test_killed_while_loading_one_more_run_makes_it_good(
    promise, platform, api, tries, scale
) -> None:
    tried, moments = tries(promise), random.Random(promise)
    stage = {"extract": extract, "normalize": normalize, "load": load}[STAGES[promise]]
    platform.reads(api.url, page_size=20)
    load_orders(platform.warehouse)
    load_every_page(platform.warehouse)
    kills = 1 if scale == 1 else 16
    for kill in range(kills):
        api.handler.version += 1
        version = str(api.handler.version)
        job, again = (
            (load_orders, lambda: platform.load("orders", full_read=True)),
            (load_every_page, lambda: platform.load_pages(PAGES)),
        )[kill % 2]
        kill_in(platform, job, stage, moments.uniform(0, 0.6))
        tried()
        again()
        if job is load_orders:
            rows = "select order_id, first_name from roster_data.orders"
            assert sorted(platform.query(rows)) == sorted(
                (str(n), version) for n in range(600)
            )
            codes = "select code from roster_data.orders__discount_codes"
            assert platform.query(codes) == [(version,)] * 600
        else:
            rows = "select page_id, discord_id, name from autorosters_data.users"
            assert sorted(platform.query(rows)) == sorted(
                (page, str(n), version)
                for page in PAGES
                for n in range(api.handler.version % 3, 5)
            )
        assert_nothing_is_left(platform)


def write_marts(platform: LocalPlatform, version: int) -> None:
    with duckdb.connect(str(platform.warehouse.database_path)) as database:
        database.execute("create schema if not exists marts")
        for table in "abcd":
            database.execute(
                f"create or replace table marts.{table} as "
                f"select {version} as version, range as n from range(50000)"
            )


def published_versions(platform: LocalPlatform) -> set[int]:
    path = platform.folder / "published" / "roster.duckdb"
    with duckdb.connect(str(path), read_only=True) as database:
        return {
            version
            for table in "abcd"
            for version, count in database.sql(
                f"select version, count(*) from marts.{table} group by 1"
            ).fetchall()
            if count == 50_000
        }


def test_killed_while_publishing_readers_see_one_whole_version(
    platform, one_file, tries, scale
) -> None:
    tried, moments = tries("Killed in a publication"), random.Random(3)
    platform.folder.mkdir()
    write_marts(platform, 0)
    publish_marts(platform.warehouse)
    for version in range(1, 3 if scale == 1 else 17):
        write_marts(platform, version)
        before = published_versions(platform)
        kill_in(platform, publish_marts, publishing, moments.uniform(0, 0.25))
        tried()
        assert published_versions(platform) in (before, {version})
        publish_marts(platform.warehouse)
        assert published_versions(platform) == {version}
        published = platform.folder / "published"
        assert [p.name for p in published.iterdir() if p.name.startswith(".")] == []


def write_and_die(path: str) -> None:
    database = duckdb.connect(path)
    database.execute("set checkpoint_threshold = '1TB'")
    for number in range(50):
        database.execute(
            f"create or replace table roster_data.cut_{number} as from range(1000)"
        )
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_write_ahead_log_cut_off_anywhere_costs_no_earlier_row(
    platform, one_file, api, tries, scale
) -> None:
    tried, moments = tries("Disks"), random.Random(11)
    platform.reads(api.url)
    load_orders(platform.warehouse)
    database = platform.warehouse.database_path
    log = Path(f"{database}.wal")
    for _ in range(3 * scale):
        process = forks.Process(target=write_and_die, args=(str(database),))
        process.start()
        process.join()
        size = log.stat().st_size
        os.truncate(log, moments.randrange(size))
        tried()
        load_orders(platform.warehouse)
        count = "select count(*), count(distinct order_id) from roster_data.orders"
        assert platform.query(count) == [(600, 600)]


@pytest.fixture
def small_disk(platform: LocalPlatform, one_file) -> Iterator[Path]:
    """The data folder as a disk of 16 MiB of its own."""
    platform.folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(platform.folder)]
    if subprocess.run(mount, stderr=subprocess.DEVNULL).returncode:
        pytest.skip("this user may not mount a small disk")
    yield platform.folder
    subprocess.run(["umount", "--lazy", str(platform.folder)], check=True)


def test_a_full_disk_is_told_and_costs_no_earlier_row(
    platform, api, tries, scale, small_disk
) -> None:
    tried, moments = tries("Disks"), random.Random(12)
    platform.reads(api.url)
    load_orders(platform.warehouse)
    filler = small_disk / "filler"
    told = []
    for _ in range(2 * scale):
        ((held,),) = platform.query(
            "select distinct first_name from roster_data.orders"
        )
        api.handler.version += 1
        version = str(api.handler.version)
        room = moments.choice([0, 4_096, 40_000, 200_000, 400_000, 800_000])
        filler.write_bytes(bytes(shutil.disk_usage(small_disk).free - room))
        tried()
        try:
            load_orders(platform.warehouse)
            held = version
        except IngestError as error:
            told.append(str(error))
            assert "Rows loaded earlier are kept" in told[-1]
            assert re.search("space|No space left|data folder", told[-1]), told[-1]
        # The old rows or, where only what follows them found no room, the new ones.
        rows = (
            "select first_name, count(distinct order_id) from roster_data.orders "
            "group by first_name"
        )
        assert platform.query(rows) in ([(held, 600)], [(version, 600)])
        filler.unlink()
        load_orders(platform.warehouse)
        names = "select distinct first_name from roster_data.orders"
        assert platform.query(names) == [(version,)]
        assert_nothing_is_left(platform)
    assert told


def as_nobody(warehouse: Warehouse) -> None:
    # Once before, because it may be that only root can read the modules this imports.
    load_orders(warehouse)
    os.setuid(65_534)
    load_orders(warehouse)


@pytest.mark.skipif(
    os.getuid() != 0, reason="only root can become a user without rights"
)
def test_a_folder_that_cannot_be_written_is_told(platform, api, tries) -> None:
    tries("Disks")()
    platform.reads(api.url)
    load_orders(platform.warehouse)
    rows = "select order_id, first_name from roster_data.orders order by all"
    before = platform.query(rows)
    process, pipe = start(platform, as_nobody)
    said = pipe.recv()
    process.join()
    assert said.startswith("WarehouseError")
    assert "cannot be written" in said
    assert str(platform.folder) in said
    assert platform.query(rows) == before
