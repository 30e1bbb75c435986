"""dbt as a process that belongs to another: ``roster-platform-dbt``, with dbt's arguments.

Whoever starts dbt holds the right to write, which goes when it dies. So dbt ends then too,
and until it has, nobody opens the warehouse's file.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path

from filelock import FileLock

from roster_platform.child_environment import drop_foreign_dbt
from roster_platform.dbt.overhead import reduce_overhead
from roster_platform.kept import kept_for_good

EXECUTABLE = str(Path(sys.executable).with_name("roster-platform-dbt"))
OWNER = "ROSTER_PLATFORM__DBT_OWNER"
LOCK = "ROSTER_PLATFORM__DBT_LOCK"

_LOOK_SECONDS = 0.2


def main() -> None:
    """Run dbt's command line; the environment names the owner's process and the lock."""
    drop_foreign_dbt(os.environ)
    with ExitStack() as held:
        if lock := os.environ.get(LOCK):
            held.enter_context(FileLock(lock))
        if owner := os.environ.get(OWNER):
            threading.Thread(target=_end_with, args=(int(owner),), daemon=True).start()
        with kept_for_good():
            from dbt.cli.main import cli

            reduce_overhead()

        cli(prog_name="dbt")


def _end_with(owner: int) -> None:
    while os.getppid() == owner:
        time.sleep(_LOOK_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
