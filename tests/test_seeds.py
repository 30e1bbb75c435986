"""The commands of the APIs' own documentation, and those of our notebooks."""

from __future__ import annotations

import inspect
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from roster_platform import raw_browser
from roster_platform.cli import main
from roster_platform.sandbox import running_sandbox
from tests.deployment import ROOT, Deployment
from tests.documents import blocks
from tests.doors import listening

# The browser of the raw data starts slowly while other tests run.
PATIENCE_SECONDS = 240
THE_DOCUMENTED_QUERY = """
import dlt
data = dlt.pipeline("roster_pipeline").dataset()
sessions_df = data.channels.df()
print(sessions_df.head())
"""
RUNNER = "dlt._workspace.helpers.dashboard.runner"


@pytest.fixture(scope="module")
def deployment(tmp_path_factory) -> Iterator[Deployment]:
    with running_sandbox(orders=20, pages=1, members=3) as sandbox:
        made = Deployment(tmp_path_factory.mktemp("seeds"), sandbox.environment)
        done = made.run("roster_platform.ingest", "roster", "channels")
        assert done.returncode == 0, done.stdout
        yield made


def python(
    deployment: Deployment, code: str, cwd: Path
) -> subprocess.CompletedProcess[str]:
    """Run code as a notebook would, in a folder that is not the project's."""
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=cwd,
        env={**deployment.environment, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )


def test_the_documented_query_and_the_notebook_for_analysts_run(
    deployment, tmp_path
) -> None:
    _, *raw = blocks("python", ROOT / "docs" / "analysts.md")
    assert any(".df()" in block.text for block in raw)
    (tmp_path / "data").symlink_to(deployment.folder)
    done = python(
        deployment,
        "\n".join((THE_DOCUMENTED_QUERY, *(block.text for block in raw))),
        tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert "Announcements" in done.stdout


def test_the_raw_data_opens_in_a_browser_once_nobody_writes(deployment) -> None:
    port = 27_000 + (time.time_ns() // 1000) % 1000
    command = ("roster_platform.cli", "show", "--headless", "--port", str(port))
    with FileLock(f"{deployment.folder / 'roster.duckdb'}.lock"):
        shown = deployment.start(*command)
        assert shown.stdout is not None
        assert "is being written by a run" in shown.stdout.readline()
    try:
        page = answer(f"http://{raw_browser.HOST}:{port}/", shown)
        assert "<title>dlt" in page
        assert listening() == {raw_browser.HOST}
    finally:
        shown.send_signal(signal.SIGINT)
        output = shown.communicate(timeout=PATIENCE_SECONDS)[0]
    assert "Traceback" not in output
    assert list((deployment.folder / "show").iterdir()) == []


def answer(url: str, process: subprocess.Popen[str]) -> str:
    """The page at an address, once the process serves it."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url) as response:
                return response.read().decode()
        except OSError:
            time.sleep(0.2)
    raise AssertionError("The browser of raw data did not start.")


def test_what_is_missing_for_the_browser_is_said(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path))
    assert main(["show", "autorosters"]) == 1
    said = capsys.readouterr().err
    assert "`python -m roster_platform.ingest autorosters` first" in said
    monkeypatch.setitem(sys.modules, "ibis", None)
    monkeypatch.delitem(sys.modules, RUNNER)
    assert main(["show"]) == 1
    assert "pip install -c constraints.txt -e '.[dashboard]'" in capsys.readouterr().err


def test_the_private_name_of_dlt_takes_what_is_given() -> None:
    """Fails when dlt moves its dashboard; see roster_platform/raw_browser.py."""
    names = set(inspect.signature(raw_browser.dashboard_runner()).parameters)
    assert {"pipeline_name", "port", "host", "headless"} <= names
