"""Take the README's screenshots of the Dagster web UI, on the demo's data.

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
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from roster_platform.sandbox.demo import ROOT, demo_environment

_PATIENCE_MS = 60_000
_WIDTH, _HEIGHT = 1440, 900
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
    zoom_out: int = 0
    """Turns of the mouse wheel over the middle, for graphs larger than the window."""


VIEWS = (
    View(
        "asset-graph",
        "/locations/roster_platform/asset-groups/marts/lineage",
        ("dim_members", "fct_orders"),
        zoom_out=6,
    ),
    View("asset", "/assets/roster/orders", ("Row count", "order_id", "data-platform")),
    View("run", "/runs/{run_id}", ("Success", "dbt_models", "RUN_SUCCESS")),
)


def take(folder: Path, environment: Mapping[str, str]) -> list[Path]:
    """Take every screenshot into ``folder``; returns the files.

    Raises playwright's TimeoutError when a page does not show what it must.
    """
    folder.mkdir(parents=True, exist_ok=True)
    taken = []
    with _webserver(environment) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=list(_CHROMIUM_FLAGS)
        )
        page = browser.new_page(viewport={"width": _WIDTH, "height": _HEIGHT})
        for view in VIEWS:
            taken.append(_shoot(page, url, view, folder))
        browser.close()
    return taken


def _shoot(page: Page, url: str, view: View, folder: Path) -> Path:
    path = view.path
    if "{run_id}" in path:
        path = path.format(run_id=_last_successful_run(url))
    page.goto(url + path)
    if view.zoom_out:
        _zoom_out(page, view)
    for text in view.texts:
        page.get_by_text(text).first.wait_for(timeout=_PATIENCE_MS, state="visible")
    page.wait_for_load_state("networkidle")
    target = folder / f"{view.name}.png"
    page.screenshot(path=target)
    return target


def _zoom_out(page: Page, view: View) -> None:
    """Make a graph fit: what is outside of the window is not on the page at all."""
    page.get_by_text("Materialize all").first.wait_for(timeout=_PATIENCE_MS)
    page.wait_for_load_state("networkidle")
    page.mouse.move(_WIDTH * 0.6, _HEIGHT * 0.6)
    page.keyboard.down("Control")
    for _ in range(view.zoom_out):
        page.mouse.wheel(0, 100)
        page.wait_for_timeout(300)
    page.keyboard.up("Control")


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
def _webserver(environment: Mapping[str, str]) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "dagster_webserver", "-h", "127.0.0.1"]
    with subprocess.Popen(
        [*command, "-p", str(port), "-w", "workspace.yaml"],
        cwd=ROOT,
        env=dict(environment),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        url = f"http://127.0.0.1:{port}"
        try:
            _wait_until_up(f"{url}/server_info", process)
            yield url
        finally:
            process.terminate()


def _wait_until_up(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _PATIENCE_MS / 1000
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=5)
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise RuntimeError("The Dagster web server did not start.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", type=Path, default=ROOT / "docs" / "images")
    for file in take(parser.parse_args().to, demo_environment({})):
        print(file)
