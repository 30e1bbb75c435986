"""One endpoint at another cadence than its siblings."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from roster_platform.ingest.roster.endpoints import BY_NAME
from roster_platform.ingest.unknown_settings import unknown_settings
from roster_platform.lib.schedules.cadences import (
    endpoint_problems,
    own_cadences,
    read_apart,
)
from roster_platform.settings.platform import PlatformSettings

ENDPOINTS = "SOURCES__ROSTER_SOURCE__ENDPOINTS"

# What the daemon does at a tick, but for making the run.
_TICKS = textwrap.dedent(
    """
    import json, sys
    import dagster as dg
    from roster_platform.definitions import defs

    repository = defs.get_repository_def()
    ticks = {}
    with dg.instance_for_test() as instance:
        instance.add_dynamic_partitions("autorosters_pages", ["a", "b", "c"])
        for schedule in repository.schedule_defs:
            if not schedule.name.startswith(("roster_", "autorosters_")):
                continue
            tick = schedule.evaluate_tick(
                dg.build_schedule_context(instance=instance, repository_def=repository)
            )
            runs = []
            for request in tick.run_requests or ():
                job = repository.get_job(schedule.job_name)
                if request.asset_selection:
                    job = job.get_subset(asset_selection={*request.asset_selection})
                # As for a launch: a wrong configuration is an error here.
                dg.validate_run_config(job, request.run_config or None)
                runs.append(
                    {
                        "steps": sorted(node.name for node in job.nodes),
                        "config": request.run_config,
                    }
                )
            ticks[schedule.name] = {
                "cron": schedule.cron_schedule,
                "about": schedule.description,
                "skipped": tick.skip_message,
                "runs": runs,
            }
    print(json.dumps(ticks))
    """
)


def _ticks(folder: Path, **environment: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _TICKS],
        cwd=folder,
        env={
            **os.environ,
            "SOURCES__ROSTER_SOURCE__ACCESS_TOKEN": "x",
            "SOURCES__AUTOROSTERS_SOURCE__API_KEY": "x",  # pragma: allowlist secret
            "ROSTER_PLATFORM__PAGES_PER_RUN": "2",
            **environment,
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_an_endpoint_with_a_cron_has_a_schedule_and_leaves_the_common_one(
    tmp_path,
) -> None:
    own = {
        "orders": {"cron": "*/10 * * * *", "newest_first": True},
        "webhooks": {"cron": "1 1 * * 1"},
        "likes": {"cron": "every day"},
    }
    ticks = _ticks(
        tmp_path,
        **{ENDPOINTS: json.dumps(own)},
        SOURCES__AUTOROSTERS_SOURCE__ENDPOINTS='{"page_users": {"cron": "5 5 * * 1"}}',
    )
    everything = {f"roster__{name}" for name in BY_NAME}

    def steps(schedule: str) -> set[str]:
        return {step for run in ticks[schedule]["runs"] for step in run["steps"]}

    orders = ticks["roster_orders_schedule"]
    assert orders["cron"] == "*/10 * * * *"
    assert steps("roster_orders_schedule") == {"roster__orders"}
    assert steps("roster_webhooks_schedule") == {"roster__webhooks"}
    apart = {"roster__orders", "roster__webhooks"}
    assert steps("roster_incremental_hourly") == everything - apart
    # What may stop early is read whole once a day all the same.
    assert steps("roster_full_read_daily") == everything - {"roster__webhooks"}
    (daily,) = ticks["roster_full_read_daily"]["runs"]
    assert daily["config"]["ops"]["roster__orders"]["config"] == {"full_read": True}
    # A cron that cannot be read disables its own schedule, and says so.
    likes = ticks["roster_likes_schedule"]
    assert likes["runs"] == []
    assert "'every day' is not a cron" in likes["skipped"]
    assert likes["about"].startswith("Disabled: ")
    assert steps("autorosters_snapshot_daily") == {"autorosters__pages"}
    assert steps("autorosters_page_users_schedule") == {"autorosters__page_users"}
    shares = [run["config"] for run in ticks["autorosters_page_users_schedule"]["runs"]]
    assert [
        share["ops"]["autorosters__page_users"]["config"]["page_ids"]
        for share in shares
    ] == [["a", "b"], ["c"]]


def test_a_cron_that_cannot_be_read_leaves_the_endpoint_with_the_others(
    monkeypatch,
) -> None:
    monkeypatch.setenv(ENDPOINTS, '{"likes": {"cron": "61 * * * *"}, "posts": {}}')
    cadences = own_cadences("roster", BY_NAME)
    assert [*cadences] == ["likes"]
    assert cadences["likes"].cron == PlatformSettings.roster_incremental_cron
    assert read_apart(cadences) == set()
    (problem,) = endpoint_problems()
    assert "[sources.roster_source.endpoints.likes]" in problem
    monkeypatch.setenv("ROSTER_PLATFORM__TIMEZONE", "Eastern")
    (problem,) = endpoint_problems()
    assert "'Eastern' is not a time zone" in problem


@pytest.mark.parametrize(
    ("source", "endpoint", "word", "is_known"),
    [
        ("roster", "orders", "cron", True),
        ("autorosters", "page_users", "cron", True),
        ("roster", "orders", "chron", False),
        ("autorosters", "users", "cron", False),
    ],
)
def test_a_misspelled_setting_is_reported(
    source, endpoint, word, is_known, tmp_path, monkeypatch
) -> None:
    (tmp_path / ".dlt").mkdir()
    section = f"[sources.{source}_source.endpoints.{endpoint}]"
    (tmp_path / ".dlt" / "config.toml").write_text(f'{section}\n{word} = "7 * * * *"\n')
    monkeypatch.chdir(tmp_path)
    assert (unknown_settings() == []) is is_known
