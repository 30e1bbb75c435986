"""A warehouse that earlier releases made continues with its history.

Releases run one after the other on the same data folder, day after day, and today's last.
The history must then say of each day that was read what was true, whoever read it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from roster_platform import __version__
from roster_platform.sandbox import Sandbox, running_sandbox
from tests.deployment import UNTESTED_BUILD, Deployment
from tests.destinations import CREDENTIALS
from tests.postgres import running_postgres
from tests.releases import RELEASES, WITH_SNAPSHOTS, WITH_VERSIONS, run_release, unpack
from tests.test_history import SHORT, Lived, held_on, truth_of

HISTORY = (
    *("-s", "+fct_rank_assignments", "+fct_member_certifications", "+fct_patrol_hours"),
    *("+fct_member_subdivisions", "+dim_members", "+dim_roster_pages", "+dim_ranks"),
    *("+dim_certifications", "+dim_subdivisions"),
)
BUILD = ("roster_platform.cli", "dbt", "build")
CHECK = ("roster_platform.cli", "upgrade", "--check")
UNTESTED_HISTORY = (*UNTESTED_BUILD, *HISTORY)
# Written anew by any load, or by none.
OF_LOADS = ("_dlt_load_id", "_dlt_id", "_observed_at", "_deleted")
KEYS = {
    "autorosters_data": {
        "pages": ("page_id",),
        "ranks": ("page_id", "role_id"),
        "users": ("page_id", "role_id", "discord_id"),
        "user_certifications": ("page_id", "discord_id", "certification"),
        "user_subdivisions": ("page_id", "discord_id", "subdivision"),
        "page_users": ("page_id", "discord_id", "rank"),
    },
    "roster_data": {
        "programs": ("id",),
        "channels": ("id",),
        "posts": ("id",),
        "comments": ("id",),
        "likes": ("id",),
        "campaigns": ("id",),
        "orders": ("order_id",),
        "discount_codes_lookup": ("id",),
        "discount_codes_by_rule": ("discount_rule_id", "id"),
        "events": ("id",),
        "webhooks": ("id",),
        "contacts": ("id",),
    },
}
CLICK = '{"clickId": "one", "referralId": "ada", "url": "https://shop.example/"}\n'


class OnPostgres(Deployment):
    """A deployment whose warehouse is in PostgreSQL."""

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect() as database:
            database.execute("set timezone = 'UTC'")
            address = self.environment[CREDENTIALS]
            database.execute(
                f"attach '{address}' as warehouse (type postgres, read_only)"
            )
            database.execute("use warehouse")
            return database.sql(sql).fetchall()


@dataclass
class Upgraded:
    """A deployment that releases and today's version have loaded, and what was true."""

    sandbox: Sandbox
    lived: Lived
    versions: Mapping[str, set[tuple[Any, ...]]]
    """The versions that were there when today's version came."""
    announced: str
    """What the check said then."""

    @property
    def deployment(self) -> Deployment:
        return self.lived.deployment


@pytest.fixture(scope="module")
def releases(tmp_path_factory, is_long) -> list[Path]:
    """The folders of the releases: in the short form the first and the last."""
    chosen = RELEASES if is_long else (WITH_SNAPSHOTS, WITH_VERSIONS)
    return [unpack(subject, tmp_path_factory.mktemp("release")) for subject in chosen]


@pytest.fixture(scope="module", params=["duckdb", "postgres"])
def upgraded(request, releases, is_long, tmp_path_factory) -> Iterator[Upgraded]:
    """A data folder in which each release read and built, and then today's version."""
    if request.param == "duckdb":
        deployment_of, database = Deployment, {}
    elif is_long:
        address = request.getfixturevalue("postgres")
        database = {"ROSTER_PLATFORM__DESTINATION": "postgres", CREDENTIALS: address}
        deployment_of = OnPostgres
    else:
        pytest.skip("on PostgreSQL in the long form")
    with running_sandbox(orders=40, pages=3, members=12) as sandbox:
        deployment = deployment_of(
            tmp_path_factory.mktemp("data"),
            {**sandbox.environment, **database, "COLUMNS": "1000"},
        )
        sandbox.post("/admin/settings", {"clock_stands_still": True})
        lived = Lived(deployment, SHORT)
        live = _live_long if is_long else _live_shortly
        yield live(sandbox, lived, releases)


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    with running_postgres() as address:
        yield address


def _live_shortly(sandbox: Sandbox, lived: Lived, releases: list[Path]) -> Upgraded:
    """One day with each, of roster pages only; the first release makes snapshots."""
    deployment = lived.deployment
    snapshots = (*("-s", "+resource_type:snapshot"), *UNTESTED_BUILD[3:])
    for release in releases:
        _begin_day(sandbox, lived)
        run_release(deployment, release, "roster_platform.ingest", "autorosters")
        if release == releases[0]:
            run_release(deployment, release, *BUILD, *snapshots)
    upgraded = Upgraded(sandbox, lived, _versions(deployment), _run(deployment, *CHECK))
    _begin_day(sandbox, lived)
    _run(deployment, "roster_platform.ingest", "autorosters")
    _run(deployment, *UNTESTED_HISTORY)
    return upgraded


def _live_long(sandbox: Sandbox, lived: Lived, releases: list[Path]) -> Upgraded:
    """Two days with each, of everything, each read and built; clicks are sent.

    Today's version builds before it has read anything, and tests the models at last.
    """
    deployment = lived.deployment
    outbox = deployment.folder / "clicks" / "outbox"
    outbox.mkdir(parents=True)
    for release in releases:
        for _ in range(2):
            _begin_day(sandbox, lived)
            (outbox / f"{len(lived.days)}.jsonl").write_text(CLICK)
            for name in ("roster", "autorosters", "clicks"):
                run_release(deployment, release, "roster_platform.ingest", name)
            run_release(deployment, release, *UNTESTED_BUILD)
            _assert_history_is_right(lived)
    upgraded = Upgraded(sandbox, lived, _versions(deployment), _run(deployment, *CHECK))
    _run(deployment, *UNTESTED_BUILD)
    _assert_history_is_right(lived)
    for _ in range(2):
        _begin_day(sandbox, lived)
        (outbox / f"{len(lived.days)}.jsonl").write_text(CLICK)
        for name in ("roster", "autorosters", "clicks"):
            _run(deployment, "roster_platform.ingest", name)
    _run(deployment, *BUILD, "--exclude-resource-type", "unit_test")
    return upgraded


def _begin_day(sandbox: Sandbox, lived: Lived) -> None:
    if lived.days:
        sandbox.advance(1)
    lived.days[sandbox.get("state")["as_of"]] = truth_of(sandbox)


def _run(deployment: Deployment, *command: str, status: int = 0) -> str:
    done = deployment.run(*command)
    assert done.returncode == status, done.stdout[-5000:]
    return done.stdout


def _versions(deployment: Deployment) -> dict[str, set[tuple[Any, ...]]]:
    """Key, number, change and time of every version, by table."""
    tables = deployment.query(
        "select table_schema, table_name from information_schema.tables "
        "where table_name like '%_versions'"
    )
    return {
        f"{schema}.{table}": set(
            deployment.query(
                f"select {', '.join(KEYS[schema][name])}, _sequence, _change, _valid_from "
                f"from {schema}.{table}"
            )
        )
        for schema, table in tables
        if (name := table.removesuffix("_versions")) in KEYS.get(schema, {})
    }


def _assert_history_is_right(lived: Lived) -> None:
    for day, truth in lived.days.items():
        for what, name in (
            ("rank", "role_id"),
            ("certification", "certification_name"),
            ("subdivision", "subdivision_name"),
        ):
            fact = "rank_assignments" if what == "rank" else f"member_{what}s"
            held = held_on(lived, day, f"fct_{fact}", f"dim_{what}s", name)
            assert held == getattr(truth, f"{what}s"), (day, what)
        hours = lived.deployment.query(
            f"""
            select pages.page_id, members.source_id, hours.hours_total
            from marts.fct_patrol_hours as hours
            inner join marts.dim_members as members using (member_key)
            inner join marts.dim_roster_pages as pages using (page_key)
            where hours.date_day = date '{day}'
            """
        )
        assert {(page, who): total for page, who, total in hours} == truth.hours, day


def test_history_is_one_whoever_read_it(upgraded) -> None:
    old = upgraded.deployment.value(
        "select count(*) from autorosters_data.users_versions where _sequence < 0"
    )
    assert old > 20
    assert upgraded.deployment.value("select count(*) from snapshots.snap_rank_members")
    _assert_history_is_right(upgraded.lived)


def test_the_check_said_what_would_change_and_nothing_is_left(
    upgraded, is_long
) -> None:
    """The short form builds some of the models, so the next build makes the others."""
    assert "wrote it last" in upgraded.announced
    assert "\n!" in upgraded.announced
    left = _run(upgraded.deployment, *CHECK)
    assert f"version {__version__} wrote it last" in left
    notes = [line.split() for line in left.splitlines() if line.startswith("!")]
    assert [note[1:6] for note in notes] == (
        [] if is_long else [["models", "the", "next", "build", "makes"]]
    )


def test_no_version_is_changed_or_numbered_back(upgraded) -> None:
    assert upgraded.versions
    now = _versions(upgraded.deployment)
    for table, before in upgraded.versions.items():
        assert before <= now[table], table
        numbers = [row[-3] for row in before]
        assert all(row[-3] > max(numbers) for row in now[table] - before), table
        times: dict[tuple[Any, ...], list[Any]] = {}
        for *key, number, _, valid_from in now[table]:
            times.setdefault(tuple(key), []).append((number, valid_from))
        for key, of_key in times.items():
            assert len({number for number, _ in of_key}) == len(of_key), (table, key)
            began = [valid_from for _, valid_from in sorted(of_key)]
            assert began == sorted(began), (table, key)


def test_tables_have_what_a_new_warehouse_would_have(
    upgraded, tmp_path_factory, is_long
) -> None:
    """Each key once, and what today's version reads into an empty warehouse."""
    new = Deployment(tmp_path_factory.mktemp("new"), upgraded.sandbox.environment)
    for name in ("roster", "autorosters") if is_long else ("autorosters",):
        _run(new, "roster_platform.ingest", name)
        for table, key in KEYS[f"{name}_data"].items():
            rows = [
                _rows(d, f"{name}_data.{table}", key)
                for d in (new, upgraded.deployment)
            ]
            assert rows[0] == rows[1], table


def _records(deployment: Deployment, table: str) -> list[dict[str, Any]]:
    """The rows of a table; columns that came with an upgrade are the last in it."""
    columns = deployment.query(
        "select column_name from information_schema.columns "
        f"where table_schema || '.' || table_name = '{table}'"
    )
    names = sorted(name for (name,) in columns)
    return [
        dict(zip(names, row, strict=True))
        for row in deployment.query(
            f"select {', '.join(names)} from {table} order by all"
        )
    ]


def _rows(deployment: Deployment, table: str, key: tuple[str, ...]) -> dict[Any, Any]:
    """The rows that the API has, by their key; there is one of each key."""
    records = _records(deployment, table)
    held = {tuple(record[name] for name in key): record for record in records}
    assert len(held) == len(records), table
    return {
        key: {name: value for name, value in record.items() if name not in OF_LOADS}
        for key, record in held.items()
        if not record.get("is_deleted")
    }


def test_it_is_the_same_when_built_from_scratch(upgraded, is_long) -> None:
    tables = ("fct_rank_assignments", "fct_member_certifications", "fct_patrol_hours")
    if is_long:
        found = upgraded.deployment.query(
            "select table_name from information_schema.tables "
            "where table_schema = 'marts' and table_type = 'BASE TABLE'"
        )
        tables = tuple(name for (name,) in found)
    before = {name: _records(upgraded.deployment, f"marts.{name}") for name in tables}
    chosen = UNTESTED_BUILD if is_long else UNTESTED_HISTORY
    _run(upgraded.deployment, *chosen, "--full-refresh")
    for name, records in before.items():
        assert _records(upgraded.deployment, f"marts.{name}") == records, name


def test_taking_it_over_again_changes_nothing(upgraded) -> None:
    if isinstance(upgraded.deployment, OnPostgres):
        pytest.skip("what is deleted here is deleted from a file")
    versions = "select * from autorosters_data.users_versions order by all"
    before = upgraded.deployment.query(versions)
    said = _run(upgraded.deployment, "roster_platform.cli", "repair")
    assert "older release" not in said
    assert upgraded.deployment.query(versions) == before
    with duckdb.connect(str(upgraded.deployment.folder / "roster.duckdb")) as database:
        database.execute(
            "delete from autorosters_data.users_versions where _sequence < 0"
        )
    said = _run(upgraded.deployment, "roster_platform.cli", "repair")
    assert "older release" in said
    assert upgraded.deployment.query(versions) == before


def test_each_click_was_sent_once(upgraded, is_long) -> None:
    """It was dropped again in every release, and is one click all the same."""
    if not is_long:
        pytest.skip("releases send clicks in the long form")
    assert upgraded.sandbox.get("clicks")["count"] == 1
    assert upgraded.deployment.value("select count(*) from roster_data.clicks") == 1
