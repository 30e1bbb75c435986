"""What one more day costs: on the 60th day and on the 10th, and in a version before.

    python -m benchmarks.history --early 10 --late 60 --repeats 5
    python -m benchmarks.history --every 10 --before FOLDER

The sandbox lives the days and every one is loaded; ``--every`` says how many pass between
two builds, but the day before one that is measured is always built. The warehouse is kept
as it is on the early and on the late day, loaded but not built; then both days are built,
alternating, each time on a copy. Unchanged builds of both follow the same way.

``--before`` is a checkout of an earlier version. Both versions read and build the same
days, each into a warehouse of its own.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from benchmarks.measure import (
    ROOT,
    Case,
    Row,
    Run,
    console,
    dbt_build,
    ingest,
    new_folder,
    place,
)
from benchmarks.report import show
from roster_platform.sandbox import running_sandbox

_BUILDS = ("one more day", "nothing new")


def main() -> None:
    """Run the comparisons and print medians and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--early", type=int, default=10)
    parser.add_argument("--late", type=int, default=60)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--orders", type=int, default=5000)
    parser.add_argument("--pages", type=int, default=40)
    parser.add_argument("--members", type=int, default=50)
    parser.add_argument("--before", type=Path)
    options = parser.parse_args()
    console.print(
        f"{options.orders:,} orders, {options.pages} pages of {options.members} members"
    )
    if options.before:
        _compare_versions(options)
    days = [f"day {day}" for day in (options.early, options.late)]
    cases = {
        build: Case(f"dbt build, {build}", list(map(Row, days))) for build in _BUILDS
    }
    with new_folder() as name:
        folder = Path(name)
        kept = _live(folder, options)
        copy = folder / "copy"
        for _ in range(options.repeats):
            for day, database in zip(days, kept, strict=True):
                copy.mkdir()
                shutil.copy(database, copy / "roster.duckdb")
                start = dbt_build(place(str(copy)), arguments=("--select", "tag:none"))
                for case in cases.values():
                    case[day].runs.append(_build(copy, start))
                shutil.rmtree(copy)
    for case in cases.values():
        _compare(case, days[1], days[0])


def _compare(case: Case, one: str, other: str) -> None:
    show(case)
    cpu = case[one].cpu_seconds / case[other].cpu_seconds
    console.print(f"{one} over {other}: {case.ratio(one, other):.2f}, {cpu:.2f} of CPU")


def _live(folder: Path, options: argparse.Namespace) -> list[Path]:
    """Live all days; the warehouses of the early and the late day before their build."""
    kept = []
    measured = (options.early, options.late)
    warehouse = folder / "warehouse"
    with _sandbox(options) as sandbox:
        environment = {**sandbox.environment, **place(str(warehouse))}
        for day in range(1, options.late + 1):
            if day > 1:
                sandbox.advance(1)
            ingest(environment)
            if day in measured:
                kept.append(folder / f"day_{day}.duckdb")
                shutil.copy(warehouse / "roster.duckdb", kept[-1])
            if day % options.every == 0 or day + 1 in measured:
                seconds = _build(warehouse).seconds
                console.print(
                    f"day {day}: models and tests {seconds:.1f} s", highlight=False
                )
    return kept


def _build(folder: Path, start: Run | None = None) -> Run:
    """Seconds and CPU of the models and tests, the latter less that of dbt's start."""
    whole = dbt_build(place(str(folder)))
    results = json.loads((folder / "target" / "run_results.json").read_text())
    cpu = whole.cpu_seconds - (start.cpu_seconds if start else 0)
    return replace(whole, seconds=results["elapsed_time"], cpu_seconds=cpu)


def _compare_versions(options: argparse.Namespace) -> None:
    """Read and build one more day by this version and by the one before, in turn."""
    checkouts = {"before": options.before.resolve(), "now": ROOT}
    case = Case("one more day, read and built", list(map(Row, checkouts)))
    with new_folder() as folder, _sandbox(options) as sandbox:
        for repeat in range(options.repeats + 1):
            if repeat:
                sandbox.advance(1)
            for version, checkout in checkouts.items():
                where = place(str(Path(folder, version)))
                run = _read_and_build({**sandbox.environment, **where}, checkout)
                # The first is the whole world, not one more day.
                if repeat:
                    case[version].runs.append(run)
                    console.print(f"{version}: {run.seconds:.1f} s", highlight=False)
    _compare(case, "now", "before")


def _read_and_build(environment: Mapping[str, str], checkout: Path) -> Run:
    steps = [ingest(environment, checkout), dbt_build(environment, checkout)]
    return Run(
        sum(step.seconds for step in steps), sum(step.cpu_seconds for step in steps)
    )


def _sandbox(options: argparse.Namespace):
    return running_sandbox(
        orders=options.orders, pages=options.pages, members=options.members
    )


if __name__ == "__main__":
    main()
