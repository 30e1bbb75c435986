"""Long reads that are killed, refused or overtaken go on where they stopped.

The servers are this module's own, and count what they are asked; they kill the command
that reads them at the answer that a test chooses.
"""

from __future__ import annotations

import os
import random
import signal
import stat
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from roster_platform.errors import UnreachableError
from roster_platform.ingest.roster import load_endpoint
from tests.deployment import Deployment
from tests.forks import start_module
from tests.local_api import LocalApi, local_api
from tests.test_odd_pages import page, rank, user

INGEST = "roster_platform.ingest"
CONCURRENCY = 4
SECRET = "a-token-that-nobody-may-see"
PAGE_SIZE = 10
LARGE_PAGES = {"SOURCES__ROSTER_SOURCE__PAGE_SIZE": "100"}
_PATIENCE_SECONDS = 60


class Server:
    """One API of both kinds, whose records, words and clock a test sets."""

    def __init__(self) -> None:
        self.orders = [order(number) for number in range(400)]
        self.says_total = True
        self.ahead = timedelta()
        self.refused_once: set[str] = set()
        self.is_down_after: int | None = None
        self.kill_at: int | None = None
        self.victim: int | None = None
        self.answered = 0

    def __call__(self, request: Request) -> Response:
        self.answered += 1
        if self.answered == self.kill_at and self.victim:
            os.kill(self.victim, signal.SIGKILL)
        path = request.url.path
        page_number = request.query_params.get("page")
        if page_number in self.refused_once:
            self.refused_once.discard(page_number)
            return JSONResponse({"error": "no such cursor"}, 400)
        if self.is_down_after is not None and self.answered > self.is_down_after:
            return JSONResponse({"error": "later"}, 503)
        body = self._page(path) if "/roster/" in path else self._orders(request)
        date = format_datetime(datetime.now(UTC) + self.ahead, usegmt=True)
        return JSONResponse(body, headers={"Date": date})

    def _page(self, path: str) -> Any:
        number = path.removesuffix("/users").split("-")[-1]
        people = [user(f"{number}{n:02}", rank="Chief") for n in range(3)]
        if path.endswith("/users"):
            return people
        return page(rank("Chief", "R1", people), custom_title=f"Page {number}")

    def _orders(self, request: Request) -> Any:
        size = int(request.query_params["pageSize"])
        start = (int(request.query_params.get("page", 1)) - 1) * size
        answer: dict[str, Any] = {"data": self.orders[start : start + size]}
        if self.says_total:
            answer["pagination"] = {"totalCount": len(self.orders)}
        return answer


def order(number: int, total: float = 20.0) -> dict[str, Any]:
    return {
        "orderId": f"order-{number}",
        "orderNumber": str(number),
        "orderDate": "2026-03-01T00:00:00Z",
        "totalPrice": total,
        "subtotalPrice": total,
        "currency": "USD",
        "email": f"customer-{number}@example.test",
    }


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def api(server) -> Iterator[LocalApi]:
    with local_api(server) as running:
        yield running


@pytest.fixture
def deployment(api, tmp_path) -> Deployment:
    return deployed(api, tmp_path, [f"page-{number}" for number in range(4)])


def deployed(api: LocalApi, folder: Path, pages: list[str]) -> Deployment:
    roster, autorosters = (
        f"SOURCES__{name}_SOURCE__" for name in ("ROSTER", "AUTOROSTERS")
    )
    return Deployment(
        folder,
        {
            f"{roster}BASE_URL": api.url,
            f"{roster}ACCESS_TOKEN": SECRET,
            f"{roster}PAGE_SIZE": str(PAGE_SIZE),
            f"{roster}CONCURRENCY": str(CONCURRENCY),
            f"{autorosters}BASE_URL": api.url,
            f"{autorosters}API_KEY": SECRET,
            f"{autorosters}CONCURRENCY": str(CONCURRENCY),
            # A tight limit, in a test's time.
            f"{roster}REQUESTS_PER_MINUTE": "6000",
            f"{autorosters}REQUESTS_PER_MINUTE": "6000",
            f"{autorosters}PAGE_IDS": ",".join(pages),
        },
    )


def killed_at(
    count: int, server: Server, deployment: Deployment, *command: str
) -> bool:
    """Run a command that is killed while its ``count``-th request waits; whether it was."""
    server.answered, server.kill_at = 0, count
    process = start_module(
        INGEST, *command, environment=deployment.environment, output=os.devnull
    )
    server.victim = process.pid
    process.join(_PATIENCE_SECONDS)
    server.kill_at = server.victim = None
    assert process.exitcode is not None
    return process.exitcode != 0


def loaded(deployment: Deployment, *command: str, **environment: str) -> str:
    done = deployment.run(INGEST, *command, "--accept-fields", **environment)
    assert done.returncode == 0, done.stdout
    return done.stdout


def orders_of(deployment: Deployment) -> list[tuple]:
    return deployment.query(
        "select order_id, total_price, coalesce(is_deleted, false) "
        "from roster_data.orders order by all"
    )


def asked(api: LocalApi, path: str) -> Counter[str]:
    """How often each request of a path came, since it was last asked."""
    found = Counter(
        f"{where} {sorted(params.items())}"
        for where, params in api.requests
        if path in where
    )
    api.requests.clear()
    return found


def kept_files(deployment: Deployment) -> list[Path]:
    return [
        file
        for file in (deployment.folder / "unfinished_reads").rglob("*")
        if file.is_file()
    ]


def test_pages_of_a_run_that_is_killed_again_and_again_are_asked_once(
    server, api, tmp_path, is_long, tries
) -> None:
    count, kills = (400, 20) if is_long else (24, 3)
    pages = [f"page-{number}" for number in range(count)]
    deployment = deployed(api, tmp_path, pages)
    moments, tried = random.Random(4), tries("Killed in a long read")
    for _ in range(kills):
        tried()
        moment = moments.randint(1, 2 * count // kills)
        assert killed_at(moment, server, deployment, "autorosters")
    loaded(deployment, "autorosters")
    requests = asked(api, "/roster/")
    assert len(requests) == 2 * count
    assert requests.total() <= 2 * count + kills * CONCURRENCY
    for table in ("pages", "pages_versions"):
        rows = deployment.query(f"select page_id from autorosters_data.{table}")
        assert sorted(page_id for (page_id,) in rows) == sorted(pages)
    for table in ("users", "users_versions", "page_users", "page_users_versions"):
        of_table = f"autorosters_data.{table}"
        assert deployment.value(f"select count(*) from {of_table}") == 3 * count
    reads = deployment.query(
        "select endpoint, outcome, count(*) from autorosters_data._reads group by all"
    )
    assert sorted(reads) == [
        ("page_users", "complete", count),
        ("pages", "complete", count),
    ]
    assert kept_files(deployment) == []


def test_a_list_that_is_killed_again_and_again_goes_on(
    server, api, deployment, is_long, tries
) -> None:
    pages, kills = (240, 20) if is_long else (40, 3)
    server.orders = [order(number) for number in range(pages * PAGE_SIZE)]
    moments, tried = random.Random(7), tries("Killed in a long read")
    for _ in range(kills):
        moment = moments.randint(1, pages // kills)
        tried()
        assert killed_at(moment, server, deployment, "roster", "orders")
    loaded(deployment, "roster", "orders")
    requests = asked(api, "orders")
    assert len(requests) >= pages
    assert requests.total() <= len(requests) + kills * CONCURRENCY
    assert orders_of(deployment) == [
        (one["orderId"], one["totalPrice"], False)
        for one in sorted(server.orders, key=lambda one: one["orderId"])
    ]
    changes = deployment.query(
        "select _change, count(*) from roster_data.orders_versions group by all"
    )
    assert changes == [("inserted", len(server.orders))]


def test_what_is_kept_is_for_its_owner_only_and_holds_no_token(
    server, deployment
) -> None:
    assert killed_at(20, server, deployment, "roster", "orders")
    kept = [file for file in kept_files(deployment) if file.suffix == ".answers"]
    assert len(kept) == 1
    assert stat.S_IMODE(kept[0].stat().st_mode) == 0o600
    assert stat.S_IMODE(kept[0].parent.stat().st_mode) == 0o700
    assert b"customer-1@example.test" in kept[0].read_bytes()
    assert deployment.files_that_contain(SECRET) == []


def test_a_torn_end_costs_its_answer_only(server, api, deployment) -> None:
    killed_at(30, server, deployment, "roster", "orders")
    (kept,) = (file for file in kept_files(deployment) if file.suffix == ".answers")
    kept.write_bytes(kept.read_bytes()[:-7])
    asked(api, "orders")
    loaded(deployment, "roster", "orders")
    assert len(orders_of(deployment)) == 400
    assert asked(api, "orders").total() < 20


@pytest.mark.parametrize(
    ("how", "environment"),
    [
        (("--ask-again",), {}),
        ((), {"SOURCES__ROSTER_SOURCE__RESUME_WITHIN_MINUTES": "0"}),
        ((), {"SOURCES__ROSTER_SOURCE__ACCESS_TOKEN": "of-another-account"}),
    ],
)
def test_everything_is_asked_again(how, environment, server, api, deployment) -> None:
    killed_at(30, server, deployment, "roster", "orders")
    asked(api, "orders")
    server.orders[350] = order(350, total=99.0)
    loaded(deployment, "roster", "orders", *how, **environment)
    assert asked(api, "orders").total() >= 40
    assert ("order-350", 99.0, False) in orders_of(deployment)


def test_a_list_whose_beginning_has_changed_is_read_anew(
    server, api, deployment
) -> None:
    killed_at(30, server, deployment, "roster", "orders")
    asked(api, "orders")
    del server.orders[5]
    loaded(deployment, "roster", "orders")
    assert asked(api, "orders").total() >= 40
    assert len(orders_of(deployment)) == 399


def test_a_record_that_left_meanwhile_moves_no_other_out_of_sight(
    server, deployment
) -> None:
    """Behind the first page, only the total says that the pages no longer fit."""
    killed_at(30, server, deployment, "roster", "orders")
    del server.orders[15]
    loaded(deployment, "roster", "orders")
    assert len(orders_of(deployment)) == 399


def test_without_a_total_a_read_that_goes_on_deletes_nothing(
    server, deployment
) -> None:
    server.says_total = False
    loaded(deployment, "roster", "orders")
    killed_at(30, server, deployment, "roster", "orders", "--full-read")
    # Each later record moves up; one was on no page that was read.
    del server.orders[15]
    loaded(deployment, "roster", "orders", "--full-read")
    assert not any(is_deleted for *_, is_deleted in orders_of(deployment))
    loaded(deployment, "roster", "orders", "--full-read")
    gone = [order_id for order_id, _, is_deleted in orders_of(deployment) if is_deleted]
    assert gone == ["order-15"]


def test_what_is_old_by_the_apis_own_clock_is_asked_again(
    server, api, deployment
) -> None:
    killed_at(6, server, deployment, "autorosters")
    asked(api, "/roster/")
    server.ahead = timedelta(days=1)
    loaded(
        deployment,
        "autorosters",
        SOURCES__AUTOROSTERS_SOURCE__CLOCK_TOLERANCE_SECONDS="1e6",
    )
    assert asked(api, "/roster/").total() == 8


def test_what_landed_meanwhile_is_newer_than_what_was_kept(
    server, api, deployment
) -> None:
    killed_at(30, server, deployment, "roster", "orders")
    kept = {file: file.read_bytes() for file in kept_files(deployment)}
    server.orders[350] = order(350, total=99.0)
    loaded(deployment, "roster", "orders", "--ask-again")
    # As if the read that died had held its file until now.
    for file, content in kept.items():
        file.write_bytes(content)
    loaded(deployment, "roster", "orders")
    assert ("order-350", 99.0, False) in orders_of(deployment)
    assert kept_files(deployment) == []


def test_a_cursor_that_has_expired_costs_a_read_and_no_run(
    server, api, deployment
) -> None:
    killed_at(30, server, deployment, "roster", "orders")
    asked(api, "orders")
    server.refused_once = {"38"}
    loaded(deployment, "roster", "orders")
    assert len(orders_of(deployment)) == 400
    pages = Counter(params["page"] for _, params in api.requests)
    # Refused once, and then every page was asked.
    assert pages["38"] == 2
    assert pages["2"] == 1
    assert not server.refused_once


def test_a_retry_in_the_same_process_continues(
    server, api, deployment, monkeypatch
) -> None:
    """As Dagster's retries do, after an outage."""
    for name, value in deployment.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SOURCES__ROSTER_SOURCE__MAX_ATTEMPTS", "1")
    server.is_down_after = 25
    with pytest.raises(UnreachableError), load_endpoint("orders"):
        pass
    assert asked(api, "orders").total() >= 25
    server.is_down_after = None
    with load_endpoint("orders") as load:
        assert load.report.resumed >= 20
    assert asked(api, "orders").total() <= 40 - 20
    assert len(orders_of(deployment)) == 400
    assert kept_files(deployment) == []


def test_another_read_leaves_what_is_kept(server, api, deployment) -> None:
    """Also one that keeps nothing itself."""
    killed_at(30, server, deployment, "roster", "orders")
    gone = deployment.folder / "unfinished_reads" / "roster.posts" / "gone.answers"
    gone.parent.mkdir()
    # As one that another process deletes as soon as it was listed.
    gone.symlink_to(gone.with_name("nothing"))
    window = {"SOURCES__AUTOROSTERS_SOURCE__RESUME_WITHIN_MINUTES": "0"}
    loaded(deployment, "autorosters", "--page", "page-1", **window)
    asked(api, "orders")
    loaded(deployment, "roster", "orders")
    assert asked(api, "orders").total() < 20


def test_a_drop_is_not_confirmed_by_the_answer_that_said_it(
    server, api, deployment
) -> None:
    loaded(deployment, "roster", "orders")
    everything = server.orders
    server.orders = everything[:15]
    rejected = deployment.run(INGEST, "roster", "orders", "--full-read")
    assert rejected.returncode == 1
    assert kept_files(deployment) == []
    server.orders = everything
    loaded(deployment, "roster", "orders", "--full-read")
    assert not any(is_deleted for *_, is_deleted in orders_of(deployment))


def test_a_long_read_lands_in_parts_that_leave_what_one_leaves(
    server, deployment
) -> None:
    whole = {"SOURCES__ROSTER_SOURCE__LAND_EVERY_SECONDS": "3600"}
    deployment.environment |= LARGE_PAGES
    parts = {
        f"SOURCES__{name}_SOURCE__LAND_EVERY_SECONDS": "0"
        for name in ("ROSTER", "AUTOROSTERS")
    }
    loaded(deployment, "roster", "orders", **whole)
    server.orders[200:230] = [order(number, 5.0) for number in range(200, 230)]
    del server.orders[100]
    loaded(deployment, "roster", "orders", "--full-read", **parts)
    loads = "select count(distinct _dlt_load_id) from {}"
    of_orders = loads.format("roster_data.orders")
    # The first read, two pages with changes, and what is marked as deleted.
    assert deployment.value(of_orders) == 4
    assert deployment.value(loads.format("roster_data._reads")) == 2
    changes = deployment.query(
        "select _change, count(*) from roster_data.orders_versions group by all"
    )
    assert dict(changes) == {"inserted": 400, "updated": 30, "deleted": 1}
    loaded(deployment, "autorosters", **parts)
    of_pages = loads.format("autorosters_data.users")
    assert deployment.value(of_pages) == 4
    versions = "select count(*) from autorosters_data.users_versions"
    assert deployment.value(versions) == 12


def test_a_part_that_landed_stays_when_the_read_is_killed(server, deployment) -> None:
    deployment.environment |= LARGE_PAGES
    deployment.environment["SOURCES__ROSTER_SOURCE__LAND_EVERY_SECONDS"] = "0"
    assert killed_at(4, server, deployment, "roster", "orders")
    rows = deployment.value("select count(*) from roster_data.orders")
    versions = deployment.value("select count(*) from roster_data.orders_versions")
    assert rows
    assert rows - versions in (0, 100)
    loaded(deployment, "roster", "orders")
    changes = deployment.query(
        "select _change, count(*) from roster_data.orders_versions group by all"
    )
    assert changes == [("inserted", 400)]
