"""The right to write a local file: one process at a time, of ours or of anybody's."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from roster_platform.errors import IngestError, WarehouseError
from roster_platform.warehouse.locks.holders import holder_of
from roster_platform.warehouse.locks.server import PATIENCE_SECONDS, REPORT_SECONDS

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 0.2


@contextmanager
def file_lock(file: Path) -> Iterator[None]:
    """Hold the right to open a file, which dbt of a dead process may still have open.

    Raises IngestError when another process holds it for an hour.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(lock_of(file))
    _wait_for(lock, file)
    try:
        dbt = FileLock(dbt_lock_of(file))
        _wait_for(dbt, file)
        dbt.release()
        _wait_for_others(file)
        yield
    finally:
        lock.release()


def lock_of(file: Path) -> Path:
    """Return the lock that whoever opens a file holds."""
    return file.with_name(f"{file.name}.lock")


def dbt_lock_of(file: Path) -> Path:
    """Return the lock that dbt holds as well, until it has ended."""
    return file.with_name(f"{file.name}.dbt.lock")


def _wait_for(lock: FileLock, file: Path) -> None:
    started = time.monotonic()
    while True:
        try:
            lock.acquire(timeout=REPORT_SECONDS, poll_interval=0.05)
            break
        except Timeout:
            waited = time.monotonic() - started
            if waited > PATIENCE_SECONDS:
                raise IngestError(
                    f"Another process has been writing {file} for an "
                    "hour. Find and stop it, then run again; nothing was changed."
                ) from None
            logger.info("waiting for another run to finish writing (%.0f s)", waited)


def _wait_for_others(file: Path) -> None:
    """Wait while a program that is not ours holds the file: an IDE, a notebook."""
    started = reported = time.monotonic()
    while holder := holder_of(file):
        now = time.monotonic()
        if now - started > PATIENCE_SECONDS:
            raise WarehouseError(
                f"{holder} has held {file} open for an hour, so nothing "
                "can be written. Close it there, then run again; nothing was changed. "
                f"To look at the data, open {file.with_name('published')} instead."
            )
        if now == started or now - reported > REPORT_SECONDS:
            reported = now
            logger.warning(
                "waiting for %s, which holds %s open: close it there (%.0f s)",
                *(holder, file, now - started),
            )
        time.sleep(_LOOK_SECONDS)
