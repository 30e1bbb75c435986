"""Cases and claims as tables: on the console, and as ``docs/performance.md``."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import altair as alt
from rich.table import Table

from benchmarks.measure import Case, Claim, console

_SIZED = re.compile(r"(?P<size>[\d,]+) (?P<what>(orders|pages).*)")
_DOCS = Path(__file__).parents[1] / "docs"
_HEAD = """# Performance

Written by `make bench`; every figure is of one run of it, on one machine.

Contenders alternate; each runs in a process of its own and lands in a new DuckDB file (or,
where it says "again", in the one it filled). Times are medians, the spread is the slowest
less the fastest. Two medians that differ by less than the larger spread are not different.
What was landed is compared before a ratio is printed: the same rows in the same tables,
lists exploded.

- **plain**: the documented dlt script, `rest_api` into DuckDB; **tuned**: the same as far
  as dlt's settings go (Parquet, larger buffers, parallel steps).
- **platform**, **pages**: this platform's ingest; **dagster**: `dagster asset materialize`
  of it, interpreter start included.
- **bare**, **bare dicts**, **bare pages**: aiohttp, Arrow and DuckDB and nothing else, into
  the same tables with the same columns, versions included: no merge, no checks, no state,
  no retries, and DuckDB's own hash for a digest. *bare* leaves JSON to Arrow's own parser,
  the others make Python's dicts of it on the way, as most scripts do.
- **bare read**: the same requests, parsed and thrown away.
- **command**: `python -m roster_platform.ingest roster orders`; **curl and SQL**: curl,
  eight requests at a time, and twenty lines of DuckDB's SQL over the files, run by its
  Python package as its command line would run it, without the start of either.
"""


def show(case: Case) -> None:
    """Print one case."""
    table = Table("", "median s", "spread s", "CPU s", "peak MB", title=case.title)
    for row in case.rows:
        table.add_row(
            row.name,
            f"{row.seconds:.2f}",
            f"{row.spread:.2f}",
            f"{row.cpu_seconds:.2f}",
            f"{row.peak_mb:.0f}",
        )
    console.print(table)


def show_claims(claims: Sequence[Claim]) -> None:
    """Print what is claimed, and what was measured."""
    table = Table("claim", "measured", "limit", "")
    for claim in claims:
        table.add_row(claim.what, _figure(claim), _limit(claim), _verdict(claim))
    console.print(table)


def write(
    cases: Sequence[Case], claims: Sequence[Claim], notes: str, repeats: int
) -> None:
    """Write the page and its plots."""
    lines = [_HEAD, f"{_machine()} At most {repeats} repeats.\n", "## Claims\n"]
    lines += ["| claim | measured | limit | |", "|---|---|---|---|"]
    lines += [
        f"| {c.what} | {_figure(c)} | {_limit(c)} | {_verdict(c)} |" for c in claims
    ]
    lines += ["", notes, "## Growth\n", "![Seconds by size](images/performance.svg)\n"]
    lines += [*_growth(cases), ""]
    lines += ["## Cases\n"]
    for case in cases:
        lines += [f"### {case.title}\n"]
        lines += [
            "| | median s | spread s | CPU s | peak MB |",
            "|---|---|---|---|---|",
        ]
        lines += [
            f"| {row.name} | {row.seconds:.2f} | {row.spread:.2f} | "
            f"{row.cpu_seconds:.2f} | {row.peak_mb:.0f} |"
            for row in case.rows
        ]
        lines += [""]
    (_DOCS / "performance.md").write_text("\n".join(lines).rstrip() + "\n")
    if chart := _plot(cases):
        chart.save(str(_DOCS / "images" / "performance.svg"))


def _growth(cases: Sequence[Case]) -> list[str]:
    """How each cost that was measured at several sizes grows from the least to the most."""
    costs: dict[str, dict[int, float]] = {}
    for case in cases:
        if sized := _SIZED.fullmatch(case.title):
            for row in case.rows:
                cost = costs.setdefault(f"{sized['what']}: {row.name}", {})
                cost[_size(sized)] = row.seconds
    lines = [
        "| cost | sizes | seconds | size grows | time grows |",
        "|---|---|---|---|---|",
    ]
    for name, cost in costs.items():
        if len(cost) > 1:
            sizes = sorted(cost)
            least, most = sizes[0], sizes[-1]
            lines.append(
                f"| {name} | {' → '.join(f'{size:,}' for size in sizes)} "
                f"| {' → '.join(f'{cost[size]:.2f}' for size in sizes)} "
                f"| {most / least:,.0f} times | {cost[most] / cost[least]:.1f} times |"
            )
    return lines


def _plot(cases: Sequence[Case]) -> alt.FacetChart | None:
    """First loads by size, both scales logarithmic."""
    points = [
        {
            "contender": row.name,
            "what": "roster pages" if "pages" in case.title else "orders",
            "records": _size(sized),
            "seconds": row.seconds,
        }
        for case in cases
        if case.title.endswith((", 0 ms", "pages of 60 members"))
        and (sized := _SIZED.fullmatch(case.title))
        for row in case.rows
    ]
    if not points:
        return None
    lines = (
        alt.Chart(alt.Data(values=points))
        .encode(
            alt.X("records:Q", scale=alt.Scale(type="log"), title=None),
            alt.Y("seconds:Q", scale=alt.Scale(type="log"), title="seconds"),
            alt.Color("contender:N", title=None),
        )
        .properties(width=300, height=240)
    )
    both = lines.mark_line() + lines.mark_point(filled=True)
    return both.facet(alt.Column("what:N", title=None)).resolve_scale(x="independent")


def _size(sized: re.Match[str]) -> int:
    return int(sized["size"].replace(",", ""))


def _machine() -> str:
    libraries = ", ".join(
        f"{name} {version(name)}"
        for name in ("dlt", "duckdb", "pyarrow", "dagster", "dbt-core", "aiohttp")
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"Measured on {datetime.now(UTC):%Y-%m-%d}: {os.cpu_count()} cores "
        f"({platform.machine()}), {memory:.0f} GiB, {platform.system()}, "
        f"Python {platform.python_version()}, {libraries}."
    )


def _figure(claim: Claim) -> str:
    digits = 0 if claim.figure >= 100 else 2
    return f"{claim.figure:,.{digits}f}{claim.unit}"


def _limit(claim: Claim) -> str:
    sign = "≥" if claim.at_least else "≤"
    return f"{sign} {claim.limit:g}{claim.unit}"


def _verdict(claim: Claim) -> str:
    return "met" if claim.is_met else "**not met**"
