"""Counts the harmful tries behind each promise, over every worker of a test run.

A test asks the fixture ``tries`` for a promise and counts what it does to it. Counts
travel with the test's report, so they arrive wherever the summary is printed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.promises import PROMISES

_PROPERTY = "harmful tries"

_HEAD = """\
# Reliability

What the platform guarantees when APIs, networks, disks and processes misbehave, and how
often `tests/faults` did the harm to see. Every try is real: a server that breaks its
answers on a real socket, a process that is killed, a disk that is full; then the rows of
the warehouse are compared with what the API holds, and secrets are searched for in every
file.

The table counts the tries that did harm, by the destination that was loaded into, and
next to them those that failed. It is written by `make test-faults` (the long form; with
`DESTINATION=postgres` or `ducklake` for the others): a run replaces the figures of what
it tried. `make test` runs the same tests with fewer tries.
"""

_COLUMNS = {"duckdb": "DuckDB", "postgres": "PostgreSQL", "ducklake": "DuckLake"}

_OTHERS = Path(__file__).with_name("others_reports.md")

_LIMITS = """\
## What is not guaranteed

- Times are stored to the microsecond. Half a surrogate pair (a text cut within an emoji)
  is no character, and lands as the text of its escape. So does NUL (`\\u0000`) on
  PostgreSQL and Redshift, whose text cannot hold it.
- Money has four decimals. The noise of floating-point sums is rounded away and reported;
  where more is lost, the text is kept next to the number.
- A record that leaves a list while it is read makes the announced total fall, and the
  read is repeated. If another joins at that very time, or no total is announced, nothing
  shows: a record may then be missed, or marked as deleted, until the next read.
- A `Retry-After` of more than a day is taken for a day.
- Both APIs are read with `updatedAfter`-like filters only where configured; an
  endpoint without such a time has no cursor, so a cursor in the future is not tried there.

## What is not tried

- Formulas in exported cells: nothing is exported as CSV or as a spreadsheet.
- `pip-audit`: its database of advisories was not reachable where this was made. Run it
  with `pip-audit --requirement constraints.txt`.
- The loss of power itself: a log cut off and a kill at any time stand for it.
"""


class Tries:
    """Harmful tries of one promise within one test; call it once for each."""

    def __init__(self, promise: str) -> None:
        assert promise in PROMISES, f"{promise!r} is not in tests/faults/promises.py"
        self.promise = promise
        self.count = 0

    def __call__(self, count: int = 1) -> None:
        self.count += count


@pytest.fixture
def tries(request: pytest.FixtureRequest) -> Iterator[Callable[[str], Tries]]:
    """Count harmful tries: ``tried = tries("Network")``, then ``tried()`` for each."""
    made: list[Tries] = []

    def start(promise: str) -> Tries:
        made.append(Tries(promise))
        return made[-1]

    yield start
    counts = [[one.promise, one.count] for one in made]
    request.node.user_properties.append((_PROPERTY, counts))


@pytest.fixture(scope="session")
def is_long(request: pytest.FixtureRequest) -> bool:
    """Whether tests run in their long form."""
    return request.config.getoption("--long")


@pytest.fixture(scope="session")
def scale(is_long: bool) -> int:
    """By how much the long form multiplies tries; 1 in the short form."""
    return 10 if is_long else 1


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("faults", "harm done to the platform")
    group.addoption(
        "--long",
        action="store_true",
        help="the long form of every test that has two: ten times the harmful tries, "
        "larger worlds, more days, every destination's every day, real interpreters",
    )
    group.addoption(
        "--reliability-page", type=Path, help="write the table to this file"
    )


class _Summary:
    """The table, where results arrive: in the one process, or the workers' controller."""

    def __init__(self, page: Path | None, destination: str) -> None:
        self._page = page
        self._destination = destination
        self._tries: Counter[str] = Counter()
        self._failures: Counter[str] = Counter()
        self._failed: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._failed.add(report.nodeid)
        if report.when != "teardown":
            return
        for name, counts in report.user_properties:
            if name != _PROPERTY:
                continue
            for promise, count in counts:
                self._tries[promise] += count
                self._failures[promise] += report.nodeid in self._failed

    def pytest_terminal_summary(
        self, terminalreporter: pytest.TerminalReporter
    ) -> None:
        if not self._tries:
            return
        rows = [(p, self._tries[p], self._failures[p]) for p in PROMISES]
        rows.append(("Together", self._tries.total(), self._failures.total()))
        terminalreporter.section("harmful tries")
        terminalreporter.write_line(f"{'promise':28} {'tries':>7} {'failures':>9}")
        for promise, count, failures in rows:
            terminalreporter.write_line(f"{promise:28} {count:7,} {failures:9,}")
        if self._page:
            known = _figures_of(self._page.read_text()) if self._page.exists() else {}
            for promise, count, failures in rows[:-1]:
                # What this run did not try stays as an earlier one found it.
                if count:
                    failed = f", {failures:,} failed" if failures else ""
                    known[promise, self._destination] = f"{count:,}{failed}"
            self._page.write_text(_page(known))


Figures = dict[tuple[str, str], str]
"""Harmful tries by promise and destination."""


def _figures_of(page: str) -> Figures:
    found = {}
    for line in page.splitlines():
        promise, *cells = [cell.strip() for cell in line.strip("|").split("|")]
        if promise in PROMISES:
            figures = zip(_COLUMNS, cells[1:], strict=False)
            found.update({(promise, at): figure for at, figure in figures if figure})
    return found


def _page(figures: Figures) -> str:
    table = [
        " ".join(
            [
                f"| {promise} | {text} |",
                *(f"{figures.get((promise, at), '')} |" for at in _COLUMNS),
            ]
        )
        for promise, text in PROMISES.items()
    ]
    together = (
        sum(
            int(figures[promise, at].split(" ")[0].replace(",", ""))
            for promise in PROMISES
            if (promise, at) in figures
        )
        for at in _COLUMNS
    )
    head = [
        f"| Guarantee | | {' | '.join(_COLUMNS.values())} |",
        f"|---|---|{'---:|' * len(_COLUMNS)}",
    ]
    last = f"| Together | | {' | '.join(f'{count:,}' for count in together)} |"
    return "\n".join([_HEAD, *head, *table, last, "", _OTHERS.read_text() + _LIMITS])


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        summary = _Summary(
            config.getoption("--reliability-page"),
            config.getoption("--destination", "duckdb"),
        )
        config.pluginmanager.register(summary, "harmful tries")
