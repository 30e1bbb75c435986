"""`roster-platform doctor` finds what is wrong, says what to do, and tells no secret."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from filelock import FileLock

from roster_platform.sandbox import Sandbox, running_sandbox
from tests.deployment import Deployment

TOKEN = "SOURCES__ROSTER_SOURCE__ACCESS_TOKEN"
KEY = "SOURCES__AUTOROSTERS_SOURCE__API_KEY"
PAGE_IDS = "SOURCES__AUTOROSTERS_SOURCE__PAGE_IDS"
DOCTOR = ("roster_platform.cli", "doctor")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox(orders=10, pages=2, members=3) as running:
        yield running


@pytest.fixture
def deployment(sandbox: Sandbox, tmp_path) -> Deployment:
    return Deployment(tmp_path, {**sandbox.environment, "COLUMNS": "1000"})


def test_a_loaded_warehouse_is_well_and_what_waits_is_told(sandbox, deployment) -> None:
    assert (
        deployment.run("roster_platform.ingest", "roster", "programs").returncode == 0
    )
    outbox = deployment.folder / "clicks" / "outbox"
    outbox.mkdir(parents=True)
    (outbox / "new.jsonl").write_text('{"referralId": "x"}\n')
    sandbox.delete("requests")
    done = deployment.run(*DOCTOR)
    assert done.returncode == 0, done.stdout
    assert "✓  Roster " in done.stdout
    assert "✓  Auto Rosters " in done.stdout
    assert "✓  warehouse" in done.stdout
    assert "1 files in the outbox and 0 clicks" in done.stdout
    # Whoever loads without Dagster has no partitions.
    assert "are not registered" not in done.stdout
    assert sandbox.get("requests")["total"] == 3
    assert deployment.register().returncode == 0
    done = deployment.run(*DOCTOR, **{PAGE_IDS: deployment.page_ids[0]})
    assert "0 configured pages are not registered, 1 registered ones" in done.stdout


def test_what_is_wrong_is_told_with_its_remedy_and_without_secrets(deployment) -> None:
    done = deployment.run(*DOCTOR, **{TOKEN: "wrong-secret", KEY: "worse-secret"})
    assert done.returncode == 1
    assert "✗  Roster " in done.stdout
    assert "The access token is wrong or was revoked: create a Private" in done.stdout
    assert "✗  Auto Rosters" in done.stdout
    assert "secret" not in done.stdout.replace("secrets.toml", "")
    assert done.stdout.endswith("2 problem(s)\n")


@pytest.mark.parametrize(
    ("share_of_free", "mark", "said"),
    [(2, "✗", "want"), (0.75, "!", "are wanted, and it grows")],
)
def test_a_disk_that_fills_up_is_told_before_it_is_full(
    share_of_free, mark, said, deployment
) -> None:
    history = deployment.home / "history" / "runs"
    history.mkdir(parents=True)
    with (history / "index.db").open("wb") as index:
        # It takes no room: nothing is written.
        index.truncate(int(shutil.disk_usage(history).free * share_of_free))
    (line,) = (
        line
        for line in deployment.run(*DOCTOR).stdout.splitlines()
        if "Dagster's history has" in line
    )
    assert line.strip().startswith(mark)
    assert said in line
    assert "retention_daily" in line


def test_missing_tokens_and_homes_are_notes(deployment) -> None:
    done = deployment.run(*DOCTOR, **{TOKEN: None, "DAGSTER_HOME": None})
    assert done.returncode == 0, done.stdout
    assert "!  Roster " in done.stdout
    assert "access_token under [sources.roster_source]" in done.stdout
    assert "DAGSTER_HOME is not set" in done.stdout
    # Not those of an API that is not used.
    assert "public access token" not in done.stdout


def test_no_key_and_no_page_are_problems(deployment) -> None:
    done = deployment.run(*DOCTOR, **{TOKEN: None, KEY: None})
    assert done.returncode == 1
    assert "✗  keys" in done.stdout
    assert "docs/connecting.md, step 3" in done.stdout
    done = deployment.run(*DOCTOR, **{PAGE_IDS: "[]"})
    assert done.returncode == 1
    assert "There is a key, and no roster page to read" in done.stdout


def test_each_of_the_first_pages_is_asked_for(deployment) -> None:
    wrong = "11111111-2222-4333-8444-555555555555"
    pages = [*deployment.page_ids, wrong]
    done = deployment.run(*DOCTOR, **{PAGE_IDS: ",".join(pages)})
    assert done.returncode == 1
    assert f"/roster/{wrong}/users with status 404" in done.stdout
    assert "page_ids under [sources.autorosters_source]" in done.stdout


def test_a_lock_a_wrong_setting_and_a_dead_api_are_told(deployment) -> None:
    assert (
        deployment.run("roster_platform.ingest", "roster", "programs").returncode == 0
    )
    with FileLock(f"{deployment.folder / 'roster.duckdb'}.lock"):
        done = deployment.run(
            *DOCTOR, SOURCES__ROSTER_SOURCE__BASE_URL="http://127.0.0.1:9"
        )
    assert done.returncode == 1
    assert "is being written by a run" in done.stdout
    assert "could not be read at /v2/programs" in done.stdout
    done = deployment.run(*DOCTOR, ROSTER_PLATFORM__DESTINATION="nowhere")
    assert done.returncode == 1
    assert done.stdout.count("ROSTER_PLATFORM__DESTINATION is 'nowhere'") == 1
