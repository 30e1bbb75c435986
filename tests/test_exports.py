"""Exports are opened by the programs people use: pandas, openpyxl, Python's own csv."""

from __future__ import annotations

import csv
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import openpyxl
import pandas as pd
import pytest

from roster_platform.publish.exports import MOST_SHEET_ROWS, Export, export_reports
from roster_platform.publish.marts import publish_marts
from roster_platform.settings.platform import PlatformSettings
from roster_platform.warehouse.warehouse import Warehouse


def exported(folder: Path, columns: str, **options: int) -> Export:
    """A report of one SELECT, exported."""
    with duckdb.connect() as database:
        database.execute("set TimeZone = 'UTC'")
        database.execute("create schema marts")
        database.execute(f"create table marts.rpt_sample as {columns}")
        return export_reports(database, "marts", folder, **options)["rpt_sample"]


def cells(export: Export, sheet: int = 0) -> list[tuple]:
    """The rows of a sheet below its header, as openpyxl reads them."""
    book = openpyxl.load_workbook(export.xlsx)
    return list(book.worksheets[sheet].iter_rows(min_row=2, values_only=True))


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1+1",
        "-1+1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "＝1",  # noqa: RUF001
        '=HYPERLINK("http://x","y")',
    ],
)
def test_no_text_is_a_formula(tmp_path, text) -> None:
    quoted = text.replace("'", "''")
    export = exported(tmp_path, f"select '{quoted}' as name, 1 as place")
    ((in_csv, _),) = list(csv.reader(export.csv.open(newline="")))[1:]
    assert in_csv == f"'{text}"
    book = openpyxl.load_workbook(export.xlsx)
    cell = book.worksheets[0]["A2"]
    assert cell.data_type == "s"
    assert cell.value.startswith("'")
    assert pd.read_csv(export.csv)["name"][0][0] == "'"


def test_ordinary_text_is_left_alone(tmp_path) -> None:
    texts = ["Ada", "1-2", "a=b", "007", "http://x", 'Zoë, "Z"', ""]
    values = ", ".join(f"('{text}')" for text in texts)
    export = exported(tmp_path, f"select * from (values {values}) as t (name)")
    assert sorted(row[0] for row in csv.reader(export.csv.open(newline=""))) == sorted(
        ["name", *texts]
    )
    in_xlsx = {value for (value,) in cells(export)}
    assert in_xlsx == set(texts)


def test_numbers_dates_and_truth_keep_their_types(tmp_path) -> None:
    export = exported(
        tmp_path,
        "select -12.5::decimal(18, 4) as amount, -3::bigint as loss, -0.25::double as "
        "rate, date '2026-03-01' as day, timestamptz '2026-03-01 10:00:00+02' as "
        "read_at, true as is_active, null::decimal(18, 4) as unknown",
    )
    ((amount, loss, rate, day, read_at, is_active, unknown),) = cells(export)
    assert (amount, loss, rate) == (-12.5, -3, -0.25)
    assert day == datetime(2026, 3, 1)
    assert read_at == datetime(2026, 3, 1, 8, 0)
    assert is_active is True
    assert unknown is None
    frame = pd.read_excel(export.xlsx)
    assert frame["amount"].dtype.kind == "f"
    assert frame["loss"].dtype.kind == "i"
    assert frame["day"].dtype.kind == "M"
    read = pd.read_csv(export.csv, parse_dates=["day", "read_at"])
    assert read["amount"][0] == -12.5
    assert read["loss"][0] == -3
    assert read["day"][0].date() == date(2026, 3, 1)
    assert read["read_at"][0] == datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
    assert pd.isna(read["unknown"][0])


def test_what_a_spreadsheet_would_round_stays_exact_as_text(tmp_path) -> None:
    export = exported(
        tmp_path,
        "select 99999999999999.1234::decimal(18, 4) as amount, 9007199254740993 as big, "
        "'infinity'::double as endless, date '1850-01-01' as long_ago",
    )
    ((amount, big, endless, long_ago),) = cells(export)
    assert Decimal(amount) == Decimal("99999999999999.1234")
    assert big == "9007199254740993"
    assert endless == "inf"
    assert long_ago == "1850-01-01"


def test_more_rows_than_a_sheet_holds_continue_on_the_next(tmp_path) -> None:
    assert MOST_SHEET_ROWS == 1_048_576
    export = exported(tmp_path, "select unnest(range(10)) as number", sheet_rows=1 + 4)
    assert (export.rows, export.sheets) == (10, 3)
    book = openpyxl.load_workbook(export.xlsx)
    assert book.sheetnames == ["sample", "sample 2", "sample 3"]
    assert [sheet["A1"].value for sheet in book.worksheets] == ["number"] * 3
    found = [value for place in range(3) for (value,) in cells(export, place)]
    assert found == list(range(10))


def test_long_names_and_long_texts_fit_and_are_counted(tmp_path) -> None:
    with duckdb.connect() as database:
        database.execute("create schema marts")
        database.execute(
            f"create table marts.rpt_{'long_' * 10} as select repeat('x', 40000) as x"
        )
        (export,) = export_reports(database, "marts", tmp_path).values()
    book = openpyxl.load_workbook(export.xlsx)
    assert len(book.sheetnames[0]) <= 31
    assert len(book.worksheets[0]["A2"].value) == 32_767
    assert export.shortened_cells == 1
    assert len(pd.read_csv(export.csv)["x"][0]) == 40_000


def test_a_report_without_rows_has_a_header(tmp_path) -> None:
    export = exported(tmp_path, "select 1 as place, 'x' as name where false")
    assert list(pd.read_csv(export.csv).columns) == ["place", "name"]
    assert list(pd.read_excel(export.xlsx).columns) == ["place", "name"]


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    made = Warehouse(PlatformSettings(data_dir=str(tmp_path)))
    with duckdb.connect(str(made.database_path)) as database:
        for statement in (
            "create schema marts",
            "create table marts.dim_members as "
            "select 'k' as member_key, '=cmd|x' as full_name, '7' as source_id",
            "create table marts.rpt_hours as select 'k' as member_key, -1.5 as hours",
            "create table marts.fct_hours as select 1 as hours",
        ):
            database.execute(statement)
    return made


def test_publishing_exports_every_report_with_names_next_to_keys(warehouse) -> None:
    publication = publish_marts(warehouse)
    names = sorted(path.name for path in publication.exports.iterdir())
    assert names == ["rpt_hours.csv", "rpt_hours.xlsx"]
    (row,) = pd.read_csv(publication.exports / "rpt_hours.csv").to_dict("records")
    assert row == {"member_key": "k", "member_name": "'=cmd|x", "hours": -1.5}
    manifest = json.loads(publication.manifest.read_text())
    assert manifest["exports"] == {
        "rpt_hours": {"rows": 1, "sheets": 1, "shortened_cells": 0}
    }


def test_a_report_that_is_gone_is_not_exported_any_more(warehouse) -> None:
    publish_marts(warehouse)
    with duckdb.connect(str(warehouse.database_path)) as database:
        database.execute("drop table marts.rpt_hours")
    assert list(publish_marts(warehouse).exports.iterdir()) == []


def test_an_export_that_fails_replaces_nothing(warehouse, monkeypatch) -> None:
    before = (publish_marts(warehouse).exports / "rpt_hours.csv").read_bytes()
    with duckdb.connect(str(warehouse.database_path)) as database:
        database.execute("insert into marts.rpt_hours values ('k', 2)")
    monkeypatch.setattr("xlsxwriter.Workbook.close", _full_disk)
    with pytest.raises(OSError, match="No space"):
        publish_marts(warehouse)
    folder = warehouse.data_path / "published"
    assert (folder / "exports" / "rpt_hours.csv").read_bytes() == before
    with duckdb.connect(str(folder / "roster.duckdb"), read_only=True) as database:
        assert database.sql("from marts.rpt_hours").fetchall() == [
            ("k", Decimal("-1.5"))
        ]
    assert not list(folder.glob(".arriving-*"))


def _full_disk(_: object) -> None:
    raise OSError("No space left on device")
