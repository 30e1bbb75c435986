"""The states of this repository that were released before, run from git.

They run with today's packages. Each is found by the subject of its last commit, which stays
when history is written anew; its hash does not.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.deployment import ROOT, Deployment

WITH_SNAPSHOTS = "Give the daemon test more patience on a busy machine"
"""dbt snapshots keep the history of roster pages."""
WITH_LAKES = (
    "Load for the benchmarks of builds in one place, and read a case's size once"
)
"""As before, and on other destinations, too."""
WITH_VERSIONS = (
    "End a load that lost its Ctrl-C, and wait for no force in the test of it"
)
"""Every version of every record is kept, and reads are logged."""
RELEASES = (WITH_SNAPSHOTS, WITH_LAKES, WITH_VERSIONS)


def _git(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True)


def unpack(subject: str, folder: Path) -> Path:
    """Unpack a release into a folder; returns it. Skips where there is no history."""
    if not (ROOT / ".git").exists():
        pytest.skip("This is no clone, so it has no earlier release.")
    found = _git("log", "--format=%H", "--fixed-strings", f"--grep={subject}", "-1")
    commit = found.stdout.decode().strip()
    if not commit:
        shallow = _git("rev-parse", "--is-shallow-repository").stdout.strip()
        commits = int(_git("rev-list", "--count", "HEAD").stdout)
        if shallow == b"true" or commits == 1:
            pytest.skip(
                "This clone has no history; `git fetch --unshallow` fetches it."
            )
        pytest.fail(f"No commit has the subject {subject!r}.")
    archive = io.BytesIO(_git("archive", commit).stdout)
    with tarfile.open(fileobj=archive) as files:
        files.extractall(folder, filter="data")
    return folder


def run_release(deployment: Deployment, release: Path, *command: str) -> str:
    """Run ``python -m <command>`` of a release; returns what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=release,
        # Before what is installed, also for the dbt that it starts.
        env={**deployment.environment, "PYTHONPATH": str(release)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-5000:]
    return done.stdout
