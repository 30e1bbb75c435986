"""What one more day costs: ``dbt build`` on the 10th day beside the 60th, in one run.

    python -m benchmarks.history --early 10 --late 60 --repeats 5

The sandbox lives the days and every one is loaded and built. The warehouse is kept as it
is on the early and on the late day, loaded but not built; then both days are built,
alternating, each time on a copy. Unchanged builds of both follow the same way.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from roster_platform.sandbox import running_sandbox

_PROJECT = Path(__file__).parents[1] / "dbt_project"


def main() -> int:
    """Run the comparison and print medians and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--early", type=int, default=10)
    parser.add_argument("--late", type=int, default=60)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--orders", type=int, default=5000)
    parser.add_argument("--pages", type=int, default=40)
    parser.add_argument("--members", type=int, default=50)
    options = parser.parse_args()
    console = Console()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        kept = _live(folder, options, console)
        measured: dict[tuple[str, int], list[tuple[float, float]]] = {}
        for _ in range(options.repeats):
            for day, database in kept.items():
                copy = folder / "copy"
                copy.mkdir()
                shutil.copy(database, copy / "roster.duckdb")
                for build in ("one more day", "nothing new"):
                    measured.setdefault((build, day), []).append(_build(copy))
                shutil.rmtree(copy)
    _print(console, measured, options)
    return 0


def _live(
    folder: Path, options: argparse.Namespace, console: Console
) -> dict[int, Path]:
    """Live all days; the warehouses of the early and the late day before their build."""
    kept = {}
    warehouse = folder / "warehouse"
    with running_sandbox(
        orders=options.orders, pages=options.pages, members=options.members
    ) as sandbox:
        environment = {**os.environ, **sandbox.environment, **_place(warehouse)}
        for day in range(1, options.late + 1):
            if day > 1:
                sandbox.advance(1)
            for source in ("roster", "autorosters"):
                subprocess.run(
                    [sys.executable, "-m", "roster_platform.ingest", source],
                    env=environment,
                    stdout=subprocess.DEVNULL,
                    check=True,
                )
            if day in (options.early, options.late):
                kept[day] = folder / f"day_{day}.duckdb"
                shutil.copy(warehouse / "roster.duckdb", kept[day])
            _, seconds = _build(warehouse)
            console.print(f"day {day}: models and tests {seconds:.1f} s")
    return kept


def _place(folder: Path) -> dict[str, str]:
    return {
        "ROSTER_PLATFORM__DATA_DIR": str(folder),
        "DLT_DATA_DIR": str(folder / "dlt"),
        "DBT_TARGET_PATH": str(folder / "target"),
        "DBT_LOG_PATH": str(folder / "target"),
    }


def _build(folder: Path) -> tuple[float, float]:
    """Seconds of the whole command, and of the models and tests in it."""
    started = time.perf_counter()
    subprocess.run(
        [
            *(sys.executable, "-m", "dbt.cli.main", "--quiet", "build"),
            *("--exclude-resource-type", "unit_test"),
            *("--project-dir", str(_PROJECT), "--profiles-dir", str(_PROJECT)),
        ],
        env={**os.environ, **_place(folder)},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    seconds = time.perf_counter() - started
    results = json.loads((folder / "target" / "run_results.json").read_text())
    return seconds, results["elapsed_time"]


def _print(
    console: Console,
    measured: dict[tuple[str, int], list[tuple[float, float]]],
    options: argparse.Namespace,
) -> None:
    table = Table(
        "build", "day", "command s", "spread s", "models and tests s", "ratio"
    )
    for build in ("one more day", "nothing new"):
        earlier = None
        for day in (options.early, options.late):
            wholes, parts = zip(*measured[build, day], strict=True)
            part = statistics.median(parts)
            earlier = earlier or part
            table.add_row(
                build,
                str(day),
                f"{statistics.median(wholes):.2f}",
                f"{max(wholes) - min(wholes):.2f}",
                f"{part:.2f}",
                f"{part / earlier:.2f}",
            )
    console.print(
        f"{options.orders:,} orders, {options.pages} pages of {options.members} members, "
        f"medians of {options.repeats}"
    )
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
