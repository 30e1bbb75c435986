"""Paths that every library takes, whatever the data folder is called.

dlt pastes paths of its files into SQL, where ``'`` ends them, ``%`` is a placeholder and
DuckDB reads ``*`` and ``[`` as patterns. Its scratch files are elsewhere then. Dagster
makes addresses of paths, where ``%`` and ``?`` mean something; it is given a link.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from roster_platform.errors import ConfigurationError

_HARMFUL = set("'\"%?*[]\n\r\t")


def is_plain(path: Path) -> bool:
    """Return whether a path means itself in SQL, in patterns and in addresses."""
    return not _HARMFUL.intersection(str(path))


def checked_data_folder(folder: Path) -> Path:
    """Return the data folder. Raises ConfigurationError where DuckDB cannot work in it."""
    if "?" in str(folder):
        raise ConfigurationError(
            f"The data folder {folder} has a '?' in its path, which DuckDB takes for the "
            "end of a file's name. Set ROSTER_PLATFORM__DATA_DIR to another folder."
        )
    return folder


def scratch_folder(folder: Path, data_folder: Path) -> Path:
    """Return where scratch files go: the folder itself, or one of the same use elsewhere.

    Raises ConfigurationError when there is no other.
    """
    if is_plain(folder):
        return folder
    return _own_folder(data_folder) / folder.name


def linked(folder: Path) -> Path:
    """Return a path that leads to a folder, which is made, and means itself everywhere.

    Raises ConfigurationError when there is no place for a link.
    """
    if is_plain(folder):
        return folder
    link = _own_folder(folder).with_suffix(".link")
    folder.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        link.symlink_to(folder, target_is_directory=True)
    if not link.samefile(folder):
        raise ConfigurationError(f"{link} should lead to {folder}: remove it.")
    return link


def _own_folder(of: Path) -> Path:
    """A folder of this user's for what cannot be in another, among temporary files."""
    parent = Path(tempfile.gettempdir()) / f"roster-platform-{os.getuid()}"
    try:
        if not is_plain(parent):
            raise OSError("the folder of temporary files has such a name, too")
        parent.mkdir(mode=0o700, exist_ok=True)
        found = parent.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
            raise OSError(f"{parent} belongs to somebody else")
    except OSError as error:
        harmful = sorted(_HARMFUL.intersection(str(of)))[0]
        raise ConfigurationError(
            f"{of} has {harmful!r} in its path, where libraries cannot work, and there is "
            f"no other place ({error}). Set TMPDIR, or ROSTER_PLATFORM__DATA_DIR, to a "
            "folder without such a character."
        ) from None
    return parent / hashlib.sha256(str(of).encode()).hexdigest()[:16]
