"""A checkout as a newcomer has it, in which shell commands run word by word.

Its ``.venv/bin`` has the programs that documents name. Each hands its words to this
process, which forks the command from one that has imported the platform (tests/forks.py):
what a command does is the same, and most of it costs an interpreter's start otherwise.
With ``--long`` they are the real programs.
"""

from __future__ import annotations

import json
import os
import shutil
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.deployment import ROOT, Deployment
from tests.forks import run_module

_SOMEBODY = 1001
_MODULES = {
    "dagster": "dagster",
    "dlt": "dlt",
    "roster-platform": "roster_platform.cli",
}
_PROGRAM = """\
#!{python} -ISE
import json, os, socket, sys
name, words = os.path.basename(sys.argv[0]), sys.argv[1:]
if name == "python" and words[:1] != ["-m"]:
    os.execv({python!r}, [{python!r}, *words])
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    asked = {{"name": name, "words": words, "cwd": os.getcwd(), "env": dict(os.environ)}}
    server.sendall(json.dumps(asked).encode() + b"\\n")
    answer = json.loads(server.makefile().read())
sys.stdout.write(answer["output"])
sys.exit(answer["status"])
"""


class Checkout:
    """A folder with what git tracks, installed; ``environment`` is what a shell has."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self.environment = {
            **os.environ,
            **environment,
            "PATH": f"{folder / '.venv' / 'bin'}:{os.environ['PATH']}",
        }

    def run(self, commands: str) -> subprocess.CompletedProcess[str]:
        """Run lines of a shell, which ends at the first that fails."""
        return subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", commands],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


@contextmanager
def clone(folder: Path) -> Iterator[Path]:
    """Make a clone as a workflow's container has it: installed, and another user's.

    Git refuses to work there until it is told that the folder is safe. Its files are those
    of the working tree; its times are kept, so that make installs nothing. Its programs
    are answered until the block is left.
    """
    subprocess.run(
        ["git", "clone", "--quiet", "--no-checkout", str(ROOT), str(folder)], check=True
    )
    tracked = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\0")
    for name in filter(None, tracked):
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    shutil.copytree(ROOT / "dbt_project" / "target", folder / "dbt_project" / "target")
    with _programs(folder):
        if os.geteuid() == 0:
            for path in (folder, *folder.rglob("*")):
                os.chown(path, _SOMEBODY, _SOMEBODY, follow_symlinks=False)
        yield folder


@contextmanager
def checkout(folder: Path, environment: Mapping[str, str]) -> Iterator[Checkout]:
    """Make a checkout, and answer its programs until the block is left."""
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\n")
    for name in {path.partition("/")[0] for path in tracked} - {"", ".dlt"}:
        (folder / name).symlink_to(ROOT / name)
    (folder / ".dlt").mkdir()
    for path in (ROOT / ".dlt").iterdir():
        if f".dlt/{path.name}" in tracked:
            (folder / ".dlt" / path.name).write_text(path.read_text())
    with _programs(folder):
        yield Checkout(folder, environment)


@contextmanager
def _programs(folder: Path) -> Iterator[None]:
    """Make ``.venv``."""
    if Deployment.starts_interpreters:
        (folder / ".venv").symlink_to(ROOT / ".venv")
        yield
        return
    # A socket's path has at most about 100 characters.
    address = f"/tmp/roster-checkout-{os.getpid()}.sock"
    programs = folder / ".venv" / "bin"
    programs.mkdir(parents=True)
    for marker in (ROOT / ".venv").glob(".installed*"):
        (folder / ".venv" / marker.name).touch()
    (programs / "uv").touch()
    (programs / "activate").write_text("")
    for name in ("python", *_MODULES):
        program = programs / name
        program.write_text(_PROGRAM.format(python=sys.executable, address=address))
        program.chmod(0o755)
    Path(address).unlink(missing_ok=True)
    with socketserver.UnixStreamServer(address, _Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()
            Path(address).unlink()


class _Answer(socketserver.StreamRequestHandler):
    """Runs one command, and returns its output and status."""

    def handle(self) -> None:
        asked = json.loads(self.rfile.readline())
        words = asked["words"]
        command = words[1:] if asked["name"] == "python" else [None, *words]
        command[0] = command[0] or _MODULES[asked["name"]]
        done = run_module(*command, environment=asked["env"], folder=asked["cwd"])
        answer = {"output": done.stdout, "status": done.returncode}
        self.wfile.write(json.dumps(answer).encode())
