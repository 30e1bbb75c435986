"""Whatever JSON comes, each value lands exactly or is told, and types never change."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from roster_platform import documents
from roster_platform.catalogue import VARIANT_SUFFIX, Column, column_name
from roster_platform.errors import DriftError
from roster_platform.records.conversion.arrow_types import ARROW_TYPES
from roster_platform.records.table_builder import TableBuilder
from tests import things

# How .NET writes that there is no date, in the zone of the machine.
NO_DATE = re.compile(r"0001-01-01T00:00:00([+-][\d:]+)?")
NOW = datetime(2026, 1, 2, tzinfo=UTC)
THINGS = replace(things.THINGS, soft_deletes=True)

texts = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        [
            *("", " ", "0", "-1", "1.5", "$1,200.50", "12,50", "1_000", "1e3", "nan"),
            *("Infinity", "true", "null", "\x00", "2026-01-01", "2026-02-30"),
            *(
                "2026-03-29T02:30:00",
                "2026-01-01T00:00:00Z",
                "9999-12-31T23:59:59-05:00",
            ),
            *("0001-01-01T00:00:00+05:00", "2026-01-01T00:00:00.1234567Z"),
            *("2026-10-25T02:30:00+02:00", "20260101", "2026-W01-1"),
            *("0001-01-01T00:00:00", "1772712000", "1772712000123", "Yes", "OFF"),
            *("Thu, 05 Mar 2026 12:00:00 GMT", "/Date(1772712000000)/", "1.234,50"),
        ]
    ),
    st.integers().map(str),
    st.decimals(allow_nan=False, allow_infinity=False).map(str),
    st.datetimes().map(datetime.isoformat),
    st.datetimes(timezones=st.timezones()).map(datetime.isoformat),
    st.dates().map(lambda day: day.isoformat()),
)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(2**80), 2**80),
    st.integers(600_000_000, 4_200_000_000),
    st.integers(600_000_000_000, 4_200_000_000_000),
    st.floats(allow_nan=False, allow_infinity=False),
    texts,
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
odd_names = st.one_of(
    st.text(max_size=8),
    st.sampled_from(
        [
            *(
                "",
                " ",
                "Name",
                "NAME",
                "n ame",
                "first name",
                "First-Name",
                "firstName",
            ),
            *("_observed_at", "_deleted", "is_deleted", "deletedAt", "_dlt_id"),
            *("_dlt_load_id", "position", "count__v_text", "countVText", "x" * 300),
            *(
                "Customer Name",
                "Customer-Name",
                "customer_name",
                "thing_id",
                "💥",
                "名",
            ),
        ]
    ),
)
records = st.builds(
    lambda declared, odd: {**odd, **declared},
    st.fixed_dictionaries(
        {},
        optional={
            **{name: values for name in THINGS.columns if name != "id"},
            "tags": st.lists(values, max_size=3) | values,
        },
    ),
    st.dictionaries(odd_names, values, max_size=4),
)


def exactly(landed: Any, sent: Any, data_type: str) -> bool:
    """Whether a value of a declared type says what was sent, as a person reads it."""
    if sent is None or landed is None:
        return landed is sent
    if data_type == "text":
        if isinstance(sent, float) and sent.is_integer() and abs(sent) < 2**53:
            return landed == str(int(sent))
        return landed == (sent if isinstance(sent, str) else as_json(sent))
    if data_type == "json":
        return same(json.loads(landed), sent)
    if data_type == "bool":
        words = {1: ("1", "true", "yes", "y", "t", "on"), 0: ("0", "false", "no", "n")}
        return str(sent).lower() in (*words[landed], "f" if not landed else "t") or (
            landed is False and str(sent).lower() == "off"
        )
    if data_type in ("bigint", "double", "decimal"):
        text = str(sent).strip().replace("$", "")
        if text == "1.234,50":
            return landed == Decimal("1234.5")
        whole, dot, rest = text.partition(".")
        groups = whole.lstrip("+-").split(",")
        if len(groups) > 1 and any(len(group) != 3 for group in groups[1:]):
            return False
        try:
            number = Decimal(whole.replace(",", "") + dot + rest)
        except InvalidOperation:
            return False
        if data_type == "double":
            return float(number) == landed and (
                not isinstance(sent, int) or int(landed) == sent
            )
        return not isinstance(sent, bool) and number == Decimal(landed)
    moment = as_a_person_reads(sent)
    if data_type == "date":
        return landed == moment.date() and moment.time() == datetime.min.time()
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return landed == moment


def as_a_person_reads(sent: Any) -> datetime:
    """A timestamp in any of the spellings above."""
    if str(sent).startswith("Thu, 05 Mar"):
        return datetime(2026, 3, 5, 12, tzinfo=UTC)
    digits = str(sent).removeprefix("/Date(").removesuffix(")/")
    if digits.replace(".", "").isdigit() and digits != "20260101":
        seconds = Decimal(digits)
        # After 2100, seconds must have been milliseconds.
        if seconds > 4_102_444_800:
            seconds /= 1000
        # Times are stored to the microsecond.
        microseconds = int(seconds * 1_000_000)
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
    return datetime.fromisoformat(sent)


def is_rounded(landed: Any, sent: Any, data_type: str) -> bool:
    """Whether money has more digits than its column, and lands as the nearest."""
    return data_type == "decimal" and abs(landed - Decimal(str(sent))) <= Decimal(
        "5e-5"
    )


def same(one: Any, other: Any) -> bool:
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def as_json(value: Any) -> str:
    return documents.dumps(value).decode()


def is_float_noise(landed: Any, sent: Any) -> bool:
    """Whether a sum of doubles explains the difference, which is reported only."""
    if not isinstance(landed, Decimal):
        return False
    return abs(Decimal(str(sent)) - landed) < Decimal("1e-6")


def check_row(
    row: Mapping[str, Any],
    record: Mapping[str, Any],
    declared: Mapping[str, Column],
    drifts: set[str],
) -> None:
    accounted = set()
    for field, column in declared.items():
        name, sent = column_name(field), record.get(field)
        accounted |= {name, name + VARIANT_SUFFIX}
        if exactly(row[name], sent, column.data_type):
            continue
        if column.data_type in ("timestamp", "date") and NO_DATE.fullmatch(str(sent)):
            assert row[name] is None
            continue
        # What does not fit is told, and kept as it came.
        assert row[name] is None or is_rounded(row[name], sent, column.data_type)
        assert field in drifts
        if not is_float_noise(row[name], sent):
            assert row[name + VARIANT_SUFFIX] == (
                sent if isinstance(sent, str) else as_json(sent)
            )
    left = [v for name, v in row.items() if name not in accounted and v is not None]
    for field in record.keys() - declared.keys() - {"tags"}:
        sent = record[field]
        if sent is not None:
            assert field in drifts
            left.remove(sent if isinstance(sent, str) else as_json(sent))


@pytest.fixture(scope="module")
def examples(request: pytest.FixtureRequest) -> int:
    return 2000 if request.config.getoption("--long") else 150


def test_every_value_lands_exactly_or_is_told(tries, examples) -> None:
    tried = tries("Any JSON")

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(st.lists(records, min_size=1, max_size=3), min_size=1, max_size=2))
    def check(batches: list[list[dict[str, Any]]]) -> None:
        tried()
        builder = TableBuilder(THINGS)
        for number, batch in enumerate(batches):
            # As the API sends it, and the client reads it.
            sent = [
                {**record, "id": f"{number}-{place}"}
                for place, record in enumerate(batch)
            ]
            batch = documents.loads(json.dumps(sent).encode())
            built = builder.build(batch, NOW)
            drifts = {d.field for d in builder.drifts if d.table == "things"}
            for row, record in zip(built["things"].to_pylist(), batch, strict=True):
                check_row(row, record, THINGS.columns, drifts)
            for field, column in THINGS.columns.items():
                landed = built["things"].schema.field(column_name(field))
                assert landed.type == ARROW_TYPES[column.data_type]
            names = built["things"].schema.names
            assert len(names) == len(set(names))
            check_children(built["things__tags"], batch)

    check()


def check_children(tags: pa.Table, batch: list[dict[str, Any]]) -> None:
    rows = tags.to_pylist()
    for record in batch:
        sent = record.get("tags")
        elements = sent if isinstance(sent, list) else [] if sent is None else [sent]
        mine = [row for row in rows if row["thing_id"] == record["id"]]
        if not elements:
            assert [row["_deleted"] for row in mine] == [True]
            continue
        assert [row["position"] for row in mine] == list(range(len(elements)))
        for row, element in zip(mine, elements, strict=True):
            if not isinstance(element, dict):
                assert exactly(row["tag"], element, "text")


@pytest.mark.parametrize("key", [None, "absent"])
def test_a_record_without_its_key_costs_itself_and_is_told(key, tries) -> None:
    tries("Any JSON")()
    record = {"name": "x"} if key else {"id": None}
    builder = TableBuilder(THINGS)
    built = builder.build([{"id": "a"}, record], NOW)["things"]
    assert built.column("id").to_pylist() == ["a"]
    (drift,) = builder.drifts
    assert (drift.field, drift.rows, drift.severity) == ("id", 1, "error")
    with pytest.raises(DriftError, match="key 'id'"):
        TableBuilder(THINGS).build([record], NOW)
