"""`dagster dev` that says where it is, and ends with whatever started it.

    python -m roster_platform.dagster_dev [arguments of dagster dev]

Dagster's own command starts its web server, daemon and code servers as processes that stay
when it is ended by anything but Ctrl-C, such as a terminal that is closed. It also begins
with two warnings about this repository that nobody can act on.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

_SERVING = re.compile(r"Serving dagster-webserver on (?P<url>http://\S+)")
_DAEMON_RUNS = "Instance is configured with the following daemons"
_NOT_FOR_PEOPLE = "Found a dagster instance configuration value"
_SUPERSEDED = "ignore:Function `dev_command` is superseded"
_STOPPING_SECONDS = 30
_SERVING_SECONDS = 60


def main() -> int:
    """Run `dagster dev`, its log on the screen, until it is stopped."""

    def ready(url: str) -> None:
        print(f"\nDagster is ready: {url} (Ctrl-C stops it)", flush=True)

    with stopped_by_signals():
        return run(sys.argv[1:], os.environ, show=_show, ready=ready)


def run(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    *,
    show: Callable[[str], object],
    ready: Callable[[str], None],
    folder: Path | None = None,
) -> int:
    """Run `dagster dev` until it ends, or a KeyboardInterrupt; returns the status.

    ``show`` gets each line of its log, ``ready`` the address once everything runs. No
    process that it started is left.
    """
    filters = (environment.get("PYTHONWARNINGS"), _SUPERSEDED)
    process = subprocess.Popen(
        [sys.executable, "-m", "dagster", "dev", *arguments],
        cwd=folder,
        env={
            **environment,
            "PYTHONUNBUFFERED": "1",
            "PYTHONWARNINGS": ",".join(filter(None, filters)),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        # A group of its own, which can be ended as a whole.
        start_new_session=True,
    )
    try:
        url, daemon_runs, is_ready = None, False, False
        for line in process.stdout or ():
            if _NOT_FOR_PEOPLE in line:
                continue
            show(line)
            if serving := _SERVING.search(line):
                url = serving["url"]
            daemon_runs |= _DAEMON_RUNS in line
            if url and daemon_runs and not is_ready:
                # It says where it will serve a moment before it does.
                _wait_for(url, process)
                is_ready = True
                ready(url)
        return process.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        _end(process)


def _wait_for(url: str, process: subprocess.Popen[str]) -> None:
    """Return when a server answers at an address, its process has ended, or late."""
    address = urlsplit(url)
    deadline = time.monotonic() + _SERVING_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with (
            suppress(OSError),
            socket.create_connection(
                (address.hostname or "", address.port or 80), timeout=5
            ),
        ):
            return
        time.sleep(0.1)


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Make SIGTERM and a closed terminal (SIGHUP) stop what runs, as Ctrl-C does."""

    def stop(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    # What starts us may ignore SIGINT, as scripts do, and Dagster would inherit that.
    stopping = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, stop) for number in stopping}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(process: subprocess.Popen[str]) -> None:
    """End a process and all of its group; first as Ctrl-C does."""
    # Nobody may be left to stop the stopping.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    if process.stdout:
        process.stdout.close()
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_STOPPING_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _show(line: str) -> None:
    sys.stdout.write(line)
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
