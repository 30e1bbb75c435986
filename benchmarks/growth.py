"""How large Dagster's instance becomes: hourly runs for many days, with retention.

    python -m benchmarks.growth --days 40 --keep 10

One hour and one day of the schedules are run for real, on a sandbox that lives a day in
between. Their events and logs are then recorded again for every hour of every day, by the
event log storage of this repository, with timestamps that are so many days old; retention
runs at the end of each day. So sizes are real, and only the reads behind them are not.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sqlite3
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import linear_regression

import dagster as dg
from dagster import EventLogEntry
from dagster_shared.record import copy

from benchmarks.measure import ROOT, console, new_folder
from roster_platform.lib.retention import delete_old_runs, folder_size
from roster_platform.sandbox import running_sandbox
from roster_platform.sandbox.demo import demo_environment

RUNS_A_DAY = {
    "roster_incremental": 24,
    "models": 4,
    "roster_full_read": 1,
    "autorosters_snapshot": 1,
}
"""A build follows a read that changed something, which most do not."""
EXTRAPOLATED_DAYS = 400
_MB = 1_000_000
_BATCH = 2_000


@dataclass(frozen=True)
class Recorded:
    """One real run, to be recorded again; ``logs`` is the folder of its outputs."""

    run: dg.DagsterRun
    events: Sequence[EventLogEntry]
    logs: Path


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=40)
    parser.add_argument("--keep", type=int, default=10, help="days that runs are kept")
    parser.add_argument("--pages", type=int, default=40)
    parser.add_argument("--orders", type=int, default=5_000)
    options = parser.parse_args()
    with new_folder() as folder:
        home = Path(folder) / "dagster"
        _run_a_day(Path(folder), options.pages, options.orders)
        with dg.DagsterInstance.from_config(str(home)) as instance:
            recorded = _recorded(instance)
        for name, one in recorded.items():
            console.print(f"{name}: {len(one.events):,} events")
        # What grows without end is seen after few days.
        free = _grow(home, recorded, max(4, options.days // 4), keep=None)
        console.print(_described("without retention", free))
        bounded = _grow(home, recorded, options.days, keep=options.keep)
        console.print(_described(f"{options.keep} days are kept", bounded))
    a_day = growth(free)
    console.print(
        f"Extrapolated to {EXTRAPOLATED_DAYS} days: "
        f"{a_day * EXTRAPOLATED_DAYS / _MB:,.0f} MB without retention; with retention "
        f"{growth(bounded) * EXTRAPOLATED_DAYS / _MB:,.1f} MB more than at its level of "
        f"{max(bounded) / _MB:,.0f} MB, and {a_day * 90 / _MB:,.0f} MB with the default "
        "of 90 days."
    )


def growth(sizes: Sequence[int]) -> float:
    """Bytes a day in the second half of some days."""
    half = sizes[len(sizes) // 2 :]
    return linear_regression(range(len(half)), half).slope


def _described(name: str, sizes: Sequence[int]) -> str:
    cycle = growth(sizes) / sum(RUNS_A_DAY.values())
    return (
        f"{name}: {sizes[-1] / _MB:,.1f} MB after {len(sizes)} days "
        f"(at most {max(sizes) / _MB:,.1f}); in the second half {cycle / 1000:,.1f} kB "
        f"a run, {growth(sizes) / _MB:,.2f} MB a day"
    )


def _run_a_day(folder: Path, pages: int, orders: int) -> None:
    """Run every job twice, a day apart; the second time is that of any other day."""
    with running_sandbox(orders=orders, pages=pages, members=20) as sandbox:
        environment = demo_environment(sandbox.environment, folder)
        _command(environment, "roster_platform.defs.autorosters.register")
        for day in range(2):
            if day:
                sandbox.advance(1)
            for job in RUNS_A_DAY:
                _command(
                    environment,
                    *("dagster", "job", "execute", "-m", "roster_platform.definitions"),
                    *("-j", job),
                )


def _command(environment: Mapping[str, str], *words: str) -> None:
    subprocess.run(
        [sys.executable, "-m", *words],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
    )


def _recorded(instance: dg.DagsterInstance) -> dict[str, Recorded]:
    """The last run of each job, its logs kept apart from the instance."""
    apart = Path(instance.root_directory).parent / "recorded"
    found = {}
    for job in RUNS_A_DAY:
        (run,) = instance.get_runs(dg.RunsFilter(job_name=job), limit=1)
        logs = apart / run.run_id
        shutil.copytree(Path(instance.root_directory, "storage", run.run_id), logs)
        found[job] = Recorded(run, instance.all_logs(run.run_id), logs)
    return found


def _grow(
    home: Path, recorded: Mapping[str, Recorded], days: int, keep: int | None
) -> list[int]:
    """Live some days in a copy of an instance; returns its size at the end of each."""
    start = datetime.now(UTC) - timedelta(days=days)
    sizes = []
    with new_folder() as folder:
        lived = Path(folder, "lived")
        shutil.copytree(home, lived)
        with dg.DagsterInstance.from_config(str(lived)) as instance:
            for day in range(days):
                now = start + timedelta(days=day)
                for job, times in RUNS_A_DAY.items():
                    for _ in range(times):
                        _record(instance, recorded[job], now)
                if keep is not None:
                    delete_old_runs(instance, now - timedelta(days=keep))
                sizes.append(folder_size(lived))
    return sizes


def _record(instance: dg.DagsterInstance, one: Recorded, when: datetime) -> None:
    """Record a run again, under another id, as of another day."""
    run_id = str(uuid.uuid4())
    instance.add_run(copy(one.run, run_id=run_id))
    for events in _batches(one.events):
        instance.event_log_storage.store_event_batch(
            [event._replace(run_id=run_id) for event in events]
        )
    home = Path(instance.root_directory)
    shutil.copytree(one.logs, home / "storage" / run_id)
    _date(
        home / "history" / "runs.db",
        "update runs set create_timestamp = ?, update_timestamp = ? where run_id = ?",
        (when, when, run_id),
    )
    _date(
        home / "history" / "runs" / "index.db",
        "update asset_check_executions set create_timestamp = ? where run_id = ?",
        (when, run_id),
    )


def _batches(events: Sequence[EventLogEntry]) -> Iterator[Sequence[EventLogEntry]]:
    for first in range(0, len(events), _BATCH):
        yield events[first : first + _BATCH]


def _date(database: Path, sql: str, values: tuple[datetime | str, ...]) -> None:
    """Run an update; Dagster writes timestamps without a zone, in UTC."""
    texts = [
        f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}"
        if isinstance(value, datetime)
        else value
        for value in values
    ]
    with sqlite3.connect(database, timeout=60) as connection:
        connection.execute(sql, texts)
    connection.close()


if __name__ == "__main__":
    main()
