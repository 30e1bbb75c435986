"""Two records with one digest say the same, and no others."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roster_platform.catalogue import Child, Column, Table
from roster_platform.records.table_builder import TableBuilder

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = datetime(2026, 1, 2, tzinfo=UTC)
THINGS = Table(
    name="things",
    description="",
    primary_key=("id",),
    columns={
        "id": Column("text", ""),
        "name": Column("text", "", key="email"),
        "other": Column("text", ""),
        "price": Column("decimal", ""),
        "at": Column("timestamp", ""),
        "list": Column("text", ""),
    },
    children=(
        Child("tags", "tags", "", "thingId", {"value": Column("text", "")}),
        Child("notes", "notes", "", "thingId", {"value": Column("text", "")}),
    ),
    not_compared=("list",),
)
texts = st.text(st.sampled_from(["a", "b", "=", "\x1f", "1", "\0"]), max_size=3)
records = st.fixed_dictionaries(
    {"id": st.just("1")},
    optional={
        "name": texts | st.none(),
        "other": texts | st.none(),
        "tags": st.lists(texts, max_size=3),
        "notes": st.lists(texts, max_size=3),
    },
)


def _digest(record: dict[str, Any], observed_at: datetime = NOW, **options: Any) -> str:
    tables = TableBuilder(THINGS, **options).build([record], observed_at)
    return tables["things"]["_digest"][0].as_py()


def _said(record: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if value not in (None, [])}


@given(records, records)
def test_digests_are_equal_when_records_say_the_same(one, other) -> None:
    assert (_digest(one) == _digest(other)) == (_said(one) == _said(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"price": "1.5"}, {"price": 1.50}),
        ({"at": "2026-01-01T12:00:00Z"}, {"at": "2026-01-01T13:00:00+01:00"}),
        ({"name": "a", "other": "b"}, {"other": "b", "name": "a"}),
        ({"list": "a"}, {"list": "b"}),
        ({"name": "a", "unheard": None}, {"name": "a"}),
    ],
    ids=["spelling of money", "zone", "order of fields", "not compared", "null"],
)
def test_what_says_the_same_has_one_digest(one, other) -> None:
    assert _digest({"id": "1", **one}) == _digest({"id": "1", **other}, LATER)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"tags": ["a", "b"]}, {"tags": ["b", "a"]}),
        ({"tags": ["a"]}, {"notes": ["a"]}),
        ({"price": 1}, {"price": 2}),
        ({"at": "2026-01-01T12:00:00Z"}, {"at": "2026-01-01T12:00:01Z"}),
        ({"unheard": "a"}, {"unheard": "b"}),
        ({"price": "much"}, {"price": "more"}),
    ],
    ids=["order", "child", "money", "time", "undeclared", "does not fit"],
)
def test_what_says_something_else_has_another(one, other) -> None:
    assert _digest({"id": "1", **one}) != _digest({"id": "1", **other})


def test_volatile_fields_say_nothing() -> None:
    one, other = ({"id": "1", "seenAt": at} for at in ("a", "b"))
    assert _digest(one, volatile=["seenAt"]) == _digest(other, volatile=["seenAt"])
    assert _digest(one) != _digest(other)
