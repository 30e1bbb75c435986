"""Roster pages: one run for all, one run for each, and the bare limit.

python -m benchmarks.pages --pages 2000 --repeats 5
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.contenders import SAMPLED_PAGES
from benchmarks.measure import (
    ROOT,
    Case,
    Claim,
    Run,
    alternate,
    first_load,
    load,
    new_folder,
    place,
)
from benchmarks.report import show
from benchmarks.server import PreparedServer, prepared_server

_MOST_PER_PAGE_MS = 20


def measure(repeats: int) -> tuple[list[Case], list[Claim]]:
    """100, 2,000 and 10,000 pages of 60 members, and the claims about them."""
    cases = [
        case
        for pages, times in ((100, repeats), (10_000, max(1, repeats // 2)))
        for case in _cases(pages, times)
    ]
    first, again = _cases(2_000, repeats)
    with prepared_server(pages=2_000) as server:
        one_by_one = alternate(
            f"{SAMPLED_PAGES} of 2,000 pages, a run each",
            {"page by page": lambda: first_load("page by page", server.environment)},
            repeats,
        )
        through = alternate(
            "2,000 pages through Dagster",
            {
                "ingest": lambda: first_load("pages", server.environment),
                "dagster": lambda: _through_dagster(server),
            },
            max(1, repeats // 2),
        )
    many = next(case for case in cases if case.title.startswith("10,000 pages of"))
    a_run_each = one_by_one["page by page"].seconds / SAMPLED_PAGES * 2_000
    on_top = through["dagster"].seconds - through["ingest"].seconds
    claims = [
        Claim(
            "2,000 pages: the platform's rate over that of a bare load of the same tables",
            first.ratio("bare pages", "pages"),
            0.75,
        ),
        Claim(
            "2,000 pages again, unchanged: the time over that of a bare read",
            again.ratio("nothing new", "bare read"),
            1.3,
            at_least=False,
        ),
        Claim(
            "2,000 pages again, 1 % changed: the time over that of a bare read",
            again.ratio("1 % changed", "bare read"),
            1.6,
            at_least=False,
        ),
        Claim(
            "the same: one run for each page (a sample, extrapolated) over one for all",
            a_run_each / first["pages"].seconds,
            100,
        ),
        Claim(
            "2,000 unchanged pages: the time over that of their first load",
            again["nothing new"].seconds / first["pages"].seconds,
            0.5,
            at_least=False,
        ),
        Claim(
            "10,000 pages: the platform's peak memory",
            many["pages"].peak_mb,
            500,
            at_least=False,
            unit=" MB",
        ),
        Claim(
            "Dagster's cost on top of ingest, for each of 2,000 pages",
            1000 * on_top / 2_000,
            _MOST_PER_PAGE_MS,
            at_least=False,
            unit=" ms",
        ),
    ]
    return [first, again, one_by_one, through, *cases], claims


def _cases(pages: int, repeats: int) -> tuple[Case, Case]:
    """First loads, and reads again with nothing new and with 1 % changed."""
    with prepared_server(pages=pages) as server:
        first = alternate(
            f"{pages:,} pages of 60 members",
            {
                name: lambda name=name: first_load(name, server.environment)
                for name in ("pages", "bare pages")
            },
            repeats,
        )
        first.check(("pages", "bare pages"))
        with new_folder() as folder:
            load("pages", server.environment, folder)

            def changed() -> Run:
                server.change(0.01)
                return load("pages", server.environment, folder)

            again = alternate(
                f"{pages:,} pages, read again",
                {
                    "nothing new": lambda: load("pages", server.environment, folder),
                    "1 % changed": changed,
                    "bare read": lambda: first_load(
                        "bare read of pages", server.environment
                    ),
                },
                repeats,
            )
    return first, again


def _through_dagster(server: PreparedServer) -> Run:
    """The whole command; the pages are registered before it."""
    configured = {"SOURCES__AUTOROSTERS_SOURCE__PAGE_IDS": json.dumps(server.page_ids)}
    with new_folder() as folder:
        shutil.copy(ROOT / "dagster.yaml", Path(folder, "dagster"))
        subprocess.run(
            [sys.executable, "-m", "roster_platform.defs.autorosters.register"],
            env={**os.environ, **server.environment, **configured, **place(folder)},
            stdout=subprocess.DEVNULL,
            check=True,
        )
        return load("pages through dagster", server.environment, folder)


def main() -> None:
    """Compare loads of some pages."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=2_000)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    for case in _cases(options.pages, options.repeats):
        show(case)


if __name__ == "__main__":
    main()
