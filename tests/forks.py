"""Processes forked from one that has imported the platform already.

Imports are most of a small command, and of a small build. What is forked is a process of
its own all the same, with its own environment, and can be killed. With ``--long`` the
commands of a deployment start an interpreter each (see tests/deployment.py).
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from roster_platform import dbt_process
from tests.dbt_server import dbt_client

ROOT = Path(__file__).parents[1]
_PROJECT = str(ROOT / "dbt_project")
_STARTS_DBT = ("dagster", "roster_platform.cli")

forks = multiprocessing.get_context("forkserver")
forks.set_forkserver_preload(["tests.preloaded"])


def run_module(
    *command: str, environment: Mapping[str, str], folder: str | Path = ROOT
) -> subprocess.CompletedProcess[str]:
    """Run ``python -m <command>`` in a folder, by default the project's, to its end."""
    return _run(_module, list(command), environment, folder)


def start_module(
    *command: str, environment: Mapping[str, str], output: str = os.devnull
) -> ForkServerProcess:
    """Start ``python -m <command>`` in the project's folder."""
    return _start(_module, command, environment, output)


def run_function(
    does: Callable[[list[str]], Any], *words: str, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run a module's function, which takes the words as a list and may print."""
    return _run(does, list(words), environment)


def start_dbt(
    command: str,
    *arguments: str,
    folder: Path,
    environment: Mapping[str, str],
    output: str = os.devnull,
) -> ForkServerProcess:
    """Start a command of dbt whose target and logs are in ``folder``/dbt."""
    words = _dbt_words(command, *arguments, folder=folder)
    return _start(_dbt, words, environment, output)


def run_dbt(
    command: str, *arguments: str, folder: Path, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run a command of dbt to its end."""
    words = _dbt_words(command, *arguments, folder=folder)
    return _run(_dbt, words, environment)


def _dbt_words(command: str, *arguments: str, folder: Path) -> list[str]:
    place = folder / "dbt"
    return [
        *("--no-use-colors", command, "--no-write-json", *arguments),
        *("--project-dir", _PROJECT, "--profiles-dir", _PROJECT),
        *("--target-path", str(place), "--log-path", str(place)),
    ]


def _run(
    does: Callable[[list[str]], Any],
    words: Sequence[str],
    environment: Mapping[str, str],
    folder: str | Path = ROOT,
) -> subprocess.CompletedProcess[str]:
    with tempfile.NamedTemporaryFile() as output:
        process = _start(does, words, environment, output.name, folder)
        process.join()
        said = Path(output.name).read_text()
    return subprocess.CompletedProcess(list(words), process.exitcode or 0, stdout=said)


def _start(
    does: Callable[[list[str]], Any],
    words: Sequence[str],
    environment: Mapping[str, str],
    output: str,
    folder: str | Path = ROOT,
) -> ForkServerProcess:
    client = dbt_client(os.getpid()) if words and words[0] in _STARTS_DBT else None
    process = forks.Process(
        target=_forked,
        args=(does, list(words), dict(environment), output, str(folder), client),
    )
    process.start()
    return process


def _forked(
    does: Callable[[list[str]], Any],
    words: list[str],
    environment: dict[str, str],
    output: str,
    folder: str,
    client: str | None,
) -> None:
    """Do it as a program: with this environment and folder, and its output in a file."""
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    os.chdir(folder)
    descriptor = os.open(output, os.O_WRONLY | os.O_CREAT)
    for standard in (sys.stdout, sys.stderr):
        os.dup2(descriptor, standard.fileno())
    if client:
        dbt_process.EXECUTABLE = client
    try:
        does(words)
    finally:
        # A process of multiprocessing leaves out what a program does at its end.
        atexit._run_exitfuncs()


def _module(words: list[str]) -> None:
    sys.argv = words
    if not hasattr(sys.modules.get(words[0]), "__path__"):
        # Imported ahead; it is run anew.
        sys.modules.pop(words[0], None)
    runpy.run_module(words[0], run_name="__main__", alter_sys=True)


def _dbt(words: list[str]) -> None:
    # Imports dbt, which only the forked processes have imported.
    from dbt.cli.main import dbtRunner

    from tests.parsed import parsed_manifest

    # As the platform does for its dbt.
    os.environ.setdefault("ROSTER_PLATFORM__HASH_PII", "false")
    done = dbtRunner(manifest=parsed_manifest()).invoke(words)
    if done.exception:
        print(done.exception)
    sys.exit(0 if done.success else 1)
