"""Fiscal years begin in the month that is configured."""

from __future__ import annotations

import pytest

from tests.dbt.raw_warehouse import RawWarehouse

DAYS = """
    select strftime(date_day, '%Y-%m-%d'), fiscal_year_number, fiscal_quarter_number,
        fiscal_month_number
    from marts.dim_dates
    where date_day in ('2026-01-31', '2026-06-30', '2026-07-01', '2026-12-31')
    order by date_day
"""
CALENDAR = [
    ("2026-01-31", 2026, 1, 1),
    ("2026-06-30", 2026, 2, 6),
    ("2026-07-01", 2026, 3, 7),
    ("2026-12-31", 2026, 4, 12),
]
FROM_JULY = [
    ("2026-01-31", 2026, 3, 7),
    ("2026-06-30", 2026, 4, 12),
    ("2026-07-01", 2027, 1, 1),
    ("2026-12-31", 2027, 2, 6),
]


@pytest.mark.parametrize(("month", "expected"), [(None, CALENDAR), ("7", FROM_JULY)])
def test_a_fiscal_year_begins_in_its_month(
    tmp_path, monkeypatch, month, expected
) -> None:
    if month:
        monkeypatch.setenv("ROSTER_PLATFORM__FISCAL_YEAR_FIRST_MONTH", month)
    warehouse = RawWarehouse(tmp_path)
    done = warehouse.build(
        *("--select", "+dim_dates", "--exclude-resource-type", "unit_test"),
        *("--indirect-selection", "buildable"),
    )
    assert done.returncode == 0, done.stdout[-5000:]
    assert warehouse.query(DAYS) == expected
