"""Days are those of the place where people read the reports."""

from __future__ import annotations

from datetime import date

import pytest

from tests.dbt.raw_warehouse import RawWarehouse, declared_tables

ORDERS = (
    {"order_id": "late", "created_at": "2026-03-31 23:30:00+00"},
    {"order_id": "early", "created_at": "2026-04-01 02:00:00+00"},
    # Dates alone, as an API sends them: they are the same day everywhere.
    {"order_id": "dated", "order_date": "2026-04-01 00:00:00+00"},
)
MARCH, APRIL = date(2026, 3, 31), date(2026, 4, 1)
DAYS = {
    "UTC": {"late": MARCH, "early": APRIL, "dated": APRIL},
    "Europe/Berlin": {"late": APRIL, "early": APRIL, "dated": APRIL},
    "America/New_York": {"late": MARCH, "early": MARCH, "dated": APRIL},
}


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory) -> RawWarehouse:
    made = RawWarehouse(tmp_path_factory.mktemp("zones"))
    made.create(declared_tables())
    orders = [
        {"currency": "USD", "total_price": 10, "subtotal_price": 10, **one}
        for one in ORDERS
    ]
    made.add("roster_data.orders", orders, "2026-04-02 00:00:00+00")
    # A page is read in the evening of one day and, further east, in the night of the next.
    for read_at, members in (
        ("2026-03-30 12:00:00+00", ["1"]),
        ("2026-03-31 23:30:00+00", ["1", "2"]),
    ):
        users = [{"discord_id": m, "role_id": "R1"} for m in members]
        made.load_page("page", read_at, ranks=["R1"], users=users)
    return made


@pytest.mark.parametrize("zone", DAYS)
def test_a_day_is_that_of_the_reporting_time_zone(warehouse, monkeypatch, zone) -> None:
    monkeypatch.setenv("ROSTER_PLATFORM__REPORTING_TIMEZONE", zone)
    done = warehouse.build(
        *("--select", "+fct_orders", "+rpt_customers_monthly", "+rpt_page_daily"),
        *("--full-refresh", "--exclude-resource-type", "unit_test"),
        *("--indirect-selection", "buildable"),
    )
    assert done.returncode == 0, done.stdout[-5000:]
    days = dict(warehouse.query("select order_id, date_day from marts.fct_orders"))
    assert days == DAYS[zone]
    ((order_date,),) = warehouse.query(
        "select order_date from marts.fct_orders where order_id = 'dated'"
    )
    assert order_date == APRIL
    headcounts = dict(
        warehouse.query(
            "select date_day, headcount from marts.rpt_page_daily "
            "where headcount is not null"
        )
    )
    assert headcounts[APRIL if zone == "Europe/Berlin" else MARCH] == 2
