"""A Redis server of a test's own, from Debian's package, on a free loopback port."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import redis

_PATIENCE_SECONDS = 30


@contextmanager
def running_redis() -> Iterator[str]:
    """Start a server that stores nothing; yields its address.

    Skips where Redis is not installed, except in CI, which installs it.
    """
    program = shutil.which("redis-server")
    if not program:
        if os.environ.get("CI"):
            pytest.fail("Redis is not installed; .ci/run should have done it.")
        pytest.skip("Redis is not installed (apt-get install redis-server).")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ("--port", str(port), "--bind", "127.0.0.1", "--save", "")
    server = subprocess.Popen([program, *options], stdout=subprocess.DEVNULL)
    try:
        _wait_for(port)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.kill()
        server.wait()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    with redis.Redis(port=port) as client:
        while True:
            try:
                client.ping()
                return
            except redis.ConnectionError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
