"""Moving house: history that no API tells again goes on in the new warehouse."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from roster_platform.sandbox import Sandbox, running_sandbox
from tests.deployment import Deployment
from tests.postgres import running_postgres

HISTORY = (
    *("+dim_members_history", "+fct_rank_assignments", "+fct_roster_changes"),
    "+fct_patrol_hours",
)
CREDENTIALS = "DESTINATION__POSTGRES__CREDENTIALS"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox(orders=20, pages=2, members=12) as running:
        running.post("/admin/settings", {"clock_stands_still": True})
        yield running


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    with running_postgres() as address:
        yield address


@pytest.fixture(scope="module")
def house(sandbox, postgres, tmp_path_factory) -> Deployment:
    """A DuckDB file with the history of two days."""
    deployment = Deployment(
        tmp_path_factory.mktemp("house"), {**sandbox.environment, CREDENTIALS: postgres}
    )
    for _ in range(2):
        sandbox.advance(1)
        _live_a_day(deployment)
    return deployment


def _live_a_day(deployment: Deployment, **environment: str) -> None:
    for command in (
        ("roster_platform.ingest", "autorosters"),
        (
            *("roster_platform.cli", "dbt", "build", "-s", *HISTORY),
            *("--exclude-resource-type", "test", "--exclude-resource-type"),
            "unit_test",
        ),
    ):
        done = deployment.run(*command, **environment)
        assert done.returncode == 0, done.stdout[-5000:]


def test_history_goes_on_as_if_it_always_was_there(house, sandbox, postgres) -> None:
    with duckdb.connect(str(house.folder / "roster.duckdb")) as database:
        # Of a third API, as dlt leaves it.
        database.execute("create schema shop_data")
        for table in ("_dlt_loads", "things"):
            database.execute(f"create table shop_data.{table} as select 7 as id")
    done = house.run("roster_platform.cli", "move", "--to", "postgres")
    assert done.returncode == 0, done.stdout
    assert "compared row by row" in done.stdout
    with duckdb.connect() as database:
        database.execute(f"attach '{postgres}' as moved (type postgres)")
        assert database.sql("from moved.shop_data.things").fetchall() == [(7,)]
    again = house.run("roster_platform.cli", "move", "--to", "postgres")
    assert again.returncode == 1
    assert "is not empty" in again.stdout

    sandbox.advance(1)
    _live_a_day(house)
    _live_a_day(house, ROSTER_PLATFORM__DESTINATION="postgres")
    with duckdb.connect() as database:
        database.execute(f"attach '{house.folder / 'roster.duckdb'}' as stayed")
        database.execute(f"attach '{postgres}' as moved (type postgres)")
        tables = database.execute(
            "select schema_name || '.' || table_name from duckdb_tables() "
            "where database_name = 'stayed' and (schema_name = 'marts' "
            "or table_name like '%_periods')"
        ).fetchall()
        assert len(tables) >= 10
        different = {}
        for (table,) in tables:
            ((rows,),) = database.execute(
                f"select count(*) from ((from stayed.{table} except all "
                f"from moved.{table}) union all (from moved.{table} except all "
                f"from stayed.{table}))"
            ).fetchall()
            if rows:
                different[table] = rows
        assert different == {}
        ((days,),) = database.execute(
            "select count(distinct valid_from) from moved.marts.fct_rank_assignments"
        ).fetchall()
        assert days > 1


def test_a_lake_beside_the_file_takes_the_history_too(house) -> None:
    done = house.run("roster_platform.cli", "move", "--to", "ducklake")
    assert done.returncode == 0, done.stdout
    assert "compared row by row" in done.stdout


@pytest.mark.parametrize("to", ["duckdb", "snowflake", "nowhere"])
def test_a_house_does_not_move_where_it_cannot(house, to) -> None:
    done = house.run("roster_platform.cli", "move", "--to", to)
    assert done.returncode == 1
    assert to in done.stdout
    assert "Traceback" not in done.stdout
