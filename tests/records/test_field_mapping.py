"""Fields are found under the API's own names, by a stated order, and nothing is guessed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson
import pytest

from roster_platform.catalogue import Child, Column, Table
from roster_platform.errors import DriftError
from roster_platform.ingest.mappings import SourceMapping
from roster_platform.records.drift import absent_fields
from roster_platform.records.field_mapping import path_of, style_key
from roster_platform.records.records import ArrowRecords
from roster_platform.records.table_builder import TableBuilder

NOW = datetime(2026, 1, 2, tzinfo=UTC)
SALES = Table(
    name="sales",
    description="One sale.",
    primary_key=("saleId",),
    columns={
        "saleId": Column("text", "Id."),
        "totalPrice": Column("decimal", "A price.", required=True),
        "currency": Column("text", "Of the price."),
        "email": Column("text", "Of the buyer."),
        "soldAt": Column("timestamp", "When."),
        "extra": Column("json", "Whatever."),
    },
    children=(
        Child(
            field="lineItems",
            name="line_items",
            description="One line.",
            parent_key="saleId",
            columns={
                "sku": Column("text", "What."),
                "unitPrice": Column("decimal", "For how much."),
            },
        ),
        Child(
            field="discountCodes",
            name="discount_codes",
            description="One code.",
            parent_key="saleId",
            columns={"code": Column("text", "The code.")},
        ),
    ),
)
CANONICAL: list[dict[str, Any]] = [
    {
        "saleId": "1",
        "totalPrice": "12.50",
        "currency": "USD",
        "email": "a@example.com",
        "soldAt": "2026-01-01T10:00:00Z",
        "extra": {"a": [1]},
        "lineItems": [{"sku": "x", "unitPrice": "5"}, {"sku": "y", "unitPrice": 7.5}],
        "discountCodes": ["A", "B"],
    },
    {
        "saleId": "2",
        "totalPrice": "0.10",
        "currency": "EUR",
        "email": None,
        "soldAt": "2026-01-01T11:00:00Z",
        "extra": None,
        "lineItems": [],
        "discountCodes": [],
    },
]
ALL = SourceMapping(
    path=None,  # type: ignore[arg-type]
    x_from={
        ("sales", "totalPrice"): ("total.amount",),
        ("sales", "currency"): ("total.currency",),
        ("sales", "email"): ("customer.email", "email"),
        ("sales", "lineItems"): ("order.items",),
        ("sales", "lineItems", "unitPrice"): ("price.each",),
    },
)


def styled(value: Any, style: Any) -> Any:
    """The same records with every name written in another style."""
    if isinstance(value, list):
        return [styled(each, style) for each in value]
    if not isinstance(value, dict):
        return value
    return {style(k): v if k == "extra" else styled(v, style) for k, v in value.items()}


def words(name: str) -> list[str]:
    out = [""]
    for letter in name:
        if letter.isupper():
            out.append("")
        out[-1] += letter.lower()
    return out


def nested(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record as servers send it that nest people, money and lines."""
    return {
        "id": record["saleId"],
        "total": {"amount": record["totalPrice"], "currency": record["currency"]},
        "customer": record["email"] and {"email": record["email"]},
        "soldAt": record["soldAt"],
        "extra": record["extra"],
        "order": {
            "items": [
                {"sku": line["sku"], "price": {"each": line["unitPrice"]}}
                for line in record["lineItems"]
            ]
        },
        "discountCodes": record["discountCodes"],
    }


VARIANTS = {
    "snake_case": lambda r: styled(r, lambda n: "_".join(words(n))),
    "kebab-case": lambda r: styled(r, lambda n: "-".join(words(n))),
    "PascalCase": lambda r: styled(r, lambda n: n[0].upper() + n[1:]),
    "nested": nested,
    "nested in PascalCase": lambda r: styled(nested(r), str.capitalize),
}


def build(
    records: list[dict[str, Any]], table: Table = SALES, way: str = "JSON"
) -> tuple[dict[str, list[dict[str, Any]]], TableBuilder, Any]:
    builder = TableBuilder(table)
    lists = [b"[]", orjson.dumps(records[:1]), orjson.dumps(records[1:])]
    parsed = (
        builder.parser.parse(lists) if way == "JSON" else builder.parser.take(records)
    )
    tables = builder.build(parsed, NOW)
    return {name: rows.to_pylist() for name, rows in tables.items()}, builder, parsed


@pytest.mark.parametrize("way", ["JSON", "dicts"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_the_same_record_in_other_names_is_the_same_row(variant: str, way: str) -> None:
    expected, _, _ = build(CANONICAL)
    sent = [VARIANTS[variant](record) for record in CANONICAL]
    rows, builder, parsed = build(sent, ALL.applied(SALES), way)
    assert rows == expected
    assert builder.drifts == []
    assert builder.fields["sales"] >= {
        "saleId",
        "totalPrice",
        "email",
        "lineItems",
    }
    if way == "JSON":
        assert isinstance(parsed, ArrowRecords)
        # Only what stays as JSON was decoded one by one.
        assert set(parsed.decoded) == {"extra"}
    sources = builder.sources["sales"]
    assert ("id" if "nested" in variant else "sale_id") in {
        *map(str.lower, sources.values()),
        *("sale_id" for v in sources.values() if style_key(v) == "saleid"),
    }


def test_the_mapping_comes_first_then_the_name_then_its_styles_then_id() -> None:
    record = {"id": "id", "sale_id": "style", "saleId": "name", "number": "mapped"}
    table = replace(
        SALES,
        columns={"saleId": replace(SALES.columns["saleId"], x_from=("nr", "number"))},
        children=(),
    )
    for used in ("mapped", "name", "style", "id"):
        rows, _, _ = build([record], table)
        assert rows["sales"][0]["sale_id"] == used
        record = {name: value for name, value in record.items() if value != used}


@pytest.mark.parametrize("way", ["JSON", "dicts"])
@pytest.mark.parametrize(
    "name", ["total", "amount", "price", "TotalAmount", "_totalPrice", "grand_total"]
)
def test_no_synonym_is_applied_silently(name: str, way: str) -> None:
    rows, builder, _ = build([{"saleId": "1", name: "5"}], way=way)
    assert rows["sales"][0]["total_price"] is None
    assert [str(drift) for drift in builder.drifts] == [
        f"sales.{name}: undeclared field (1 rows)"
    ]


def test_id_is_the_key_of_the_record_itself_only() -> None:
    table = replace(SALES, name="purchases")
    with pytest.raises(DriftError, match=r"saleId.*instead: id"):
        build([{"id": "1"}], table)
    rows, _, _ = build([{"id": "5", "sale-id": "1"}])
    assert rows["sales"][0]["sale_id"] == "1"
    assert rows["sales"][0]["id"] == "5"


@pytest.mark.parametrize("way", ["JSON", "dicts"])
def test_the_first_records_that_have_a_value_decide_for_the_whole_read(
    way: str,
) -> None:
    table = ALL.applied(SALES)
    builder = TableBuilder(table)
    landed = []
    for batch in (
        [{"saleId": "1", "email": None, "lineItems": [{"sku": None, "Sku": None}]}],
        [{"saleId": "2", "customer": {"email": "b"}, "lineItems": [{"Sku": "x"}]}],
        # From now on this is another field, also where the one in use is missing.
        [{"saleId": "3", "email": "c", "lineItems": [{"sku": "y", "Sku": "y"}]}],
    ):
        parsed = (
            builder.parser.parse([orjson.dumps(batch)])
            if way == "JSON"
            else builder.parser.take(batch)
        )
        tables = builder.build(parsed, NOW)
        landed += tables["sales"].to_pylist()
    assert [row["email"] for row in landed] == [None, "b", None]
    assert landed[-1]["email_not_used"] == "c"
    assert tables["sales__line_items"].column("sku").to_pylist() == ["y"]
    assert "sku_not_used" not in tables["sales__line_items"].schema.names
    assert {d.field: d.problem for d in builder.drifts}["email"] == (
        "it comes as 'customer.email', which is used, and as 'email_not_used', which "
        "differs"
    )
    assert builder.sources == {
        "sales": {"email": "customer.email"},
        "sales__line_items": {"sku": "Sku"},
    }


@pytest.mark.parametrize("way", ["JSON", "dicts"])
def test_candidates_that_agree_are_one_field_and_those_that_differ_a_finding(
    way: str,
) -> None:
    agreeing = [{"saleId": "1", "total_price": "5.0", "totalPrice": 5}]
    rows, builder, _ = build(agreeing, way=way)
    assert (rows["sales"][0]["total_price"], builder.drifts) == (Decimal(5), [])
    assert rows["sales"][0].keys() == build(CANONICAL)[0]["sales"][0].keys()

    differing = [*agreeing, {"saleId": "2", "total_price": "6", "totalPrice": 5}]
    rows, builder, _ = build(differing, way=way)
    assert [row["total_price"] for row in rows["sales"]] == [5, 5]
    conflict, undeclared = sorted(builder.drifts, key=lambda drift: drift.severity)
    assert (conflict.field, conflict.rows, conflict.severity) == (
        *("totalPrice", 1),
        "error",
    )
    assert undeclared.field == "total_price"
    assert "6" in rows["sales"][1].values()


@pytest.mark.parametrize("way", ["JSON", "dicts"])
def test_what_is_left_of_an_object_that_a_field_is_read_from_still_lands(
    way: str,
) -> None:
    sent = [
        {"saleId": "1", "customer": {"email": "a", "phone": "1", "address": {"a": 1}}},
        {"saleId": "2", "customer": {"email": "b", "phone": None}},
        {"saleId": "3", "customer": None},
    ]
    rows, builder, parsed = build(sent, ALL.applied(SALES), way)
    assert [row["email"] for row in rows["sales"]] == ["a", "b", None]
    assert [row["customer_phone"] for row in rows["sales"]] == ["1", None, None]
    assert rows["sales"][0]["customer_address"] == '{"a":1}'
    assert sorted(drift.field for drift in builder.drifts) == [
        *("customer.address", "customer.phone"),
    ]
    if way == "JSON":
        assert isinstance(parsed, ArrowRecords)


@pytest.mark.parametrize("way", ["JSON", "dicts"])
def test_an_object_that_is_sometimes_a_plain_value_loses_nothing(way: str) -> None:
    sent = [
        {"saleId": "1", "customer": {"email": "a"}, "total": {"amount": 5}},
        {"saleId": "2", "customer": "b", "total": 6},
    ]
    rows, builder, _ = build(sent, ALL.applied(SALES), way)
    assert [row["email"] for row in rows["sales"]] == ["a", None]
    assert rows["sales"][1]["customer"] == "b"
    assert rows["sales"][1]["total"] == "6"
    assert {"customer", "total"} <= {drift.field for drift in builder.drifts}


def test_a_value_that_is_read_twice_fills_both_fields() -> None:
    mapping = replace(
        ALL,
        x_from={
            ("sales", "totalPrice"): ("total",),
            ("sales", "currency"): ("total.currency",),
            ("sales", "email"): ("customer",),
            ("sales", "saleId"): ("customer",),
        },
    )
    sent = [
        {"customer": "1", "total": {"amount": 5, "currency": "USD"}},
        {"customer": "2", "total": {"amount": 6, "currency": "EUR"}},
    ]
    for way in ("JSON", "dicts"):
        rows, builder, _ = build(sent, mapping.applied(SALES), way)
        assert [
            (r["sale_id"], r["email"], r["total_price"], r["currency"])
            for r in rows["sales"]
        ] == [("1", "1", 5, "USD"), ("2", "2", 6, "EUR")]
        assert builder.drifts == []


def test_a_field_that_now_comes_from_elsewhere_is_not_lost() -> None:
    state: dict[str, Any] = {}
    sent = [nested(record) for record in CANONICAL]

    def findings(table: Table) -> set[str]:
        _, builder, _ = build(sent, table)
        drifts = absent_fields([table], builder.fields, state, sources=builder.sources)
        return {f"{drift.field}: {drift.problem.split(';')[0]}" for drift in drifts}

    assert "totalPrice: never came" in findings(SALES)
    assert findings(ALL.applied(SALES)) == set()


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("email", ("email",)),
        ("customer.email", ("customer", "email")),
        ("$.customer.email", ("customer", "email")),
        ("['a.b'].c", ("a.b", "c")),
        ('a["b c"]', ("a", "b c")),
        ("first name", ("first name",)),
    ],
)
def test_paths_are_names_from_the_outermost_object(text: str, path: Any) -> None:
    assert path_of(text) == path


@pytest.mark.parametrize("text", ["", "$", "a[*].b", "a[0]", "a..b", "*", "a.", "$..a"])
def test_what_leads_to_several_values_is_not_a_path(text: str) -> None:
    with pytest.raises(ValueError, match="not a path"):
        path_of(text)
