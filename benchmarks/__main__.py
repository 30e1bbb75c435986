"""Every comparison, and the page of results: ``python -m benchmarks`` (``make bench``).

Takes about half an hour. ``--repeats 1 --orders 100000`` is a rehearsal.
"""

from __future__ import annotations

import argparse
from functools import partial

from benchmarks import build, events, mapping, orders, pages, report, small, startup
from benchmarks.notes import NOTES


def main() -> None:
    """Measure everything, print the claims, write ``docs/performance.md``.

    The page is written anew after each part, so that what fails costs no other part.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument(
        "--orders", type=int, default=1_000_000, help="the largest size"
    )
    options = parser.parse_args()
    cases, claims = [], []
    for measure in (
        startup.measure,
        small.measure,
        partial(orders.measure, large=options.orders),
        mapping.measure,
        pages.measure,
        events.measure,
        build.measure,
    ):
        of_cases, of_claims = measure(options.repeats)
        cases += of_cases
        claims += of_claims
        report.write(cases, claims, NOTES, options.repeats)
    for case in cases:
        report.show(case)
    report.show_claims(claims)


if __name__ == "__main__":
    main()
