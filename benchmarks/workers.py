"""Roster pages by one Celery worker and by two, side by side, from the same sandbox.

    python -m benchmarks.workers --pages 400 --latency-ms 50 --repeats 3

Each repeat starts everything compose.yaml names with one worker, then with two, and times
the same backfill into a new PostgreSQL from its first run's start to its last run's end.
Needs Debian's PostgreSQL and Redis. Start-up is left out, and so is the daemon's half
minute between two looks at a backfill.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.measure import Run, alternate, console
from benchmarks.report import show
from roster_platform.sandbox import Sandbox, running_sandbox
from tests.cluster import query, running_cluster, start_backfill, until
from tests.deployment import ROOT

PAGE_IDS = "SOURCES__AUTOROSTERS_SOURCE__PAGE_IDS"
_SQL = """
    select count(*), extract(epoch from max(to_timestamp(end_time)) -
        min(to_timestamp(start_time)))
    from runs where status = 'SUCCESS'
"""


def main() -> None:
    """Run the comparison, alternating, and print medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=400)
    parser.add_argument("--pages-per-run", type=int, default=40)
    parser.add_argument("--members", type=int, default=20)
    parser.add_argument("--latency-ms", type=float, default=50)
    parser.add_argument("--concurrency", type=int, default=4, help="of each worker")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    with running_sandbox(
        orders=1, pages=options.pages, members=options.members
    ) as sandbox:
        sandbox.post("/admin/settings", {"latency_ms": options.latency_ms})
        case = alternate(
            f"{options.pages} pages, {options.pages_per_run} a run",
            {
                "one worker": lambda: _measure(sandbox, 1, options),
                "two workers": lambda: _measure(sandbox, 2, options),
            },
            options.repeats,
        )
    show(case)
    console.print(
        f"two workers are {case.ratio('one worker', 'two workers'):.2f} times as fast"
    )


def _measure(sandbox: Sandbox, workers: int, options: argparse.Namespace) -> Run:
    variables = {
        **sandbox.environment,
        "ROSTER_PLATFORM__PAGES_PER_RUN": str(options.pages_per_run),
        "SOURCES__AUTOROSTERS_SOURCE__CONCURRENCY": str(options.concurrency),
        "ROSTER_MAX_CONCURRENT_RUNS": str(workers),
        "SOURCES__AUTOROSTERS_SOURCE__REQUESTS_PER_MINUTE": "60000",
    }
    pages = json.loads(sandbox.environment[PAGE_IDS])
    with (
        tempfile.TemporaryDirectory() as folder,
        running_cluster(Path(folder), variables, workers=workers) as (cluster, _),
    ):
        subprocess.run(
            [sys.executable, "-m", "roster_platform.defs.autorosters.register"],
            env=cluster.environment,
            cwd=ROOT,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        start_backfill(cluster, pages)
        wanted = -(-len(pages) // options.pages_per_run)

        def elapsed() -> float | None:
            ((count, between),) = query(cluster.storage, _SQL)
            return float(between) if count == wanted else None

        return Run(until(elapsed, "the runs", cluster))


if __name__ == "__main__":
    main()
