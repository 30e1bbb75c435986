"""The same graph on every destination: the same rows, and the same answers.

In the long form Dagster does the second day on all of them, and both days are built. The
short form has a smaller world, reads pages and orders only on the second day, leaves
Dagster to PostgreSQL (and to the file of tests/test_end_to_end.py), and builds the second
day only, of a lake a closed set of marts; tests/test_move.py builds more than one on
PostgreSQL in either form. It leaves the builds of ``filesystem`` to ``ducklake``, which is
the same lake to dbt, and has some endpoints there: each loads its tables in the same way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
import pytest

from roster_platform.ingest.roster.endpoints import BY_NAME
from roster_platform.sandbox import Sandbox, running_sandbox
from tests.deployment import UNTESTED_BUILD, Deployment
from tests.destinations import CATALOGUE, CREDENTIALS, FILES, NAMES
from tests.published_marts import differing

BUCKET_URL = f"{FILES}__BUCKET_URL"
SAME_TO_DBT = "filesystem"
# What the short form builds in a lake, where each table is a commit of its catalogue.
LAKE = (
    *("+fct_orders", "+fct_order_lines", "+fct_rank_assignments", "+dim_members"),
    "+dim_members_history",
)
# What the short form loads to ``filesystem``, where each table takes many requests: rows by
# time, their children, and what is replaced as a whole.
FEW = ("orders", "events", "programs")
# What Dagster does on the second day of the short form.
SHORT_DAY = "key:roster/orders or not group:roster"
UNREACHABLE = "postgresql://roster:hidden-secret@127.0.0.1:9/roster"


@pytest.fixture(scope="module")
def sandbox(is_long) -> Iterator[Sandbox]:
    size = {"orders": 300, "pages": 4} if is_long else {"orders": 80, "pages": 2}
    with running_sandbox(members=12, **size) as running:
        running.post("/admin/settings", {"clock_stands_still": True})
        yield running


@pytest.fixture(scope="module")
def deployments(
    sandbox, destinations, tmp_path_factory, is_long
) -> dict[str, Deployment]:
    """Every destination after the same two days."""
    made = {
        name: Deployment(
            tmp_path_factory.mktemp("deployment"),
            {**sandbox.environment, **destinations.new(name)},
        )
        for name in NAMES
    }
    for name, deployment in made.items():
        if is_long:
            deployment.load_and_build()
        elif name == SAME_TO_DBT:
            _read(deployment, FEW)
        else:
            deployment.load()
    sandbox.advance(1)
    for name, deployment in made.items():
        if is_long or name == "postgres":
            pages = deployment.register().stdout.split()
            done = deployment.materialize(
                "*" if is_long else SHORT_DAY,
                *("--partition-range", f"{pages[0]}...{pages[-1]}"),
            )
            assert done.returncode == 0, f"{name}: {done.stdout[-5000:]}"
            continue
        _read(deployment, ("orders",))
        if _is_built(name, is_long):
            done = deployment.run(*UNTESTED_BUILD, *_models(name, is_long))
            assert done.returncode == 0, f"{name}: {done.stdout[-5000:]}"
            deployment.publish()
    return made


def _read(deployment: Deployment, endpoints: Sequence[str]) -> None:
    """Read some endpoints, and every page."""
    for source in (("roster", *endpoints), ("autorosters",)):
        done = deployment.run("roster_platform.ingest", *source)
        assert done.returncode == 0, f"{source}: {done.stdout[-5000:]}"


def _models(name: str, is_long: bool) -> tuple[str, ...]:
    """The selection of the models that are built on a destination; none is all."""
    return ("-s", *LAKE) if name == "ducklake" and not is_long else ()


def _is_built(name: str, is_long: bool) -> bool:
    return is_long or name != SAME_TO_DBT


def _published(deployment: Deployment) -> Path:
    return deployment.folder / "published" / "roster.duckdb"


def test_every_destination_has_the_same_marts(deployments, is_long) -> None:
    """Every row and every column, but when it was tried by this machine's clock."""
    first, *others = (name for name in deployments if _is_built(name, is_long))
    for other in others:
        published = _published(deployments[other])
        different = differing(
            _published(deployments[first]), published, but=["last_tried_at"]
        )
        assert different == {}, other
        with duckdb.connect(str(published), read_only=True) as database:
            tables = database.sql("select table_name from duckdb_tables()").fetchall()
        assert len(tables) >= (4 if _models(other, is_long) else 38)


def test_the_models_unit_tests_pass_on_a_server(deployments) -> None:
    """As `roster-platform dbt build` runs them; other types have other spellings."""
    done = deployments["postgres"].run(
        *("roster_platform.cli", "dbt", "test", "--select", "test_type:unit")
    )
    assert done.returncode == 0, done.stdout[-5000:]


@pytest.mark.parametrize("name", NAMES[1:])
def test_a_build_of_an_unchanged_warehouse_writes_nothing(
    deployments, name, is_long
) -> None:
    if not _is_built(name, is_long):
        pytest.skip("built in the long form")
    deployment = deployments[name]
    models = _models(name, is_long)
    done = deployment.run(*UNTESTED_BUILD, *models)
    assert done.returncode == 0, done.stdout[-3000:]
    built = [line for line in done.stdout.splitlines() if "OK created" in line]
    tables = [line for line in built if "compared_table" in line]
    assert len(tables) > (10 if models else 50)
    assert [line for line in tables if "UNCHANGED" not in line] == []


@pytest.mark.parametrize(
    ("name", "variable", "address", "said"),
    [
        ("postgres", CREDENTIALS, UNREACHABLE, "postgres) failed"),
        ("postgres", CREDENTIALS, "not an address", CREDENTIALS),
        ("ducklake", CATALOGUE, UNREACHABLE, "ducklake) failed"),
        ("ducklake", CATALOGUE, "not an address", "DESTINATION__DUCKLAKE__CREDENTIALS"),
        ("filesystem", BUCKET_URL, "s3://bucket/roster", f"{FILES}__CREDENTIALS__AWS"),
    ],
)
def test_a_server_that_cannot_be_reached_is_told_without_its_password(
    sandbox, tmp_path, name, variable, address, said
) -> None:
    deployment = Deployment(
        tmp_path,
        {
            **sandbox.environment,
            "ROSTER_PLATFORM__DESTINATION": name,
            variable: address,
        },
    )
    for command in (
        ("roster_platform.ingest", "roster", "programs"),
        ("roster_platform.cli", "doctor"),
        ("roster_platform.cli", "dbt", "run", "-s", "stg_roster__programs"),
    ):
        done = deployment.run(*command, COLUMNS="500")
        assert done.returncode != 0
        assert said in done.stdout or "dbt" in command
        assert "Traceback" not in done.stdout
        assert "hidden-secret" not in done.stdout


def test_pages_are_replaced_and_deletions_marked_everywhere(
    deployments, is_long
) -> None:
    """What the loads do row by row is the same everywhere."""
    loaded = {
        name: _row_counts(made, "roster_data", "autorosters_data")
        for name, made in deployments.items()
    }
    if not is_long:
        read = {
            table: rows
            for table, rows in loaded["duckdb"].items()
            if _endpoint_of(table) in (None, *FEW)
        }
        assert loaded.pop(SAME_TO_DBT) == read
    assert loaded == dict.fromkeys(loaded, loaded["duckdb"])


def _endpoint_of(table: str) -> str | None:
    """The endpoint of Roster that a raw table belongs to, or none."""
    name = table.partition("__")[0].removesuffix("_versions")
    return name if name in BY_NAME else None


def _row_counts(deployment: Deployment, *schemas: str) -> dict[str, int]:
    counts = deployment.table_rows(*schemas)
    # Both datasets have tables of names with an underscore, and Dagster makes the one of
    # the clicks, of which there are none.
    return {n: rows for n, rows in counts.items() if rows and not n.startswith("_")}
