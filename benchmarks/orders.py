"""Orders: this platform's ingest, plain dlt, and the bare limit.

    python -m benchmarks.orders --orders 100000 --repeats 5

All load from the same prepared server into a new DuckDB file each time, alternating.
What they landed is compared before any ratio is printed.
"""

from __future__ import annotations

import argparse

from benchmarks.measure import (
    Case,
    Claim,
    alternate,
    console,
    first_load,
    load,
    new_folder,
)
from benchmarks.report import show
from benchmarks.server import PreparedServer, prepared_server

_NEWEST_FIRST = {
    "SOURCES__ROSTER_SOURCE__ENDPOINTS": '{"orders": {"newest_first": true}}'
}
_PER_LATENCY = ("plain", "platform", "bare dicts", "bare")


def measure(repeats: int, *, large: int = 1_000_000) -> tuple[list[Case], list[Claim]]:
    """All cases of orders, and the claims about them."""
    with prepared_server(orders=100_000) as server:
        main = _first_loads(
            "100,000 orders, 0 ms",
            server,
            ("plain", "tuned", "platform", "dagster", "bare dicts", "bare"),
            repeats,
        )
        again = _repeats("100,000 orders", server, repeats)
        commands = _first_loads(
            "100,000 orders by a whole command",
            server,
            ("command", "curl and SQL"),
            repeats,
        )
    waiting = {}
    with prepared_server(orders=10_000) as server:
        for milliseconds in (0, 50, 200):
            server.wait_before_answers(milliseconds)
            waiting[milliseconds] = _first_loads(
                f"10,000 orders, {milliseconds} ms", server, _PER_LATENCY, repeats
            )
        server.wait_before_answers(0)
        early = _nothing_new("10,000 orders of history", server, repeats)
    with prepared_server(orders=large) as server:
        many = _first_loads(
            f"{large:,} orders, 0 ms",
            server,
            ("platform", "bare dicts", "bare"),
            max(1, repeats // 2),
        )
        late = _nothing_new(f"{large:,} orders of history", server, repeats)
    slow = waiting[50]
    claims = [
        Claim(
            "100,000 orders, 0 ms: the plain script's time over the platform's",
            main.ratio("plain", "platform"),
            15,
        ),
        Claim(
            "the same: the platform's rate over that of a bare load of the same tables",
            main.ratio("bare", "platform"),
            0.7,
        ),
        Claim(
            "the same, with Python's dicts in the bare load",
            main.ratio("bare dicts", "platform"),
            0.65,
        ),
        Claim(
            "100,000 orders again, nothing new: the time over that of a bare read",
            again.ratio("nothing new", "bare read"),
            1.3,
            at_least=False,
        ),
        Claim(
            "100,000 orders again, 1 % changed: the time over that of a bare read",
            again.ratio("1 % changed", "bare read"),
            1.6,
            at_least=False,
        ),
        Claim(
            "10,000 orders, 50 ms: the platform's rate over the bare load's",
            slow.ratio("bare", "platform"),
            0.8,
        ),
        Claim(
            "the same: the plain script's time over the platform's",
            slow.ratio("plain", "platform"),
            6,
        ),
        Claim(
            "100,000 orders: CPU of the whole command over curl and DuckDB's SQL",
            commands.cpu_ratio("command", "curl and SQL"),
            1.6,
            at_least=False,
        ),
        Claim(
            f"{large:,} orders: the platform's rate over that at 100,000",
            main["platform"].seconds / 100_000 / (many["platform"].seconds / large),
            0.9,
        ),
        Claim(
            f"{large:,} orders: the platform's peak memory",
            many["platform"].peak_mb,
            500,
            at_least=False,
            unit=" MB",
        ),
        Claim(
            f"nothing new, newest first: the time at {large:,} rows over that at 10,000",
            late["nothing new"].seconds / early["nothing new"].seconds,
            1.3,
            at_least=False,
        ),
    ]
    return [main, again, commands, *waiting.values(), many, early, late], claims


def _first_loads(
    title: str, server: PreparedServer, names: tuple[str, ...], repeats: int
) -> Case:
    case = alternate(
        title,
        {
            name: lambda name=name: first_load(name, server.environment)
            for name in names
        },
        repeats,
    )
    case.check(names)
    return case


def _repeats(title: str, server: PreparedServer, repeats: int) -> Case:
    """A full read of everything again: nothing new, then 1 % changed."""
    with new_folder() as folder:
        first = load("platform", server.environment, folder)

        def changed():
            server.change(0.01)
            return load("platform", server.environment, folder)

        case = alternate(
            f"{title}, read in full again",
            {
                "nothing new": lambda: load("platform", server.environment, folder),
                "1 % changed": changed,
                "bare read": lambda: first_load("bare read", server.environment),
            },
            repeats,
        )
    console.print(f"first load: {first.seconds:.2f} s", highlight=False)
    return case


def _nothing_new(title: str, server: PreparedServer, repeats: int) -> Case:
    """An early stop at what is known, where the API lists what changed last first."""
    environment = {**server.environment, **_NEWEST_FIRST}
    with new_folder() as folder:
        load("platform", environment, folder)
        return alternate(
            title,
            {"nothing new": lambda: load("platform", environment, folder)},
            repeats,
        )


def main() -> None:
    """Compare first loads of one size at one latency."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--latency-ms", type=float, default=0)
    parser.add_argument("--contenders", nargs="+", default=list(_PER_LATENCY))
    options = parser.parse_args()
    with prepared_server(orders=options.orders) as server:
        server.wait_before_answers(options.latency_ms)
        title = f"{options.orders:,} orders, {options.latency_ms:.0f} ms"
        show(_first_loads(title, server, tuple(options.contenders), options.repeats))


if __name__ == "__main__":
    main()
