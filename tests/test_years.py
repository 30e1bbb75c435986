"""Days of use that pass fast: nothing is lost, and only what changes makes it grow."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from benchmarks.years import Life, lives, slope

SIZES = {"orders": 60, "pages": 3, "members": 12}
BYTES_PER_CHANGE = 20_000
"""Far more than a version has; in a short life, files of logs weigh."""


@pytest.fixture(scope="module", params=["duckdb", "ducklake"])
def life(request, tmp_path_factory, is_long) -> Iterator[Life]:
    if request.param != "duckdb" and not is_long:
        pytest.skip("A lake's days are for the long form.")
    folder = tmp_path_factory.mktemp("years")
    days, reads = (12, 6) if is_long else (3, 1)
    with lives(folder, reads=reads, destination=request.param, **SIZES) as life:
        for day in range(days):
            life.live_day(is_built=is_long or day == days - 1)
        yield life


def test_nothing_is_lost_and_nothing_is_twice(life) -> None:
    assert life.world.changes["orders"] > len(life.days)
    assert life.world.changes["users"] > len(life.days)
    assert life.differences() == []


def test_versions_are_linear_in_what_changed(life) -> None:
    """Each of some days adds as many as records changed, however many there are."""
    changed = {name for name, count in life.world.changes.items() if count}
    for table in changed - {"campaigns"}:
        for day in life.days:
            shown = life.first[table] + day.changes[table]
            assert day.rows[f"{table}_versions"] == shown, (table, day.number)


def test_what_did_not_change_does_not_grow(life) -> None:
    first, last = life.days[0], life.days[-1]
    unchanged = {name for name, count in life.world.changes.items() if not count}
    assert unchanged
    for table in unchanged | {"_dlt_version", "pages", "ranks"}:
        assert first.rows[table] == last.rows[table], table
    # The log of reads has a row of each, and dlt's logs one of each that changed.
    reads = last.rows["_reads"] - first.rows["_reads"]
    parts = reads / life.reads / (len(life.days) - 1)
    assert parts == int(parts)
    assert last.rows["_dlt_loads"] - first.rows["_dlt_loads"] <= reads


def test_the_data_folder_grows_by_what_changed(life, is_long) -> None:
    for entry in life.days[-1].sizes:
        # What builds make is there after the first, which in the short form is the last.
        if is_long or entry not in ("published", "dbt", "roster.duckdb"):
            assert slope(life.days, entry) < BYTES_PER_CHANGE, entry
