"""Records become typed tables; what does not fit is reported, never lost."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from roster_platform.catalogue import Column
from roster_platform.errors import DriftError
from roster_platform.records.table_builder import TableBuilder, tombstone_rows
from tests.things import THINGS

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def build(*records: dict[str, object]) -> tuple[list[dict], list[dict], list[str]]:
    builder = TableBuilder(THINGS)
    tables = builder.build(records, NOW)
    return (
        tables["things"].to_pylist(),
        tables["things__tags"].to_pylist(),
        sorted(map(str, builder.drifts)),
    )


def test_declared_fields_get_their_declared_types() -> None:
    (row,), _, drifts = build(
        {
            "id": "a",
            "count": 3,
            "hours": 1,
            "price": "12.50",
            "isGood": True,
            "seenAt": "2026-01-01T12:00:00.123Z",
            "day": "2026-01-01",
            "extra": {"b": [1, 2]},
        }
    )
    assert row.pop("_digest")
    assert row == {
        "id": "a",
        "name": None,
        "count": 3,
        "hours": 1.0,
        "price": Decimal("12.5000"),
        "is_good": True,
        "seen_at": datetime(2026, 1, 1, 12, 0, 0, 123000, tzinfo=UTC),
        "day": date(2026, 1, 1),
        "extra": '{"b":[1,2]}',
        "_observed_at": NOW,
    }
    assert drifts == []


def test_the_schema_does_not_depend_on_the_values() -> None:
    builder = TableBuilder(THINGS)
    full = builder.build([{"id": "a", "count": 1, "price": "1"}], NOW)["things"]
    nulls = builder.build([{"id": "b"}], NOW)["things"]
    empty = builder.build([], NOW)["things"]
    assert full.schema == nulls.schema == empty.schema


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("$1,200.50", Decimal("1200.5000")),
        ("-3", Decimal("-3.0000")),
        (12.5, Decimal("12.5000")),
        (7, Decimal("7.0000")),
        ("€12", Decimal("12.0000")),
        ("-€12.5", Decimal("-12.5000")),
        ("12.00 USD", Decimal("12.0000")),
        ("USD 1,200", Decimal("1200.0000")),
        ("1\u00a0234\u00a0567.50 €", Decimal("1234567.5000")),
        ("1 234", Decimal("1234.0000")),
    ],
)
def test_money_is_exact_however_it_is_written(sent: object, kept: Decimal) -> None:
    (row,), _, drifts = build({"id": "a", "price": sent})
    assert row["price"] == kept
    assert drifts == []


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("2026-03-29T02:30:00", datetime(2026, 3, 29, 2, 30, tzinfo=UTC)),
        ("2026-03-29T02:30:00+02:00", datetime(2026, 3, 29, 0, 30, tzinfo=UTC)),
        ("9999-12-31T23:59:59Z", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_moments_are_utc_and_naive_ones_are_read_as_utc(
    sent: str, kept: datetime
) -> None:
    (row, other), _, _ = build(
        {"id": "a", "seenAt": sent}, {"id": "b", "seenAt": "2026-01-01T00:00:00Z"}
    )
    assert row["seen_at"] == kept
    assert other["seen_at"] == datetime(2026, 1, 1, tzinfo=UTC)


def test_ids_are_text_whatever_they_were() -> None:
    rows, _, drifts = build({"id": 2**63}, {"id": "x"})
    assert [row["id"] for row in rows] == ["9223372036854775808", "x"]
    assert drifts == []


@pytest.mark.parametrize(
    ("field", "column", "value", "text"),
    [
        ("count", "count", "many", "many"),
        ("count", "count", 2**63, "9223372036854775808"),
        ("count", "count", True, "true"),
        ("count", "count", 1.5, "1.5"),
        ("count", "count", 5.989239267688365e16, "5.989239267688365e16"),
        ("hours", "hours", "n/a", "n/a"),
        ("price", "price", "12,50", "12,50"),
        ("price", "price", "12,50 EUR", "12,50 EUR"),
        ("price", "price", "12 34", "12 34"),
        ("price", "price", "EUR", "EUR"),
        ("price", "price", "123456789012345.5", "123456789012345.5"),
        ("isGood", "is_good", "perhaps", "perhaps"),
        ("seenAt", "seen_at", "yesterday", "yesterday"),
        ("day", "day", "2026-13-01", "2026-13-01"),
    ],
)
def test_a_misfit_lands_as_text_and_is_reported(
    field: str, column: str, value: object, text: str
) -> None:
    rows, _, drifts = build({"id": "a", field: value}, {"id": "b"})
    assert rows[0][column] is None
    assert rows[0][f"{column}__v_text"] == text
    assert len(drifts) == 1
    assert field in drifts[0]


def test_an_undeclared_field_lands_as_text_and_is_reported() -> None:
    rows, _, drifts = build({"id": "a", "newField": {"x": 1}}, {"id": "b"})
    assert [row["new_field"] for row in rows] == ['{"x":1}', None]
    assert drifts == ["things.newField: undeclared field (1 rows)"]


def test_two_spellings_of_one_name_both_land() -> None:
    (row,), _, drifts = build({"id": "a", "Hue": "red", "hue": "blue"})
    assert {"red", "blue"} <= {v for v in row.values() if isinstance(v, str)}
    assert len(drifts) == 2


def test_children_carry_their_parents_key_and_their_place() -> None:
    _, tags, _ = build({"id": "a", "tags": ["x", "y"]}, {"id": "b", "tags": ["z"]})
    assert [(t["thing_id"], t["position"], t["tag"]) for t in tags] == [
        ("a", 0, "x"),
        ("a", 1, "y"),
        ("b", 0, "z"),
    ]


@pytest.mark.parametrize("tags", [[], None])
def test_a_parent_without_children_deletes_those_loaded_before(tags: object) -> None:
    _, rows, _ = build({"id": "a", "tags": tags})
    assert [(row["thing_id"], row["_deleted"]) for row in rows] == [("a", True)]


def test_a_single_value_in_a_lists_place_is_kept_and_reported() -> None:
    _, rows, drifts = build({"id": "a", "tags": "x"})
    assert [(row["tag"], row["_deleted"]) for row in rows] == [("x", False)]
    assert drifts == ["things__tags.tags: a single value instead of a list (1 rows)"]


@pytest.mark.parametrize(
    ("sent", "kept", "text", "finding"),
    [
        (59.970000000000006, "59.9700", None, "float noise, rounded to 4 decimals"),
        ("0.30000000000000004", "0.3000", None, "float noise, rounded to 4 decimals"),
        (1e-9, "0.0000", None, "float noise, rounded to 4 decimals"),
        ("1.23456", "1.2346", "1.23456", "rounded to 4 decimals"),
        (1234567.12345, "1234567.1234", "1234567.12345", "rounded to 4 decimals"),
    ],
)
@pytest.mark.parametrize("way", ["dicts", "JSON"])
def test_money_with_too_many_digits_is_rounded_and_reported(
    sent: object, kept: str, text: str | None, finding: str, way: str
) -> None:
    builder = TableBuilder(THINGS)
    records: list[dict[str, object]] = [{"id": "a", "price": sent}]
    parsed = builder.parser.parse([json.dumps(records).encode()])
    (row,) = builder.build(parsed if way == "JSON" else records, NOW)[
        "things"
    ].to_pylist()
    assert row["price"] == Decimal(kept)
    assert row.get("price__v_text") == text
    (drift,) = builder.drifts
    assert (drift.field, drift.problem, drift.rows) == ("price", finding, 1)
    assert drift.severity == "warning"


@pytest.mark.parametrize("way", ["dicts", "JSON"])
def test_a_record_without_its_key_is_left_out_and_reported(way: str) -> None:
    builder = TableBuilder(THINGS)
    records: list[dict[str, object]] = [
        {"id": "a", "tags": ["x"]},
        {"count": 1, "tags": ["y"]},
        {"id": None},
        {"id": "b"},
    ]
    parsed = builder.parser.parse([json.dumps(records).encode()])
    built = builder.build(parsed if way == "JSON" else records, NOW)
    # Once there were keys, a batch without any costs its records only.
    assert len(builder.build([{"count": 2}], NOW)["things"]) == 0
    assert built["things"].column("id").to_pylist() == ["a", "b"]
    assert [
        (tag["thing_id"], tag["tag"]) for tag in built["things__tags"].to_pylist()
    ] == [("a", "x"), ("b", None)]
    assert [(str(drift), drift.severity) for drift in builder.drifts] == [
        ("things.id: missing, so the record was left out (3 rows)", "error")
    ]
    assert builder.dropped == {"id": 3}


def test_records_without_any_key_are_refused_with_what_came_instead() -> None:
    with pytest.raises(
        DriftError, match=r"2 records of things came without their key.*nr, number\."
    ):
        build({"nr": "a", "count": 1}, {"nr": "b", "number": 2})


def test_a_required_field_that_never_fits_is_an_error() -> None:
    table = replace(
        THINGS,
        columns={**THINGS.columns, "price": Column("decimal", "A.", required=True)},
    )
    for others, severity in (([], "error"), ([{"id": "b", "price": 1}], "warning")):
        builder = TableBuilder(table)
        builder.build([{"id": "a", "price": {"net": "12.50"}}, *others], NOW)
        (drift,) = builder.drifts
        assert (drift.problem, drift.severity) == ("not a decimal", severity)


def test_tombstones_fit_the_table_they_delete_from() -> None:
    built = TableBuilder(THINGS, tombstones=True).build([{"id": "a"}], NOW)["things"]
    rows = tombstone_rows(THINGS, "id", ["b"], NOW)
    assert set(rows.schema.names) == set(built.schema.names)
    assert rows.select(built.schema.names).schema == built.schema
    assert rows.to_pylist()[0]["_deleted"] is True


def test_the_share_of_the_rows_that_has_each_field() -> None:
    builder = TableBuilder(THINGS)
    assert builder.coverage == {}
    first = [{"id": "a", "price": "1", "tags": [{"tag": "x"}]}, {"id": "b", "tags": []}]
    builder.build(first, NOW)
    builder.build([{"id": "c", "price": "2"}, {"id": "d", "count": "odd"}], NOW)
    shares = builder.coverage["things"]
    assert (shares["id"], shares["price"], shares["count"]) == (1, 0.5, 0)
    # A record without elements is no element.
    assert builder.coverage["things__tags"] == {"tag": 1}
