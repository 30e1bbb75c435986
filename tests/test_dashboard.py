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
from datetime import date
from pathlib import Path

import dagster as dg
import duckdb
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from roster_platform.cli import main
from roster_platform.dashboard import charts
from roster_platform.dashboard.choices import by_label
from roster_platform.dashboard.elements import Link, anchor
from roster_platform.dashboard.queries import (
    QUESTIONS,
    Filters,
    NothingPublishedError,
    Published,
    people,
)
from roster_platform.dashboard.report import write_report
from roster_platform.dashboard.sections import people as people_sections
from roster_platform.dashboard.sections import sections
from roster_platform.publish.marts import publish_marts
from roster_platform.settings.platform import PlatformSettings
from roster_platform.warehouse.warehouse import Warehouse
from tests.dbt.raw_warehouse import RawWarehouse, declared_tables
from tests.deployment import ROOT, Deployment
from tests.doors import listening
from tests.published_marts import publish_rows
from tests.worlds import Worlds, world

PATIENCE_MS = 60_000


@pytest.fixture(scope="module")
def deployment(worlds: Worlds, tmp_path_factory) -> Iterator[Deployment]:
    """Two days loaded, built, published and reported by Dagster."""
    with world() as sandbox:
        yield worlds.next_days(tmp_path_factory.mktemp("dashboard"), sandbox)


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
def watched(browser: Browser, width: int = 1280) -> Iterator[Page]:
    """A page, as wide as a laptop's, that asks nobody else and logs no error."""
    page = browser.new_page(viewport={"width": width, "height": 900})
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
        deployment, "select sum(page_member_count) from marts.dim_roster_pages"
    )
    active = value(
        deployment,
        "select count(*) from marts.dim_members "
        "where is_active and source_system = 'roster'",
    )
    best = value(
        deployment,
        "select full_name from marts.dim_members where member_key = ("
        "select member_key from marts.fct_orders where attribution_type = 'referred' "
        "and order_currency = 'USD' and date_day >= ("
        "select cast(max(last_read_at) as date) - 90 from marts.rpt_data_freshness) "
        "group by member_key order by sum(net_amount) desc limit 1)",
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


A4 = {"width": 703, "height": 1030}
"""What fits between the margins, in CSS pixels."""


def cut_off(page: Page) -> list[str]:
    """The panels of which a part cannot be seen."""
    return page.evaluate(
        """[...document.querySelectorAll(
            '.roster figure, .roster figure div, .roster .tile')]
        .filter(e => e.scrollWidth > e.clientWidth + 1
            || (getComputedStyle(e).overflowY !== 'visible'
                && e.scrollHeight > e.clientHeight + 1))
        .map(e => e.innerText.slice(0, 40))"""
    )


def test_the_report_prints(deployment, browser) -> None:
    with watched(browser) as page:
        page.goto((deployment.folder / "published" / "report.html").as_uri())
        page.emulate_media(media="print")
        page.set_viewport_size(A4)
        assert cut_off(page) == []
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
def dashboard(folder: Path, **environment: str) -> Iterator[str]:
    """The marimo app, as `make dashboard` runs it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "roster_platform.cli", "dashboard"]
    with subprocess.Popen(
        [*command, "--headless", "--port", str(port)],
        cwd=ROOT,
        env={**os.environ, "ROSTER_PLATFORM__DATA_DIR": str(folder), **environment},
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


@pytest.fixture(scope="module")
def served(deployment: Deployment) -> Iterator[str]:
    """The address of the dashboard of the deployment."""
    with dashboard(deployment.folder) as url:
        yield url


def test_the_dashboard_filters_by_page(deployment, browser, served, tries) -> None:
    title, members = (
        duckdb.connect(
            str(deployment.folder / "published" / "roster.duckdb"), read_only=True
        )
        .sql(
            "select page_title, page_member_count from marts.dim_roster_pages "
            "where not is_placeholder order by page_title limit 1"
        )
        .fetchall()[0]
    )
    everybody = value(
        deployment, "select sum(page_member_count) from marts.dim_roster_pages"
    )
    with watched(browser) as page:
        tries("Listening ports")()
        assert listening() == {"127.0.0.1"}
        page.goto(served)
        page.get_by_text("Data freshness").first.wait_for(timeout=PATIENCE_MS)
        assert tile(page, "Headcount") == f"{everybody:,}"
        page.get_by_label("Page", exact=True).select_option(label=title)
        page.locator(
            f".tile:has(span:text-is('Headcount')) b:text-is('{members}')"
        ).wait_for(timeout=PATIENCE_MS)


def test_a_member_and_a_page_have_pages_of_their_own(
    deployment, browser, served
) -> None:
    seller, orders, amount = rows(
        deployment,
        "select full_name, count(*), sum(net_amount) filter "
        "(attribution_type = 'referred') from marts.fct_orders "
        "join marts.dim_members using (member_key) where order_currency = 'USD' "
        "and member_key = (select member_key from marts.rpt_member_performance "
        "order by referral_revenue desc nulls last limit 1) group by full_name",
    )[0]
    page_key, title, url, member = rows(
        deployment,
        "select page_key, page_title, public_url, min(full_name) from "
        "marts.dim_roster_pages join marts.rpt_activity_status using (page_key) join "
        "marts.dim_members using (member_key) group by all order by page_title limit 1",
    )[0]
    with watched(browser, 390) as page:
        page.goto(served)
        page.get_by_label("Members", exact=True).click(timeout=PATIENCE_MS)
        page.get_by_label("Find a member").fill(seller)
        page.get_by_label("Find a member").press("Enter")
        page.locator(f"h2:text-is({seller!r})").wait_for(timeout=PATIENCE_MS)
        assert tile(page, f"Referral revenue, {orders} orders") == f"{amount:,.2f} USD"
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.goto(f"{served}/?page={page_key}")
        page.locator(f"h2:text-is({title!r})").wait_for(timeout=PATIENCE_MS)
        assert page.get_by_role("link", name=url).get_attribute("href") == url
        page.get_by_role("link", name=member).first.click()
        page.locator(f"h2:text-is({member!r})").wait_for(timeout=PATIENCE_MS)
        assert page.get_by_role("link", name=title).count() >= 1
        page.emulate_media(media="print")
        page.set_viewport_size(A4)
        assert cut_off(page) == []
        assert page.pdf(format="A4").count(b"/Type /Page\n") >= 1
        page.emulate_media(media="screen")
        page.get_by_label("Exports", exact=True).click(timeout=PATIENCE_MS)
        for name, ending in (("CSV", "csv"), ("Excel (XLSX)", "xlsx")):
            with page.expect_download(timeout=PATIENCE_MS) as downloading:
                page.get_by_text(name, exact=True).click()
            published = deployment.folder / "published" / "exports"
            same = published / downloading.value.suggested_filename
            assert same.suffix == f".{ending}"
            assert Path(downloading.value.path()).read_bytes() == same.read_bytes()


def rows(deployment: Deployment, sql: str) -> list[tuple]:
    path = str(deployment.folder / "published" / "roster.duckdb")
    with duckdb.connect(path, read_only=True) as database:
        return database.sql(sql).fetchall()


def test_a_password_is_asked_for_before_anything_is_shown(tmp_path, browser) -> None:
    publish_rows(tmp_path, {"rpt_data_freshness": [READ], "dim_members": [ADA]})
    password = "correct horse"  # pragma: allowlist secret
    with (
        dashboard(tmp_path, ROSTER_PLATFORM__DASHBOARD__PASSWORD=password) as url,
        watched(browser) as page,
    ):
        for path in ("/", "/api/status"):
            answer = page.request.get(f"{url}{path}", max_redirects=0)
            assert answer.status in (303, 401), path
        running = Path("/proc").glob("[0-9]*/cmdline")
        assert not any(password.encode() in read(path) for path in running)
        page.goto(url)
        page.locator("input[type=password]").fill(password)
        page.locator("input[type=password]").press("Enter")
        page.get_by_text("Data freshness").first.wait_for(timeout=PATIENCE_MS)


def read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_nobody_else_sees_it_without_a_password(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("ROSTER_PLATFORM__DATA_DIR", str(tmp_path))
    assert main(["dashboard", "--host", "0.0.0.0", "--headless"]) == 1
    assert "ROSTER_PLATFORM__DASHBOARD__PASSWORD" in capsys.readouterr().err


READ_AT = "2026-03-16 06:00:00+00"
READ = {"source_system": "roster", "subject": "orders", "last_read_at": READ_AT}
ADA = {
    "member_key": "a",
    "person_key": "x",
    "source_system": "roster",
    "source_id": "1",
    "full_name": "<b>Ada</b>",
}


def shown_of(tmp_path, filters: Filters, *, links: bool = False, **more: list) -> str:
    """The sections over a few literal rows."""
    order = {
        "member_key": "a",
        "program_key": "p",
        "date_day": "2026-03-10",
        "order_currency": "USD",
        "attribution_type": "referred",
        "net_amount": -1234.5,
    }
    published = Published(
        publish_rows(
            tmp_path,
            {
                "rpt_data_freshness": [READ],
                "dim_members": [ADA],
                "fct_orders": [order],
                **more,
            },
        )
    )
    return "".join(part.html for part in sections(published, filters, links=links))


def test_money_has_two_decimals_and_its_currency_and_names_are_text(tmp_path) -> None:
    html = shown_of(tmp_path, Filters(currency="USD"), links=True)
    assert "-1,234.50 USD" in html
    assert '<a href="?member=a" target="_self">&lt;b&gt;Ada&lt;/b&gt;</a>' in html
    assert "<b>Ada" not in html
    assert "?member=" not in shown_of(tmp_path, Filters(currency="USD"))


def test_a_panel_says_which_filters_do_not_hold(tmp_path) -> None:
    filters = Filters("USD", "p", "g", date(2026, 3, 1))
    for question, words in {
        "top_members": {"page"},
        "active_members": {"period", "page"},
        "orders_by_attribution": {"page", "currency"},
        "time_in_rank": {"period", "program"},
        "movement": {"program"},
        "campaigns": {"page"},
    }.items():
        assert filters.ignored_by(question) == words, question
    assert Filters(currency="USD").ignored_by("time_in_rank") == set()
    html = shown_of(tmp_path, filters)
    programs = html[: html.index("Campaigns and community")]
    # The section says once what holds for none of its panels.
    assert programs.count("Not filtered by page.") == 1
    assert (
        "<span>Active members</span><small>Not filtered by period.</small>" in programs
    )


def test_a_line_is_straight_between_its_points() -> None:
    days = [
        {"day": date(2026, 3, day), "members": day % 3, "program": "p"}
        for day in (1, 2, 9)
    ]
    drawn = charts.svg(charts.lines(days, "day", "members", "program"))
    (line,) = re.findall(r'aria-roledescription="line mark"[^>]* d="([^"]+)"', drawn)
    assert "C" not in line
    assert line.count("L") == 2


def test_a_link_of_an_api_is_followed_only_when_it_is_a_web_address() -> None:
    assert anchor(Link("x", "javascript:alert(1)")) == "x"
    assert anchor(Link("<", 'https://a/?"><')).count("<") == 2


def test_two_pages_of_one_title_can_both_be_chosen() -> None:
    found = by_label(
        [
            {"n": "PD", "k": "aaaaaaaa1"},
            {"n": "PD", "k": "bbbbbbbb2"},
            {"n": "X", "k": "c"},
        ],
        "n",
        "k",
    )
    assert list(found.values()) == ["aaaaaaaa1", "bbbbbbbb2", "c"]
    assert list(found)[2] == "X"


@pytest.mark.parametrize("question", people.QUESTIONS)
def test_every_question_about_a_member_or_page_is_answered(
    deployment, question
) -> None:
    published = Published(deployment.folder / "published")
    pages = [row["page_key"] for row in published.ask("pages")]
    members = [m["member_key"] for m in published.about("find_members", search="")]
    assert any(
        published.about(question, search=key, member_key=key, page_key=page)
        for page in pages
        for key in members
    )


def test_a_page_shows_who_holds_which_certification(deployment) -> None:
    published = Published(deployment.folder / "published")
    page = published.ask("pages")[0]["page_key"]
    html = people_sections.roster_page(published, page).html
    panel = html[html.index("Certifications") : html.index("Patrol hours by month")]
    assert "<svg" in panel
    assert "Nothing to show" not in panel


def test_without_a_published_file_the_dashboard_says_what_to_run(
    tmp_path, browser
) -> None:
    with dashboard(tmp_path) as url, watched(browser) as page:
        page.goto(url)
        page.get_by_text("Materialize the asset published/marts").first.wait_for(
            timeout=PATIENCE_MS
        )
    with pytest.raises(NothingPublishedError, match="make demo"):
        Published(tmp_path).last_day()


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
    if question == "incomplete":
        assert published.ask(question) == []
        return
    # Some ask for one page's members, some for what happens on one page of many.
    assert published.ask(question, Filters(default.currency)) or published.ask(
        question, Filters(default.currency, None, page)
    )


def test_the_report_says_what_is_incomplete_and_never_zero(tmp_path, browser) -> None:
    """Orders came without amounts, events were refused, one page could not be read."""
    made = RawWarehouse(tmp_path)
    made.create(declared_tables())
    read_at = "2026-03-01T10:00:00Z"
    made.load_page("open", read_at, ranks=["chief"], users=[])
    order = {"order_id": "1", "currency": "USD", "created_at": "2026-02-28T10:00:00Z"}
    made.add("roster_data.orders", [order], read_at)
    for source, endpoint, part, reason in (
        ("roster", "events", "", "Refused (403): this is not in the plan <b>."),
        ("autorosters", "pages", "shut", "The API answered 500."),
    ):
        made.query(
            f"insert into {source}_data._reads (endpoint, part, outcome, proof, read_at) "
            f"values ('{endpoint}', '{part}', 'failed', '{reason}', '{read_at}')"
        )
    made.build(
        "--exclude-resource-type", "test", "--exclude-resource-type", "unit_test"
    )
    publish_marts(Warehouse(PlatformSettings(data_dir=str(tmp_path))))
    path, _ = write_report(tmp_path / "published")
    with watched(browser) as page:
        page.goto(path.as_uri())
        lines = page.locator("aside.notice li").all_inner_texts()
        assert "events: Refused (403): this is not in the plan <b>." in " ".join(lines)
        assert any(line.startswith("pages (shut): The API answered") for line in lines)
        assert any("1 of 1 records come without totalPrice" in line for line in lines)
        for name in ("Referral revenue", "Commission", "Active members"):
            assert tile(page, name).startswith("not known"), name
        assert page.get_by_text("Top members since").count() == 1
