"""Rewrite the computed tables of ``docs/scale.md`` from the rates at its top.

    python -m docs.scale [--check]

The rates are measured and written by hand; everything between the markers follows from
them. ``--check`` writes nothing and fails when the file is not what its rates say.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

TARGET = Path(__file__).parent / "scale.md"
_PER_MINUTE = (50, 300, 1_000, 6_000)
_ORDERS, _PAGES, _MEMBERS, _TENANTS = 100_000_000, 100_000, 1_000_000, 50
# Three years of orders, evenly.
_ORDERS_A_DAY = _ORDERS // (3 * 365)
_PAGE_SIZE = 100
Rates = Mapping[str, float]


def rates_of(text: str) -> dict[str, float]:
    """The first column of the rates' table to the number in its second."""
    rows = re.findall(r"^\| `(\w+)` \| ([\d,.]+) \|", text, re.MULTILINE)
    return {name: float(value.replace(",", "")) for name, value in rows}


def _requests(_: Rates) -> str:
    reads = {
        f"{_PAGES:,} roster pages, once": _PAGES,
        "… and their flat user lists": 2 * _PAGES,
        f"{_MEMBERS:,} contacts, {_PAGE_SIZE} a page": _MEMBERS // _PAGE_SIZE,
        f"{_ORDERS:,} orders, all of them": _ORDERS // _PAGE_SIZE,
        f"{_ORDERS_A_DAY:,} orders of one day": -(-_ORDERS_A_DAY // _PAGE_SIZE),
    }
    head = " | ".join(f"at {rate:,} a minute" for rate in _PER_MINUTE)
    lines = [f"| Read | Requests | {head} |", "|---|--:|" + "--:|" * len(_PER_MINUTE)]
    for name, count in reads.items():
        times = " | ".join(_time(60 * count / rate) for rate in _PER_MINUTE)
        lines.append(f"| {name} | {count:,} | {times} |")
    return "\n".join(lines)


def _loads(rates: Rates) -> str:
    pages, orders = rates["pages_per_second"], rates["orders_per_second"]
    worker = rates["worker_pages_per_second"]
    first, again = (
        rates["build_seconds_per_million"],
        rates["rebuild_seconds_per_million"],
    )
    rows = {
        f"Load {_ORDERS:,} orders, one process": _ORDERS / orders,
        f"Load the {_ORDERS_A_DAY:,} orders of one day": _ORDERS_A_DAY / orders,
        f"Load {_PAGES:,} changed pages, one process": _PAGES / pages,
        "… with 2 Celery workers into PostgreSQL, runs of 100": _PAGES / (2 * worker),
        "… with 8": _PAGES / (8 * worker),
        f"First `dbt build` over {_ORDERS:,} orders": _ORDERS / 1e6 * first,
        "The same again, nothing new": _ORDERS / 1e6 * again,
    }
    lines = ["| What | Time |", "|---|--:|"]
    return "\n".join([*lines, *(f"| {n} | {_time(s)} |" for n, s in rows.items())])


def _storage(rates: Rates) -> str:
    rows = {
        f"{_ORDERS:,} orders, raw and modelled": ("order", _ORDERS),
        f"{_MEMBERS:,} members on {_PAGES:,} pages, one state": ("member", _MEMBERS),
    }
    lines = ["| What | DuckDB | PostgreSQL |", "|---|--:|--:|"]
    for name, (kind, count) in rows.items():
        sizes = (rates[f"{where}_bytes_per_{kind}"] for where in ("duckdb", "postgres"))
        lines.append(f"| {name} | {' | '.join(_size(count * b) for b in sizes)} |")
    return "\n".join(lines)


def _tenants(rates: Rates) -> str:
    share = {
        "orders": _ORDERS // _TENANTS,
        "pages": _PAGES // _TENANTS,
        "members": _MEMBERS // _TENANTS,
    }
    full = share["orders"] // _PAGE_SIZE
    first = share["orders"] / 1e6 * rates["build_seconds_per_million"]
    return (
        f"One of {_TENANTS} equal brands has {share['orders']:,} orders, "
        f"{share['members']:,} members and {share['pages']:,} pages: its pages take "
        f"{_time(60 * share['pages'] / 50)} at 50 requests a minute, all its orders "
        f"{_time(60 * full / 300)} at 300, its first build {_time(first)}."
    )


_TABLES: Mapping[str, Callable[[Rates], str]] = {
    "requests": _requests,
    "loads": _loads,
    "storage": _storage,
    "tenants": _tenants,
}


def _time(seconds: float) -> str:
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 1.5 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} s"


def _size(count: float) -> str:
    return f"{count / 1e9:,.1f} GB"


def computed(text: str) -> str:
    """The document, with every table as its rates say."""
    rates = rates_of(text)
    for name, table in _TABLES.items():
        marked = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        text = marked.sub(lambda m, t=table: f"{m[1]}{t(rates)}\n{m[2]}", text)
    return text


def main() -> int:
    """Run the command; returns 1 when ``--check`` finds a difference."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    text = TARGET.read_text()
    wanted = computed(text)
    if parser.parse_args().check:
        if text != wanted:
            print("docs/scale.md is not what its rates say: python -m docs.scale")
        return int(text != wanted)
    TARGET.write_text(wanted)
    return 0


if __name__ == "__main__":
    sys.exit(main())
