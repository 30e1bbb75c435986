"""One value in another spelling is the same value; what could mean two is a misfit."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from roster_platform.catalogue import Column
from roster_platform.records.table_builder import TableBuilder
from tests.things import THINGS

NOW = datetime(2026, 1, 2, tzinfo=UTC)
NOON = datetime(2026, 3, 5, 12, tzinfo=UTC)
NOON_S = 1772712000
WITH_CURRENCY = replace(
    THINGS,
    columns={
        **THINGS.columns,
        "fee": Column("decimal", "Another price."),
        "currency": Column("text", "Of the prices."),
    },
)


def built(
    *records: dict[str, Any], way: str = "JSON", table=WITH_CURRENCY
) -> tuple[list[dict[str, Any]], list[str]]:
    builder = TableBuilder(table)
    # Twice: what the first batch taught decides how the second is parsed.
    for _ in range(2):
        parsed = builder.parser.parse([json.dumps(records).encode()])
        rows = builder.build(
            parsed if way == "JSON" else builder.parser.take(records), NOW
        )["things"].to_pylist()
    return rows, [f"{drift.field}: {drift.problem}" for drift in builder.drifts]


@pytest.mark.parametrize("way", ["JSON", "dicts"])
@pytest.mark.parametrize(
    "sent",
    [
        "2026-03-05T12:00:00Z",
        "2026-03-05T12:00:00",
        "2026-03-05 12:00:00",
        "2026-03-05T12:00:00.0000000Z",
        "2026-03-05T13:00:00.000+01:00",
        "2026-03-05 12:00:00 UTC",
        "Thu, 05 Mar 2026 12:00:00 GMT",
        "Thu, 5 Mar 2026 07:00:00 -0500",
        NOON_S,
        float(NOON_S),
        NOON_S * 1000,
        str(NOON_S),
        f"{NOON_S * 1000}",
        f"/Date({NOON_S * 1000})/",
        f"/Date({NOON_S * 1000}+0200)/",
    ],
)
def test_a_timestamp_is_the_same_however_it_is_written(sent: Any, way: str) -> None:
    for others in ([], [{"id": "b", "seenAt": "2026-03-05T12:00:00Z"}]):
        rows, findings = built({"id": "a", "seenAt": sent}, *others, way=way)
        assert {row["seen_at"] for row in rows} == {NOON}
        assert findings == []


@pytest.mark.parametrize(
    ("sent", "day"),
    [
        ("2026-03-05", date(2026, 3, 5)),
        ("2026-03-05T00:00:00", date(2026, 3, 5)),
        ("2026-03-05T00:00:00+05:00", date(2026, 3, 5)),
        ("2026-03-05T00:00:00.0000000Z", date(2026, 3, 5)),
        ("Thu, 05 Mar 2026 00:00:00 GMT", date(2026, 3, 5)),
        (1772668800, date(2026, 3, 5)),
        (1772668800000, date(2026, 3, 5)),
        ("0001-01-01T00:00:00", None),
        ("0001-01-01", None),
    ],
)
def test_a_day_is_the_same_however_it_is_written(sent: Any, day: date | None) -> None:
    rows, findings = built({"id": "a", "day": sent}, {"id": "b", "day": "2026-03-06"})
    assert [row["day"] for row in rows] == [day, date(2026, 3, 6)]
    assert findings == []


@pytest.mark.parametrize(
    "sent",
    [
        "0001-01-01T00:00:00",
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00.0000000",
        "0001-01-01T00:00:00+05:00",
        "0001-01-01",
    ],
)
@pytest.mark.parametrize(
    "also", ["2026-03-05T12:00:00Z", "Thu, 05 Mar 2026 12:00:00 GMT"]
)
def test_the_way_dotnet_writes_no_date_is_no_date(sent: str, also: str) -> None:
    rows, findings = built({"id": "a", "seenAt": sent}, {"id": "b", "seenAt": also})
    assert [row["seen_at"] for row in rows] == [None, NOON]
    assert findings == []


@pytest.mark.parametrize(
    ("field", "sent"),
    [
        # Neither seconds nor milliseconds of any year that can be meant.
        ("seenAt", 20260305),
        ("seenAt", 99),
        ("seenAt", NOON_S * 10**6),
        ("seenAt", True),
        ("seenAt", {"at": 1}),
        ("seenAt", "05/03/2026"),
        ("day", NOON_S),
        ("isGood", 2),
        ("isGood", "perhaps"),
        ("price", {"amount": 12.5, "currency": "USD", "of": "net"}),
        ("price", {"amount_cents": 1250}),
        ("price", {"amount_cents": 1250, "currency": "JPY"}),
        ("price", {"amount": "12.50", "amount_cents": 1205, "currency": "USD"}),
        ("price", {"amount": {"value": 1}}),
        ("price", {"shopMoney": {"amount": "12.50"}}),
        ("price", {}),
        ("price", [12.5]),
        ("price", "12,50"),
    ],
)
def test_what_could_mean_two_values_is_a_misfit(field: str, sent: Any) -> None:
    (row,), findings = built({"id": "a", field: sent})
    column = {"seenAt": "seen_at", "isGood": "is_good"}.get(field, field)
    assert row[column] is None
    text = row[f"{column}__v_text"]
    assert (text if isinstance(sent, str) else json.loads(text)) == sent
    assert [finding.split(":")[0] for finding in findings] == [field]


@pytest.mark.parametrize(
    ("sent", "flag"),
    [
        *((word, True) for word in ("true", "Yes", "Y", "1", "on", 1, True)),
        *((word, False) for word in ("FALSE", "no", "n", "0", "off", 0, False)),
    ],
)
def test_a_flag_is_the_same_however_it_is_written(sent: Any, flag: bool) -> None:
    (row,), findings = built({"id": "a", "isGood": sent})
    assert (row["is_good"], findings) == (flag, [])


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (7, "7"),
        (7.0, "7"),
        (12345678901.0, "12345678901"),
        (2**63 + 1, "9223372036854775809"),
        (1.5, "1.5"),
        ("0007", "0007"),
    ],
)
def test_an_id_that_is_a_number_is_never_in_float_notation(
    sent: Any, kept: str
) -> None:
    (row,), _ = built({"id": sent})
    assert row["id"] == kept


@pytest.mark.parametrize("way", ["JSON", "dicts"])
@pytest.mark.parametrize(
    "sent",
    [
        {"amount": "12.50", "currency": "USD"},
        {"amount": 12.5, "currencyCode": "usd"},
        {"Value": "12.50", "Currency_Code": "USD"},
        {"amount_cents": 1250, "currency": "USD"},
        {"amount": "12.50", "amountCents": 1250, "currency": "USD"},
        {"centAmount": 1250, "currencyCode": "USD", "fractionDigits": 2},
        {"amount": "12.50", "currency": "USD", "formatted": "$12.50"},
    ],
)
def test_an_amount_with_its_currency_fills_both(sent: Any, way: str) -> None:
    rows, findings = built({"id": "a", "price": sent}, {"id": "b", "price": 1}, way=way)
    assert [row["price"] for row in rows] == [Decimal("12.5"), Decimal(1)]
    assert [row["currency"] for row in rows] == ["USD", None]
    assert findings == []


def test_a_currency_that_came_itself_is_kept_and_compared() -> None:
    money = {"amount": 1, "currency": "USD"}
    rows, findings = built(
        {"id": "a", "price": money, "currency": "usd"},
        {"id": "b", "price": money, "currency": "EUR"},
        {"id": "c", "price": money, "fee": {"amount": 2, "currency": "EUR"}},
        {"id": "d", "price": {"amount": None, "currency": "USD"}},
    )
    assert [row["currency"] for row in rows] == ["usd", "EUR", "USD", "USD"]
    assert findings == [
        "price: its currency is not that of the record",
        "fee: its currency is not that of the record",
    ]
    assert [row["price"] for row in rows] == [1, 1, 1, None]


def test_a_currency_that_no_column_can_hold_is_reported() -> None:
    rows, findings = built(
        {"id": "a", "price": {"amount": 1, "currency": "USD"}}, table=THINGS
    )
    assert rows[0]["price"] == 1
    assert findings == ["price: its currency has no column"]


def test_the_currency_of_a_lines_price_is_that_of_its_record() -> None:
    builder = TableBuilder(WITH_CURRENCY)
    usd = {"amount": 2, "currency": "USD"}
    records = [
        {"id": "a", "currency": "USD", "lines": [{"sku": "x", "price": usd}]},
        {"id": "b", "currency": "EUR", "lines": [{"sku": "x", "price": usd}]},
    ]
    lines = builder.build(builder.parser.take(records), NOW)["things__lines"]
    assert lines.column("price").to_pylist() == [2, 2]
    assert [str(drift) for drift in builder.drifts] == [
        "things__lines.price: its currency is not that of the record (1 rows)"
    ]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("1.234,50 €", "1234.50"),
        ("1.234.567", "1234567"),
        ("1 234,50", "1234.50"),
        ("CHF 1'234.50", "1234.50"),
        ("1,234.50", "1234.50"),
        ("1.234", "1.234"),
    ],
)
def test_separators_are_read_where_they_are_certain(sent: str, kept: str) -> None:
    (row,), findings = built({"id": "a", "price": sent})
    assert (row["price"], findings) == (Decimal(kept), [])
