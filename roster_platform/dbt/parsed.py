"""dbt's saved parse of the project, which is good for the version that was parsed only.

dbt updates it file by file, and after an upgrade fails for good at models whose inputs it
forgot meanwhile.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

PARTIAL_PARSE = "partial_parse.msgpack"
_VERSION = "partial_parse.version"
_READ = {".sql", ".yml", ".csv", ".md"}


def is_of_another_version(target: Path, project: Path) -> bool:
    """Whether the project was last built as another version, or never."""
    noted = target / _VERSION
    return not noted.exists() or noted.read_text() != _version(project)


def forget_other_parse(target: Path, project: Path) -> None:
    """Remove the saved parse from dbt's target folder if it is of another version."""
    if not is_of_another_version(target, project):
        return
    (target / PARTIAL_PARSE).unlink(missing_ok=True)
    note_version(target, project)


def note_version(target: Path, project: Path) -> None:
    """Note in dbt's target folder that its saved parse is of the project as it is."""
    target.mkdir(parents=True, exist_ok=True)
    (target / _VERSION).write_text(_version(project))


def _version(project: Path) -> str:
    """A digest of the files that dbt reads, by name and content."""
    digest = hashlib.blake2b(digest_size=16)
    # Not what dbt itself writes there.
    folders = [p for p in project.iterdir() if p.name not in {"target", "logs"}]
    files = [p for p in folders if p.is_file()]
    files += [p for folder in folders if folder.is_dir() for p in folder.rglob("*")]
    for path in sorted(p for p in files if p.suffix in _READ):
        digest.update(f"{path.relative_to(project)}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()
