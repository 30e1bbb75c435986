"""Where this process's children can be reached."""

from __future__ import annotations

from contextlib import suppress

import psutil


def listening() -> set[str]:
    """The addresses at which they listen for TCP."""
    found = set()
    for process in psutil.Process().children(recursive=True):
        # One that has ended meanwhile listens nowhere.
        with suppress(psutil.NoSuchProcess):
            found |= {
                connection.laddr.ip
                for connection in process.net_connections("tcp")
                if connection.status == psutil.CONN_LISTEN
            }
    return found
