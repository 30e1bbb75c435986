"""Forked commands of the suite are processes like any other, and parse nothing again."""

from __future__ import annotations

import os

from tests.forks import run_dbt, run_module


def test_a_forked_command_has_its_environment_its_output_and_its_exit_status() -> None:
    environment = {**os.environ, "ONLY_HERE": "yes"}
    script = "import os; print(os.environ['ONLY_HERE'])"
    done = run_module("timeit", "-n1", "-r1", script, environment=environment)
    assert done.returncode == 0
    assert done.stdout.startswith("yes\n")
    assert "ONLY_HERE" not in os.environ
    failed = run_module("roster_platform.cli", "nothing", environment=environment)
    assert failed.returncode == 2
    assert "invalid choice: 'nothing'" in failed.stdout


def test_dbt_parses_nothing_again_in_a_new_folder(tmp_path) -> None:
    environment = {**os.environ, "ROSTER_PLATFORM__DATA_DIR": str(tmp_path)}
    listed = ("list", "--select", "stg_roster__orders", "--resource-type", "model")
    listed += ("--log-level-file", "debug")
    by_platform = run_module(
        "roster_platform.cli", "dbt", *listed, environment=environment
    )
    by_itself = run_dbt(*listed, folder=tmp_path, environment=environment)
    for done in (by_platform, by_itself):
        assert done.returncode == 0
        assert "stg_roster__orders" in done.stdout
    log = (tmp_path / "dbt" / "dbt.log").read_text()
    assert log.count("running dbt with arguments") == 2
    assert "[debug]" in log
    assert "parsing" not in log


def test_the_status_and_words_of_a_dbt_that_a_command_starts_are_its_own(
    tmp_path,
) -> None:
    environment = {**os.environ, "ROSTER_PLATFORM__DATA_DIR": str(tmp_path)}
    wrong = run_module(
        "roster_platform.cli", "dbt", "nonsense", environment=environment
    )
    assert wrong.returncode == 2
    assert "No such command 'nonsense'" in wrong.stdout
