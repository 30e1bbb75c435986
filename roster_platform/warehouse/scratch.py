"""Folders that one process works in, which are gone when it is."""

from __future__ import annotations

import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

# A lock without its folder belongs to one that is just being made, or to nobody.
_LOCK_SECONDS = 3600


@contextmanager
def work_folder(parent: Path) -> Iterator[Path]:
    """The path of a new folder in ``parent``, not made yet; nothing of it is left behind.

    What processes that died left in ``parent`` is removed first. Raises OSError when
    ``parent`` cannot be written.
    """
    parent.mkdir(parents=True, exist_ok=True)
    _sweep(parent)
    folder = parent / uuid.uuid4().hex
    alive = FileLock(f"{folder}.lock")
    alive.acquire()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        alive.release()
        Path(alive.lock_file).unlink(missing_ok=True)


def left_folders(parent: Path) -> int:
    """Count the folders that dead processes have left; the next run removes them."""
    return sum(_is_left(folder) for folder in parent.glob("*") if folder.is_dir())


def is_held(lock_file: Path) -> bool:
    """Return whether a running process holds a file lock; a missing one is free."""
    if not lock_file.exists():
        return False
    try:
        with FileLock(lock_file).acquire(timeout=0):
            return False
    except Timeout:
        return True


def _sweep(parent: Path) -> None:
    for path in parent.iterdir():
        if path.is_dir() and _is_left(path):
            shutil.rmtree(path, ignore_errors=True)
            Path(f"{path}.lock").unlink(missing_ok=True)
        elif path.suffix == ".lock" and not path.with_suffix("").exists():
            with suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > _LOCK_SECONDS:
                    path.unlink()


def _is_left(folder: Path) -> bool:
    """Return whether nobody works in a folder any more: its lock went with its process."""
    return not is_held(Path(f"{folder}.lock"))
