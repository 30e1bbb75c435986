"""Pages as partitions in the web UI: launched, backfilled and checked by mouse."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest
from playwright.sync_api import Page

from docs.screenshots import browser
from roster_platform.defs.autorosters.events import PAGE_ASSETS
from roster_platform.sandbox import running_sandbox
from tests.deployment import ROOT, Deployment

_PATIENCE_MS = 240_000
_READY = re.compile("Dagster is ready: (\\S+)")
PAGES, MEMBERS = 4, 8
# Of the table users: its rows, its volume, its fields.
CHECKS = 3
PAGE_USERS = dg.AssetKey(["autorosters", "page_users"])


@contextmanager
def _dagster(deployment: Deployment) -> Iterator[str]:
    """Dagster as `make dev` starts it, with its daemon; yields the address."""
    log = deployment.folder / "dagster.log"
    with log.open("w") as written:
        process = subprocess.Popen(
            [sys.executable, "-m", "roster_platform.dagster_dev", "--port", "0"],
            cwd=ROOT,
            env=deployment.environment,
            stdout=written,
            stderr=subprocess.STDOUT,
        )
    try:
        while not (ready := _READY.search(log.read_text())):
            assert process.poll() is None, log.read_text()
            time.sleep(0.5)
        yield ready[1]
    finally:
        process.terminate()
        process.wait()


def _materialize(page: Page, url: str, table: str, page_ids: list[str]) -> None:
    """Materialize some partitions of a table, as its page offers it."""
    page.goto(f"{url}/assets/autorosters/{table}?view=partitions")
    page.get_by_text(f"{PAGES} Partitions").first.wait_for()
    page.get_by_role("button", name="Materialize").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("Select a partition or create one").click()
    for page_id in page_ids:
        page.get_by_role("menuitem", name=page_id).first.click()
    page.keyboard.press("Escape")
    button = "Launch 1 run" if len(page_ids) == 1 else "Launch backfill"
    dialog.get_by_role("button", name=button).click()


@pytest.mark.skipif(not shutil.which("chromium"), reason="needs Chromium")
def test_pages_are_materialized_and_checked_in_the_web_ui(tmp_path: Path) -> None:
    with running_sandbox(orders=0, pages=PAGES, members=MEMBERS) as sandbox:
        deployment = Deployment(tmp_path, sandbox.environment)
        first, second, *_ = deployment.register().stdout.split()
        titles = {
            page["page_id"]: page["title"] for page in sandbox.get("oracle/pages")
        }
        with (
            dg.DagsterInstance.from_config(str(deployment.home)) as instance,
            _dagster(deployment) as url,
            browser() as chromium,
        ):
            page = chromium.new_page(viewport={"width": 1440, "height": 1200})
            page.set_default_timeout(_PATIENCE_MS)

            def until(is_so: Callable[[], bool]) -> None:
                for _ in range(_PATIENCE_MS // 500):
                    if is_so():
                        return
                    page.wait_for_timeout(500)
                raise AssertionError(json.dumps(sandbox.get("requests")))

            def runs() -> list[dg.DagsterRun]:
                return [run for run in instance.get_runs() if run.is_finished]

            # As high as the graph, because what is not to be seen is not drawn.
            page.set_viewport_size({"width": 1440, "height": 3000})
            page.goto(
                f"{url}/locations/roster_platform/asset-groups/autorosters/lineage"
            )
            page.get_by_text(f"{PAGES} partitions").nth(len(PAGE_ASSETS)).wait_for()
            for key in (*PAGE_ASSETS, PAGE_USERS):
                assert page.get_by_text(key.path[-1], exact=True).count(), key
            page.screenshot(path=tmp_path / "lineage.png")
            page.set_viewport_size({"width": 1440, "height": 1200})

            _materialize(page, url, "users", [first])
            until(lambda: len(runs()) == 1)
            assert sandbox.get("requests")["total"] == 1
            _materialize(page, url, "ranks", [first, second])
            until(lambda: len(runs()) == 2)
            assert sandbox.get("requests")["total"] == 3
            assert {run.status.value for run in runs()} == {"SUCCESS"}

            page.goto(
                f"{url}/assets/autorosters/ranks?view=partitions&partition={second}"
            )
            for text in ("Materialized (2)", f"Missing ({PAGES - 2})", titles[second]):
                page.get_by_text(text).first.wait_for()

            # What the run of another table wrote is checked as well.
            page.goto(f"{url}/assets/autorosters/users?view=checks")
            succeeded = page.get_by_text("Succeeded")
            succeeded.nth(CHECKS - 1).wait_for()
            page.get_by_role("button", name="Execute all").click()
            until(lambda: len(runs()) == 3)
            assert sandbox.get("requests")["total"] == 3
            assert {run.status.value for run in runs()} == {"SUCCESS"}
            page.reload()
            succeeded.nth(CHECKS - 1).wait_for()
            page.get_by_text("against the warehouse, without a read").first.wait_for()
            assert page.get_by_text("Not Evaluated").count() == 0
            page.screenshot(path=tmp_path / "checks.png")
