"""The report and the dashboard in a real browser, with the numbers of the marts."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import duckdb
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from roster_platform.dashboard.queries import (
    QUESTIONS,
    Filters,
    NothingPublishedError,
    Published,
)
from roster_platform.sandbox import running_sandbox
from tests.deployment import ROOT, Deployment
from tests.doors import listening

PATIENCE_MS = 60_000


@pytest.fixture(scope="module")
def deployment(tmp_path_factory) -> Iterator[Deployment]:
    """Two days, the second one loaded, published and reported by Dagster."""
    with running_sandbox(orders=250, pages=3, members=10) as sandbox:
        made = Deployment(tmp_path_factory.mktemp("dashboard"), sandbox.environment)
        made.load_and_build()
        sandbox.advance(1)
        done = made.materialize_everything()
        assert done.returncode == 0, done.stdout[-5000:]
        yield made


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=["--no-sandbox", "--disable-gpu"],
        )
        yield opened
        opened.close()


@contextmanager
def watched(browser: Browser) -> Iterator[Page]:
    """A page at laptop width that asks nobody else and logs no error."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    asked: list[str] = []
    errors: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on(
        "console",
        lambda said: errors.append(said.text) if said.type == "error" else None,
    )
    yield page
    foreign = re.compile(
        r"^(?!(file|data|blob):)(?!\w+://(127\.0\.0\.1|localhost)[:/])"
    )
    assert [url for url in asked if foreign.match(url)] == []
    assert errors == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.close()


def value(deployment: Deployment, sql: str):
    path = str(deployment.folder / "published" / "roster.duckdb")
    with duckdb.connect(path, read_only=True) as database:
        return database.sql(sql).fetchall()[0][0]


def tile(page: Page, name: str) -> str:
    """The number over a name."""
    return page.locator(f".tile:has(span:text-is({name!r})) b").inner_text()


def test_the_report_shows_the_marts_numbers_and_needs_no_network(
    deployment, browser
) -> None:
    report = deployment.folder / "published" / "report.html"
    headcount = value(
        deployment, "select sum(member_count) from marts.dim_roster_pages"
    )
    active = value(
        deployment,
        "select count(*) from marts.dim_members "
        "where is_active and source_system = 'roster'",
    )
    best = value(
        deployment,
        "select full_name from marts.dim_members where member_key = ("
        "select member_key from marts.rpt_member_performance "
        "where currency = 'USD' order by revenue_rank limit 1)",
    )
    with watched(browser) as page:
        page.goto(report.as_uri())
        assert page.locator("h2").all_inner_texts() == [
            "Ambassador programs",
            "Campaigns and community",
            "Roster health",
            "Data freshness",
        ]
        assert tile(page, "Headcount") == f"{headcount:,}"
        assert tile(page, "Active members") == f"{active:,}"
        assert page.get_by_text(best).count() >= 1
        assert page.locator("figure svg").count() >= 10
        assert page.get_by_text("Nothing to show").count() <= 1


def test_the_report_prints(deployment, browser) -> None:
    with watched(browser) as page:
        page.goto((deployment.folder / "published" / "report.html").as_uri())
        printed = page.pdf(format="A4", print_background=True)
    pages = len(re.findall(rb"/Type\s*/Page\b", printed))
    assert printed.startswith(b"%PDF")
    assert 2 <= pages <= 8


def test_the_report_is_linked_and_pictured_in_dagster(deployment) -> None:
    with dg.DagsterInstance.from_config(str(deployment.home)) as instance:
        event = instance.get_latest_materialization_event(
            dg.AssetKey(["published", "report"])
        )
    metadata = event.asset_materialization.metadata
    assert Path(metadata["report"].value).exists()
    for plot in ("Revenue by week and attribution", "Headcount by rank"):
        assert "data:image/svg+xml;base64," in metadata[plot].value


@contextmanager
def dashboard(folder: Path) -> Iterator[str]:
    """The marimo app, as `make dashboard` runs it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "marimo",
        "run",
        "roster_platform/dashboard/app.py",
    ]
    with subprocess.Popen(
        [*command, "--headless", "--port", str(port)],
        cwd=ROOT,
        env={**os.environ, "ROSTER_PLATFORM__DATA_DIR": str(folder)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        url = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + PATIENCE_MS / 1000
        while True:
            try:
                urllib.request.urlopen(f"{url}/health", timeout=5)
                break
            except (urllib.error.URLError, OSError):
                assert time.monotonic() < deadline, "The dashboard did not start"
                time.sleep(0.2)
        try:
            yield url
        finally:
            process.terminate()


def test_the_dashboard_filters_by_page(deployment, browser, tries) -> None:
    title, members = (
        duckdb.connect(
            str(deployment.folder / "published" / "roster.duckdb"), read_only=True
        )
        .sql(
            "select page_title, member_count from marts.dim_roster_pages "
            "order by page_title limit 1"
        )
        .fetchall()[0]
    )
    everybody = value(
        deployment, "select sum(member_count) from marts.dim_roster_pages"
    )
    with dashboard(deployment.folder) as url, watched(browser) as page:
        tries("Open doors")()
        assert listening() == {"127.0.0.1"}
        page.goto(url)
        page.get_by_text("Data freshness").first.wait_for(timeout=PATIENCE_MS)
        assert tile(page, "Headcount") == f"{everybody:,}"
        page.get_by_label("Page", exact=True).select_option(label=title)
        page.locator(
            f".tile:has(span:text-is('Headcount')) b:text-is('{members}')"
        ).wait_for(timeout=PATIENCE_MS)


def test_without_a_published_file_the_dashboard_says_what_to_run(
    tmp_path, browser
) -> None:
    with dashboard(tmp_path) as url, watched(browser) as page:
        page.goto(url)
        page.get_by_text("Materialize the asset published/marts").first.wait_for(
            timeout=PATIENCE_MS
        )
    with pytest.raises(NothingPublishedError, match="make demo"):
        Published(tmp_path).ask("scope")


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_question_is_answered_under_every_filter(deployment, question) -> None:
    published = Published(deployment.folder / "published")
    default = published.default_filters()
    program = published.ask("programs")[0]["program_key"]
    page = published.ask("pages")[0]["page_key"]
    for filters in (
        default,
        Filters(default.currency, program, page, default.since),
        Filters(currency="XXX"),
    ):
        assert isinstance(published.ask(question, filters), list)
    # Some ask for one page's members, some for what happens on one page of many.
    assert published.ask(question, Filters(default.currency)) or published.ask(
        question, Filters(default.currency, None, page)
    )
