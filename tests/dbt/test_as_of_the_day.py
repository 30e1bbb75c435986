"""Ranks, titles, requirements and hours of roster pages, as they were on the day."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import pytest

from tests.dbt.raw_warehouse import RawWarehouse, declared_tables

READS = {day: f"2026-06-0{day}T12:00:00Z" for day in (1, 2, 4, 5)}
MODELS = ("+dim_members", "+dim_ranks", "+dim_roster_pages", "+fct_rank_assignments")
MODELS += ("+rpt_page_daily", "+rpt_promotions_by_officer", "+rpt_patrol_hours_monthly")


def _held(
    *ranks: tuple[str, str], hours: Mapping[str, float] | None = None, by="Wiggum"
):
    """Members by their role: pairs of a Discord id and a role."""
    return [
        {
            "discord_id": who,
            "name": who,
            "role_id": role,
            "promotion_officer": by,
            "patrol_hours": (hours or {}).get(who),
        }
        for who, role in ranks
    ]


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory) -> RawWarehouse:
    """Five pages on four days, built once at the end."""
    made = RawWarehouse(tmp_path_factory.mktemp("days"))
    made.create(declared_tables())
    captain, head = {"role_id": "captain"}, {"role_id": "head"}
    at_first = ["chief", captain, "officer"]
    reordered = ["chief", "officer", {**captain, "is_command": True}]
    hours = [
        {"fell": 500, "rose": 10, "typed": 100, "reset": 80, "small": 4, "new": None},
        {"fell": 499.5, "rose": 34, "typed": 900, "reset": 3, "small": 3.9, "new": 6},
        {"fell": 499.5, "rose": 82, "typed": 100, "reset": 3, "small": 0, "new": 6},
        {"fell": 460, "rose": 106.5, "typed": 101, "reset": 8, "small": 1, "new": 30},
    ]
    for (day, read_at), totals in zip(READS.items(), hours, strict=True):
        amy = "officer" if day == 1 else "captain"
        made.load_page(
            "police",
            read_at,
            title="Police" if day < 4 else "Guard",
            ranks=at_first if day < 4 else reordered,
            users=_held(("zed", "chief"), ("amy", amy), ("bob", "captain")),
        )
        grunt = {"role_id": "g1" if day < 4 else "g2", "rank_name": "Grunt"}
        above = [] if day < 5 else [{"role_id": "boss", "rank_name": "Boss"}]
        made.load_page(
            "army",
            read_at,
            ranks=[*above, head, grunt],
            users=_held(
                *(("kim", "head"), ("liz", grunt["role_id"])),
                # Promoted as the rank is made anew.
                ("max", "g1" if day < 4 else "head"),
            ),
        )
        # A rank vanishes, and the ranks below it move up.
        ranks = ["top", "middle", "low"] if day < 2 else ["top", "low"]
        made.load_page(
            "navy",
            read_at,
            ranks=ranks,
            users=_held(
                ("ned", "middle" if day < 2 else "low"),
                ("oli", "middle" if day < 2 else "top"),
            ),
        )
        # Equal and unknown places.
        flat = {"role_id": "left", "position": 1}, {"role_id": "right", "position": 1}
        vague = {"role_id": "vague", "position": None}
        made.load_page(
            "club",
            read_at,
            ranks=["top", *flat, vague],
            users=_held(
                ("pam", "left" if day < 2 else "right"),
                ("quy", "left" if day < 2 else "vague"),
                ("ray", "vague" if day < 2 else "top"),
            ),
        )
        made.load_page(
            "patrol",
            read_at,
            ranks=["all"],
            users=_held(*((who, "all") for who in totals), hours=totals),
        )
    built = made.build(
        *("--exclude-resource-type", "unit_test", "--exclude-resource-type", "test"),
        *("--select", *MODELS),
    )
    assert built.returncode == 0, built.stdout[-5000:]
    return made


def _moves(warehouse: RawWarehouse, page: str) -> list[tuple]:
    """Whom a page moved between ranks, how, and on which day."""
    return warehouse.query(
        f"""
        select day(changes.date_day), members.source_id, changes.change_type
        from marts.fct_roster_changes as changes
        inner join marts.dim_members as members using (member_key)
        inner join marts.dim_roster_pages as pages using (page_key)
        where pages.page_id = '{page}'
        order by all
        """
    )


def test_a_promotion_stays_one_when_ranks_change_their_order(warehouse) -> None:
    assert _moves(warehouse, "police") == [(2, "amy", "promoted")]
    assert warehouse.query(
        "select promotion_officer, promotion_count, demotion_count "
        "from marts.rpt_promotions_by_officer "
        "inner join marts.dim_roster_pages using (page_key) where page_id = 'police'"
    ) == [("Wiggum", 1, 0)]


def test_a_role_made_anew_moves_nobody_but_who_was_promoted(warehouse) -> None:
    assert _moves(warehouse, "army") == [(4, "max", "promoted")]
    assert warehouse.query(
        """
        select ranks.role_id, held.change_type, held.days_in_rank
        from marts.fct_rank_assignments as facts
        inner join intermediate.int_rank_assignments as held
            on facts.rank_assignment_key = held.rank_assignment_id
        inner join marts.dim_ranks as ranks using (rank_key)
        where held.discord_id = 'liz'
        order by held.valid_from
        """
    ) == [("g1", "joined", None), ("g2", "renewed", None)]


def test_ranks_are_compared_as_one_list_has_them(warehouse) -> None:
    assert _moves(warehouse, "navy") == [(2, "ned", "demoted"), (2, "oli", "promoted")]


def test_equal_or_unknown_seniority_is_a_lateral_move(warehouse) -> None:
    assert _moves(warehouse, "club") == [
        (2, "pam", "lateral"),
        (2, "quy", "lateral"),
        (2, "ray", "lateral"),
    ]


def test_command_ranks_and_titles_are_those_of_the_day(warehouse) -> None:
    assert warehouse.query(
        """
        select day(daily.date_day), daily.page_title_on_day, daily.command_count
        from marts.rpt_page_daily as daily
        inner join marts.dim_roster_pages as pages using (page_key)
        where pages.page_id = 'police'
        order by all
        """
    ) == [
        *((1, "Police", 1), (2, "Police", 1), (3, "Police", 1)),
        *((4, "Guard", 3), (5, "Guard", 3)),
    ]


@pytest.mark.parametrize(
    ("member", "gained"),
    [
        # A little less is a correction, and so is what cannot be new.
        ("fell", [None, 0, 0, 0]),
        # 24 hours in one day, and 48 in the two to the next read, are possible.
        ("rose", [None, 24, 48, 24]),
        ("typed", [None, 24, 0, 1]),
        ("reset", [None, 3, 0, 5]),
        ("small", [None, 0, 0, 1]),
        ("new", [None, None, 0, 24]),
    ],
)
def test_gains_are_possible_in_the_time_that_passed(warehouse, member, gained) -> None:
    rows = warehouse.query(
        "select hours_gained from marts.fct_patrol_hours "
        "inner join marts.dim_members using (member_key) "
        f"where source_id = '{member}' order by date_day"
    )
    expected = [None if hours is None else Decimal(hours) for hours in gained]
    assert [hours for (hours,) in rows] == expected


def test_the_requirement_of_a_month_is_of_the_rank_held_then(warehouse) -> None:
    assert warehouse.query(
        """
        select members.source_id, ranks.role_id, months.required_hours
        from marts.rpt_patrol_hours_monthly as months
        inner join marts.dim_members as members using (member_key)
        inner join marts.dim_ranks as ranks using (rank_key)
        where ranks.page_id in ('police', 'army')
        order by 1
        """
    ) == [
        *(("amy", "captain", 10), ("bob", "captain", 10), ("kim", "head", 10)),
        *(("liz", "g2", 10), ("max", "head", 10), ("zed", "chief", 10)),
    ]
