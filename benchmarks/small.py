"""Twelve small endpoints in one run: what their loads cost beyond the requests.

python -m benchmarks.small --repeats 5
"""

from __future__ import annotations

import argparse

from benchmarks.measure import Case, Claim, Run, alternate, first_load, load, new_folder
from benchmarks.report import show
from roster_platform.sandbox import running_sandbox

_RECORDS = 60


def measure(repeats: int) -> tuple[list[Case], list[Claim]]:
    """First loads, reads without news, and the bare requests of both."""
    with running_sandbox(orders=_RECORDS, pages=1, members=5) as sandbox:
        environment = sandbox.environment

        def again() -> Run:
            with new_folder() as folder:
                load("endpoints", environment, folder)
                return load("endpoints", environment, folder)

        case = alternate(
            "12 endpoints in one run",
            {
                "first load": lambda: first_load("endpoints", environment),
                "nothing new": again,
                "bare read": lambda: first_load("bare read of endpoints", environment),
            },
            repeats,
        )
    requests = case["bare read"].cpu_seconds
    return [case], [
        Claim(
            f"12 endpoints in one run, {name}: CPU beyond the requests",
            case[name].cpu_seconds - requests,
            limit,
            at_least=False,
            unit=" s",
        )
        for name, limit in (("first load", 3.5), ("nothing new", 1.5))
    ]


def main() -> None:
    """Run the comparison and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    for case in measure(parser.parse_args().repeats)[0]:
        show(case)


if __name__ == "__main__":
    main()
