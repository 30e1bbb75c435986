"""The command ``roster-platform``.

    roster-platform doctor        # what is wrong with this installation, and what to do
    roster-platform calibrate     # the vendor's OpenAPI document, into mappings/<name>.yaml
    roster-platform probe         # what the APIs send, into mappings/<name>.yaml
    roster-platform dbt build     # dbt on the configured destination, profile and all
    roster-platform reads         # how the last read of each endpoint and page ended
    roster-platform repair        # find what was dropped by hand, or left behind
    roster-platform upgrade --check    # what this version changes in an older warehouse
    roster-platform publish       # the marts as files, and the report, for people
    roster-platform dashboard     # the dashboard over these files
    roster-platform digest        # the weekly digest as it would be sent; --send sends it
    roster-platform move --to postgres    # the history to another destination
    roster-platform show          # a browser of the raw data (dlt's dashboard)

Loading and building are Dagster's commands, and ``python -m roster_platform.ingest``.
"""

from __future__ import annotations

import argparse
import logging
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from roster_platform.doctor.finding import Finding


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status: 1 when something has to be done."""
    parser = argparse.ArgumentParser(prog="roster-platform")
    commands = parser.add_subparsers(dest="command", required=True)
    doctor = commands.add_parser(
        "doctor",
        help="check configuration, tokens, database, disk, versions and pending work",
    )
    doctor.add_argument(
        "--check-mappings",
        action="store_true",
        help="probe the APIs as well (`probe --check`), which takes minutes",
    )
    probe = commands.add_parser(
        "probe",
        help="find out what an API sends, read only, and write mappings/<name>.yaml",
    )
    probe.add_argument("source", nargs="?", choices=("roster", "autorosters"))
    probe.add_argument(
        "--check",
        action="store_true",
        help="write nothing; exit with 1 when the mapping in use does not fit",
    )
    probe.add_argument(
        "--save-shapes",
        type=Path,
        metavar="FILE",
        help="write names and types, without a single value, for a bug report",
    )
    calibrate = commands.add_parser(
        "calibrate",
        help="compare the vendor's OpenAPI document, and write mappings/<name>.yaml",
    )
    calibrate.add_argument("source", nargs="?", choices=("roster", "autorosters"))
    calibrate.add_argument(
        "--openapi",
        type=Path,
        metavar="FILE",
        required=True,
        help="an OpenAPI 3.0 or 3.1 document, JSON or YAML",
    )
    dbt = commands.add_parser("dbt", help="dbt on the configured destination")
    dbt.add_argument("arguments", nargs=argparse.REMAINDER, help="dbt's own arguments")
    commands.add_parser(
        "reads",
        help="list how the last reads ended; exits with 1 when one is not complete",
    )
    commands.add_parser(
        "publish", help="copy the marts to data/published and write the report"
    )
    dashboard = commands.add_parser(
        "dashboard", help="open the dashboard over data/published"
    )
    dashboard.add_argument("--host", default="127.0.0.1", help="address to listen on")
    dashboard.add_argument("--port", type=int, help="port to listen on")
    dashboard.add_argument(
        "--headless", action="store_true", help="serve it without opening a browser"
    )
    digest = commands.add_parser(
        "digest", help="show the digest of the last full week (sends nothing)"
    )
    digest.add_argument(
        "--send", action="store_true", help="send it to the channels, nothing twice"
    )
    digest.add_argument(
        "--again",
        action="store_true",
        help="with --send: send once more what may not have arrived",
    )
    commands.add_parser(
        "repair", help="say what the storage lacks, and remove what was left behind"
    )
    upgrade = commands.add_parser(
        "upgrade", help="upgrade what an older version left and no load or build does"
    )
    upgrade.add_argument(
        "--check",
        action="store_true",
        help="only say what will change; exits with 1 when something has to be done",
    )
    move = commands.add_parser(
        "move", help="copy what cannot be fetched again to another destination"
    )
    move.add_argument("--to", required=True, help="the new destination's name")
    show = commands.add_parser("show", help="open a browser of the raw data")
    show.add_argument(
        "source", nargs="?", choices=("roster", "autorosters"), default="roster"
    )
    show.add_argument("--port", type=int, help="the port to listen on")
    show.add_argument(
        "--headless", action="store_true", help="serve it without opening a browser"
    )
    options = parser.parse_args(arguments)
    if options.command == "probe":
        return _probe(options)
    if options.command == "calibrate":
        return _calibrate(options)
    if options.command == "move":
        return _move(options.to)
    if options.command == "show":
        return _show(options)
    if options.command == "publish":
        return _publish()
    if options.command == "digest":
        return _digest(options)
    if options.command == "dashboard":
        return _dashboard(options)
    if options.command == "repair":
        return _repair()
    if options.command == "upgrade":
        return _check_upgrade() if options.check else _upgrade()
    if options.command == "reads":
        return _reads()
    if options.command == "doctor":
        return _doctor(check_mappings=options.check_mappings)
    return _dbt(options.arguments)


def _dbt(arguments: Sequence[str]) -> int:
    from roster_platform import dbt_process
    from roster_platform.dbt.environment import dbt_environment
    from roster_platform.dbt.parsed import forget_other_parse, is_of_another_version
    from roster_platform.errors import IngestError
    from roster_platform.ingest.autorosters import take_over_history
    from roster_platform.warehouse.warehouse import Warehouse

    project = Path(__file__).parents[1] / "dbt_project"
    places = ("--project-dir", str(project), "--profiles-dir", str(project))
    command = [dbt_process.EXECUTABLE, *arguments, *places]
    try:
        warehouse = Warehouse.from_settings()
        environment = {**os.environ, **dbt_environment(warehouse)}
        target = str(warehouse.dbt_path)
        if is_of_another_version(warehouse.dbt_path, project):
            take_over_history(warehouse)
        with warehouse.writing():
            forget_other_parse(warehouse.dbt_path, project)
            return subprocess.run(
                [*command, "--target-path", target, "--log-path", target],
                env=environment,
                check=False,
            ).returncode
    except IngestError as error:
        print(error, file=sys.stderr)
        return 1


def _probe(options: argparse.Namespace) -> int:
    from roster_platform.errors import IngestError
    from roster_platform.ingest.off import missing_credentials
    from roster_platform.ingest.probe import SOURCES, probe

    sources = [options.source] if options.source else list(SOURCES)
    if options.save_shapes and len(sources) > 1:
        print("Name the API whose shapes are to be saved.", file=sys.stderr)
        return 2
    fits = True
    for source in sources:
        try:
            if not options.source and (missing := missing_credentials(source)):
                print(f"{source}: not asked. {missing}")
                continue
            fits &= probe(source, check=options.check, save_shapes=options.save_shapes)
        except IngestError as error:
            print(f"{source}: {error}", file=sys.stderr)
            fits = False
    return 0 if fits else 1


def _calibrate(options: argparse.Namespace) -> int:
    from roster_platform.errors import IngestError
    from roster_platform.ingest.openapi import calibrate

    try:
        calibrate(options.openapi, options.source)
    except IngestError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _move(to: str) -> int:
    from roster_platform.errors import IngestError
    from roster_platform.warehouse.migrate import move

    try:
        rows = move(to)
    except IngestError as error:
        print(error, file=sys.stderr)
        return 1
    print(
        f"{len(rows)} tables with {sum(rows.values()):,} rows are in {to} now, compared "
        f"row by row. Set ROSTER_PLATFORM__DESTINATION={to}, then run "
        "`roster-platform dbt build`."
    )
    return 0


def _repair() -> int:
    from roster_platform.errors import IngestError
    from roster_platform.ingest.repair import repair
    from roster_platform.warehouse.warehouse import Warehouse

    logging.basicConfig(level=logging.ERROR, format="%(message)s")
    found = 0
    try:
        for sentence in repair(Warehouse.from_settings()):
            found += 1
            print(sentence)
    except IngestError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{found} found." if found else "Nothing has to be repaired.")
    return 0


def _upgrade() -> int:
    from roster_platform.errors import IngestError
    from roster_platform.upgrade import upgrade

    logging.basicConfig(level=logging.ERROR, format="%(message)s")
    try:
        done = list(upgrade())
    except IngestError as error:
        print(error, file=sys.stderr)
        return 1
    print("\n".join(done) or "Nothing has to be done by hand.")
    return 0


def _check_upgrade() -> int:
    from roster_platform.upgrade import check

    logging.basicConfig(level=logging.ERROR, format="%(message)s")
    return _print_findings(check())


def _reads() -> int:
    from roster_platform.errors import IngestError
    from roster_platform.ingest.reading.shown import show_reads
    from roster_platform.warehouse.warehouse import Warehouse

    try:
        return 1 if show_reads(Warehouse.from_settings()) else 0
    except IngestError as error:
        print(error, file=sys.stderr)
        return 1


def _publish() -> int:
    from roster_platform.dashboard.queries import NothingPublishedError
    from roster_platform.dashboard.report import write_report
    from roster_platform.errors import IngestError
    from roster_platform.publish.marts import publish_marts
    from roster_platform.warehouse.warehouse import Warehouse

    try:
        warehouse = Warehouse.from_settings()
        publication = publish_marts(warehouse, even_without_reads=False)
        report, _ = write_report(warehouse.data_path / "published")
    except (IngestError, NothingPublishedError) as error:
        print(error, file=sys.stderr)
        return 1
    rows = sum(publication.rows.values())
    print(
        f"{len(publication.rows)} tables with {rows:,} rows are in "
        f"{publication.database.parent}, and the report is {report}."
    )
    return 0


def _digest(options: argparse.Namespace) -> int:
    from roster_platform.dashboard.published import NothingPublishedError
    from roster_platform.digest.send import NOT_CONFIGURED, is_configured, prepare, send
    from roster_platform.errors import IngestError

    if options.again and not options.send:
        print("--again needs --send.", file=sys.stderr)
        return 2
    try:
        if not options.send:
            print(prepare().text)
            if not is_configured():
                print(f"\n{NOT_CONFIGURED}", file=sys.stderr)
            return 0
        week, deliveries = send(again=options.again)
    except (IngestError, NothingPublishedError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"The digest of the week from {week} on:")
    for delivery in deliveries:
        print(delivery)
    return 0 if all(delivery.is_done for delivery in deliveries) else 1


def _dashboard(options: argparse.Namespace) -> int:
    from roster_platform.dashboard.serve import serve
    from roster_platform.errors import IngestError

    try:
        serve(options.host, options.port, headless=options.headless)
    except IngestError as error:
        print(error, file=sys.stderr)
        return 1


def _show(options: argparse.Namespace) -> int:
    from roster_platform.errors import IngestError
    from roster_platform.raw_browser import show

    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        show(options.source, port=options.port, headless=options.headless)
    except IngestError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _doctor(*, check_mappings: bool) -> int:
    from roster_platform.doctor import diagnose

    return _print_findings(diagnose(check_mappings=check_mappings))


def _print_findings(findings: Iterable[Finding]) -> int:
    console = Console()
    signs = {"ok": "[green]✓[/]", "note": "[yellow]![/]", "problem": "[red]✗[/]"}
    table = Table.grid(padding=(0, 2))
    problems = 0
    for finding in findings:
        problems += finding.state == "problem"
        table.add_row(signs[finding.state], finding.subject, Text(finding.what))
    console.print(table)
    console.print(f"{problems} problem(s)" if problems else "Nothing has to be done.")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
