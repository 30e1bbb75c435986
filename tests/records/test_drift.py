"""Declared fields that do not come are named, with what came instead."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from roster_platform.catalogue import Table
from roster_platform.ingest.autorosters.tables import BY_NAME as PAGE_TABLES
from roster_platform.ingest.roster.endpoints import BY_NAME, ENDPOINTS
from roster_platform.records.drift import Drift, absent_fields, missing_fields
from roster_platform.records.table_builder import TableBuilder
from tests.things import THINGS

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def things(**flags: Any) -> Table:
    """Things whose price is required and whose other fields are optional."""
    columns = {
        name: replace(column, required=name == "price", optional=name != "price")
        for name, column in THINGS.columns.items()
    } | {name: THINGS.columns[name] for name in flags.get("expected", ())}
    return replace(THINGS, columns=columns)


def said(drifts: list[Drift]) -> list[tuple[str, str]]:
    return [(str(drift), drift.severity) for drift in drifts]


@pytest.mark.parametrize("way", ["dicts", "JSON"])
def test_a_field_that_never_came_is_named_with_what_came_instead(way: str) -> None:
    table = things(expected=("name",))
    builder = TableBuilder(table)
    raw = b"""[
        {"id": "a", "amountTotal": 5, "lines": [], "tags": ["x"]},
        {"id": "b", "total": null, "lines": [{"sku": "s", "cost": 1}], "tags": null}
    ]"""
    records: Any = builder.parser.parse([raw])
    if way == "dicts":
        records = [
            {"id": "a", "amountTotal": 5, "lines": [], "tags": ["x"]},
            {"id": "b", "total": None, "lines": [{"sku": "s", "cost": 1}]},
        ]
    builder.build(records, NOW)
    instead = "never came; undeclared fields came: amountTotal, total"
    assert said(missing_fields(table, builder.fields)) == [
        (f"things.name: {instead}", "warning"),
        (f"things.price: {instead}", "error"),
        ("things__lines.price: never came; undeclared fields came: cost", "warning"),
    ]
    only = missing_fields(table, builder.fields, only_required=True)
    assert [drift.field for drift in only] == ["price"]


def test_lists_that_never_came_are_named() -> None:
    drifts = missing_fields(things(), {"things": {"id", "price", "labels"}})
    assert [(d.field, d.severity) for d in drifts] == [
        ("tags", "warning"),
        ("lines", "warning"),
    ]
    assert "labels" in drifts[0].problem


def test_a_table_without_rows_is_not_judged() -> None:
    assert missing_fields(things(), {}) == []
    assert missing_fields(things(), {"things": set(), "things__lines": set()}) == []


def test_an_absent_field_is_one_finding_until_it_is_accepted() -> None:
    table, state = things(), {}
    lists = {"tags", "lines"}
    full = {"things": {"id", "price", "name", *lists}}
    less = {"things": {"id", "cost", *lists}}
    never = "things.price: never came; undeclared fields came: cost"
    lost = [
        ("things.name: no longer comes", "warning"),
        ("things.price: no longer comes", "error"),
    ]
    assert said(absent_fields([table], less, state)) == [(never, "error")]
    assert said(absent_fields([table], full, state))[1:] == []
    for _ in range(2):
        found = said(absent_fields([table], less, state))
        assert [each for each in found if "cost" not in each[0].split(":")[0]] == lost
    assert absent_fields([table], less, state, accept=True) == []
    assert absent_fields([table], less, state) == []
    # Once it comes again, its absence is news again.
    assert absent_fields([table], {"things": less["things"] | {"price"}}, state) == []
    assert said(absent_fields([table], less, state)) == [lost[1]]


def test_tables_of_one_state_are_judged_together() -> None:
    tables = [PAGE_TABLES["ranks"], PAGE_TABLES["users"]]
    state: dict[str, Any] = {}
    came = {table.name: set(table.columns) for table in tables}
    assert absent_fields(tables, came, state) == []
    came["users"] = came["users"] - {"name", "patrol_hours"}
    assert [(d.field, d.severity) for d in absent_fields(tables, came, state)] == [
        ("name", "error"),
        ("patrol_hours", "warning"),
    ]


def test_what_marts_cannot_do_without_is_required() -> None:
    """Every key, and by endpoint the money, timestamps and people."""
    assert {
        endpoint.name: sorted(
            field
            for field, column in endpoint.table.columns.items()
            if column.required and field not in endpoint.table.primary_key
        )
        for endpoint in ENDPOINTS
    } == {
        "programs": [],
        "channels": [],
        "posts": ["authorId", "createdAt"],
        "comments": ["authorId", "createdAt", "postId"],
        "likes": ["authorId", "createdAt", "postId"],
        "campaigns": [],
        "orders": ["currency", "email", "orderDate", "subtotalPrice", "totalPrice"],
        "discount_codes_lookup": ["code", "discountRuleId"],
        "discount_codes_by_rule": ["code"],
        "events": ["contactId", "occurredAt", "type"],
        "webhooks": [],
        "contacts": [],
    }
    tables = [*(e.table for e in BY_NAME.values()), *PAGE_TABLES.values()]
    for table in tables:
        for key in table.primary_key:
            if table.name not in ("page_loads", "page_users"):
                assert table.columns[key].required, (table.name, key)
        assert not any(c.required and c.optional for c in table.columns.values())
