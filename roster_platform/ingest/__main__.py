"""Load from the command line, without Dagster.

    python -m roster_platform.ingest roster                    # every endpoint
    python -m roster_platform.ingest roster channels orders    # some
    python -m roster_platform.ingest autorosters               # every configured page
    python -m roster_platform.ingest autorosters --page ID     # some pages
    python -m roster_platform.ingest autorosters --page ID --user DISCORD_ID
    python -m roster_platform.ingest clicks                    # send the outbox

Then ``dlt pipeline roster_pipeline info`` and ``… show`` work on what was loaded.
Exits with 1 when anything failed; the rest is loaded all the same.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from roster_platform.ingest.autorosters import load_page_users, load_pages, load_user
from roster_platform.ingest.clicks import load_clicks
from roster_platform.ingest.errors import IngestError
from roster_platform.ingest.roster import load_endpoint
from roster_platform.ingest.roster.endpoints import BY_NAME, ENDPOINTS
from roster_platform.ingest.settings import autorosters_settings, roster_settings
from roster_platform.ingest.warehouse import Warehouse


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    options = _parser().parse_args(arguments)
    try:
        warehouse = Warehouse.from_settings()
        steps = options.steps(options, warehouse)
    except IngestError as error:
        print(error, file=sys.stderr)
        return 1
    try:
        failures = sum(not _run(name, load) for name, load in steps.items())
    except KeyboardInterrupt:
        print("Stopped. Run it again: what was loaded is kept, nothing twice.")
        return 130
    return 1 if failures else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m roster_platform.ingest",
        description="Load API data into the warehouse without Dagster.",
    )
    sources = parser.add_subparsers(dest="source", required=True)
    roster = sources.add_parser("roster", help="Roster endpoints")
    roster.add_argument(
        "resources", nargs="*", metavar="resource", help=", ".join(BY_NAME)
    )
    roster.add_argument(
        "--full-read", action="store_true", help="read everything again"
    )
    roster.add_argument(
        "--confirm-drops",
        action="store_true",
        help="with --full-read: accept that most of a table was deleted",
    )
    roster.set_defaults(steps=_roster_steps)
    pages = sources.add_parser("autorosters", help="Auto Rosters pages")
    pages.add_argument(
        "--page", action="append", metavar="ID", help="a page (repeatable)"
    )
    pages.add_argument(
        "--confirm-drops",
        action="store_true",
        help="accept a page that lost its members",
    )
    pages.add_argument(
        "--user", metavar="DISCORD_ID", help="refresh one user of the page"
    )
    pages.set_defaults(steps=_autorosters_steps)
    clicks = sources.add_parser("clicks", help="send the click outbox")
    clicks.set_defaults(
        steps=lambda _, warehouse: {"clicks": lambda: load_clicks(warehouse=warehouse)}
    )
    return parser


Steps = Mapping[str, Callable[[], AbstractContextManager[Any]]]


def _roster_steps(options: argparse.Namespace, warehouse: Warehouse) -> Steps:
    unknown = [name for name in options.resources if name not in BY_NAME]
    if unknown:
        raise IngestError(
            f"Roster has no resource {', '.join(unknown)}. Choose from: "
            f"{', '.join(BY_NAME)}."
        )
    contacts = roster_settings().contacts_path
    names = options.resources or [
        e.name for e in ENDPOINTS if not e.optional or contacts
    ]
    return {
        name: lambda name=name: load_endpoint(
            name,
            warehouse=warehouse,
            full_read=options.full_read,
            confirm_drops=options.confirm_drops,
        )
        for name in names
    }


def _autorosters_steps(options: argparse.Namespace, warehouse: Warehouse) -> Steps:
    pages = options.page or autorosters_settings().configured_page_ids()
    if not pages:
        raise IngestError(
            "No roster page is configured. Name one with --page, or list page ids in "
            "SOURCES__AUTOROSTERS_SOURCE__PAGE_IDS."
        )
    if options.user:
        if len(pages) != 1:
            raise IngestError("--user needs exactly one --page.")
        return {"user": lambda: load_user(pages[0], options.user, warehouse=warehouse)}
    return {
        "pages": lambda: load_pages(
            pages, warehouse=warehouse, confirm_drops=options.confirm_drops
        ),
        "page_users": lambda: load_page_users(pages, warehouse=warehouse),
    }


def _run(name: str, load: Callable[[], AbstractContextManager[Any]]) -> bool:
    try:
        with load() as loaded:
            report = loaded.report
            tables = ", ".join(f"{t} {n:,}" for t, n in loaded.row_counts.items())
            print(f"{name}: read {report.rows:,} rows; now in the warehouse: {tables}")
            for drift in report.drifts:
                print(f"  drift: {drift}")
            failed = getattr(report, "failed", None)
            if failed:
                print(f"  {len(failed)} pages failed:\n{report.failure_summary()}")
            return not failed
    except IngestError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return False


if __name__ == "__main__":
    sys.exit(main())
