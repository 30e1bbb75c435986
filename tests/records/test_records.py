"""However records are parsed, the same tables come of them, and the same findings."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from roster_platform.records.records import ArrowRecords, DictRecords
from roster_platform.records.table_builder import TableBuilder
from tests.things import THINGS

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

AS_DECLARED = [
    {
        "id": "1",
        "count": 3,
        "hours": 2,
        "price": "12.50",
        "isGood": True,
        "seenAt": "2026-01-01T12:00:00.123Z",
        "day": "2026-01-01",
        "extra": {"b": [1, None, "é"]},
        "tags": ["A", "B"],
        "lines": [{"sku": "x", "price": "5"}, {"sku": 'y\n"', "price": "0.1"}],
    },
    {"id": "2", "seenAt": "2026-01-01T12:00:00+05:45", "tags": [], "lines": None},
    {"id": "3", "lines": [{"sku": None}, {}], "tags": [None], "count": None},
]
STILL_BY_COLUMN = {
    "as declared": AS_DECLARED,
    "none": [],
    "moments without zone": [{"id": "1", "seenAt": "2026-01-01T12:00:00"}],
    "moments of both kinds": [
        {"id": "1", "seenAt": "2026-01-01T12:00:00"},
        {"id": "2", "seenAt": "2026-01-01T12:00:00Z"},
    ],
    "a moment that is none": [{"id": "1", "seenAt": "soon", "day": "0001-01-01"}],
    "an undeclared field": [{"id": "1", "new": "text"}, {"id": "2"}],
    "undeclared values of every kind": [
        {"id": "1", "a": {"x": 1}, "b": [1, 2], "c": 2.50, "d": True, "e": None},
        {"id": "2", "f": "2026-01-01T00:00:00Z", "G": 1, "g": 2, "c": 1e22},
    ],
    "an undeclared field of a line": [
        {"id": "1", "lines": [{"sku": "x", "color": "red"}, {"sku": "y"}]}
    ],
    "a line that is null": [{"id": "1", "lines": [None, {"sku": "x"}]}],
    "prices as numbers": [{"id": "1", "price": 12.5, "lines": [{"price": 0.1}]}],
    "prices of both kinds": [
        {"id": "1", "price": 1},
        {"id": "2", "price": "2"},
    ],
    "one key is missing": [
        {"id": "1", "tags": ["A"], "new": 1},
        {"tags": ["B"], "lines": [{"sku": "x"}], "other": 2},
        {"id": "2", "lines": [{"sku": "y"}]},
    ],
    "no key": [{"id": None, "count": 1}, {"count": 2}],
}
NOT_AT_FIRST = {
    "numbers as text": [{"id": 1}, {"id": 2}],
    "text as numbers": [{"id": "1", "count": "3", "hours": "1.5"}],
    "a price with a comma": [{"id": "1", "price": "1,200.00"}],
    "a price too exact": [{"id": "1", "price": 0.12345}],
    "prices with float noise": [
        {"id": "1", "price": 59.970000000000006, "lines": [{"price": "1e-9"}]}
    ],
    "a price with its currency": [{"id": "1", "price": "12.00 USD"}],
    "a key that is missing": [
        {"id": "1", "tags": ["A"], "price": "1,0"},
        {"tags": ["B"], "lines": [{"sku": "x"}]},
        {"id": "2", "lines": [{"sku": "y"}]},
    ],
    "a number too large": [{"id": "1", "count": 2**63}],
    "a flag that is none": [{"id": "1", "isGood": "perhaps"}],
    "one tag, no list": [{"id": "1", "tags": "A"}],
    "lines that are plain": [{"id": "1", "lines": ["x", {"sku": "y"}]}],
    "tags that are objects": [{"id": "1", "tags": [{"tag": "A", "by": "me"}]}],
    "a line's price as words": [{"id": "1", "lines": [{"price": "free"}]}],
    "an object for text": [{"id": "1"}, {"id": {"id": 2}}],
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
    from_json, from_dicts = TableBuilder(THINGS), TableBuilder(THINGS)
    for batch in (records, AS_DECLARED, records):
        expected = found(from_dicts, DictRecords(batch))
        assert found(from_json, parsed(from_json, batch)) == expected


@pytest.mark.parametrize("name", STILL_BY_COLUMN)
def test_records_are_parsed_by_column_at_once(name) -> None:
    records = parsed(TableBuilder(THINGS), STILL_BY_COLUMN[name])
    assert isinstance(records, ArrowRecords)


@pytest.mark.parametrize("name", NOT_AT_FIRST)
def test_a_field_unlike_its_declaration_is_left_to_python_from_then_on(name) -> None:
    builder = TableBuilder(THINGS)
    records = parsed(builder, NOT_AT_FIRST[name])
    assert isinstance(records, DictRecords)
    found(builder, records)
    if name != "tags that are objects":
        assert isinstance(parsed(builder, NOT_AT_FIRST[name]), ArrowRecords)
    assert isinstance(parsed(builder, AS_DECLARED), ArrowRecords)


@pytest.mark.parametrize("kind", [DictRecords, ArrowRecords])
def test_records_are_filtered_with_all_that_belongs_to_them(kind) -> None:
    builder = TableBuilder(THINGS)
    records = parsed(builder, AS_DECLARED)
    if kind is DictRecords:
        records = DictRecords(AS_DECLARED)
    assert isinstance(records, kind)
    kept = found(builder, records.filter([True, False, True]))
    assert kept == found(
        TableBuilder(THINGS), DictRecords([AS_DECLARED[0], AS_DECLARED[2]])
    )
