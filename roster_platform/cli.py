"""The command ``roster-platform``.

    roster-platform doctor    # is this installation well, and if not, what is to be done?

Loading and building are Dagster's commands, and ``python -m roster_platform.ingest``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

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
    parser.parse_args(arguments)
    return _doctor()


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
