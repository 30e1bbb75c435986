"""A raw asset shows which declared fields came, how full they are, and from where."""

from __future__ import annotations

from pathlib import Path

from roster_platform.ingest.reading.report import ReadReport
from roster_platform.lib.metadata import coverage_metadata
from tests.things import THINGS


def test_the_emptiest_fields_come_first(tmp_path: Path) -> None:
    mapping = tmp_path / "roster.yaml"
    mapping.touch()
    report = ReadReport("things", sources={"things": {"price": "total.amount"}})
    assert coverage_metadata(THINGS, report) == {}
    shares = {"id": 1.0, "price": 0.25, "name": 0.0}
    report.covered({"things": shares, "things__tags": {"tag": 1.0}}, mapping)
    shown = coverage_metadata(THINGS, report)
    assert shown["declared_fields_that_came"] == "3 of 4"
    assert shown["mapping"] == str(mapping)
    assert [record.data for record in shown["coverage"].records] == [
        {"field": "things.name", "percent_filled": 0.0, "comes_as": "never"},
        {"field": "things.price", "percent_filled": 25.0, "comes_as": "total.amount"},
        {"field": "things.id", "percent_filled": 100.0, "comes_as": "id"},
        {"field": "things__tags.tag", "percent_filled": 100.0, "comes_as": "tag"},
    ]
    report.covered({"things": shares}, tmp_path / "absent.yaml")
    assert coverage_metadata(THINGS, report)["mapping"] == "none: as declared"
