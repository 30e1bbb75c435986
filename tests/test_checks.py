"""What a read brought is checked, and what the source deleted is marked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from starlette.requests import Request

from roster_platform.errors import HeldBackError
from roster_platform.ingest.roster import load_endpoint
from roster_platform.sandbox import Sandbox, running_sandbox
from roster_platform.settings.platform import PlatformSettings
from roster_platform.warehouse.warehouse import Warehouse
from tests.deployment import Deployment
from tests.local_api import local_api

ORDERS = dg.AssetKey(["roster", "orders"])
USERS = dg.AssetKey(["autorosters", "users"])


class Orders:
    """A Roster API that lists these orders, all on one page."""

    def __init__(self) -> None:
        self.listed = [_order(number) for number in range(40)]
        self.tells_total = True
        self.more = 0

    def __call__(self, request: Request) -> dict[str, Any]:
        total = {"totalCount": len(self.listed) + self.more} if self.tells_total else {}
        page = int(request.query_params.get("page", 1))
        return {"data": self.listed if page == 1 else [], "pagination": total}


def _order(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "orderId": f"o{number}",
        "orderNumber": f"#{number}",
        "orderDate": "2026-11-01T00:00:00",
        "discountCodes": [],
        "lineItems": [],
        "status": "paid",
        "currency": "USD",
        "subtotalPrice": "9.00",
        "totalPrice": "10.00",
        "refundedAmount": "0.00",
        "firstName": "Ada",
        "email": "ada@example.org",
        "referralId": None,
        "createdAt": "2026-11-01T00:00:00Z",
        "updatedAt": "2026-11-01T00:00:00Z",
        **fields,
    }


@pytest.fixture
def orders() -> Orders:
    return Orders()


@pytest.fixture
def warehouse(orders: Orders, tmp_path: Path, monkeypatch) -> Iterator[Warehouse]:
    with local_api(orders) as api:
        monkeypatch.setenv("SOURCES__ROSTER_SOURCE__BASE_URL", api.url)
        monkeypatch.setenv("SOURCES__ROSTER_SOURCE__ACCESS_TOKEN", "token")
        monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "dlt"))
        yield Warehouse(PlatformSettings(data_dir=str(tmp_path)))


@contextmanager
def _loaded(warehouse: Warehouse, **options: bool) -> Iterator[Any]:
    with load_endpoint("orders", warehouse=warehouse, **options) as loaded:
        yield loaded.report


def _rows(warehouse: Warehouse) -> dict[str, tuple[bool, bool]]:
    """By order, whether it is marked as deleted, and whether it says since when."""
    with warehouse.pipeline("look", "roster_data") as run:
        rows = run.query(
            "select order_id, is_deleted, deleted_at from {table}", "orders"
        )
    return {order: (deleted, since is not None) for order, deleted, since in rows}


def test_what_the_source_lists_no_longer_is_marked_until_it_comes_back(
    orders, warehouse
) -> None:
    everything = orders.listed
    with _loaded(warehouse) as report:
        assert report.deleted == 0
    orders.listed = everything[2:]
    with _loaded(warehouse) as report:
        assert (report.deleted, report.announced, report.held) == (2, 38, 38)
    rows = _rows(warehouse)
    assert len(rows) == 40
    assert {order for order, mark in rows.items() if mark == (True, True)} == {
        "o0",
        "o1",
    }
    with _loaded(warehouse) as report:
        assert report.deleted == 0
    orders.listed = everything
    with _loaded(warehouse) as report:
        assert (report.deleted, report.held) == (0, 40)
    assert set(_rows(warehouse).values()) == {(False, False)}


def test_most_of_a_table_is_not_marked_unless_confirmed(orders, warehouse) -> None:
    with _loaded(warehouse):
        pass
    orders.listed = orders.listed[:5]
    held_back = pytest.raises(HeldBackError, match="35 of 40 orders.*confirm_drops")
    with held_back, _loaded(warehouse):
        pass
    assert set(_rows(warehouse).values()) == {(False, False)}
    with _loaded(warehouse, confirm_drops=True) as report:
        assert report.deleted == 35


def test_a_read_that_cannot_know_marks_nothing(orders, warehouse, monkeypatch) -> None:
    """A total that is not reached: nothing is missed. Without one, the end is proven."""
    with _loaded(warehouse):
        pass
    orders.listed, orders.more = orders.listed[1:], 1
    with _loaded(warehouse, full_read=True) as report:
        assert report.deleted == 0
        assert "there are 40 records (pagination.totalCount)" in report.proof
        assert "39 were read" in report.warnings[0]
    orders.more, orders.tells_total = 0, False
    with _loaded(warehouse) as report:
        assert report.proof == "page 2, after the last, is empty"
        assert (report.deleted, report.announced) == (1, None)


def test_a_read_with_configured_parameters_marks_nothing(
    orders, warehouse, monkeypatch
) -> None:
    with _loaded(warehouse):
        pass
    paid = '{"orders": {"params": {"status": "paid"}}}'
    monkeypatch.setenv("SOURCES__ROSTER_SOURCE__ENDPOINTS", paid)
    orders.listed = orders.listed[1:]
    with _loaded(warehouse, full_read=True) as report:
        assert report.deleted == 0


def _outcomes(home: Path, key: dg.AssetKey) -> dict[str, tuple[bool, str]]:
    """By check, whether it passed at its last evaluation, and what it said."""
    from roster_platform.definitions import defs

    names = [
        check.name
        for check in defs.resolve_asset_graph().asset_check_keys
        if check.asset_key == key
    ]
    found = {}
    with dg.DagsterInstance.from_config(str(home)) as instance:
        for name in names:
            (record,) = instance.event_log_storage.get_asset_check_execution_history(
                dg.AssetCheckKey(key, name), limit=1
            )
            evaluation = record.event.dagster_event.event_specific_data
            found[name] = (evaluation.passed, evaluation.description or "")
    return found


def test_a_read_is_checked_against_the_api_and_the_past(orders, tmp_path) -> None:
    with local_api(orders) as api:
        deployment = Deployment(
            tmp_path,
            {
                "SOURCES__ROSTER_SOURCE__BASE_URL": api.url,
                "SOURCES__ROSTER_SOURCE__ACCESS_TOKEN": "token",
            },
        )

        def read() -> dict[str, tuple[bool, str]]:
            done = deployment.materialize("roster/orders")
            assert done.returncode == 0, done.stdout[-3000:]
            return _outcomes(deployment.home, ORDERS)

        assert {passed for passed, _ in read().values()} == {True}

        orders.listed = [
            _order(number, status={"is": "paid"}, coupon="x") for number in range(100)
        ]
        for order in orders.listed:
            del order["totalPrice"]
        orders.more = 7
        outcomes = read()
        assert {name: passed for name, (passed, _) in outcomes.items()} == {
            "read_is_complete": False,
            "rows_match_api": False,
            "volume_is_plausible": False,
            "fields_are_as_expected": False,
        }
        assert "announces 107 and the table has 100" in outcomes["rows_match_api"][1]
        assert (
            "100 rows; recent reads usually had 40"
            in outcomes["volume_is_plausible"][1]
        )
        drift = outcomes["fields_are_as_expected"][1]
        assert "orders.coupon: undeclared field (100 rows)" in drift
        # Also an incomplete read says that what the marts need never came.
        assert "orders.totalPrice: never came" in drift

        orders.more = 0
        assert (
            "orders.totalPrice: no longer comes"
            in (read()["fields_are_as_expected"][1])
        )
        config = {"ops": {"roster__orders": {"config": {"accept_fields": True}}}}
        done = deployment.materialize(
            "roster/orders", "--config-json", json.dumps(config)
        )
        assert done.returncode == 0, done.stdout[-3000:]
        said = _outcomes(deployment.home, ORDERS)["fields_are_as_expected"][1]
        assert "coupon" not in said
        assert "totalPrice" not in said
        # For good, and a further field is reported.
        orders.listed[0]["voucher"] = "x"
        said = read()["fields_are_as_expected"][1]
        assert "coupon" not in said
        assert "orders.voucher: undeclared field (1 rows)" in said


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox(orders=10, pages=4, members=12) as running:
        yield running


def test_pages_are_checked_as_one_read(sandbox, tmp_path) -> None:
    deployment = Deployment(tmp_path, sandbox.environment)
    deployment.register()

    def snapshot() -> None:
        done = deployment.run(
            *("dagster", "job", "execute", "-m", "roster_platform.definitions"),
            *("-j", "autorosters_snapshot"),
        )
        assert done.returncode == 0, done.stdout[-3000:]

    for _ in range(2):
        snapshot()
        for table in ("pages", "users", "page_users", "user_certifications"):
            key = dg.AssetKey(["autorosters", table])
            outcomes = _outcomes(deployment.home, key)
            assert {passed for passed, _ in outcomes.values()} == {True}, outcomes

    resting = deployment.page_ids[0]
    with dg.DagsterInstance.from_config(str(deployment.home)) as instance:
        instance.add_dynamic_partitions("autorosters_quarantined_pages", [resting])
    sandbox.advance(2)
    snapshot()
    passed, said = _outcomes(deployment.home, dg.AssetKey(["autorosters", "pages"]))[
        "every_page_is_fresh"
    ]
    assert not passed
    assert said.startswith("1 pages were last read too long ago: ")
    assert f" ({resting}): 20" in said
