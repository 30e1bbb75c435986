"""Processes forked from one that has imported dbt and the platform already.

Imports are most of a small build, and of a small load. What is forked is a process of its
own all the same, with its own environment, and can be killed.
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from tests.deployment import ROOT

_PROJECT = str(ROOT / "dbt_project")

forks = multiprocessing.get_context("forkserver")
forks.set_forkserver_preload(
    [
        "dbt.adapters.duckdb",
        "dbt.cli.main",
        "roster_platform.ingest.autorosters.source",
        "roster_platform.ingest.publish",
        "roster_platform.ingest.roster.source",
    ]
)


def start_dbt(
    command: str,
    *arguments: str,
    folder: Path,
    environment: Mapping[str, str],
    output: str = os.devnull,
) -> ForkServerProcess:
    """Start a command of dbt whose target and logs are in ``folder``/dbt."""
    place = str(folder / "dbt")
    process = forks.Process(
        target=_dbt,
        args=(
            [
                *("--no-use-colors", command, "--no-write-json", *arguments),
                *("--project-dir", _PROJECT, "--profiles-dir", _PROJECT),
                *("--target-path", place, "--log-path", place),
            ],
            dict(environment),
            output,
        ),
    )
    process.start()
    return process


def run_dbt(
    command: str, *arguments: str, folder: Path, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run a command of dbt to its end."""
    with tempfile.NamedTemporaryFile() as output:
        process = start_dbt(
            command,
            *arguments,
            folder=folder,
            environment=environment,
            output=output.name,
        )
        process.join()
        said = Path(output.name).read_text()
    return subprocess.CompletedProcess([command], process.exitcode or 0, stdout=said)


def _dbt(arguments: list[str], environment: dict[str, str], output: str) -> None:
    from dbt.cli.main import cli

    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    os.chdir(ROOT)
    descriptor = os.open(output, os.O_WRONLY | os.O_CREAT)
    for standard in (sys.stdout, sys.stderr):
        os.dup2(descriptor, standard.fileno())
    cli(args=arguments, prog_name="dbt")
