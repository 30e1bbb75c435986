"""Facts of nobody and of somebody who could not be read, and the rows they belong to."""

from __future__ import annotations

import pytest

from tests.dbt.raw_warehouse import RawWarehouse, declared_tables

AT = "2026-03-01T10:00:00Z"
DIMENSIONS = (
    *("campaigns", "certifications", "channels", "customers", "discount_codes"),
    *(
        "members",
        "members_history",
        "programs",
        "ranks",
        "roster_pages",
        "subdivisions",
    ),
)


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory) -> RawWarehouse:
    """An order of a member, one of nobody, and one by a link of nobody known."""
    made = RawWarehouse(tmp_path_factory.mktemp("placeholders"))
    made.create(declared_tables())
    order = {
        "status": "paid",
        "currency": "USD",
        "subtotal_price": 10,
        "total_price": 12,
        "created_at": AT,
    }
    made.add(
        "roster_data.orders",
        [
            {**order, "order_id": "hers", "email": "ann@x.org"},
            {**order, "order_id": "nobodys", "email": "bob@x.org"},
            {**order, "order_id": "unclear", "referral_id": "whose"},
        ],
        AT,
    )
    event = {
        "contact_id": "ann",
        "email": "ann@x.org",
        "referral_id": "ann",
        "occurred_at": "2026-02-01",
    }
    made.add(
        "roster_data.events",
        [
            {**event, "id": "1", "type": "program.joined", "program_id": "gold"},
            {**event, "id": "2", "type": "contact.stage_changed"},
            {**event, "id": "3", "type": "reward.pending", "contact_id": None},
        ],
        AT,
    )
    made.load_page(
        "police", AT, ranks=("chief",), users=[{"discord_id": "7", "role_id": "chief"}]
    )
    done = made.build("--exclude-resource-type", "unit_test")
    assert done.returncode == 0, done.stdout[-5000:]
    return made


def test_every_dimension_has_the_two_rows(warehouse) -> None:
    for name in DIMENSIONS:
        key = {"members_history": "member_key", "roster_pages": "page_key"}.get(
            name, f"{name.removesuffix('s')}_key"
        )
        rows = warehouse.query(
            f"select {key} from marts.dim_{name} where is_placeholder order by 1"
        )
        assert rows == [("none",), ("unknown",)], name


def test_an_order_is_somebodys_nobodys_or_unknown(warehouse) -> None:
    """By inner joins: none of them loses an order."""
    assert warehouse.query(
        """
        select orders.order_id, members.full_name, programs.program_name,
            customers.is_placeholder, members.source_id, programs.program_id
        from marts.fct_orders as orders
        inner join marts.dim_members as members using (member_key)
        inner join marts.dim_programs as programs using (program_key)
        inner join marts.dim_customers as customers using (customer_key)
        order by 1
        """
    ) == [
        ("hers", None, None, False, "ann", "gold"),
        ("nobodys", "(none)", "(none)", False, None, None),
        ("unclear", "(unknown)", "(unknown)", True, None, None),
    ]


def test_events_of_a_contact_are_about_no_program(warehouse) -> None:
    keys = "select event_id, member_key = 'unknown', program_key from marts.fct_events"
    assert [
        (event, is_unknown, program if len(program) < 10 else "a program")
        for event, is_unknown, program in warehouse.query(f"{keys} order by 1")
    ] == [
        ("1", False, "a program"),
        ("2", False, "none"),
        ("3", True, "unknown"),
    ]


def test_no_key_of_a_fact_is_null(warehouse) -> None:
    columns = warehouse.query(
        """
        select table_name, column_name
        from information_schema.columns
        where
            table_schema = 'marts'
            and column_name like '%\\_key' escape '\\'
            and column_name not in ('order_key', 'first_order_key')
        """
    )
    assert len(columns) > 60
    nulls = " union all ".join(
        f"select '{table}', '{column}' from marts.{table} where {column} is null"
        for table, column in columns
    )
    assert warehouse.query(nulls) == []


def test_they_count_nowhere(warehouse) -> None:
    assert warehouse.query(
        """
        select
            (select sum(contact_count) from marts.rpt_application_funnel_monthly),
            (select count(*) from marts.rpt_campaign_funnel),
            (select sum(customer_count) from marts.rpt_customers_monthly),
            (select count(*) from marts.rpt_program_roi),
            (select sum(member_count) from marts.rpt_payout_liability)
        """
    ) == [(1, 0, 2, 0, 0)]
