"""Where this process's children can be reached."""

from __future__ import annotations

import psutil


def listening() -> set[str]:
    """The addresses at which they listen for TCP."""
    return {
        connection.laddr.ip
        for process in psutil.Process().children(recursive=True)
        for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    }
