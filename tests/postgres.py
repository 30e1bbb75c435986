"""A PostgreSQL server of a test's own, from Debian's packages, on a free loopback port."""

from __future__ import annotations

import getpass
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_PROGRAMS = Path("/usr/lib/postgresql")


@contextmanager
def running_postgres() -> Iterator[str]:
    """Start a server; yields the address of its database ``roster``.

    Skips where PostgreSQL is not installed, except in CI, which installs it.
    """
    found = sorted(_PROGRAMS.glob("*/bin/pg_ctl"))
    if not found:
        if os.environ.get("CI"):
            pytest.fail("PostgreSQL is not installed; .ci/run should have done it.")
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql).")
    programs = found[-1].parent
    # Not in a folder of pytest's, which only the user who runs the tests may enter.
    folder = Path(tempfile.mkdtemp(prefix="roster-postgres-"))
    owner = ()
    if getpass.getuser() == "root":
        # The server refuses to run as root.
        user = pwd.getpwnam("postgres")
        os.chown(folder, user.pw_uid, user.pw_gid)
        owner = ("runuser", "-u", "postgres", "--")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    data = folder / "data"

    def run(program: str, *arguments: str) -> None:
        command = [*owner, str(programs / program), *arguments]
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr

    run("initdb", "-D", str(data), "-A", "trust", "-U", "roster", "--no-sync")
    options = f"-p {port} -k {folder} -c fsync=off -c listen_addresses=127.0.0.1"
    log = str(folder / "log")
    run("pg_ctl", "-D", str(data), "-o", options, "-l", log, "-w", "start")
    try:
        place = ("-h", "127.0.0.1", "-p", str(port), "-U", "roster")
        run("createdb", *place, "roster")
        yield f"postgresql://roster:no-secret@127.0.0.1:{port}/roster"
    finally:
        run("pg_ctl", "-D", str(data), "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)
