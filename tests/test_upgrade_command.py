"""`roster-platform upgrade --check` says what changes, and `upgrade` does what is left."""

from __future__ import annotations

import re
import sqlite3
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import dagster as dg
import duckdb
import pytest
from alembic.script import ScriptDirectory
from dagster._core.storage.sql import get_alembic_config
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from roster_platform import __version__
from roster_platform.sandbox import Sandbox, running_sandbox
from roster_platform.upgrade import changed_packages
from tests.deployment import ROOT, Deployment

UPGRADE = ("roster_platform.cli", "upgrade")
CHECK = (*UPGRADE, "--check")
LOAD = ("roster_platform.ingest", "roster", "programs")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox(orders=5, pages=1, members=2) as running:
        yield running


@pytest.fixture
def deployment(sandbox, tmp_path) -> Deployment:
    made = Deployment(tmp_path, {**sandbox.environment, "COLUMNS": "1000"})
    done = made.run(*LOAD)
    assert done.returncode == 0, done.stdout
    return made


def _change(deployment: Deployment, sql: str) -> None:
    with duckdb.connect(str(deployment.folder / "roster.duckdb")) as database:
        database.execute(sql)


def test_nothing_has_to_be_done_for_what_this_version_made(deployment) -> None:
    done = deployment.run(*CHECK)
    assert done.returncode == 0, done.stdout
    assert f"version {__version__} wrote it last" in done.stdout
    assert "\n!" not in done.stdout
    assert deployment.run(*UPGRADE).stdout == "Nothing has to be done by hand.\n"


def test_nothing_has_to_be_done_before_the_first_load(sandbox, tmp_path) -> None:
    done = Deployment(tmp_path, sandbox.environment).run(*CHECK)
    assert done.returncode == 0, done.stdout
    assert "nothing was loaded yet" in done.stdout
    assert not (tmp_path / "roster.duckdb").exists()


def test_what_the_next_load_changes_is_said_and_done(deployment) -> None:
    """As of the version that logged reads without its number."""
    _change(deployment, "alter table roster_data._reads drop column platform_version")
    _change(deployment, "drop table roster_data.programs_versions")
    done = deployment.run(*CHECK)
    assert done.returncode == 0, done.stdout
    assert "a version before 0.2.0 wrote it last" in done.stdout
    assert "the next load adds _reads.platform_version" in done.stdout
    assert "as the first ones: programs_versions" in done.stdout
    assert deployment.run(*LOAD).returncode == 0
    assert "\n!" not in deployment.run(*CHECK).stdout
    assert deployment.query(
        "select platform_version from roster_data._reads order by read_at"
    ) == [(None,), (__version__,)]


def test_pages_retire_in_a_log_of_reads_of_before(deployment) -> None:
    pages = ("roster_platform.ingest", "autorosters")
    assert deployment.run(*pages).returncode == 0
    _change(
        deployment, "alter table autorosters_data._reads drop column platform_version"
    )
    done = deployment.run(*pages, "--retire", deployment.page_ids[0])
    assert done.returncode == 0, done.stdout
    assert deployment.query(
        "select distinct outcome, platform_version from autorosters_data._reads "
        "order by all"
    ) == [("complete", None), ("retired", __version__)]


def test_a_warehouse_of_a_newer_version_is_refused_by_name(deployment) -> None:
    _change(deployment, "update roster_data._reads set platform_version = '99.1.0'")
    for command in (CHECK, UPGRADE):
        done = deployment.run(*command)
        assert done.returncode == 1
        assert "version 99.1.0 of the platform wrote this warehouse" in done.stdout
    # It is not known what the newer version changed, so loads only say so.
    done = deployment.run(*LOAD)
    assert done.returncode == 0, done.stdout
    assert "version 99.1.0 of the platform wrote this warehouse" in done.stdout
    assert "99.1.0" in deployment.run(*CHECK).stdout


def test_a_setting_that_is_not_known_needs_attention(deployment) -> None:
    done = deployment.run(*CHECK, ROSTER_PLATFORM__KEEP_RUN_DAYS="3")
    assert done.returncode == 1
    assert "Did you mean ROSTER_PLATFORM__KEEP_RUNS_DAYS?" in done.stdout


def test_dagsters_tables_are_upgraded_once(deployment) -> None:
    with dg.DagsterInstance.from_config(str(deployment.home)) as instance:
        run = instance.create_run_for_job(dg.GraphDefinition("nothing").to_job())
    assert deployment.run(*CHECK).returncode == 0
    storages = Path(dg.__file__).parent / "_core" / "storage"
    runs = str(storages / "runs" / "sqlite" / "sqlite_run_storage.py")
    scripts = ScriptDirectory.from_config(get_alembic_config(runs))
    (before,) = scripts.get_revision("head")._all_down_revisions
    with sqlite3.connect(deployment.home / "history" / "runs.db") as database:
        database.execute("update alembic_version set version_num = ?", [before])
    database.close()
    done = deployment.run(*CHECK)
    assert done.returncode == 1
    assert "its tables of runs are of another version" in done.stdout
    done = deployment.run(*UPGRADE)
    assert done.returncode == 0, done.stdout
    assert "Dagster's tables were upgraded" in done.stdout
    assert deployment.run(*CHECK).returncode == 0
    assert "by hand" in deployment.run(*UPGRADE).stdout
    with dg.DagsterInstance.from_config(str(deployment.home)) as instance:
        assert instance.get_run_by_id(run.run_id)


def test_a_ledger_of_clicks_only_is_renamed_with_its_rows(deployment) -> None:
    folder = deployment.folder / "clicks"
    (folder / "outbox").mkdir(parents=True)
    click = '{"clickId": "one", "referralId": "ada"}\n'
    (folder / "outbox" / "a.jsonl").write_text(click)
    send = ("roster_platform.ingest", "clicks")
    assert deployment.run(*send).returncode == 0
    with sqlite3.connect(folder / "ledger.db") as database:
        database.execute("alter table records rename to clicks")
        database.execute("alter table clicks rename column key to click_id")
    database.close()
    assert "the ledger's table is renamed" in deployment.run(*CHECK).stdout
    (folder / "outbox" / "b.jsonl").write_text(click)
    assert deployment.run(*send).returncode == 0
    assert "the ledger's table is renamed" not in deployment.run(*CHECK).stdout
    assert deployment.value("select count(*) from roster_data.clicks") == 1


def test_packages_that_are_not_as_pinned_are_named(tmp_path) -> None:
    constraints = tmp_path / "constraints.txt"
    constraints.write_text(
        "# a comment\nDuckDB==0.1\nnot-installed==1\n"
        f"dlt=={metadata.version('dlt')}  # as it is\n"
    )
    assert list(changed_packages(constraints)) == [
        f"DuckDB {metadata.version('duckdb')} instead of ==0.1"
    ]


def test_the_pins_fit_what_the_project_asks_for() -> None:
    pins = [
        Requirement(line)
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if not line.startswith("#")
    ]
    pinned = {canonicalize_name(pin.name): next(iter(pin.specifier)) for pin in pins}
    assert len(pinned) == len(pins)
    assert {pin.operator for pin in pinned.values()} == {"=="}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = re.search(r"WITH_EXTRAS := \.\[(.+)\]", (ROOT / "Makefile").read_text())
    asked = [
        *project["dependencies"],
        *(
            text
            for extra in extras[1].split(",")
            for text in project["optional-dependencies"][extra]
        ),
    ]
    for text in asked:
        needed = Requirement(text)
        pin = pinned[canonicalize_name(needed.name)]
        assert needed.specifier.contains(pin.version, prereleases=True), text


def test_the_version_is_in_one_place_and_the_changelog_has_it() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["project"]["dynamic"] == ["version"]
    assert metadata.version("roster-platform") == __version__
    headings = [
        line.removeprefix("## ").partition(" ")[0]
        for line in (ROOT / "CHANGELOG.md").read_text().splitlines()
        if line.startswith("## ")
    ]
    if headings[0] == "Unreleased":
        headings.pop(0)
    assert headings[0] == __version__
    assert len(set(headings)) == len(headings)
