"""Programs, codes and ranks as they were, joined as of the time of a fact."""

from __future__ import annotations

import pytest

from tests.dbt.raw_warehouse import RawWarehouse, declared_tables

DAY_1, DAY_2, DAY_3 = (f"2026-03-0{day}T10:00:00Z" for day in (1, 2, 3))
BEFORE, BETWEEN, AFTER = "2025-01-01", "2026-03-02T12:00:00Z", "2026-03-03T12:00:00Z"
NAMES = ("members", "programs", "discount_codes", "ranks")


def _versions(key: str, *versions: tuple[str, str, dict[str, object]]):
    """Versions of one record: when each was read, how it came, and what it said."""
    return [
        {
            "id": key,
            "created_at": DAY_1,
            "updated_at": DAY_1,
            **values,
            "_valid_from": read_at,
            "_sequence": number,
            "_change": change,
            "_digest": str(number),
        }
        for number, (read_at, change, values) in enumerate(versions, start=1)
    ]


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory) -> RawWarehouse:
    """Three reads and no build between: a new rate, another owner of a code, a new rank."""
    made = RawWarehouse(tmp_path_factory.mktemp("type2"))
    made.create(declared_tables())
    gold = {
        "name": "Gold",
        "commission_type": "percentage",
        "currency": "USD",
    }
    made.add(
        "roster_data.programs_versions",
        _versions(
            "gold",
            (DAY_1, "inserted", {**gold, "commission_value": 10}),
            (DAY_2, "updated", {**gold, "commission_value": 20, "name": "Gold+"}),
            (DAY_3, "deleted", {**gold, "commission_value": 20, "name": "Gold+"}),
        ),
        DAY_3,
    )
    made.add(
        "roster_data.programs",
        [{"id": "gold", **gold, "commission_value": 20, "is_deleted": True}],
        DAY_3,
    )
    code = {"code": "ANN10", "discount_rule_kind": "shareable", "is_personal": False}
    anns = {**code, "contact_id": "ann", "assigned_at": "2026-02-01T00:00:00Z"}
    bobs = {**code, "contact_id": "bob", "assigned_at": BETWEEN}
    made.add(
        "roster_data.discount_codes_lookup_versions",
        _versions("c1", (DAY_1, "inserted", anns), (DAY_3, "updated", bobs)),
        DAY_3,
    )
    made.add("roster_data.discount_codes_lookup", [{"id": "c1", **bobs}], DAY_3)
    made.add(
        "roster_data.events",
        [
            {
                "id": who,
                "type": "program.joined",
                "contact_id": who,
                "email": f"{who}@x.org",
                "referral_id": who,
                "program_id": "gold",
                "occurred_at": "2024-01-01",
            }
            for who in ("ann", "bob")
        ],
        DAY_3,
    )
    made.add(
        "roster_data.orders",
        [
            {
                "order_id": name,
                "referral_id": "ann",
                "status": "paid",
                "currency": "USD",
                "subtotal_price": 100,
                "total_price": 100,
                "created_at": at,
            }
            for name, at in (("before", BEFORE), ("between", BETWEEN), ("after", AFTER))
        ],
        DAY_3,
    )
    for day, name in ((DAY_1, "Cadet"), (DAY_2, "Officer")):
        made.load_page(
            "police",
            day,
            ranks=({"role_id": "r1", "rank_name": name},),
            users=[{"discord_id": "7", "role_id": "r1"}],
        )
    made.load_page("police", DAY_3, ranks=(), users=[])
    done = made.build("--exclude-resource-type", "unit_test")
    assert "ERROR=0 SKIP=0" in done.stdout, done.stdout[-5000:]
    return made


def test_an_order_finds_the_terms_that_paid_it(warehouse) -> None:
    """By an as-of join; the first terms reach back, and a deleted program pays nothing."""
    assert warehouse.query(
        """
        select
            orders.order_id, programs.program_name, programs.is_program_deleted,
            programs.commission_value, orders.commission_rate
        from marts.fct_orders as orders
        inner join marts.dim_programs_history as programs
            on
                orders.program_key = programs.program_key
                and orders.ordered_at >= programs.valid_from
                and (orders.ordered_at < programs.valid_to or programs.is_current)
        order by orders.ordered_at
        """
    ) == [
        ("before", "Gold", False, 10, 10),
        ("between", "Gold+", False, 20, 20),
        ("after", "Gold+", True, 20, None),
    ]


def test_a_code_was_nobodys_before_it_was_assigned(warehouse) -> None:
    assert warehouse.query(
        """
        select members.source_id, codes.member_key = 'none',
            strftime(codes.valid_from, '%Y-%m-%d'), strftime(codes.valid_to, '%Y-%m-%d')
        from marts.dim_discount_codes_history as codes
        inner join marts.dim_members as members using (member_key)
        where not codes.is_placeholder
        order by codes.valid_from
        """
    ) == [
        (None, True, "1900-01-01", "2026-02-01"),
        ("ann", False, "2026-02-01", "2026-03-02"),
        ("bob", False, "2026-03-02", None),
    ]


def test_a_rank_has_the_name_of_the_time(warehouse) -> None:
    assert warehouse.query(
        """
        select rank_name, is_rank_deleted, is_current, strftime(valid_from, '%Y-%m-%d')
        from marts.dim_ranks_history
        where not is_placeholder
        order by valid_from
        """
    ) == [
        ("Cadet", False, False, "1900-01-01"),
        ("Officer", False, False, "2026-03-02"),
        ("Officer", True, True, "2026-03-03"),
    ]


@pytest.mark.parametrize("name", NAMES)
def test_every_key_has_one_current_version(warehouse, name: str) -> None:
    key = f"{name.removesuffix('s')}_key"
    assert (
        warehouse.query(
            f"""
            select things.{key}, count(history.{key})
            from marts.dim_{name} as things
            left join marts.dim_{name}_history as history
                on things.{key} = history.{key} and history.is_current
            group by things.{key}
            having count(history.{key}) <> 1
            """
        )
        == []
    )
