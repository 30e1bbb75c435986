"""A warehouse of the release before goes on with its history.

The release before kept the history of roster pages in dbt snapshots; this one keeps every
version that is read. It runs from git, with the packages of this one.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from roster_platform.sandbox import running_sandbox
from tests.deployment import ROOT, Deployment
from tests.test_history import SHORT, Lived, held_on, truth_of

RELEASE = "9794310"
HISTORY = (
    *("-s", "+fct_rank_assignments", "+fct_member_certifications", "+fct_patrol_hours"),
    *("+fct_member_subdivisions", "+dim_members", "+dim_roster_pages", "+dim_ranks"),
    *("+dim_certifications", "+dim_subdivisions"),
    *("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test"),
)


def _git(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True)


@pytest.fixture(scope="module")
def before(tmp_path_factory) -> Path:
    """The folder of the release before."""
    if _git("cat-file", "-e", RELEASE).returncode:
        pytest.skip("This clone has no history; fetch it with `git fetch --unshallow`.")
    folder = tmp_path_factory.mktemp("before")
    archive = io.BytesIO(_git("archive", RELEASE).stdout)
    with tarfile.open(fileobj=archive) as files:
        files.extractall(folder, filter="data")
    return folder


@pytest.fixture(scope="module")
def upgraded(before, tmp_path_factory) -> Iterator[Lived]:
    """Two days with the release before, two with this one, each read.

    This one builds before it has read anything, and at the end.
    """
    with running_sandbox(orders=20, pages=3, members=12) as sandbox:
        deployment = Deployment(tmp_path_factory.mktemp("data"), sandbox.environment)
        lived = Lived(deployment, SHORT)
        for number in range(4):
            if number:
                sandbox.advance(1)
            if number < 2:
                _run_before(deployment, before, "roster_platform.ingest", "autorosters")
                _run_before(
                    *(deployment, before, "roster_platform.cli", "dbt", "build"),
                    *HISTORY,
                )
            else:
                if number == 2:
                    _run(deployment, "roster_platform.cli", "dbt", "build", *HISTORY)
                    _assert_history_is_right(lived)
                _run(deployment, "roster_platform.ingest", "autorosters")
            lived.days[sandbox.get("state")["as_of"]] = truth_of(sandbox)
        _run(deployment, "roster_platform.cli", "dbt", "build", *HISTORY)
        yield lived


def _run(deployment: Deployment, *command: str) -> str:
    done = deployment.run(*command)
    assert done.returncode == 0, done.stdout[-5000:]
    return done.stdout


def _run_before(deployment: Deployment, release: Path, *command: str) -> None:
    # The folder that Python starts in comes before what is installed.
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=release,
        env=deployment.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-5000:]


def _assert_history_is_right(lived: Lived) -> None:
    for day, truth in lived.days.items():
        for what, name in (
            ("rank", "role_id"),
            ("certification", "certification_name"),
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


def test_history_of_before_and_after_is_one(upgraded) -> None:
    old = upgraded.deployment.value(
        "select count(*) from autorosters_data.users_versions where _sequence < 0"
    )
    assert old > 20
    assert upgraded.deployment.value("select count(*) from snapshots.snap_rank_members")
    _assert_history_is_right(upgraded)


def test_it_is_the_same_when_built_from_scratch(upgraded) -> None:
    tables = ("fct_rank_assignments", "fct_member_certifications", "fct_patrol_hours")
    queries = [f"select * from marts.{table} order by all" for table in tables]
    before = [upgraded.deployment.query(query) for query in queries]
    command = ("roster_platform.cli", "dbt", "build", "--full-refresh", *HISTORY)
    _run(upgraded.deployment, *command)
    assert [upgraded.deployment.query(query) for query in queries] == before


def test_taking_it_over_again_changes_nothing(upgraded) -> None:
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
