"""Findings on Dagster: its folder, its daemon, its schedules and the pages it knows."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from roster_platform.doctor.finding import Finding
from roster_platform.errors import ConfigurationError
from roster_platform.ingest.page_ids import as_known
from roster_platform.ingest.settings import autorosters_settings

if TYPE_CHECKING:
    import dagster as dg


def instance() -> Iterator[Finding]:
    """Report what Dagster needs to run by itself, and pages that wait for somebody."""
    import dagster as dg

    from roster_platform.lib.partitions import (
        page_name,
        quarantined_pages,
        registered_pages,
    )

    home = os.environ.get("DAGSTER_HOME")
    if not home:
        yield Finding(
            "note",
            "Dagster",
            "DAGSTER_HOME is not set, so runs and schedules are forgotten with the "
            "process. Set it to an absolute folder that holds dagster.yaml.",
        )
        return
    if not (Path(home) / "dagster.yaml").exists():
        yield Finding(
            "problem",
            "Dagster",
            f"{home} has no dagster.yaml: copy the project's there (`make dev` does).",
        )
        return
    with dg.DagsterInstance.get() as opened:
        yield from _daemons(opened)
        registered = set(registered_pages(opened))
        was_used = bool(registered or opened.get_runs_count())
        resting = sorted(quarantined_pages(opened))
        named = ", ".join(page_name(opened, page) for page in resting[:10])
    with suppress(ConfigurationError):  # Told already.
        configured = set(
            as_known(autorosters_settings().configured_page_ids(), registered)
        )
        if was_used and configured != registered:
            yield Finding(
                "note",
                "roster pages",
                f"{len(configured - registered)} configured pages are not registered, "
                f"{len(registered - configured)} registered ones not configured: start "
                "autorosters_pages_sensor.",
            )
    if resting:
        yield Finding(
            "note",
            "roster pages",
            f"{len(resting)} are in quarantine: {named}. See "
            "why in the last failed run of autorosters_snapshot (docs/operations.md).",
        )


def _daemons(instance: dg.DagsterInstance) -> Iterator[Finding]:
    needed = [s for s in instance.get_daemon_statuses().values() if s.required]
    if all(status.healthy for status in needed):
        yield Finding("ok", "Dagster", "its daemon runs")
    else:
        yield Finding(
            "note",
            "Dagster",
            "its daemon does not run, so nothing happens by itself: `make dev`, or "
            "`dagster-daemon run` next to the webserver.",
        )


def schedules() -> Iterator[Finding]:
    """Report schedules that cannot run."""
    from roster_platform.lib.schedules.cadences import endpoint_problems
    from roster_platform.lib.schedules.configured import schedule_problems

    for problem in dict.fromkeys([*schedule_problems(), *endpoint_problems()]):
        yield Finding("problem", "schedules", problem)
