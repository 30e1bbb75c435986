"""Write each report as CSV and as XLSX, for people and for programs that open tables.

Read from the published copy, so no load waits for it. A report refers to members, pages,
ranks, programs and channels by key; an export adds their names next to the keys.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

REPORT_PREFIX = "rpt_"
MOST_SHEET_ROWS = 1_048_576
"""Rows of a sheet in XLSX, the header included."""
_LONGEST_CELL = 32_767
_LONGEST_SHEET_NAME = 31
_EXACT_DIGITS = 15
_FIRST_YEAR = 1900
_ROWS_AT_A_TIME = 10_000
_WIDEST_COLUMN = 40
# What makes a spreadsheet take text for a formula (OWASP, "CSV injection").
_FORMULA_STARTS = "=+-@\t\r\n＝＋－＠"  # noqa: RUF001
_NUMBERS: tuple[str, ...] = (
    *("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "FLOAT", "DOUBLE", "DECIMAL"),
    *("HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"),
)
_TYPED = (*_NUMBERS, "BOOLEAN", "DATE", "TIMESTAMP")

# By key column: the dimension, and what a person calls its row.
_NAMES: Mapping[str, tuple[str, str, str]] = {
    "member_key": ("dim_members", "coalesce(full_name, source_id)", "member_name"),
    "page_key": ("dim_roster_pages", "coalesce(page_title, page_id)", "page_title"),
    "rank_key": ("dim_ranks", "rank_name", "rank_name"),
    "program_key": (
        "dim_programs",
        "coalesce(program_name, program_id)",
        "program_name",
    ),
    "channel_key": (
        "dim_channels",
        "coalesce(channel_name, channel_id)",
        "channel_name",
    ),
}


@dataclass(frozen=True)
class Export:
    """One report as files: its rows, and the sheets they took in XLSX."""

    csv: Path
    xlsx: Path
    rows: int
    sheets: int
    shortened_cells: int
    """Texts that XLSX cannot hold in full (32,767 characters); CSV has them."""


def export_reports(
    database: duckdb.DuckDBPyConnection,
    schema: str,
    folder: Path,
    *,
    sheet_rows: int = MOST_SHEET_ROWS,
) -> dict[str, Export]:
    """Write ``<report>.csv`` and ``<report>.xlsx`` for every ``rpt_`` table of a schema.

    Text that a spreadsheet would calculate gets an apostrophe in front; numbers, dates and
    timestamps keep their types (timestamps are UTC, because XLSX has no time zones). A
    report with more rows than a sheet holds continues on further sheets.
    """
    tables = {
        name
        for (name,) in database.execute(
            "select table_name from information_schema.tables where table_schema = ?",
            [schema],
        ).fetchall()
    }
    folder.mkdir(parents=True, exist_ok=True)
    return {
        report: _export(database, schema, report, tables, folder, sheet_rows)
        for report in sorted(tables)
        if report.startswith(REPORT_PREFIX)
    }


def _export(
    database: duckdb.DuckDBPyConnection,
    schema: str,
    report: str,
    tables: set[str],
    folder: Path,
    sheet_rows: int,
) -> Export:
    query = _query(database, schema, report, tables)
    csv, xlsx = folder / f"{report}.csv", folder / f"{report}.xlsx"
    path = str(csv).replace("'", "''")
    database.execute(f"copy ({query}) to '{path}' (format csv, header)")
    result = database.execute(query)
    columns = [(str(name), str(kind)) for name, kind, *_ in result.description]
    batches = iter(lambda: result.fetchmany(_ROWS_AT_A_TIME), [])
    rows = (row for batch in batches for row in batch)
    sheets = _Sheets(xlsx, report.removeprefix(REPORT_PREFIX), columns, sheet_rows)
    count = sheets.write(rows)
    return Export(csv, xlsx, count, sheets.count, sheets.shortened_cells)


def _query(
    database: duckdb.DuckDBPyConnection, schema: str, report: str, tables: set[str]
) -> str:
    """The report with names next to its keys, and text that is never a formula."""
    columns = database.execute(
        "select column_name, data_type from information_schema.columns "
        "where table_schema = ? and table_name = ? order by ordinal_position",
        [schema, report],
    ).fetchall()
    own = {name for name, _ in columns}
    selected, joins = [], []
    for name, kind in columns:
        selected.append(_cell(f"report.{_quoted(name)}", kind, name))
        dimension, label, title = _NAMES.get(name, ("", "", ""))
        if dimension in tables and title not in own:
            joins.append(
                f"left join (select {name}, {label} as label from "
                f"{schema}.{dimension}) as {dimension} on report.{name} = "
                f"{dimension}.{name}"
            )
            selected.append(_cell(f"{dimension}.label", "VARCHAR", title))
    order = ", ".join(f"report.{_quoted(name)}" for name, _ in columns)
    return (
        f"select {', '.join(selected)} from {schema}.{_quoted(report)} as report "
        f"{' '.join(joins)} order by {order}"
    )


def _cell(expression: str, kind: str, name: str) -> str:
    if kind.upper().startswith(_TYPED) and not kind.endswith("]"):
        return f"{expression} as {_quoted(name)}"
    text = f"cast({expression} as varchar)"
    starts = ", ".join(f"chr({ord(start)})" for start in _FORMULA_STARTS)
    return (
        f"case when left({text}, 1) in ({starts}) then '''' || {text} else {text} end "
        f"as {_quoted(name)}"
    )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


class _Sheets:
    """A workbook of one table, on as many sheets as its rows need."""

    def __init__(
        self,
        path: Path,
        name: str,
        columns: Sequence[tuple[str, str]],
        sheet_rows: int,
    ) -> None:
        import xlsxwriter

        self.count = 0
        self.shortened_cells = 0
        self._name = name
        self._columns = columns
        self._sheet_rows = sheet_rows
        # Nothing is guessed: a text is a text, whatever it looks like.
        self._book = xlsxwriter.Workbook(
            str(path),
            {
                "constant_memory": True,
                "strings_to_formulas": False,
                "strings_to_urls": False,
                "strings_to_numbers": False,
            },
        )
        self._bold = self._book.add_format({"bold": True})
        self._formats = {
            kind: self._book.add_format({"num_format": form})
            for kind, form in {
                "date": "yyyy-mm-dd",
                "timestamp": "yyyy-mm-dd hh:mm:ss",
                "decimal": "#,##0.00##",
            }.items()
        }

    def write(self, rows: Iterator[tuple[Any, ...]]) -> int:
        """Write all rows and the file; returns their count."""
        total = 0
        sheet = self._next_sheet()
        place = 1
        for row in rows:
            if place == self._sheet_rows:
                sheet = self._next_sheet()
                place = 1
            for column, value in enumerate(row):
                if value is not None:
                    self._write_cell(sheet, place, column, value)
            place += 1
            total += 1
        self._book.close()
        return total

    def _next_sheet(self) -> Any:
        self.count += 1
        ending = f" {self.count}" if self.count > 1 else ""
        name = self._name[: _LONGEST_SHEET_NAME - len(ending)] + ending
        sheet = self._book.add_worksheet(name)
        sheet.freeze_panes(1, 0)
        for column, (title, _) in enumerate(self._columns):
            sheet.set_column(
                column, column, min(max(len(title) + 2, 12), _WIDEST_COLUMN)
            )
            sheet.write_string(0, column, title, self._bold)
        return sheet

    def _write_cell(self, sheet: Any, row: int, column: int, value: Any) -> None:
        write: Callable[..., Any]
        form: Any = None
        if isinstance(value, bool):
            write = sheet.write_boolean
        elif isinstance(value, datetime):
            if value.tzinfo:
                value = value.astimezone(UTC).replace(tzinfo=None)
            write, form = sheet.write_datetime, self._formats["timestamp"]
        elif isinstance(value, date):
            write, form = sheet.write_datetime, self._formats["date"]
        elif isinstance(value, int | float | Decimal) and _is_exact(value):
            write = sheet.write_number
            form = self._formats["decimal"] if isinstance(value, Decimal) else None
        else:
            write = sheet.write_string
        if isinstance(value, date) and value.year < _FIRST_YEAR:
            # Before the first day that a spreadsheet knows.
            write, form = sheet.write_string, None
        if write == sheet.write_string:
            value = str(value)
            if len(value) > _LONGEST_CELL:
                value = value[: _LONGEST_CELL - 1] + "…"
                self.shortened_cells += 1
        write(row, column, value, *([form] if form else []))


def _is_exact(value: int | float | Decimal) -> bool:
    """True where a spreadsheet, which keeps 15 digits, shows the same number."""
    if isinstance(value, float):
        return math.isfinite(value)
    number = Decimal(value)
    return (
        len(number.as_tuple().digits) <= _EXACT_DIGITS
        or len(number.normalize().as_tuple().digits) <= _EXACT_DIGITS
    )
