"""Odd values, loaded for real: exact or named, and never in the next run's way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest

from roster_platform import errors
from roster_platform.catalogue import column_name
from tests.deployment import ROOT
from tests.faults.rude_server import Asked, Raw, response, rude_server

DEEP: Any = "bottom"
for _ in range(30):
    DEEP = {"deeper": [DEEP]}

PLAIN = {"orderId": "plain", "totalPrice": "1.00", "discountCodes": ["A"]}

# field, what is sent (JSON), the column, what it then says as text in SQL
EXACT = [
    ("orderId", str(2**63), "order_id", str(2**63)),
    ("orderId", str(2**70), "order_id", str(2**70)),
    ("orderId", json.dumps(str(2**63 - 1)), "order_id", str(2**63 - 1)),
    ("totalPrice", '"1,234.50"', "total_price", "1234.5000"),
    ("totalPrice", '"-3.10"', "total_price", "-3.1000"),
    ("totalPrice", '"$12"', "total_price", "12.0000"),
    ("totalPrice", "-0.05", "total_price", "-0.0500"),
    ("firstName", '"A\\u0000B"', "first_name", "A\0B"),
    ("firstName", '"cut \\ud83d"', "first_name", "cut \\ud83d"),
    ("firstName", json.dumps("x" * 20_000_000), "length(first_name)", "20000000"),
    ("firstName", "12", "first_name", "12"),
    ("firstName", json.dumps(DEEP), "first_name", json.dumps(DEEP).replace(" ", "")),
    ("firstName", '""', "first_name", ""),
    ("orderDate", '"2026-03-29T02:30:00"', "order_date", "2026-03-29 02:30:00+00"),
    (
        "orderDate",
        '"2026-10-25T02:30:00+02:00"',
        "order_date",
        "2026-10-25 00:30:00+00",
    ),
    (
        "orderDate",
        '"2026-10-25T02:30:00+01:00"',
        "order_date",
        "2026-10-25 01:30:00+00",
    ),
    (
        "orderDate",
        '"2026-03-08T02:30:00-05:00"',
        "order_date",
        "2026-03-08 07:30:00+00",
    ),
    ("orderDate", '"0002-01-01T00:00:00Z"', "order_date", "0002-01-01 00:00:00+00"),
    (
        "orderDate",
        '"0001-01-01T00:00:00Z"',
        "coalesce(order_date, 'infinity')",
        "infinity",
    ),
    (
        "orderDate",
        '"0001-01-01T00:00:00+05:00"',
        "coalesce(order_date, 'infinity')",
        "infinity",
    ),
    ("orderDate", "1767225600", "order_date", "2026-01-01 00:00:00+00"),
    ("totalPrice", '{"amount": 5}', "total_price", "5.0000"),
    ("orderDate", '"9999-12-31T23:59:59Z"', "order_date", "9999-12-31 23:59:59+00"),
]

# field, what is sent, the text it is kept as beside the finding
NAMED = [
    ("totalPrice", '"12,50"', "12,50"),
    ("totalPrice", '"free"', "free"),
    ("totalPrice", '{"amount_cents": 5}', '{"amount_cents":5}'),
    ("totalPrice", str(2**70), str(2**70)),
    ("totalPrice", "true", "true"),
    ("orderDate", '"yesterday"', "yesterday"),
    ("orderDate", "17672256", "17672256"),
    ("orderDate", '"9999-12-31T23:59:59-05:00"', "9999-12-31T23:59:59-05:00"),
    ("orderDate", '"2026-02-30"', "2026-02-30"),
]

UNDECLARED = [
    *("brandNew", "Name", "name", "NAME", "x" * 300, "", "💥", "名前", "a\0b", "1st"),
    *("_observed_at", "_deleted", "is_deleted", "_dlt_load_id", "_dlt_id", "position"),
    *("select", "drop table orders; --", 'quo"te', "totalPrice__v_text"),
]


def listing(*raw_records: str) -> Raw:
    """A page of orders, written as JSON by hand."""
    records = ", ".join(raw_records)
    total = len(raw_records)
    body = f'{{"data": [{records}], "totalCount": {total}}}'
    return Raw(response(body.encode()), "keep")


def order(key: str, **fields: str) -> str:
    """A record of raw JSON values."""
    fields = {"orderId": json.dumps(key), **fields}
    return f"{{{', '.join(f'{json.dumps(k)}: {v}' for k, v in fields.items())}}}"


@pytest.fixture
def loads_clean(platform):
    """The next clean run works, and holds what a clean run holds."""
    yield
    with rude_server(lambda asked: listing(json.dumps(PLAIN))) as api:
        platform.reads(api.url)
        platform.load("orders", full_read=True, confirm_drops=True)
    sql = "select order_id, total_price from roster_data.orders where not is_deleted"
    assert platform.query(sql) == [("plain", Decimal("1.0000"))]
    codes = (
        "select code from roster_data.orders__discount_codes where order_id = 'plain'"
    )
    assert platform.query(codes) == [("A",)]


def test_odd_values_land_exactly(platform, tries, loads_clean) -> None:
    tried = tries("Odd data")
    records = {
        f"case-{number}": {field: raw}
        for number, (field, raw, _, _) in enumerate(EXACT)
    }
    with rude_server(
        lambda asked: listing(*(order(key, **f) for key, f in records.items()))
    ) as api:
        platform.reads(api.url)
        report = platform.load("orders")
    assert [drift for drift in report.drifts if drift.rows] == []
    for number, (field, raw, column, said) in enumerate(EXACT):
        tried()
        key = json.loads(raw) if field == "orderId" else f"case-{number}"
        found = platform.query(
            f"select {column}::text from roster_data.orders where order_id = '{key}'"
        )
        assert found == [(platform.held(said),)], (field, raw[:80])


@pytest.mark.parametrize("destination", ["postgres"])
def test_a_nul_stops_no_load_where_text_cannot_hold_it(
    platform, tries, loads_clean
) -> None:
    tries("Odd data")()
    with rude_server(
        lambda asked: listing(order("a\0b", **{"x\0": '"\\u0000"'}))
    ) as api:
        platform.reads(api.url)
        platform.load("orders")
    rows = platform.query("select order_id, xx from roster_data.orders")
    assert rows == [("a\\u0000b", "\\u0000")]


def test_misfits_are_kept_as_text_and_named(platform, tries, loads_clean) -> None:
    tries("Odd data")(len(NAMED))
    records = [
        order(f"odd-{number}", **{field: raw})
        for number, (field, raw, _) in enumerate(NAMED)
    ]
    with rude_server(lambda asked: listing(*records)) as api:
        platform.reads(api.url)
        report = platform.load("orders")
    # A declared field that never came has no rows.
    assert {d.field: d.rows for d in report.drifts if d.rows} == Counter(
        field for field, _, _ in NAMED
    )
    for number, (field, raw, text) in enumerate(NAMED):
        column = column_name(field)
        assert platform.query(
            f"select {column}, {column}__v_text from roster_data.orders "
            f"where order_id = 'odd-{number}'"
        ) == [(None, text)], raw


def test_undeclared_fields_land_under_names_of_their_own(
    platform, tries, loads_clean
) -> None:
    tried = tries("Odd data")
    tried(len(UNDECLARED))
    sent = {field: f"value of field {n}" for n, field in enumerate(UNDECLARED)}
    record = json.dumps({"orderId": "odd", **sent})
    with rude_server(lambda asked: listing(record, json.dumps(PLAIN))) as api:
        platform.reads(api.url)
        report = platform.load("orders")
    assert {drift.field for drift in report.drifts if drift.rows} == set(UNDECLARED)
    (row,) = platform.query("select * from roster_data.orders where order_id = 'odd'")
    assert sorted(v for v in row if str(v).startswith("value of")) == sorted(
        sent.values()
    )


@pytest.mark.parametrize(
    ("sent", "named"),
    [
        ('{"orderId": NaN}', "not JSON"),
        ('{"orderId": "a", "orderDate": Infinity}', "not JSON"),
        ('{"orderId": "a"', "not JSON"),
        ('"a"', "without the list of records"),
        ("null", "without the list of records"),
        ("[1]", "without the list of records"),
    ],
)
def test_what_cannot_be_a_record_is_named_and_loads_nothing(
    sent, named, platform, tries, loads_clean
) -> None:
    tries("Odd data")()
    with rude_server(lambda asked: listing(json.dumps(PLAIN), sent)) as api:
        platform.reads(api.url, max_attempts=2)
        with pytest.raises(errors.IngestError, match=named):
            platform.load("orders")


@pytest.mark.parametrize("sent", ['{"totalPrice": "1"}', '{"orderId": null}'])
def test_a_record_without_its_key_costs_itself_and_is_told(
    sent, platform, tries, loads_clean
) -> None:
    tries("Odd data")()
    with rude_server(lambda asked: listing(json.dumps(PLAIN), sent)) as api:
        platform.reads(api.url)
        report = platform.load("orders")
    assert ("orders", "orderId", 1, "error") in {
        (drift.table, drift.field, drift.rows, drift.severity)
        for drift in report.drifts
    }
    assert platform.query("select order_id from roster_data.orders") == [("plain",)]


def test_the_same_record_twice_is_one_row(platform, tries, loads_clean) -> None:
    tried = tries("Odd data")
    # Within a page and across pages; as text, as a number; keys of odd types.
    keys = ['"7"', "7", "7.0", "true", "1", '"1"', "[1]", '{"a": 1}', '{"a":1}']
    pages = {
        "1": [order("x", orderId=key) for key in keys * 2],
        "2": [order("x", orderId=key) for key in reversed(keys)],
    }

    def answer(asked: Asked) -> Raw:
        records = ", ".join(pages.get(asked.query["page"], []))
        return Raw(
            response(b'{"data": [%s], "totalPages": 2}' % records.encode()), "keep"
        )

    with rude_server(answer) as api:
        platform.reads(api.url)
        platform.load("orders")
        tried(3 * len(keys))
    rows = platform.query("select order_id from roster_data.orders")
    assert sorted(rows) == sorted(
        (key,) for key in ["7", "true", "1", "[1]", '{"a":1}']
    )


def test_fields_that_change_their_shape_are_told_each_time(
    platform, tries, loads_clean
) -> None:
    tried = tries("Odd data")
    shapes = [
        ('[{"sku": "s", "quantity": 1, "price": "1.50"}]', []),
        ("null", []),
        ("absent", ["lineItems: no longer comes"]),
        ('[{"sku": 5, "quantity": "many"}]', ["quantity: not a bigint"]),
        (
            '[{"sku": {"id": "s"}, "quantity": 9223372036854775808}]',
            ["quantity: not a"],
        ),
        ('{"sku": "s", "quantity": 1}', ["a single value instead of a list"]),
        ('["s", null, 5]', ["a plain value instead of an object"]),
        ('[{"sku": "s", "size": "XL"}]', ["size: undeclared field"]),
    ]
    for raw, findings in shapes:
        tried()
        record = order("a") if raw == "absent" else order("a", lineItems=raw)
        with rude_server(lambda asked: listing(record)) as api:  # noqa: B023
            platform.reads(api.url)
            report = platform.load("orders", full_read=True)
        told = "\n".join(map(str, report.drifts))
        for finding in findings:
            assert finding in told, raw


@pytest.mark.parametrize(
    "users",
    ['"all"', "5", '{"a": 1}', "[5]", "[null]", '[{"name": "no id"}]', '[["x"]]'],
)
def test_a_page_of_an_odd_shape_keeps_its_rows_and_harms_no_other(
    users, platform, tries, scale
) -> None:
    if scale == 1 and users not in ("5", "[null]"):
        pytest.skip("the short form tries two shapes")
    good = f'[{{"discord_id": "{2**63 - 1}", "certifications": ["CPR"]}}]'

    def serve(odd: str) -> Any:
        def answer(asked: Asked) -> Raw:
            users = odd if asked.path.endswith("odd") else good
            body = f'{{"ranks": [{{"role_id": "1", "users": {users}}}]}}'
            return Raw(response(body.encode()), "keep")

        return rude_server(answer)

    def load(odd: str) -> Any:
        with serve(odd) as api:
            platform.reads(api.url)
            report = platform.load_pages(["odd", "even"], reload_unchanged=True)
        assert "even" in report.loaded
        return report

    tried = tries("Odd data")
    assert load(good).failed == {}
    members = "select page_id, discord_id from autorosters_data.users order by all"
    before = platform.query(members)
    assert before == [(page, str(2**63 - 1)) for page in ("even", "odd")]

    # Who cannot be read in a list that is told to be odd has not left.
    tried()
    report = load(users)
    assert "odd" in {*report.failed, *report.incomplete}
    assert platform.query(members) == before

    tried()
    report = load(f'[{{"discord_id": "{2**63 - 1}", "certifications": {users}}}]')
    assert report.failed == {}
    is_named = "certification" in {drift.field for drift in report.drifts}
    assert is_named == ("name" not in users)
    assert platform.query(members) == before


@pytest.mark.parametrize("zone", ["Asia/Kathmandu", "UTC", "America/New_York"])
def test_the_machines_time_zone_changes_nothing(zone, tries, scale) -> None:
    if scale == 1 and zone != "Asia/Kathmandu":
        pytest.skip("one zone is enough for the short form")
    tries("Odd data")(len(EXACT) + len(NAMED))
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", __file__),
            *("-k", "exactly or misfits"),
        ],
        cwd=ROOT,
        env={**os.environ, "TZ": zone},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert "2 passed" in done.stdout
