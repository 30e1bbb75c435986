"""Many days of roster pages, some not read, few built, against who knows better.

What the sandbox says of its pages is noted on every day that is read. At the end the
history must say the same of each of those days, whether or not it was built then, tell
exactly the changes that lie between them, and nothing of the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import duckdb
import pytest

from roster_platform.ingest.autorosters import load_pages
from roster_platform.sandbox import Sandbox, running_sandbox
from roster_platform.settings.platform import PlatformSettings
from roster_platform.warehouse.warehouse import Warehouse
from tests.deployment import Deployment
from tests.forks import run_dbt


@dataclass(frozen=True)
class Plan:
    """How many days there are, and what is left out or done twice on some."""

    days: int
    not_read: frozenset[int]
    read_twice: frozenset[int]
    built: frozenset[int]


LONG = Plan(
    days=60,
    not_read=frozenset({7, 8, 20, 33, 34, 35, 50}),
    read_twice=frozenset({5, 21, 40}),
    built=frozenset({0, 3, 12, 13, 21, 32, 40, 47, 55}),
)
SHORT = Plan(
    days=14,
    not_read=frozenset({4, 5}),
    read_twice=frozenset({2, 7}),
    built=frozenset({2, 9}),
)
CHANGES = {
    "joined": "joined",
    "left": "left",
    "transfer": "transferred",
    "promotion": "promoted",
    "demotion": "demoted",
    "certification_gained": "certification_gained",
    "certification_lost": "certification_lost",
}

Held = frozenset[tuple[str, str, str]]
"""Page, Discord id, and what the member holds there."""


@dataclass
class Day:
    """What is true of the sandbox's own pages on one day."""

    ranks: Held
    certifications: Held
    subdivisions: Held
    hours: Mapping[tuple[str, str], Decimal | None]

    @property
    def members(self) -> set[tuple[str, str]]:
        return {(page, member) for page, member, _ in self.ranks}


@dataclass
class Lived:
    """The days that were read, what was true on them, and what happened."""

    deployment: Deployment
    plan: Plan
    days: dict[str, Day] = field(default_factory=dict)
    changes: list[dict[str, Any]] = field(default_factory=list)

    def consecutive(self) -> Iterator[tuple[str, str]]:
        return pairwise(self.days)


def truth_of(sandbox: Sandbox) -> Day:
    pages = [page for page in sandbox.get("oracle/pages") if page["is_own"]]
    members = [
        (page["page_id"], member) for page in pages for member in page["members"]
    ]

    def held(what: str) -> Held:
        return frozenset(
            (page_id, member["discord_id"], name)
            for page_id, member in members
            for name in member[what]
        )

    hours = {
        (page_id, member["discord_id"]): None
        if member["patrol_hours"] is None
        else Decimal(str(member["patrol_hours"]))
        for page_id, member in members
    }
    return Day(held("role_ids"), held("certifications"), held("subdivisions"), hours)


def _build(deployment: Deployment, *arguments: str) -> None:
    done = run_dbt(
        "build",
        *arguments,
        folder=deployment.folder,
        environment=deployment.environment,
    )
    assert done.returncode == 0, done.stdout[-5000:]


@pytest.fixture(scope="module")
def lived(tmp_path_factory, is_long) -> Iterator[Lived]:
    """Every day of a plan, and all models on some days and at the end."""
    plan = LONG if is_long else SHORT
    folder = tmp_path_factory.mktemp("history")
    with (
        running_sandbox(orders=60, pages=6, members=20) as sandbox,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name, value in sandbox.environment.items():
            patch.setenv(name, value)
        deployment = Deployment(folder, sandbox.environment)
        warehouse = Warehouse(PlatformSettings(data_dir=str(folder)))
        page_ids = sandbox.get("state")["page_ids"]
        lived = Lived(deployment, plan)
        if not is_long:
            # Hours are reset on the first day of a month, which has to be among the days.
            today = date.fromisoformat(sandbox.get("state")["as_of"])
            sandbox.advance((24 - today.day) % 28)
        for number in range(plan.days):
            if number:
                sandbox.advance(1)
            if number in plan.not_read:
                continue
            for _ in range(2 if number in plan.read_twice else 1):
                with load_pages(page_ids, warehouse=warehouse) as loaded:
                    assert not loaded.report.failed
            if number in plan.built:
                _build(
                    deployment,
                    *("--exclude-resource-type", "test"),
                    *("--exclude-resource-type", "unit_test"),
                )
            lived.days[sandbox.get("state")["as_of"]] = truth_of(sandbox)
        lived.changes = sandbox.get("oracle/rank_changes")
        _build(deployment, "--exclude-resource-type", "unit_test")
        yield lived


def held_on(lived: Lived, day: str, fact: str, dimension: str, name: str) -> Held:
    key = f"{dimension.removeprefix('dim_').removesuffix('s')}_key"
    return frozenset(
        lived.deployment.query(
            f"""
            select pages.page_id, members.source_id, things.{name}
            from marts.{fact} as held
            inner join marts.dim_members as members using (member_key)
            inner join marts.dim_roster_pages as pages using (page_key)
            inner join marts.{dimension} as things on held.{key} = things.{key}
            where cast(held.valid_from as date) <= date '{day}'
                and (held.valid_to is null or cast(held.valid_to as date) > date '{day}')
            """
        )
    )


def test_enough_days_were_lived(lived) -> None:
    plan = lived.plan
    assert len(lived.days) == plan.days - len(plan.not_read)
    assert len(plan.built) < plan.days / 5
    assert {change["kind"] for change in lived.changes} == set(CHANGES)


@pytest.mark.parametrize(
    ("what", "fact", "dimension", "name"),
    [
        ("ranks", "fct_rank_assignments", "dim_ranks", "role_id"),
        (
            "certifications",
            "fct_member_certifications",
            "dim_certifications",
            "certification_name",
        ),
        (
            "subdivisions",
            "fct_member_subdivisions",
            "dim_subdivisions",
            "subdivision_name",
        ),
    ],
)
def test_history_says_of_each_day_what_was_true(
    lived, what, fact, dimension, name
) -> None:
    for day, truth in lived.days.items():
        held = held_on(lived, day, fact, dimension, name)
        assert held == getattr(truth, what), day


def _changes_on(lived: Lived, day: str) -> list[tuple]:
    return lived.deployment.query(
        f"""
        select
            changes.change_type,
            pages.page_id,
            members.source_id,
            from_pages.page_id,
            changes.qualification
        from marts.fct_roster_changes as changes
        inner join marts.dim_members as members using (member_key)
        inner join marts.dim_roster_pages as pages using (page_key)
        left join marts.dim_roster_pages as from_pages
            on changes.from_page_key = from_pages.page_key
        where changes.date_day = date '{day}'
        """
    )


def test_changes_between_days_that_follow_are_those_that_happened(lived) -> None:
    happened = {}
    for change in lived.changes:
        happened.setdefault(change["day"], []).append(
            (
                CHANGES[change["kind"]],
                change["page_id"],
                change["discord_id"],
                change.get("from_page_id"),
                change.get("name"),
            )
        )
    followed = 0
    for before, day in lived.consecutive():
        if not _follows(before, day):
            continue
        followed += 1
        told = [
            change
            for change in _changes_on(lived, day)
            if not change[0].startswith("subdivision")
        ]
        assert sorted(told, key=str) == sorted(happened.get(day, []), key=str), day
    assert followed > lived.plan.days / 2


def _follows(before: str, day: str) -> bool:
    return date.fromisoformat(day) - date.fromisoformat(before) == timedelta(days=1)


def test_whatever_lies_between_two_days_changes_add_up(lived) -> None:
    for before, day in lived.consecutive():
        told = _changes_on(lived, day)
        came = {(page, who) for kind, page, who, *_ in told if kind == "joined"}
        came |= {(page, who) for kind, page, who, *_ in told if kind == "transferred"}
        went = {(page, who) for kind, page, who, *_ in told if kind == "left"}
        went |= {(old, who) for kind, _, who, old, _ in told if kind == "transferred"}
        earlier, now = lived.days[before], lived.days[day]
        assert came == now.members - earlier.members, day
        assert went == earlier.members - now.members, day
        moved = {(page, who) for kind, page, who, *_ in told if "mote" in kind}
        ranks = [_ranks_by_member(truth) for truth in (earlier, now)]
        stayed = earlier.members & now.members
        assert moved == {who for who in stayed if ranks[0][who] != ranks[1][who]}, day


def _ranks_by_member(day: Day) -> dict[tuple[str, str], set[str]]:
    found: dict[tuple[str, str], set[str]] = {}
    for page, member, role in day.ranks:
        found.setdefault((page, member), set()).add(role)
    return found


def test_nothing_changes_on_a_day_that_was_not_seen(lived) -> None:
    days = lived.deployment.query(
        "select distinct cast(date_day as varchar) from marts.fct_roster_changes"
    )
    assert {day for (day,) in days} <= set(lived.days)


def test_the_first_read_makes_nobody_a_joiner(lived) -> None:
    assert _changes_on(lived, next(iter(lived.days))) == []


def test_hours_have_one_row_a_day_and_are_gained_across_resets(lived) -> None:
    rows = lived.deployment.query(
        """
        select
            cast(hours.date_day as varchar),
            pages.page_id,
            members.source_id,
            hours.hours_total,
            hours.hours_gained
        from marts.fct_patrol_hours as hours
        inner join marts.dim_members as members using (member_key)
        inner join marts.dim_roster_pages as pages using (page_key)
        """
    )
    told = {(day, page, who): (total, gained) for day, page, who, total, gained in rows}
    assert len(told) == len(rows)
    expected: dict[tuple[str, str, str], tuple] = {}
    earlier: Mapping[tuple[str, str], Decimal | None] = {}
    resets = 0
    for day, truth in lived.days.items():
        for (page, who), total in truth.hours.items():
            gained, last = None, earlier.get((page, who))
            if total is not None and last is not None:
                resets += total < last
                gained = total if total < last else total - last
            expected[day, page, who] = (total, gained)
        earlier = truth.hours
    assert told == expected
    assert resets > 0
    assert any(total is None for total, _ in expected.values())


def test_versions_of_a_member_say_when_there_was_one(lived) -> None:
    """On every day that was read, also between two builds."""
    for day, truth in lived.days.items():
        active = lived.deployment.query(
            f"""
            select source_id
            from marts.dim_members_history
            where
                is_active
                and source_system = 'autorosters'
                and valid_from < date '{day}' + interval 1 day
                and (valid_to >= date '{day}' + interval 1 day or is_current)
            """
        )
        assert {who for (who,) in active} == {who for _, who in truth.members}, day


def test_reports_agree_with_the_last_day(lived) -> None:
    day, truth = list(lived.days.items())[-1]
    headcounts = lived.deployment.query(
        f"""
        select pages.page_id, daily.headcount
        from marts.rpt_page_daily as daily
        inner join marts.dim_roster_pages as pages using (page_key)
        where daily.date_day = date '{day}'
        """
    )
    members = [page for page, _ in truth.members]
    assert dict(headcounts) == {page: members.count(page) for page in set(members)}


def _build_again(lived: Lived, *how: str) -> None:
    """Every model; in the short form without the tests, which ran at the end."""
    untested = () if lived.plan is LONG else ("--exclude-resource-type", "test")
    _build(lived.deployment, "--exclude-resource-type", "unit_test", *untested, *how)


@pytest.mark.parametrize("how", [(), ("--full-refresh",)])
def test_building_again_changes_nothing(lived, how) -> None:
    """Not even from scratch: what cannot be built anew is kept.

    No table is touched, unless from scratch. What a build left that was killed goes.
    """
    before, places = lived.deployment.contents("marts"), _places(lived)
    with duckdb.connect(str(lived.deployment.folder / "roster.duckdb")) as database:
        database.execute(
            "create table marts.dim_ranks__dbt_backup as from marts.dim_ranks"
        )
    _build_again(lived, *how)
    assert lived.deployment.contents("marts") == before
    if not how:
        assert _places(lived) == places


def _places(lived: Lived) -> dict[str, Any]:
    """Where the rows of each table lie: rows written anew lie elsewhere."""
    with lived.deployment.warehouse() as database:
        tables = database.sql(
            """
            select schema_name || '.' || table_name, table_oid
            from duckdb_tables()
            where schema_name in ('intermediate', 'marts')
            """
        ).fetchall()
        assert len(tables) > 50
        return {
            name: (
                oid,
                database.sql(
                    f"select bit_xor(hash(rowid, things)) from {name} as things"
                ).fetchall(),
            )
            for name, oid in tables
        }
