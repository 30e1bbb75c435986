"""Names of programs that hold a file open: Linux shows the locks of all processes."""

from __future__ import annotations

import os
from pathlib import Path

_LOCKS = Path("/proc/locks")


def holder_of(path: Path) -> str | None:
    """Return the program, by name and process id, that has locked a file; None for none.

    Where the system keeps no such list, nobody is known to hold it.
    """
    try:
        inode = path.stat().st_ino
        lines = _LOCKS.read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        # 1: POSIX  ADVISORY  WRITE 1234 08:01:5678 0 EOF, "->" before one that waits.
        words = line.replace("-> ", "").split()
        if len(words) < 6 or words[1] != "POSIX" or not words[4].isdecimal():
            continue
        if words[5].rpartition(":")[2] == str(inode) and int(words[4]) != os.getpid():
            return f"{_name_of(words[4])} (PID {words[4]})"
    return None


def _name_of(process: str) -> str:
    try:
        return Path(f"/proc/{process}/comm").read_text().strip()
    except OSError:
        return "another program"
