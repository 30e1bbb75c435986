"""`make ui` and `make dev` end all that they started, and say last where Dagster is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

# Dagster's command as far as it matters here: its services are processes of their own that
# it only ends on Ctrl-C, and one of them does not listen even to that.
_DAGSTER = textwrap.dedent(
    """
    import signal, socket, subprocess, sys, warnings

    try:
        deaf = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); "
        service = subprocess.Popen([sys.executable, "-c", deaf + "time.sleep(600)"])
        open("service.pid", "w").write(str(service.pid))
        print("WARNING - Found a dagster instance configuration value (dagster.yaml)")
        warnings.warn("Function `dev_command` is superseded and its usage is discouraged.")
        server = socket.create_server(("127.0.0.1", 0))
        url = "http://127.0.0.1:%d" % server.getsockname()[1]
        open("url", "w").write(url)
        print(f"INFO - Serving dagster-webserver on {url} in process 1")
        print("INFO - Instance is configured with the following daemons: []")
        service.wait()
    except KeyboardInterrupt:
        open("interrupted", "w")
        sys.exit(0)
    """
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "dagster").mkdir()
    (tmp_path / "dagster" / "__init__.py").touch()
    (tmp_path / "dagster" / "__main__.py").write_text(_DAGSTER)
    return tmp_path


def _is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_nothing_is_left_when_it_is_ended(folder, number) -> None:
    # As a script starts it in the background: SIGINT is ignored, and that is inherited.
    with subprocess.Popen(
        [sys.executable, "-m", "roster_platform.dagster_dev"],
        cwd=folder,
        env={**os.environ, "PYTHONWARNINGS": "ignore:something else"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    ) as process:
        assert process.stdout
        lines = []
        while not lines or "Dagster is ready" not in lines[-1]:
            lines.append(process.stdout.readline())
            assert lines[-1], lines
        service = int((folder / "service.pid").read_text())
        assert _is_running(service)
        process.send_signal(number)
        rest = process.stdout.read()
    assert process.returncode == 0, rest
    url = (folder / "url").read_text()
    assert lines[-1] == (f"Dagster is ready: {url} (Ctrl-C stops it)\n")
    assert not any(word in "".join(lines) for word in ("Found a", "superseded"))
    assert (folder / "interrupted").exists()
    deadline = time.monotonic() + 60
    while _is_running(service) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not _is_running(service)
