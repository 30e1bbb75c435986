"""Orders: this platform's ingest beside the plain documented script, in one run.

    python -m benchmarks.orders --orders 100000 --repeats 3

Both load from the same sandbox into a new DuckDB file each time, alternating. Landed
rows are compared before any ratio is printed.
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
from roster_platform.sandbox import running_sandbox


def main() -> int:
    """Run the benchmark; returns 1 when contenders did not land the same rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--latency-ms", type=float, default=0)
    options = parser.parse_args()
    console = Console()
    results: dict[str, list[dict[str, Any]]] = {name: [] for name in CONTENDERS}
    with running_sandbox(
        orders=options.orders, pages=1, latency_ms=options.latency_ms
    ) as sandbox:
        for repeat in range(options.repeats):
            for name, measured in results.items():
                measured.append(_measure(name, sandbox.environment))
                console.print(f"{repeat + 1}. {name}: {measured[-1]['seconds']:.2f} s")
    landed = {name: measured[0]["rows"] for name, measured in results.items()}
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
    table = Table("contender", "median s", "spread s", "peak MB", "times as fast")
    medians = {
        name: statistics.median(run["seconds"] for run in runs)
        for name, runs in results.items()
    }
    for name, runs in results.items():
        seconds = [run["seconds"] for run in runs]
        table.add_row(
            name,
            f"{medians[name]:.2f}",
            f"{max(seconds) - min(seconds):.2f}",
            f"{max(run['peak_mb'] for run in runs):.0f}",
            f"{medians['plain'] / medians[name]:.1f}",
        )
    console.print(
        f"{options.orders:,} orders, {options.latency_ms:.0f} ms, rows landed: "
        f"{results['platform'][0]['rows']}"
    )
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
