"""A sandbox for tests and benchmarks: a real server in a process of its own.

with running_sandbox(orders=500, pages=3, members=8) as sandbox:
    os.environ.update(sandbox.environment)
    sandbox.advance(1)
    sandbox.get("/admin/oracle/orders")
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

_ROOT = Path(__file__).parents[2]
_READY = "sandbox ready at "
_STOP_SECONDS = 10


class SandboxError(Exception):
    """The sandbox did not start, or refused an admin request."""


@dataclass(frozen=True)
class Sandbox:
    """A running sandbox."""

    url: str
    environment: dict[str, str]
    process: subprocess.Popen[str]

    def advance(self, days: int = 1) -> dict[str, Any]:
        """Live some days more."""
        return advance(self.url, days)

    def get(self, path: str) -> Any:
        """The JSON of an admin path, e.g. ``/admin/state`` or ``state``."""
        return _call(self.url, "GET", path)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """Send JSON to an admin path."""
        return _call(self.url, "POST", path, body)

    def delete(self, path: str) -> Any:
        """Delete what an admin path holds, e.g. ``/admin/faults``."""
        return _call(self.url, "DELETE", path)

    def fault(self, match: str, **details: Any) -> Any:
        """Put a failure in the way of requests; see ``gate.Fault``."""
        return self.post("/admin/faults", {"match": match, **details})


def advance(url: str, days: int) -> dict[str, Any]:
    """Live some days more in the sandbox at ``url``; returns its date and counts."""
    return _call(url, "POST", "/admin/advance", {"days": days})


@contextmanager
def running_sandbox(**options: Any) -> Iterator[Sandbox]:
    """Start a sandbox on a free port; options are the command's, with underscores.

    ``contacts=False`` becomes ``--no-contacts``, ``as_of`` may be a date. Raises
    SandboxError with the server's own words when it does not start.
    """
    with tempfile.TemporaryFile("w+") as errors:
        process = _start(options, errors)
        try:
            url = _wait_until_ready(process, errors)
            yield Sandbox(url, _call(url, "GET", "environment"), process)
        finally:
            _stop(process)


def _start(options: dict[str, Any], errors: IO[str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "roster_platform.sandbox", "serve"]
    command.append("--exit-with-parent")
    for name, value in options.items():
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            command.append(f"--{flag}" if value else f"--no-{flag}")
        elif value is not None:
            command += [f"--{flag}", str(value)]
    path = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=errors,
        stdin=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )


def _wait_until_ready(process: subprocess.Popen[str], errors: IO[str]) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(_READY):
            return line.removeprefix(_READY).strip()
    process.wait(_STOP_SECONDS)
    errors.seek(0)
    raise SandboxError(f"The sandbox did not start:\n{errors.read()[-4000:]}")


def _stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _call(url: str, method: str, path: str, body: Any = None) -> Any:
    path = path if path.startswith("/") else f"/admin/{path}"
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url + path, data, method=method)
    # A proxy of the environment must not see, or stop, what stays on this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=300) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        text = error.read().decode(errors="replace")[:500]
        raise SandboxError(f"{method} {path} answered {error.code}: {text}") from None
