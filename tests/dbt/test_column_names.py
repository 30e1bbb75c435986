"""A query that joins marts by their keys has no column name twice."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import pytest

_SHARED = {
    "is_placeholder": "the two named rows of every dimension",
    "date_day": "the key of dim_dates",
    "month_start_day": "the key of dim_dates, in reports by month",
}
"""Columns that mean the same in every mart."""

_REPEATED = {
    ("rpt_campaign_funnel", "dim_campaigns"): "the campaign is read without a join",
    ("rpt_code_leaks", "dim_discount_codes"): "the code is read without a join",
    (
        "rpt_code_performance",
        "dim_discount_codes",
    ): "the shop's codes have no dimension",
    ("rpt_self_referrals", "fct_orders"): "one row is one order, with its amounts",
}
"""Reports that repeat what a mart says of the same key."""


@pytest.fixture(scope="module")
def marts(empty_warehouse) -> dict[str, dict]:
    return {
        node["name"]: node
        for node in empty_warehouse.manifest()["nodes"].values()
        if node["resource_type"] == "model" and node["fqn"][1] == "marts"
    }


@pytest.fixture(scope="module")
def parents(empty_warehouse, marts) -> dict[str, set[str]]:
    """The marts that each mart has foreign keys of."""
    found: dict[str, set[str]] = {name: set() for name in marts}
    for node in empty_warehouse.manifest()["nodes"].values():
        about = node.get("test_metadata") or {}
        if about.get("name") != "relationships" or not node.get("attached_node"):
            continue
        child = node["attached_node"].split(".")[-1]
        parent = about["kwargs"]["to"].split("'")[1]
        if {child, parent} <= set(marts):
            found[child].add(parent)
    return found


def test_marts_that_are_joined_share_no_column_name(marts, parents) -> None:
    assert sorted(set(_ambiguous(marts, parents))) == []


def _ambiguous(
    marts: dict[str, dict], parents: dict[str, set[str]]
) -> Iterator[tuple[str, str, str]]:
    for name in marts:
        for one, other in combinations(sorted(_reached(name, parents)), 2):
            pair = (one, other) if one.startswith("rpt_") else (other, one)
            if pair in _REPEATED or _is_history_of(one, other):
                continue
            for column in set(marts[one]["columns"]) & set(marts[other]["columns"]):
                if not column.endswith(("_key", "_id")) and column not in _SHARED:
                    yield one, other, column


def _reached(name: str, parents: dict[str, set[str]]) -> set[str]:
    """A mart, and those that it finds by keys, over as many joins as it takes."""
    reached: set[str] = set()
    ahead = {name}
    while ahead:
        reached |= ahead
        ahead = {parent for one in ahead for parent in parents[one]} - reached
    return reached


def _is_history_of(one: str, other: str) -> bool:
    """A query joins what a row is now or what it was then, by the same names."""
    return f"{one}_history" == other or f"{other}_history" == one


def test_a_history_names_what_its_dimension_names(marts) -> None:
    """So a query of now becomes one of then by the name of the table."""
    for name, mart in marts.items():
        if not name.endswith("_history") or name == "dim_program_tiers_history":
            continue
        own = set(marts[name.removesuffix("_history")]["columns"])
        others = {
            column
            for column in set(mart["columns"]) - own
            if not column.endswith("_key")
        }
        assert others <= {
            *("valid_from", "valid_to", "is_current"),
            *("program_terms_id", "is_dated", "is_rank_deleted"),
        }, name


def test_every_exception_is_needed(marts) -> None:
    for one, other in _REPEATED:
        assert set(marts[one]["columns"]) & set(marts[other]["columns"])
