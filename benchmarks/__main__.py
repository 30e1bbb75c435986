"""Every comparison, and the page of results: ``python -m benchmarks`` (``make bench``).

Takes about half an hour. ``--repeats 1 --orders 100000`` is a rehearsal.
"""

from __future__ import annotations

import argparse

from benchmarks import build, orders, pages, report, startup
from benchmarks.notes import NOTES


def main() -> None:
    """Measure everything, print the claims, write ``docs/performance.md``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument(
        "--orders", type=int, default=1_000_000, help="the largest size"
    )
    options = parser.parse_args()
    cases, claims = [], []
    for measured in (
        startup.measure(options.repeats),
        orders.measure(options.repeats, large=options.orders),
        pages.measure(options.repeats),
        build.measure(options.repeats),
    ):
        cases += measured[0]
        claims += measured[1]
    for case in cases:
        report.show(case)
    report.show_claims(claims)
    report.write(cases, claims, NOTES, options.repeats)


if __name__ == "__main__":
    main()
