"""Orders dropped into their outbox reach Roster once, in the form that it documents."""

from __future__ import annotations

import json
import sqlite3
import urllib.request
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from roster_platform.ingest.outbox.captures import CAPTURES
from roster_platform.sandbox import Sandbox, running_sandbox
from tests.deployment import Deployment
from tests.local_api import local_api

SEND = ("roster_platform.ingest", "captured_orders")
ORDER = {
    "orderId": 1001,
    "orderNumber": "#1",
    "orderDate": "2026-11-01T23:30:00+02:00",
    "discountCodes": ["SAVE10"],
    "currency": "usd",
    "subtotalPrice": "$1200.50",
    "totalPrice": 1300.1,
    "firstName": "Kim",
    "email": "kim@x.org",
}
DOCUMENTED = {
    **ORDER,
    "orderId": "1001",
    "orderDate": "2026-11-01T00:00:00",
    "currency": "USD",
    "subtotalPrice": "1200.50",
    "totalPrice": "1300.1",
}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox(orders=5, pages=1, members=2) as running:
        yield running


@pytest.fixture
def deployment(sandbox: Sandbox, tmp_path: Path) -> Deployment:
    made = Deployment(tmp_path / "data", sandbox.environment)
    (made.folder / "captured_orders" / "outbox").mkdir(parents=True)
    return made


def drop(deployment: Deployment, name: str, text: str) -> None:
    (deployment.folder / "captured_orders" / "outbox" / name).write_text(text)


def received(deployment: Deployment) -> list[dict[str, Any]]:
    base = deployment.environment["SOURCES__ROSTER_SOURCE__BASE_URL"]
    with urllib.request.urlopen(f"{base}/admin/captured_orders") as answer:
        return json.load(answer)["orders"]


def test_orders_are_sent_once_in_the_documented_form(
    sandbox: Sandbox, deployment: Deployment
) -> None:
    # An answer is lost: the order is sent again under the same key.
    sandbox.fault("/v2/public/orders", status=503, times=1)
    wrong = {**ORDER, "orderId": "x", "totalPrice": "12,50"}
    lines = [ORDER, {"orderId": "y"}, wrong, {**ORDER, "totalPrice": "1"}]
    table = (
        "orderId,orderDate,currency,subtotalPrice,totalPrice,discountCodes\n"
        '1002,2026-11-02,EUR,10,€ 12.00,"A, B"\n'
    )
    for _ in range(2):
        drop(deployment, "one.jsonl", "".join(json.dumps(x) + "\n" for x in lines))
        drop(deployment, "two.csv", table)
        done = deployment.run(*SEND)
        assert done.returncode == 0, done.stdout[-3000:]
    first, second = received(deployment)
    assert first.items() >= DOCUMENTED.items()
    assert second["discountCodes"] == ["A", "B"]
    assert second["totalPrice"] == "12.00"
    folder = deployment.folder / "captured_orders"
    rejected = (folder / "rejected" / "one.jsonl.jsonl").read_text().splitlines()
    assert [(r["line"], r["reason"]) for r in map(json.loads, rejected)] == [
        (2, "orderDate, currency, subtotalPrice, totalPrice is required"),
        (3, "totalPrice must be a number with a point, such as 12.50"),
        (4, "orderId 1001 belongs to another order"),
    ]
    sql = (
        "select order_id, total_price, email_key, status, resent "
        "from roster_data.captured_orders order by 1"
    )
    assert deployment.query(sql) == [
        ("1001", Decimal("1300.1"), "kim@x.org", 201, True),
        ("1002", Decimal(12), None, 201, False),
    ]
    # Once it is loaded, the ledger has no personal data, and still knows the order.
    with sqlite3.connect(folder / "ledger.db") as ledger:
        kept = ledger.execute("select body, response from records").fetchall()
    assert len(kept) == 2
    assert not any("kim" in str(row) or row[1] for row in kept)


def test_the_path_is_a_setting_and_a_wrong_one_is_named(tmp_path: Path) -> None:
    def serve(request: Request) -> Response:
        if request.url.path == "/v3/sales-attribution":
            return Response(status_code=204)
        return JSONResponse({"message": "Not found"}, 404)

    with local_api(serve) as api:
        deployment = Deployment(
            tmp_path / "data",
            {
                "SOURCES__ROSTER_SOURCE__BASE_URL": api.url,
                "SOURCES__ROSTER_SOURCE__PUBLIC_ACCESS_TOKEN": "public",
            },
        )
        (deployment.folder / "captured_orders" / "outbox").mkdir(parents=True)
        drop(deployment, "one.jsonl", json.dumps(ORDER))
        failed = deployment.run(*SEND)
        assert failed.returncode == 1
        assert "SOURCES__ROSTER_SOURCE__ORDER_CAPTURE_PATH" in failed.stdout
        path = {"SOURCES__ROSTER_SOURCE__ORDER_CAPTURE_PATH": "v3/sales-attribution"}
        done = deployment.run(*SEND, **path)
        assert done.returncode == 0, done.stdout[-3000:]
    assert deployment.query(
        "select order_id, status from roster_data.captured_orders"
    ) == [("1001", 204)]


def test_what_was_sent_long_ago_is_forgotten(deployment: Deployment) -> None:
    drop(deployment, "one.jsonl", f"{json.dumps(ORDER)}\nnope\n")
    assert deployment.run(*SEND).returncode == 0
    folder = deployment.folder / "captured_orders"
    assert (folder / "done" / "one.jsonl").exists()
    done = deployment.run(*SEND, ROSTER_PLATFORM__KEEP_SENT_DAYS="-1")
    assert done.returncode == 0, done.stdout[-3000:]
    assert [*(folder / "done").iterdir(), *(folder / "rejected").iterdir()] == []
    with sqlite3.connect(folder / "ledger.db") as ledger:
        for table in ("records", "rejects"):
            assert ledger.execute(f"select count(*) from {table}").fetchone() == (0,)
    assert deployment.query("select count(*) from roster_data.captured_orders") == [
        (1,)
    ]


def test_a_ledger_of_clicks_alone_is_taken_over(deployment: Deployment) -> None:
    """As it was made before there were orders: its table and key were called clicks."""
    folder = deployment.folder / "clicks"
    (folder / "outbox").mkdir(parents=True)
    with sqlite3.connect(folder / "ledger.db") as ledger:
        ledger.executescript(
            """
            create table clicks (
                click_id text primary key, body text not null, file text not null,
                line integer not null, state text not null default 'pending',
                attempts integer not null default 0, resent integer not null default 0,
                sent_at text, status integer, response text
            );
            insert into clicks (click_id, body, file, line, state) values
                ('old', '{"clickId":"old","referralId":"a"}', 'f', 1, 'loaded'),
                ('new', '{"clickId":"new","referralId":"b"}', 'f', 2, 'sending');
            """
        )
    again = '{"clickId": "old", "referralId": "a"}\n'
    (folder / "outbox" / "again.jsonl").write_text(again)
    done = deployment.run("roster_platform.ingest", "clicks")
    assert done.returncode == 0, done.stdout[-3000:]
    sql = "select click_id, resent from roster_data.clicks"
    assert deployment.query(sql) == [("new", True)]


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("orderDate", "11/01/2026", "orderDate must be"),
        ("orderDate", 20261101, "orderDate must be"),
        ("currency", "dollars", "three letters"),
        ("subtotalPrice", "-1", "not be negative"),
        ("subtotalPrice", "NaN", "not be negative"),
        ("totalPrice", True, "must be a number"),
        ("totalPrice", {"amount": 1}, "must be a number"),
        ("discountCodes", [1], "a list of codes"),
        ("discountCodes", "[1", "not a JSON list"),
        ("email", ["a"], "email must be text"),
        ("orderId", "with space", "printable ASCII"),
        ("orderId", ["a"], "printable ASCII"),
    ],
)
def test_what_is_wrong_with_an_order_is_said(field: str, value: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        CAPTURES["captured_orders"].identified({**ORDER, field: value})
