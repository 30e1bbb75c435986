"""What one more day costs: ``dbt build`` on the 10th day and on the 60th, in one run.

    python -m benchmarks.history --early 10 --late 60 --repeats 5

The sandbox lives the days and every one is loaded and built. The warehouse is kept as it
is on the early and on the late day, loaded but not built; then both days are built,
alternating, each time on a copy. Unchanged builds of both follow the same way.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

from benchmarks.measure import (
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
    """Run the comparison and print medians and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--early", type=int, default=10)
    parser.add_argument("--late", type=int, default=60)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--orders", type=int, default=5000)
    parser.add_argument("--pages", type=int, default=40)
    parser.add_argument("--members", type=int, default=50)
    options = parser.parse_args()
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
                for case in cases.values():
                    case[day].runs.append(_build(copy))
                shutil.rmtree(copy)
    console.print(
        f"{options.orders:,} orders, {options.pages} pages of {options.members} members"
    )
    for case in cases.values():
        show(case)
        console.print(f"{days[1]} over {days[0]}: {case.ratio(days[1], days[0]):.2f}")


def _live(folder: Path, options: argparse.Namespace) -> list[Path]:
    """Live all days; the warehouses of the early and the late day before their build."""
    kept = []
    warehouse = folder / "warehouse"
    with running_sandbox(
        orders=options.orders, pages=options.pages, members=options.members
    ) as sandbox:
        environment = {**sandbox.environment, **place(str(warehouse))}
        for day in range(1, options.late + 1):
            if day > 1:
                sandbox.advance(1)
            ingest(environment)
            if day in (options.early, options.late):
                kept.append(folder / f"day_{day}.duckdb")
                shutil.copy(warehouse / "roster.duckdb", kept[-1])
            seconds = _build(warehouse).seconds
            console.print(
                f"day {day}: models and tests {seconds:.1f} s", highlight=False
            )
    return kept


def _build(folder: Path) -> Run:
    """Seconds of the models and tests, without dbt's start; CPU of the whole command."""
    whole = dbt_build(place(str(folder)))
    results = json.loads((folder / "target" / "run_results.json").read_text())
    return Run(results["elapsed_time"], whole.cpu_seconds)


if __name__ == "__main__":
    main()
