"""Loading without Dagster: the command line, the plain source, incremental reads."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from roster_platform.sandbox import Sandbox, running_sandbox
from roster_platform.settings.platform import PlatformSettings
from roster_platform.warehouse.warehouse import Warehouse
from tests.deployment import Deployment

INGEST = "roster_platform.ingest"
ENDPOINTS = "SOURCES__ROSTER_SOURCE__ENDPOINTS"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    options = {"orders": 900, "pages": 2, "members": 5}
    with running_sandbox(updated_after_param="updatedAfter", **options) as running:
        yield running


@pytest.fixture
def deployment(sandbox: Sandbox, tmp_path) -> Deployment:
    return Deployment(tmp_path, sandbox.environment)


def order_requests(sandbox: Sandbox) -> int:
    """Requests for orders since the last time this was asked."""
    asked = sandbox.get("requests")
    sandbox.delete("/admin/requests")
    return sum(
        sum(by_status.values()) if isinstance(by_status, dict) else by_status
        for path, by_status in asked["paths"].items()
        if path.endswith("/v2/orders")
    )


def test_chosen_resources_load_and_dlts_own_commands_see_them(deployment) -> None:
    done = deployment.run(INGEST, "roster", "channels", "programs")
    assert done.returncode == 0, done.stdout
    assert deployment.value("select count(*) from roster_data.channels") > 0
    assert set(deployment.row_counts()) == {
        "roster_data.channels",
        "roster_data.channels_versions",
        "roster_data.programs",
        "roster_data.programs_versions",
        "roster_data.programs__commission_tiers",
        "roster_data.programs__commission_tiers_versions",
    }
    info = deployment.run("dlt", "pipeline", "roster_pipeline", "info")
    assert info.returncode == 0, info.stdout
    assert "channels" in info.stdout


def test_configured_pages_and_one_user_load(deployment) -> None:
    done = deployment.run(INGEST, "autorosters")
    assert done.returncode == 0, done.stdout
    page = deployment.page_ids[0]
    (user, hours) = deployment.query(
        f"select discord_id, patrol_hours from autorosters_data.page_users "
        f"where page_id = '{page}'"
    )[0]
    users = deployment.value("select count(*) from autorosters_data.page_users")
    done = deployment.run(INGEST, "autorosters", "--page", page, "--user", user)
    assert done.returncode == 0, done.stdout
    assert deployment.value("select count(*) from autorosters_data.page_users") == users
    assert hours == deployment.value(
        f"select max(patrol_hours) from autorosters_data.page_users "
        f"where page_id = '{page}' and discord_id = '{user}'"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("roster", "oders"), "Roster has no resource oders"),
        (("autorosters", "--page", "../x"), "is not an Auto Rosters page id"),
        (("autorosters", "--page", "nobodys"), "Roster page not found"),
        (("autorosters", "--page", "p", "--user", "1"), "status 404"),
    ],
)
def test_mistakes_are_told_in_a_sentence(arguments, message, deployment) -> None:
    done = deployment.run(INGEST, *arguments)
    assert done.returncode == 1
    assert message in done.stdout
    assert "Traceback" not in done.stdout


@pytest.mark.parametrize(
    "settings",
    [
        '{"orders": {"newest_first": true}}',
        '{"orders": {"updated_after_param": "updatedAfter"}}',
    ],
    ids=["newest first", "updated after"],
)
def test_an_incremental_read_asks_for_little_and_misses_nothing(
    settings, sandbox, deployment
) -> None:
    environment = {ENDPOINTS: settings}
    assert deployment.run(INGEST, "roster", "orders", **environment).returncode == 0
    full = order_requests(sandbox)
    assert full >= 9

    done = deployment.run(INGEST, "roster", "orders", **environment)
    assert done.returncode == 0, done.stdout
    assert order_requests(sandbox) <= 3

    sandbox.advance(1)
    done = deployment.run(INGEST, "roster", "orders", **environment)
    assert done.returncode == 0, done.stdout
    assert order_requests(sandbox) < full
    told = sandbox.get("oracle/orders")
    assert deployment.value("select count(*) from roster_data.orders") == len(
        told["orders"]
    )
    statuses = dict(deployment.query("select order_id, status from roster_data.orders"))
    assert statuses == {order["order_id"]: order["status"] for order in told["orders"]}

    done = deployment.run(INGEST, "roster", "orders", "--full-read", **environment)
    assert done.returncode == 0, done.stdout
    assert order_requests(sandbox) >= full


def test_a_page_that_cannot_be_read_loads_nothing_of_the_endpoint(
    sandbox, deployment
) -> None:
    sandbox.fault("/v2/orders", status=404, query={"page": "3"}, times=-1)
    try:
        done = deployment.run(INGEST, "roster", "orders")
    finally:
        sandbox.delete("/admin/faults")
    assert done.returncode == 1
    assert "Roster refused /v2/orders with status 404" in done.stdout
    assert "roster_data.orders" not in deployment.row_counts()


def test_temporary_failures_lose_and_duplicate_nothing(sandbox, deployment) -> None:
    for page in ("1", "4", "7"):
        sandbox.fault("/v2/orders", status=503, query={"page": page}, times=1)
    sandbox.fault("/v2/orders", status=200, body="<html>", query={"page": "5"}, times=1)
    sandbox.fault(
        "/v2/orders", status=429, query={"page": "6"}, headers={"Retry-After": "1"}
    )
    done = deployment.run(INGEST, "roster", "orders")
    sandbox.delete("/admin/faults")
    assert done.returncode == 0, done.stdout
    told = sandbox.get("state")["counts"]["orders"]
    assert deployment.query(
        "select count(*), count(distinct order_id) from roster_data.orders"
    ) == [(told, told)]


def test_an_endpoint_that_is_off_stays_empty_and_says_how_to_turn_it_on(
    deployment,
) -> None:
    done = deployment.run(
        INGEST, "roster", "contacts", SOURCES__ROSTER_SOURCE__CONTACTS_PATH=None
    )
    assert done.returncode == 0, done.stdout
    assert "SOURCES__ROSTER_SOURCE__CONTACTS_PATH" in done.stdout
    assert deployment.value("select count(*) from roster_data.contacts") == 0


def test_a_page_that_did_not_change_is_not_written_again(sandbox, deployment) -> None:
    def loads(table: str) -> int:
        return deployment.value(
            f"select count(distinct _dlt_load_id) from autorosters_data.{table}"
        )

    for _ in range(2):
        done = deployment.run(INGEST, "autorosters")
        assert done.returncode == 0, done.stdout
    assert loads("page_loads") == 2
    assert loads("users") == loads("ranks") == loads("pages") == 1


def test_a_warehouse_of_an_older_version_lacks_columns_and_says_so(tmp_path) -> None:
    warehouse = Warehouse(PlatformSettings(data_dir=str(tmp_path)))
    with duckdb.connect(str(warehouse.database_path)) as database:
        database.execute("create schema autorosters_data")
        database.execute("create table autorosters_data.page_users as select 'p' as id")
    with warehouse.pipeline("autorosters_pipeline", "autorosters_data") as run:
        sql = "select id from {table}"
        assert run.query(sql, "page_users") == [("p",)]
        assert run.query(sql, "page_users", needs=["id"]) == [("p",)]
        assert run.query(sql, "page_users", needs=["id", "list_hash"]) == []
        assert run.query(sql, "nothing", needs=["id"]) == []
