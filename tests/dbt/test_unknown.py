"""What could not be read is unknown in marts, never 0 or "none", and stops nothing."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.dbt.raw_warehouse import RawWarehouse, declared_tables

DAY_1, DAY_2 = "2026-03-01T10:00:00Z", "2026-03-02T10:00:00Z"
EXCLUDE = ("--exclude-resource-type", "unit_test")
ODD_DAYS = ["0001-01-01", "1970-01-01", "2062-05-01", "9999-12-31"]


def _read(
    warehouse: RawWarehouse, source: str, endpoint: str, outcome: str, day: str, **more
) -> None:
    row = {"endpoint": endpoint, "part": "", "outcome": outcome, "read_at": day}
    if outcome in ("complete", "partial"):
        row["observed_at"] = day
    columns = {**row, **more}
    listed = ", ".join(f"'{value}'" for value in columns.values())
    warehouse.query(
        f"insert into {source}_data._reads ({', '.join(columns)}) values ({listed})"
    )


def _order(number: int, **more: object) -> dict[str, object]:
    return {
        "order_id": str(number),
        "email": f"{number}@example.com",
        "status": "paid",
        "currency": "USD",
        "created_at": "2026-02-20T00:00:00Z",
        **more,
    }


def _event(number: int, contact: str, program: str) -> dict[str, object]:
    return {
        "id": str(number),
        "type": "program.joined",
        "contact_id": contact,
        "program_id": program,
        "email": f"{contact}@example.com",
        "referral_id": f"link-{contact}",
        "occurred_at": "2026-01-01T00:00:00Z",
    }


@pytest.fixture(scope="module")
def first_day(tmp_path_factory) -> RawWarehouse:
    """Orders without amounts, events refused, and two pages of which one is old."""
    warehouse = RawWarehouse(tmp_path_factory.mktemp("unknown"))
    warehouse.create(declared_tables())
    orders = [_order(number) for number in range(20)]
    orders += [
        _order(100 + place, created_at=f"{day}T00:00:00Z", referral_id="link-ann")
        for place, day in enumerate(ODD_DAYS)
    ]
    warehouse.add("roster_data.orders", orders, DAY_1)
    _read(warehouse, "roster", "orders", "complete", DAY_1)
    _read(warehouse, "roster", "discount_codes_lookup", "complete", DAY_1)
    _read(warehouse, "roster", "events", "failed", DAY_1, proof="Refused (403).")
    user = {"discord_id": "1", "name": "Amy", "rank": "Chief", "role_id": "chief"}
    for page in ("open", "shut"):
        # Found at the first read without a date; and promoted in a year to come.
        users = [user, {**user, "discord_id": "2", "promotion_date": "2031-01-01"}]
        users.append({**user, "discord_id": "3", "promotion_date": "2026-02-01"})
        warehouse.load_page(page, DAY_1, ranks=["chief"], users=users)
    warehouse.load_page("open", DAY_2, ranks=["chief"], users=users[:2])
    _read(
        *(warehouse, "autorosters", "pages", "failed", DAY_2),
        part="shut",
        proof="The API answered 500.",
    )
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("ROSTER_PLATFORM__DBT_SWITCHED_OFF", "roster/likes")
        warehouse.built = warehouse.build(*EXCLUDE)
    return warehouse


@pytest.fixture(scope="module")
def second_day(first_day) -> RawWarehouse:
    """Events are read; most orders have amounts, and some kinds of commission none."""
    first_day.query("delete from roster_data.orders")
    paid = {"subtotal_price": 100, "total_price": 110}
    link = {"referral_id": "link-ann"}
    orders = [_order(number, **paid) for number in range(40)]
    orders += [
        _order(50, **paid, **link),
        _order(51, **link),
        _order(52, **paid, **link, currency="EUR"),
        _order(53, **paid, referral_id="link-bob"),
        _order(54, **paid, created_at=DAY_2, email="late@example.com"),
    ]
    first_day.add("roster_data.orders", orders, DAY_2)
    programs = [
        {"id": "fixed", "commission_type": "fixed", "commission_value": 5}
        | {"currency": "USD"}
    ]
    first_day.add("roster_data.programs", programs, DAY_2)
    # Nobody described the program that Bob is in.
    events = [_event(1, "ann", "fixed"), _event(2, "bob", "secret")]
    first_day.add("roster_data.events", events, DAY_2)
    _read(first_day, "roster", "events", "complete", "2026-03-01T12:00:00Z")
    _read(
        *(first_day, "roster", "events", "incomplete", DAY_2),
        proof="300 are announced and 2 were read; set paginator.",
    )
    first_day.built = first_day.build(*EXCLUDE)
    return first_day


def test_orders_are_unknown_where_people_were_not_read(first_day) -> None:
    assert first_day.query(
        "select distinct attribution_type, attribution_method from marts.fct_orders"
    ) == [("unknown", "unknown")]


def test_amounts_that_never_came_are_not_zero(first_day) -> None:
    assert first_day.query(
        """
        select
            sum(total_revenue), sum(link_revenue), sum(personal_revenue),
            sum(commission_amount), sum(unknown_order_count),
            sum(unknown_amount_order_count)
        from marts.rpt_program_daily
        """
    ) == [(None, None, None, None, 24, 24)]


def test_what_a_customer_is_worth_is_unknown_without_amounts(first_day) -> None:
    assert first_day.query(
        """
        select
            sum(revenue), sum(unknown_amount_order_count),
            list(distinct first_attribution_type)
        from marts.rpt_customer_cohorts
        """
    ) == [(None, 24, ["unknown"])]
    assert first_day.query(
        "select sum(new_customer_count), sum(unknown_order_count) "
        "from marts.rpt_customers_monthly"
    ) == [(24, 24)]


def test_a_red_check_names_the_columns_and_stops_no_model(first_day) -> None:
    assert first_day.built.returncode == 0
    (summary,) = [s for s in first_day.built.stdout.splitlines() if "Done." in s]
    assert "ERROR=0 SKIP=0" in summary
    assert "WARN=0" not in summary
    assert "coverage_rpt_column_coverage" in first_day.built.stdout
    assert first_day.query(
        "select column_name from marts.rpt_column_coverage "
        "where known_share < required_share order by 1"
    ) == [("subtotal_amount",), ("total_amount",)]


def test_reasons_are_published(first_day) -> None:
    told = dict(
        first_day.query(
            "select concat_ws(' ', input_name, input_part), reason "
            "from marts.rpt_incomplete_inputs"
        )
    )
    assert told["events"] == "Refused (403)."
    assert told["likes"].startswith("Not loaded: it is switched off")
    assert "comments" not in told
    assert told["pages shut"] == "The API answered 500."
    assert told["orders totalPrice"] == "24 of 24 records come without totalPrice."


@pytest.mark.parametrize("day", ODD_DAYS)
def test_a_day_out_of_the_calendar_is_a_finding_and_counts(first_day, day) -> None:
    assert "WARN 4 assert_recorded_days_are_plausible" in first_day.built.stdout
    assert first_day.query(
        "select count(*) from marts.rpt_program_daily "
        f"inner join marts.dim_dates using (date_day) where date_day = '{day}'"
    ) == [(1,)]


def test_a_page_that_is_no_longer_read_keeps_its_headcount(first_day) -> None:
    assert first_day.query(
        """
        select page_id, is_stale, headcount, joined_count,
            cast(daily.last_read_at as date) = date_day
        from marts.rpt_page_daily as daily
        inner join marts.dim_roster_pages using (page_key)
        where date_day = '2026-03-02' order by 1
        """
    ) == [("open", False, 2, 0, True), ("shut", True, 3, None, False)]
    assert first_day.query(
        "select sum(headcount) from marts.rpt_rank_headcount_daily "
        "where date_day = '2026-03-02'"
    ) == [(5,)]


def test_time_in_rank_is_known_or_not(first_day) -> None:
    assert first_day.query(
        """
        select page_id, times.member_count, known_count, longest_days
        from marts.rpt_time_in_rank as times
        inner join marts.dim_roster_pages using (page_key)
        order by 1
        """
    ) == [("open", 2, 0, None), ("shut", 3, 1, 28)]
    assert "WARN 2 assert_promotions_are_not_in_the_future" in first_day.built.stdout


def test_roster_pages_are_counted_not_their_reads(first_day) -> None:
    assert first_day.query(
        "select row_count, is_complete from marts.rpt_data_freshness "
        "where subject = 'roster pages'"
    ) == [(2, False)]


def test_an_order_is_nobodys_as_far_as_events_were_read(second_day) -> None:
    assert second_day.query(
        "select attribution_method, count(*) from marts.fct_orders "
        "group by all order by all"
    ) == [("link", 4), ("none", 40), ("unknown", 1)]


def test_what_is_not_known_is_counted_beside_the_sum(second_day) -> None:
    told = second_day.query(
        """
        select
            program_id, currency, link_revenue, unknown_amount_order_count,
            commission_amount, unknown_commission_order_count
        from marts.rpt_program_daily inner join marts.dim_programs using (program_key)
        where not is_placeholder order by 1, 2
        """
    )
    assert told == [
        ("fixed", "EUR", Decimal(100), 0, Decimal(0), 0),
        ("fixed", "USD", Decimal(100), 1, Decimal(15), 0),
        ("secret", "USD", Decimal(100), 0, None, 1),
    ]


def test_a_return_is_of_one_currency(second_day) -> None:
    assert second_day.query(
        """
        select program_id, currency, commission_amount_30_days,
            unknown_order_count_30_days, roi_30_days
        from marts.rpt_program_roi inner join marts.dim_programs using (program_key)
        order by 1, 2
        """
    ) == [
        ("fixed", "EUR", Decimal(0), 0, None),
        ("fixed", "USD", Decimal(10), 1, 19.0),
        ("secret", "USD", None, 1, None),
    ]


def test_members_lose_no_commission_of_another_currency(second_day) -> None:
    assert second_day.query(
        """
        select source_id, currency, referred_order_count, referral_revenue,
            commission_amount, unknown_commission_order_count
        from marts.rpt_member_performance inner join marts.dim_members using (member_key)
        order by 1, 2
        """
    ) == [
        ("ann", "EUR", 1, Decimal(100), Decimal(0), 0),
        ("ann", "USD", 2, Decimal(100), Decimal(15), 0),
        ("bob", "USD", 1, Decimal(100), None, 1),
    ]


def test_enough_amounts_are_enough(second_day) -> None:
    assert second_day.built.returncode == 0, second_day.built.stdout[-3000:]
