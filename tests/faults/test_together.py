"""Several runs at once, and readers throughout (whole commands: tests/test_crashes.py)."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

import pytest

from roster_platform.ingest.autorosters import load_pages
from roster_platform.warehouse.warehouse import Warehouse
from tests.faults.platform import LocalPlatform
from tests.faults.rude_server import RudeServer, rude_server
from tests.faults.test_kills import (
    PAGES,
    Changing,
    assert_nothing_is_left,
    publish_marts,
    published_versions,
    start,
    write_marts,
)


@pytest.fixture
def api() -> Iterator[RudeServer]:
    with rude_server(Changing()) as serving:
        yield serving


def backfill(warehouse: Warehouse) -> None:
    first = int(os.environ["DLT_TEST_FIRST_PAGE"])
    pages = PAGES[first : first + 20]
    with load_pages(pages, warehouse=warehouse, reload_unchanged=True) as loaded:
        assert loaded.report.failed == {}


def test_backfills_over_overlapping_pages_leave_one_set_of_rows(
    platform, api, tries, scale
) -> None:
    tried = tries("Runs at once")
    platform.reads(api.url)
    for _ in range(1 if scale == 1 else 5):
        running = []
        for first in (0, 5, 10):
            platform.environment.setenv("DLT_TEST_FIRST_PAGE", str(first))
            running.append(start(platform, backfill))
            tried()
        assert [pipe.recv() for _, pipe in running] == ["done"] * 3
        for process, _ in running:
            process.join()
        rows = "select page_id, role_id, discord_id from autorosters_data.users"
        assert sorted(platform.query(rows)) == sorted(
            (page, "1", str(n)) for page in PAGES for n in range(5)
        )
        assert_nothing_is_left(platform)


def test_a_reader_always_sees_one_whole_publication(
    platform: LocalPlatform, tries, scale
) -> None:
    tried = tries("Readers")
    platform.folder.mkdir()
    write_marts(platform, 0)
    publish_marts(platform.warehouse)
    seen: list[set[int]] = []
    is_over = threading.Event()

    def read() -> None:
        while not is_over.is_set():
            seen.append(published_versions(platform))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for version in range(1, 4 * scale):
            write_marts(platform, version)
            process, pipe = start(platform, publish_marts)
            assert pipe.recv() == "done"
            process.join()
            tried()
    finally:
        is_over.set()
        reader.join()
    assert all(len(versions) == 1 for versions in seen)
    assert seen == sorted(seen, key=max)
