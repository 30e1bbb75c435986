"""Take the documents' screenshots of Dagster, the dashboard and the report, on demo data.

    make demo && make screenshots

Needs Chromium (Debian: ``apt-get install chromium``). Each picture is taken once the
text that proves it is on the page, so a broken page ends in an error, not in a picture.
"""

from __future__ import annotations

import argparse
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from roster_platform.dashboard.report import write_report
from roster_platform.publish.marts import publish_marts
from roster_platform.sandbox import running_sandbox
from roster_platform.sandbox.demo import ROOT, demo_environment
from roster_platform.settings.platform import PlatformSettings
from roster_platform.warehouse.warehouse import Warehouse

_PATIENCE_MS = 60_000
# It imports the platform, and other processes may want the processors.
_START_SECONDS = 300
_WIDTH, _HEIGHT = 1440, 900
_DAYS = 21
DAGSTER = ("-m", "dagster_webserver", "-w", "workspace.yaml")
_DASHBOARD = ("-m", "marimo", "run", "roster_platform/dashboard/app.py", "--headless")
_CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


@dataclass(frozen=True)
class View:
    """One page of the UI, and the texts that show it has loaded."""

    name: str
    path: str
    texts: tuple[str, ...]


VIEWS = (
    View("asset-graph", "/asset-groups", ("intermediate", "marts", "published")),
    View("asset", "/assets/roster/orders", ("Row count", "order_id", "data-platform")),
    View("run", "/runs/{run_id}", ("Success", "dbt_models", "RUN_SUCCESS")),
)


def take(folder: Path, environment: Mapping[str, str]) -> list[Path]:
    """Take every screenshot of Dagster's UI into ``folder``; returns the files.

    Raises playwright's TimeoutError when a page does not show what it must.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with served(DAGSTER, "/server_info", environment) as url, browser() as chromium:
        page = chromium.new_page(viewport={"width": _WIDTH, "height": _HEIGHT})
        return [_shoot(page, url, view, folder) for view in VIEWS]


def live(folder: Path, environment: Mapping[str, str]) -> None:
    """Fill a data folder with some weeks of the sandbox, published, so there is history."""
    project = ("--project-dir", "dbt_project", "--profiles-dir", "dbt_project")
    dbt = ("dbt.cli.main", "build", *project, "--indirect-selection", "buildable")
    with running_sandbox(pages=8, members=40) as sandbox:
        place = {
            **environment,
            **sandbox.environment,
            "ROSTER_PLATFORM__DATA_DIR": str(folder),
            "DLT_DATA_DIR": str(folder / "dlt"),
            "DBT_TARGET_PATH": str(folder / "target"),
            "DBT_LOG_PATH": str(folder / "target"),
        }

        def run(*command: str) -> None:
            subprocess.run(
                [sys.executable, "-m", *command], cwd=ROOT, env=place, check=True
            )

        for day in range(_DAYS):
            if day:
                sandbox.advance(1)
            run("roster_platform.ingest", "autorosters")
        run("roster_platform.ingest", "roster")
        run(*dbt)
    warehouse = Warehouse(PlatformSettings(data_dir=str(folder)))
    publish_marts(warehouse)
    write_report(folder / "published")


def take_dashboard(folder: Path, environment: Mapping[str, str]) -> list[Path]:
    """Take the dashboard and a part of the report into ``folder``; returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    dashboard, report = folder / "dashboard.png", folder / "report.png"
    published = Path(environment["ROSTER_PLATFORM__DATA_DIR"]) / "published"
    with served(_DASHBOARD, "/health", environment) as url, browser() as chromium:
        page = chromium.new_page(viewport={"width": 1280, "height": _HEIGHT})
        page.goto(url)
        page.get_by_text("Data freshness").first.wait_for(timeout=_PATIENCE_MS)
        page.wait_for_load_state("networkidle")
        page.screenshot(path=dashboard)
        page.goto((published / "report.html").absolute().as_uri())
        page.locator("section", has_text="Roster health").first.screenshot(path=report)
    return [dashboard, report]


def _shoot(page: Page, url: str, view: View, folder: Path) -> Path:
    path = view.path
    if "{run_id}" in path:
        path = path.format(run_id=_last_successful_run(url))
    page.goto(url + path)
    for text in view.texts:
        page.get_by_text(text).first.wait_for(timeout=_PATIENCE_MS, state="visible")
    page.wait_for_load_state("networkidle")
    target = folder / f"{view.name}.png"
    page.screenshot(path=target)
    return target


def _last_successful_run(url: str) -> str:
    query = '{"query": "{ runsOrError(filter: {statuses: [SUCCESS]}, limit: 1)'
    query += ' { ... on Runs { results { runId } } } }"}'
    request = urllib.request.Request(
        f"{url}/graphql", query.encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request) as response:
        text = response.read().decode()
    return text.split('"runId":')[1].split('"')[1]


@contextmanager
def browser() -> Iterator[Browser]:
    """A headless Chromium while the body runs."""
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=list(_CHROMIUM_FLAGS)
        )
        yield launched
        launched.close()


@contextmanager
def served(
    command: Sequence[str], health: str, environment: Mapping[str, str]
) -> Iterator[str]:
    """Run a web server on a free loopback port while the body runs."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with subprocess.Popen(
        [sys.executable, *command, "--host", "127.0.0.1", "--port", str(port)],
        cwd=ROOT,
        env=dict(environment),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        url = f"http://127.0.0.1:{port}"
        try:
            _wait_until_up(f"{url}{health}", process)
            yield url
        finally:
            process.terminate()


def _wait_until_up(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=5)
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise RuntimeError("The web server did not start.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", type=Path, default=ROOT / "docs" / "images")
    to, demo = parser.parse_args().to, demo_environment({})
    with tempfile.TemporaryDirectory() as lived:
        live(Path(lived), demo)
        somewhere = {**demo, "ROSTER_PLATFORM__DATA_DIR": lived}
        for file in [*take(to, demo), *take_dashboard(to, somewhere)]:
            print(file)
