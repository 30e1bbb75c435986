"""Orders: this platform's ingest beside plain dlt and beside the bare limit, in one run.

    python -m benchmarks.orders --orders 100000 --repeats 5 --contenders plain platform

All load from the same prepared server into a new DuckDB file each time, alternating.
What they landed is compared before any ratio is printed.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.contenders import CONTENDERS
from benchmarks.server import prepared_server


def main() -> int:
    """Run the benchmark; returns 1 when contenders did not land the same rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--latency-ms", type=float, default=0)
    parser.add_argument("--contenders", nargs="+", default=list(CONTENDERS))
    options = parser.parse_args()
    console = Console()
    results: dict[str, list[dict[str, Any]]] = {n: [] for n in options.contenders}
    with prepared_server(orders=options.orders) as server:
        server.wait_before_answers(options.latency_ms)
        for repeat in range(options.repeats):
            for name, measured in results.items():
                measured.append(_measure(name, server.environment))
                console.print(f"{repeat + 1}. {name}: {measured[-1]['seconds']:.2f} s")
    landed = {name: measured[0]["landed"] for name, measured in results.items()}
    if len({json.dumps(rows) for rows in landed.values()}) > 1:
        console.print(f"[red]The contenders landed different rows: {landed}[/red]")
        return 1
    _print(console, results, options)
    return 0


def _measure(name: str, environment: dict[str, str]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.contenders", name],
            env={
                **os.environ,
                **environment,
                "ROSTER_PLATFORM__DATA_DIR": folder,
                "DLT_DATA_DIR": f"{folder}/dlt",
            },
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    return json.loads(done.stdout.splitlines()[-1])


def _print(
    console: Console, results: dict[str, list[dict[str, Any]]], options: Any
) -> None:
    table = Table(
        "contender", "median s", "spread s", "CPU s", "peak MB", "times as fast"
    )
    medians = {
        name: statistics.median(run["seconds"] for run in runs)
        for name, runs in results.items()
    }
    first = next(iter(medians.values()))
    for name, runs in results.items():
        seconds = [run["seconds"] for run in runs]
        table.add_row(
            name,
            f"{medians[name]:.2f}",
            f"{max(seconds) - min(seconds):.2f}",
            f"{statistics.median(run['cpu_seconds'] for run in runs):.2f}",
            f"{max(run['peak_mb'] for run in runs):.0f}",
            f"{first / medians[name]:.2f}",
        )
    console.print(
        f"{options.orders:,} orders, {options.latency_ms:.0f} ms, landed: "
        f"{next(iter(results.values()))[0]['landed']}"
    )
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
