"""Load from the command line, without Dagster.

    python -m roster_platform.ingest roster                    # every endpoint
    python -m roster_platform.ingest roster channels orders    # some
    python -m roster_platform.ingest autorosters               # every configured page
    python -m roster_platform.ingest autorosters --page ID     # some pages
    python -m roster_platform.ingest autorosters --page ID --user DISCORD_ID
    python -m roster_platform.ingest clicks                    # send the outbox
    python -m roster_platform.ingest captured_orders           # that of orders

Then ``dlt pipeline roster_pipeline info`` describes what was loaded, and
``roster-platform show`` opens a browser of it.
Exits with 1 when anything failed, was incomplete, or came without a field that marts
cannot do without; the rest is loaded all the same. An API without
credentials, or an endpoint that is switched off, is reported as off, and is no failure.
"""

from __future__ import annotations

import argparse
import logging
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from importlib.abc import MetaPathFinder
from typing import Any

from roster_platform.errors import IngestError
from roster_platform.ingest.autorosters import load_page_users, load_pages, load_user
from roster_platform.ingest.autorosters.retirement import (
    pages_to_retire,
    retire_pages,
)
from roster_platform.ingest.mappings import where_to_declare
from roster_platform.ingest.off import why_off, why_switched_off
from roster_platform.ingest.outbox.captures import CAPTURES
from roster_platform.ingest.outbox.send import load_outbox
from roster_platform.ingest.page_ids import SETTING, page_ids
from roster_platform.ingest.reading.log import Outcome
from roster_platform.ingest.roster import load_endpoint
from roster_platform.ingest.roster.endpoints import BY_NAME, ENDPOINTS
from roster_platform.ingest.roster.requests import path_of
from roster_platform.ingest.settings import autorosters_settings, roster_settings
from roster_platform.ingest.unknown_settings import warn_of_unknown_settings
from roster_platform.warehouse.pipelines import pipelines_kept
from roster_platform.warehouse.warehouse import Warehouse


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    options = _parser().parse_args(arguments)
    try:
        warehouse = Warehouse.from_settings()
        warn_of_unknown_settings()
        steps = options.steps(options, warehouse)
        with pipelines_kept(), ended_by_ctrl_c():
            failures = sum(
                not _run(options.source, name, load) for name, load in steps.items()
            )
    except IngestError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(
            "Stopped. Run it again: what was loaded stays, and nothing is loaded twice."
        )
        return 130
    return 1 if failures else 0


@contextmanager
def ended_by_ctrl_c(seconds: int = 60) -> Iterator[None]:
    """Let Ctrl-C end the process some seconds later, should it not end by itself.

    An exception that a destructor raises is lost, and DuckDB may then wait for ever, in its
    own code, for a database that was not closed to its end. No other Ctrl-C reaches it
    there; a load that is killed loses nothing.
    """
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler:
        # Ignored, as a script starts what runs in the background, or somebody else's.
        yield
        return

    def stop(number: int, frame: object) -> None:
        signal.alarm(seconds)  # by default, its end ends the process
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGINT, before)


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
    roster.add_argument("--full-read", action="store_true", help="ask for everything")
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
    pages.add_argument(
        "--retire",
        action="append",
        metavar="ID",
        help="close the history of a page that is read no longer (repeatable)",
    )
    pages.set_defaults(steps=_autorosters_steps)
    for each in (roster, pages):
        each.add_argument(
            "--accept-fields",
            action="store_true",
            help="expect no other fields from now on than those that come",
        )
        each.add_argument(
            "--reload-unchanged",
            action="store_true",
            help="write what did not change, too",
        )
        each.add_argument(
            "--ask-again",
            action="store_true",
            help="ask for what an interrupted read was answered already, too",
        )
    for capture in CAPTURES.values():
        sending = sources.add_parser(
            capture.name, help=f"send the {capture.noun}s in the outbox"
        )
        sending.set_defaults(steps=_outbox_steps, capture=capture)
    return parser


Steps = Mapping[str, Callable[[], AbstractContextManager[Any]]]


def _roster_steps(options: argparse.Namespace, warehouse: Warehouse) -> Steps:
    unknown = [name for name in options.resources if name not in BY_NAME]
    if unknown:
        raise IngestError(
            f"Roster has no resource {', '.join(unknown)}. Choose from: "
            f"{', '.join(BY_NAME)}."
        )
    settings = roster_settings()
    # An optional endpoint without a path is not configured.
    names = _enabled(
        "roster",
        options.resources or [e.name for e in ENDPOINTS if path_of(e, settings)],
        warehouse,
        by_name=bool(options.resources),
    )
    return {
        name: partial(
            load_endpoint,
            name,
            warehouse=warehouse,
            full_read=options.full_read,
            confirm_drops=options.confirm_drops,
            accept_fields=options.accept_fields,
            reload_unchanged=options.reload_unchanged,
            ask_again=options.ask_again,
        )
        for name in names
    }


def _autorosters_steps(options: argparse.Namespace, warehouse: Warehouse) -> Steps:
    if options.retire:
        _retire(page_ids(options.retire), warehouse)
        return {}
    kinds = _enabled(
        "autorosters", ("pages", "page_users"), warehouse, by_name=bool(options.page)
    )
    if not kinds:
        return {}
    pages = page_ids(options.page or ()) or autorosters_settings().configured_page_ids()
    if not pages:
        raise IngestError(
            "No roster page is configured. Name one with --page, or list page ids in "
            f"{SETTING}."
        )
    if options.user:
        if len(pages) != 1:
            raise IngestError("--user needs exactly one --page.")
        return {"user": lambda: load_user(pages[0], options.user, warehouse=warehouse)}
    if not options.page:
        gone, held_back = pages_to_retire(pages, warehouse)
        _retire(gone, warehouse)
        if held_back:
            print(held_back)
    loads = {"pages": load_pages, "page_users": load_page_users}
    return {
        kind: partial(
            loads[kind],
            pages,
            warehouse=warehouse,
            confirm_drops=options.confirm_drops,
            accept_fields=options.accept_fields,
            reload_unchanged=options.reload_unchanged,
            ask_again=options.ask_again,
        )
        for kind in kinds
    }


def _retire(pages: Sequence[str], warehouse: Warehouse) -> None:
    if not pages:
        return
    purge = warehouse.settings.retired_pages == "purge"
    retire_pages(pages, warehouse=warehouse, purge=purge)
    for page in pages:
        print(f"retired, as it is no longer configured: roster page {page}")


def _outbox_steps(options: argparse.Namespace, warehouse: Warehouse) -> Steps:
    # By name: it needs the public token alone, and only where something waits.
    capture = options.capture
    if not _enabled("roster", (capture.name,), warehouse, by_name=True):
        return {}
    return {capture.name: lambda: load_outbox(capture, warehouse=warehouse)}


def _enabled(
    source: str, names: Sequence[str], warehouse: Warehouse, *, by_name: bool
) -> list[str]:
    """Return the endpoints to read; say in a line which are off, and why.

    What was asked for by name is read without credentials, too, and fails for it.
    """
    if not by_name and (off := why_off(source, None, warehouse)):
        print(f"{source}: {off}")
        return []
    off_names = [name for name in names if why_switched_off(source, name)]
    if off_names:
        print(f"{', '.join(off_names)}: {why_switched_off(source, off_names[0])}")
    return [name for name in names if name not in off_names]


def _run(
    source: str, name: str, load: Callable[[], AbstractContextManager[Any]]
) -> bool:
    """Load; return whether all that marts cannot do without came."""
    try:
        with load() as loaded:
            report = loaded.report
            tables = ", ".join(
                f"{table} {rows:,}"
                for table, rows in sorted(loaded.row_counts.items())
                if not table.startswith("_")
            )
            unchanged = getattr(report, "unchanged", None)
            same = f" ({len(unchanged)} pages are as they were)" if unchanged else ""
            print(
                f"{name}: read {report.rows:,} rows{same}; now in the warehouse: {tables}"
            )
            for drift in report.drifts:
                print(f"  drift: {drift}")
            lacks_fields = any(drift.severity == "error" for drift in report.drifts)
            if lacks_fields:
                print(f"  {where_to_declare(source)}")
            failed = getattr(report, "failed", None)
            if failed:
                print(f"  {len(failed)} pages failed:\n{report.failure_summary()}")
            if report.outcome is Outcome.INCOMPLETE:
                print(
                    f"{name}: the read is incomplete: {report.proof}", file=sys.stderr
                )
                return False
            return not (failed or lacks_fields)
    except IngestError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return False


class _WithoutPandas(MetaPathFinder):
    """Lets pandas look as if it were not installed.

    Arrow and DuckDB import it where it is, in a quarter of a second, and nothing here
    makes a data frame.
    """

    def find_spec(self, fullname: str, *_: Any) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError(fullname, name=fullname)


if __name__ == "__main__":
    sys.meta_path.insert(0, _WithoutPandas())
    sys.exit(main())
