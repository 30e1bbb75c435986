"""Whatever roster pages say from read to read, the history says the same of each read.

Every page lives a life of its own: members join, leave, move, hold several ranks; a page is
read twice on one day or not at all, and some days are built, others not.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.dbt.raw_warehouse import RawWarehouse, declared_tables

PAGES = [f"page-{number}" for number in range(8)]
DAYS = 5
RANKS = ("chief", "officer", "cadet")
CERTIFICATIONS = ("Driver", "Medic")
BUILT = (
    *("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test"),
    *("--select", "+fct_rank_assignments", "+fct_member_certifications", "+dim_ranks"),
    *("+dim_members", "+dim_roster_pages", "+dim_certifications"),
)
PERIODS = """
    select pages.page_id, members.source_id, things.{name},
        strftime(held.valid_from, '%d %H'), strftime(held.valid_to, '%d %H')
    from marts.{fact} as held
    inner join marts.dim_members as members using (member_key)
    inner join marts.dim_roster_pages as pages using (page_key)
    inner join marts.{dimension} as things using ({key})
"""
HELD = (
    ("fct_rank_assignments", "dim_ranks", "rank_key", "role_id"),
    (
        *("fct_member_certifications", "dim_certifications"),
        *("certification_key", "certification_name"),
    ),
)

Read = Mapping[str, tuple[set[str], set[str]]]
"""Member to ranks (at least one) and certifications."""

# Two of the members are on every page, so that they move and are in two places.
members = st.sampled_from([*"abcd", "mover-1", "mover-2"])
reads = st.dictionaries(
    members,
    st.tuples(
        st.sets(st.sampled_from(RANKS), min_size=1),
        st.sets(st.sampled_from(CERTIFICATIONS)),
    ),
    max_size=6,
)
days = st.fixed_dictionaries({page: st.lists(reads, max_size=2) for page in PAGES})
lives = st.tuples(
    st.lists(days, min_size=DAYS, max_size=DAYS),
    st.lists(st.booleans(), min_size=DAYS - 1, max_size=DAYS - 1),
)


def test_history_tells_any_life_of_a_page(tries, scale) -> None:
    tried = tries("Any history")

    @settings(
        # The first is always the simplest: pages without a read.
        max_examples=1 + scale,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(lives)
    def check(life) -> None:
        tried()
        with tempfile.TemporaryDirectory() as folder:
            check_life(RawWarehouse(Path(folder)), *life)

    check()


def check_life(
    warehouse: RawWarehouse,
    lived: Sequence[Mapping[str, Sequence[Read]]],
    built: Sequence[bool],
) -> None:
    warehouse.create(declared_tables())
    now: dict[str, Read] = {}
    seen: list[tuple[str, dict[str, Read]]] = []
    for number, (day, is_built) in enumerate(zip(lived, [*built, True], strict=True)):
        for hour in (10, 11):
            for page, said in day.items():
                for read in said[hour - 10 : hour - 9]:
                    load(
                        warehouse, page, f"2026-03-{number + 1:02d}T{hour}:00:00Z", read
                    )
                    now[page] = read
            seen.append((f"{number + 1:02d} {hour}", dict(now)))
        if is_built:
            done = warehouse.build(*BUILT)
            assert done.returncode == 0, done.stdout[-3000:]
    for what, (fact, dimension, key, name) in enumerate(HELD):
        truths = [
            (
                moment,
                {
                    (page, member, thing)
                    for page, read in pages.items()
                    for member, both in read.items()
                    for thing in both[what]
                },
            )
            for moment, pages in seen
        ]
        periods = warehouse.query(
            PERIODS.format(fact=fact, dimension=dimension, key=key, name=name)
        )
        for moment, truth in truths:
            held = [
                tuple(who)
                for *who, began, ended in periods
                if began <= moment and (ended is None or ended > moment)
            ]
            assert sorted(held) == sorted(truth), moment
        # A period for each time it began to be held, and none beside.
        states = [set(), *(truth for _, truth in truths)]
        assert len(periods) == sum(len(b - a) for a, b in pairwise(states))


def load(warehouse: RawWarehouse, page: str, moment: str, read: Read) -> None:
    warehouse.load_page(
        page,
        moment,
        ranks=RANKS,
        users=[
            {
                "discord_id": member,
                "name": member,
                "rank": role.title(),
                "role_id": role,
            }
            for member, (roles, _) in read.items()
            for role in sorted(roles)
        ],
        certifications={member: held for member, (_, held) in read.items()},
        content_hash=repr(
            sorted((member, sorted(a), sorted(b)) for member, (a, b) in read.items())
        ),
    )
