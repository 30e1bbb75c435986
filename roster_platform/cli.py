"""The command ``roster-platform``.

    roster-platform doctor        # is this installation well, and if not, what to do?
    roster-platform dbt build     # dbt on the configured destination, profile and all
    roster-platform move --to postgres    # the history to another destination

Loading and building are Dagster's commands, and ``python -m roster_platform.ingest``.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status: 1 when something has to be done."""
    parser = argparse.ArgumentParser(prog="roster-platform")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser(
        "doctor",
        help="check configuration, tokens, database, disk, versions and pending work",
    )
    dbt = commands.add_parser("dbt", help="dbt on the configured destination")
    dbt.add_argument("arguments", nargs=argparse.REMAINDER, help="dbt's own arguments")
    move = commands.add_parser(
        "move", help="copy what cannot be fetched again to another destination"
    )
    move.add_argument("--to", required=True, help="the new destination's name")
    options = parser.parse_args(arguments)
    if options.command == "move":
        return _move(options.to)
    return _doctor() if options.command == "doctor" else _dbt(options.arguments)


def _dbt(arguments: Sequence[str]) -> int:
    from roster_platform import dbt_process
    from roster_platform.ingest.errors import IngestError
    from roster_platform.ingest.warehouse import Warehouse

    project = Path(__file__).parents[1] / "dbt_project"
    places = ("--project-dir", str(project), "--profiles-dir", str(project))
    command = [sys.executable, "-m", dbt_process.__name__, *arguments, *places]
    try:
        warehouse = Warehouse.from_settings()
        environment = {**os.environ, **warehouse.dbt_environment()}
        target = str(warehouse.dbt_path)
        with warehouse.writing():
            return subprocess.run(
                [*command, "--target-path", target, "--log-path", target],
                env=environment,
                check=False,
            ).returncode
    except IngestError as error:
        print(error, file=sys.stderr)
        return 1


def _move(to: str) -> int:
    from roster_platform.ingest.errors import IngestError
    from roster_platform.ingest.move import move

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


def _doctor() -> int:
    from roster_platform.doctor import diagnose

    console = Console()
    signs = {"ok": "[green]✓[/]", "note": "[yellow]![/]", "problem": "[red]✗[/]"}
    table = Table.grid(padding=(0, 2))
    problems = 0
    for finding in diagnose():
        problems += finding.state == "problem"
        table.add_row(signs[finding.state], finding.subject, Text(finding.what))
    console.print(table)
    console.print(f"{problems} problem(s)" if problems else "Nothing has to be done.")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
