"""Numbers that an API does not give are not known, in every mart and in the report."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from roster_platform.sandbox import Sandbox, running_sandbox
from tests.deployment import Deployment
from tests.local_api import local_api

AMOUNTS = ("subtotalPrice", "totalPrice", "refundedAmount")


class OtherServer:
    """The sandbox's facts as another server, which announces more orders than it sends.

    They have no amounts, events are refused, posts are wrapped deeper, and of the likes
    there is one object instead of the list.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._url = sandbox.url

    def __call__(self, request: Request) -> Response:
        path = request.url.path
        if path == "/v2/events":
            return JSONResponse({"error": "not in your plan"}, status_code=403)
        asked = urllib.request.Request(
            f"{self._url}{path}?{request.url.query}",
            headers={"Authorization": request.headers["Authorization"]},
        )
        try:
            with urllib.request.urlopen(asked) as answer:
                body = json.load(answer)
        except urllib.error.HTTPError as error:
            return Response(error.read(), error.code)
        if path == "/v2/orders":
            body = {"data": body["data"], "meta": {"total_items": 300}}
            for order in body["data"]:
                for name in AMOUNTS:
                    order.pop(name, None)
        if path == "/v2/community/posts":
            body = {"result": {"items": body["result"]}}
        if path == "/v2/community/likes":
            body = {"result": body["result"][0] if body["result"] else {}}
        return JSONResponse(body)


@pytest.fixture(scope="module")
def deployment(tmp_path_factory) -> Iterator[Deployment]:
    """Read and built by Dagster's jobs; Auto Rosters has no key, so it is off."""
    folder: Path = tmp_path_factory.mktemp("unknown")
    with (
        running_sandbox(orders=60, pages=1, members=5) as sandbox,
        local_api(OtherServer(sandbox)) as api,
    ):
        made = Deployment(
            folder,
            {
                **sandbox.environment,
                "SOURCES__ROSTER_SOURCE__BASE_URL": api.url,
                "SOURCES__ROSTER_SOURCE__MAX_ATTEMPTS": "1",
                "SOURCES__AUTOROSTERS_SOURCE__API_KEY": "",
                "ROSTER_PLATFORM__MAPPINGS_DIR": str(folder / "mappings"),
            },
        )
        job = ("dagster", "job", "execute", "-m", "roster_platform.definitions", "-j")
        read = made.run(*job, "reads")
        assert read.returncode == 1, read.stdout[-3000:]
        assert not made.step_outcomes()["roster__events"]
        built = made.run(*job, "models")
        assert built.returncode == 0, built.stdout[-5000:]
        yield made


def published(deployment: Deployment, sql: str) -> list[tuple[Any, ...]]:
    path = deployment.folder / "published" / "roster.duckdb"
    with duckdb.connect(str(path), read_only=True) as database:
        return database.sql(sql).fetchall()


def test_amounts_that_never_came_are_not_zero(deployment) -> None:
    assert published(
        deployment,
        "select count(*) > 0, count(total_amount), count(subtotal_amount) "
        "from marts.fct_orders",
    ) == [(True, 0, 0)]
    assert published(
        deployment,
        "select count(total_revenue), count(link_revenue) "
        "from marts.rpt_program_daily where order_count > 0",
    ) == [(0, 0)]


def test_an_order_whose_people_could_not_be_read_is_unknown(deployment) -> None:
    types = dict(
        published(
            deployment,
            "select attribution_type, count(*) from marts.fct_orders group by all",
        )
    )
    assert types.get("unknown", 0) > 0
    assert "none" not in types


def test_what_is_not_known_is_named_with_its_reason(deployment) -> None:
    reasons = dict(
        published(
            deployment,
            "select input_name, reason from marts.rpt_incomplete_inputs "
            "where input_part is null",
        )
    )
    assert "403" in reasons["events"]
    assert "300" in reasons["orders"]
    for name in ("orders", "posts", "likes"):
        assert f"resource '{name}' in {deployment.folder}" in reasons[name]
    report = (deployment.folder / "published" / "report.html").read_text()
    assert "not in your plan" in report


def test_a_check_of_coverage_fails_and_the_marts_are_published(deployment) -> None:
    with dg.DagsterInstance.from_config(str(deployment.home)) as instance:
        (run,) = instance.get_runs(limit=1)
        failed = {
            record.event_log_entry.dagster_event.event_specific_data.check_name
            for record in instance.get_records_for_run(
                run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION
            ).records
            if not record.event_log_entry.dagster_event.event_specific_data.passed
        }
    assert any("coverage" in name for name in failed)


def test_the_command_lists_the_reads_that_found_too_little(deployment) -> None:
    done = deployment.run("roster_platform.cli", "reads", COLUMNS="200")
    assert done.returncode == 1
    assert "events" in done.stdout
    assert "403" in done.stdout
