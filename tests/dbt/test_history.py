"""Three reads of three roster pages by hand, and the history they leave."""

from __future__ import annotations

import pytest

from tests.dbt.raw_warehouse import RawWarehouse, declared_tables

DAY_1, DAY_2, DAY_3 = (f"2026-03-0{day}T10:00:00Z" for day in (1, 2, 3))
OTHER_PAGE_ON_DAY_2 = "2026-03-02T10:05:00Z"
POLICE_RANKS = ("chief", "officer", "cadet")
PERIODS = """
    select
        members.source_id,
        ranks.role_id,
        assignments.change_type,
        strftime(assignments.valid_from, '%d %H:%M'),
        strftime(assignments.valid_to, '%d %H:%M')
    from marts.fct_rank_assignments as assignments
    inner join marts.dim_members as members using (member_key)
    inner join marts.dim_ranks as ranks using (rank_key)
    where ranks.page_id = '{page}' and members.source_id = '{member}'
    order by assignments.valid_from, ranks.seniority_order
"""
EVERYTHING = (
    "select * from marts.fct_rank_assignments order by all",
    "select * from marts.fct_member_certifications order by all",
    "select * from marts.dim_ranks order by all",
    "select * from marts.dim_members_history order by all",
)


def _user(discord_id: str, role: str, promoted: str = "2026-01-01", by: str = "Kim"):
    return {
        "discord_id": discord_id,
        "name": discord_id.title(),
        "rank": role.title(),
        "role_id": role,
        "promotion_date": promoted,
        "promotion_officer": by,
    }


def _built(warehouse: RawWarehouse, *arguments: str, is_tested: bool = True) -> None:
    """Build all; the short form tests the data of the last day only."""
    left_out = ("unit_test",) if is_tested else ("unit_test", "test")
    for kind in left_out:
        arguments += ("--exclude-resource-type", kind)
    done = warehouse.build(*arguments)
    assert done.returncode == 0, done.stdout[-5000:]
    assert "WARN=0 ERROR=0 SKIP=0" in done.stdout


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory, is_long) -> RawWarehouse:
    """The first day."""
    made = RawWarehouse(tmp_path_factory.mktemp("history"))
    made.create(declared_tables())
    made.load_page(
        "police",
        DAY_1,
        ranks=POLICE_RANKS,
        users=[
            _user("amy", "chief"),
            _user("bob", "cadet"),
            _user("cid", "officer"),
            _user("dan", "officer"),
            _user("dan", "cadet"),
            _user("eve", "cadet"),
        ],
        certifications={"eve": ["Driver", "Medic"], "bob": ["Driver"]},
    )
    made.load_page(
        "fire",
        DAY_1,
        ranks=("lead", "crew"),
        users=[_user("gil", "crew"), _user("hal", "lead")],
    )
    made.load_page("closed", DAY_1, ranks=("guard",), users=[_user("ida", "guard")])
    _order(made, total="40.00", updated_at=DAY_1)
    _built(made, is_tested=is_long)
    return made


@pytest.fixture(scope="module")
def second_day(warehouse: RawWarehouse, is_long) -> RawWarehouse:
    """A promotion, a demotion, a leaver, a transfer; one page could not be read."""
    warehouse.load_page(
        "police",
        DAY_2,
        ranks=POLICE_RANKS,
        users=[
            _user("bob", "officer", "2026-03-01", "Amy"),
            _user("cid", "cadet", "2026-03-01", "Amy"),
            _user("dan", "officer"),
            _user("eve", "cadet"),
            _user("gil", "cadet", "2026-03-01", "Amy"),
        ],
        certifications={"eve": ["Driver"], "bob": ["Driver"]},
    )
    warehouse.load_page(
        "fire",
        OTHER_PAGE_ON_DAY_2,
        ranks=("lead", "crew"),
        users=[_user("hal", "lead", "2026-03-02", "Ida")],
    )
    _order(warehouse, total="30.00", updated_at=DAY_2)
    # As a version before had it.
    warehouse.query("alter table marts.fct_orders add column currency varchar")
    _built(warehouse, is_tested=is_long)
    return warehouse


@pytest.fixture(scope="module")
def third_day(second_day: RawWarehouse) -> RawWarehouse:
    """Who left comes back; who held one rank holds a second for good."""
    second_day.load_page(
        "police",
        DAY_3,
        ranks=POLICE_RANKS,
        users=[
            _user("amy", "officer", "2026-03-03"),
            _user("bob", "officer", "2026-03-01", "Amy"),
            _user("cid", "cadet", "2026-03-01", "Amy"),
            _user("dan", "officer"),
            _user("dan", "cadet"),
        ],
        certifications={"bob": ["Driver"]},
    )
    _built(second_day)
    return second_day


def _order(warehouse: RawWarehouse, total: str, updated_at: str) -> None:
    warehouse.query("delete from roster_data.orders")
    order = {
        "order_id": "1",
        "status": "paid",
        "currency": "eur",
        "subtotal_price": total,
        "total_price": total,
        "created_at": "2026-02-28T09:00:00Z",
        "updated_at": updated_at,
    }
    warehouse.add("roster_data.orders", [order], updated_at)


def _periods(warehouse: RawWarehouse, page: str, member: str) -> list[tuple]:
    return warehouse.query(PERIODS.format(page=page, member=member))


def test_a_promotion_ends_one_period_and_begins_another(third_day) -> None:
    assert _periods(third_day, "police", "bob") == [
        ("bob", "cadet", "joined", "01 10:00", "02 10:00"),
        ("bob", "officer", "promoted", "02 10:00", None),
    ]


def test_a_demotion_is_told_by_seniority(third_day) -> None:
    assert _periods(third_day, "police", "cid")[1] == (
        *("cid", "cadet", "demoted"),
        *("02 10:00", None),
    )


def test_the_promotion_is_kept_as_the_page_says(third_day) -> None:
    told = third_day.query(
        """
        select cast(promotion_date as varchar), promotion_officer
        from marts.fct_rank_assignments
        where change_type = 'promoted'
        """
    )
    assert told == [("2026-03-01", "Amy")]


def test_a_leaver_left_when_the_page_was_read_without_them(third_day) -> None:
    assert _periods(third_day, "police", "amy") == [
        ("amy", "chief", "joined", "01 10:00", "02 10:00"),
        ("amy", "officer", "rejoined", "03 10:00", None),
    ]


def test_a_further_rank_comes_and_goes_without_a_change_of_the_first(third_day) -> None:
    assert _periods(third_day, "police", "dan") == [
        ("dan", "officer", "added", "01 10:00", None),
        ("dan", "cadet", "joined", "01 10:00", "02 10:00"),
        ("dan", "cadet", "added", "03 10:00", None),
    ]


def test_a_transfer_ends_on_one_page_and_begins_on_another(third_day) -> None:
    assert _periods(third_day, "fire", "gil") == [
        ("gil", "crew", "joined", "01 10:00", "02 10:05")
    ]
    assert _periods(third_day, "police", "gil") == [
        ("gil", "cadet", "joined", "02 10:00", "03 10:00")
    ]


def test_a_new_promotion_to_the_same_rank_renews_it(third_day) -> None:
    assert _periods(third_day, "fire", "hal") == [
        ("hal", "lead", "joined", "01 10:00", "02 10:05"),
        ("hal", "lead", "renewed", "02 10:05", None),
    ]


def test_a_page_that_was_not_read_closes_nothing(third_day) -> None:
    assert _periods(third_day, "closed", "ida") == [
        ("ida", "guard", "joined", "01 10:00", None)
    ]


def test_certifications_are_held_until_the_page_is_read_without_them(third_day) -> None:
    held = third_day.query(
        """
        select
            members.source_id,
            certifications.certification_name,
            strftime(held.valid_to, '%d %H:%M'),
            held.is_current
        from marts.fct_member_certifications as held
        inner join marts.dim_members as members using (member_key)
        inner join marts.dim_certifications as certifications
            using (certification_key)
        order by all
        """
    )
    assert held == [
        ("bob", "Driver", None, True),
        ("eve", "Driver", "03 10:00", False),
        ("eve", "Medic", "02 10:00", False),
    ]


def test_who_left_stays_a_member_by_name_but_is_not_active(third_day) -> None:
    members = third_day.query(
        """
        select source_id, full_name, is_active, current_page_count
        from marts.dim_members
        where source_id in ('eve', 'dan', 'gil')
        order by source_id
        """
    )
    assert members == [
        ("dan", "Dan", True, 1),
        ("eve", "Eve", False, 0),
        ("gil", "Gil", False, 0),
    ]


def test_an_edited_order_is_updated(second_day) -> None:
    orders = second_day.query(
        "select order_id, order_currency, cast(total_amount as varchar) "
        "from marts.fct_orders"
    )
    assert orders == [("1", "EUR", "30.0000")]


def test_a_fact_loses_a_column_that_has_another_name_now(second_day) -> None:
    assert second_day.query(
        "select column_name from information_schema.columns "
        "where table_name = 'fct_orders' and column_name like '%currency' order by 1"
    ) == [("commission_currency",), ("order_currency",), ("order_reward_currency",)]


def test_building_again_without_a_new_read_changes_nothing(third_day, is_long) -> None:
    before = [third_day.query(sql) for sql in EVERYTHING]
    _built(third_day, is_tested=is_long)
    assert [third_day.query(sql) for sql in EVERYTHING] == before


def test_reads_between_two_builds_are_history_too(tmp_path) -> None:
    """Five reads and one build at the end: every one of them counts."""
    warehouse = RawWarehouse(tmp_path)
    warehouse.create(declared_tables())
    held = ("cadet", "officer", "officer", None, "cadet")
    for day, role in enumerate(held, start=1):
        warehouse.load_page(
            "police",
            f"2026-03-0{day}T10:00:00Z",
            ranks=POLICE_RANKS,
            users=[_user("zed", "chief"), *([_user("amy", role)] if role else [])],
            certifications={"zed": ["Driver"] if day == 3 else []},
            content_hash=f"{day}",
        )
    models = ("+fct_rank_assignments", "+fct_member_certifications")
    models += ("+dim_members", "+dim_ranks")
    _built(warehouse, "--indirect-selection", "buildable", "--select", *models)
    assert [row[1:] for row in _periods(warehouse, "police", "amy")] == [
        ("cadet", "joined", "01 10:00", "02 10:00"),
        ("officer", "promoted", "02 10:00", "04 10:00"),
        ("cadet", "rejoined", "05 10:00", None),
    ]
    assert warehouse.query(
        "select strftime(valid_from, '%d'), strftime(valid_to, '%d') "
        "from marts.fct_member_certifications"
    ) == [("03", "04")]
