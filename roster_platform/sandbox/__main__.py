"""``python -m roster_platform.sandbox serve | demo | ui`` (``--help`` explains each)."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m roster_platform.sandbox",
        description="A local stand-in of the Roster and Auto Rosters APIs.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    _add_serve(commands.add_parser("serve", help="serve both APIs until stopped"))
    commands.add_parser("demo", help="load everything from a sandbox and show it")
    commands.add_parser(
        "ui",
        help="a sandbox and `dagster dev` on the demo's data; further arguments are "
        "those of `dagster dev`",
    )
    options, further = parser.parse_known_args(arguments)
    if further and options.command != "ui":
        parser.error(f"unrecognized arguments: {' '.join(further)}")
    if options.command == "serve":
        return _serve(options)
    # Imported late: serving needs none of what the demo needs.
    from roster_platform.sandbox import demo

    if options.command == "demo":
        return demo.demo()
    return demo.ui(further)


def _add_serve(parser: argparse.ArgumentParser) -> None:
    flag = argparse.BooleanOptionalAction
    add = parser.add_argument
    add("--host", default="127.0.0.1")
    add("--port", type=_not_negative, default=0, help="0 takes a free port")
    add("--seed", type=int, default=7, help="the same seed gives the same world")
    add("--orders", type=_not_negative, default=5000, help="orders at the start")
    add("--pages", type=_not_negative, default=40, help="roster pages of the key")
    add("--members", type=_not_negative, default=50, help="members of each page")
    add("--as-of", type=date.fromisoformat, default=date(2026, 11, 1))
    add("--advance", type=_not_negative, default=0, help="days to live before serving")
    add("--latency-ms", type=float, default=0, help="wait this long before answering")
    add(
        "--requests-per-minute",
        type=_not_negative,
        default=0,
        help="answer 429 beyond this, for each API; 0 is off",
    )
    add("--updated-after-param", help="a parameter that filters newest-first lists")
    other = parser.add_mutually_exclusive_group()
    other.add_argument(
        "--openapi",
        type=Path,
        metavar="FILE",
        help="serve Roster in the shapes of an OpenAPI document (3.0 or 3.1)",
    )
    other.add_argument(
        "--mapping",
        type=Path,
        metavar="FILE",
        help="serve Roster in the shapes of a mapping, e.g. mappings/roster.yaml",
    )
    add("--contacts", action=flag, default=True, help="serve /v2/contacts")
    add("--warm", action=flag, default=True, help="render every record before serving")
    add("--env-file", type=Path, help="write KEY=value lines here once ready")
    add("--exit-with-parent", action="store_true", help="stop when the parent is gone")


def _not_negative(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError("must not be negative")
    return number


def _serve(options: argparse.Namespace) -> int:
    from roster_platform.errors import ConfigurationError
    from roster_platform.sandbox.api.serve import ServerOptions, serve
    from roster_platform.sandbox.simulation.world import WorldOptions

    world = WorldOptions(
        seed=options.seed,
        orders=options.orders,
        pages=options.pages,
        members=options.members,
        as_of=options.as_of,
    )
    server = ServerOptions(
        host=options.host,
        port=options.port,
        contacts=options.contacts,
        latency_ms=options.latency_ms,
        requests_per_minute=options.requests_per_minute,
        updated_after_param=options.updated_after_param,
        openapi=options.openapi,
        mapping=options.mapping,
        warm=options.warm,
        advance=options.advance,
        env_file=options.env_file,
        exit_with_parent=options.exit_with_parent,
    )
    try:
        return serve(world, server)
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
