"""However records are parsed, the same tables come of them, and the same findings."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from roster_platform.ingest.catalogue import Child, Column, Table
from roster_platform.ingest.records import ArrowRecords, DictRecords
from roster_platform.ingest.tables import TableBuilder

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

ORDERS = Table(
    name="orders",
    description="One order.",
    primary_key=("orderId",),
    columns={
        "orderId": Column("text", "Id."),
        "count": Column("bigint", "A count."),
        "hours": Column("double", "Hours."),
        "price": Column("decimal", "A price."),
        "isGood": Column("bool", "A flag."),
        "seenAt": Column("timestamp", "A moment."),
        "day": Column("date", "A day."),
        "extra": Column("json", "Whatever."),
    },
    children=(
        Child(
            field="codes",
            name="codes",
            description="One code.",
            parent_key="orderId",
            columns={"code": Column("text", "The code.")},
        ),
        Child(
            field="lines",
            name="lines",
            description="One line.",
            parent_key="orderId",
            columns={
                "sku": Column("text", "What."),
                "price": Column("decimal", "For how much."),
            },
        ),
    ),
)

AS_DECLARED = [
    {
        "orderId": "1",
        "count": 3,
        "hours": 2,
        "price": "12.50",
        "isGood": True,
        "seenAt": "2026-01-01T12:00:00.123Z",
        "day": "2026-01-01",
        "extra": {"b": [1, None, "é"]},
        "codes": ["A", "B"],
        "lines": [{"sku": "x", "price": "5"}, {"sku": 'y\n"', "price": "0.1"}],
    },
    {"orderId": "2", "seenAt": "2026-01-01T12:00:00+05:45", "codes": [], "lines": None},
    {"orderId": "3", "lines": [{"sku": None}, {}], "codes": [None], "count": None},
]
STILL_BY_COLUMN = {
    "as declared": AS_DECLARED,
    "none": [],
    "moments without zone": [{"orderId": "1", "seenAt": "2026-01-01T12:00:00"}],
    "moments of both kinds": [
        {"orderId": "1", "seenAt": "2026-01-01T12:00:00"},
        {"orderId": "2", "seenAt": "2026-01-01T12:00:00Z"},
    ],
    "a moment that is none": [{"orderId": "1", "seenAt": "soon", "day": "0001-01-01"}],
    "an undeclared field": [{"orderId": "1", "new": "text"}, {"orderId": "2"}],
    "undeclared values of every kind": [
        {"orderId": "1", "a": {"x": 1}, "b": [1, 2], "c": 2.50, "d": True, "e": None},
        {"orderId": "2", "f": "2026-01-01T00:00:00Z", "G": 1, "g": 2, "c": 1e22},
    ],
    "an undeclared field of a line": [
        {"orderId": "1", "lines": [{"sku": "x", "color": "red"}, {"sku": "y"}]}
    ],
    "a line that is null": [{"orderId": "1", "lines": [None, {"sku": "x"}]}],
    "prices as numbers": [{"orderId": "1", "price": 12.5, "lines": [{"price": 0.1}]}],
    "prices of both kinds": [
        {"orderId": "1", "price": 1},
        {"orderId": "2", "price": "2"},
    ],
    "no key": [{"orderId": None, "count": 1}, {"count": 2}],
}
NOT_AT_FIRST = {
    "numbers as text": [{"orderId": 1}, {"orderId": 2}],
    "text as numbers": [{"orderId": "1", "count": "3", "hours": "1.5"}],
    "a price with a comma": [{"orderId": "1", "price": "1,200.00"}],
    "a price too exact": [{"orderId": "1", "price": 0.12345}],
    "a number too large": [{"orderId": "1", "count": 2**63}],
    "a flag that is none": [{"orderId": "1", "isGood": "yes"}],
    "one code, no list": [{"orderId": "1", "codes": "A"}],
    "lines that are plain": [{"orderId": "1", "lines": ["x", {"sku": "y"}]}],
    "codes that are objects": [{"orderId": "1", "codes": [{"code": "A", "by": "me"}]}],
    "a line's price as words": [{"orderId": "1", "lines": [{"price": "free"}]}],
    "an object for text": [{"orderId": "1"}, {"orderId": {"id": 2}}],
}


def found(
    builder: TableBuilder, records: Any
) -> tuple[dict[str, Any], list[str], dict[str, set[str]]]:
    """All that building gives; where a key is missing, the complaint instead."""
    try:
        tables = builder.build(records, NOW)
    except Exception as error:
        return {"error": str(error)}, [], {}
    return (
        {name: (table.schema, table.to_pylist()) for name, table in tables.items()},
        sorted(map(str, builder.drifts)),
        builder.fields,
    )


def parsed(builder: TableBuilder, records: Sequence[dict[str, Any]]) -> Any:
    lists = [orjson.dumps(records[:1]), b" [ ]", orjson.dumps(records[1:])]
    return builder.parser.parse(lists)


@pytest.mark.parametrize("name", [*STILL_BY_COLUMN, *NOT_AT_FIRST])
def test_both_ways_of_parsing_build_the_same(name) -> None:
    records = {**STILL_BY_COLUMN, **NOT_AT_FIRST}[name]
    from_json, from_dicts = TableBuilder(ORDERS), TableBuilder(ORDERS)
    for batch in (records, AS_DECLARED, records):
        expected = found(from_dicts, DictRecords(batch))
        assert found(from_json, parsed(from_json, batch)) == expected


@pytest.mark.parametrize("name", STILL_BY_COLUMN)
def test_records_are_parsed_by_column_at_once(name) -> None:
    records = parsed(TableBuilder(ORDERS), STILL_BY_COLUMN[name])
    assert isinstance(records, ArrowRecords)


@pytest.mark.parametrize("name", NOT_AT_FIRST)
def test_a_field_unlike_its_declaration_is_left_to_python_from_then_on(name) -> None:
    builder = TableBuilder(ORDERS)
    records = parsed(builder, NOT_AT_FIRST[name])
    assert isinstance(records, DictRecords)
    found(builder, records)
    if name != "codes that are objects":
        assert isinstance(parsed(builder, NOT_AT_FIRST[name]), ArrowRecords)
    assert isinstance(parsed(builder, AS_DECLARED), ArrowRecords)


@pytest.mark.parametrize("kind", [DictRecords, ArrowRecords])
def test_records_are_filtered_with_all_that_belongs_to_them(kind) -> None:
    builder = TableBuilder(ORDERS)
    records = parsed(builder, AS_DECLARED)
    if kind is DictRecords:
        records = DictRecords(AS_DECLARED)
    assert isinstance(records, kind)
    kept = found(builder, records.filter([True, False, True]))
    assert kept == found(
        TableBuilder(ORDERS), DictRecords([AS_DECLARED[0], AS_DECLARED[2]])
    )
