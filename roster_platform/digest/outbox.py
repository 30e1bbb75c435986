"""What was sent of each digest, so that nothing is sent twice.

No channel can be asked whether a message arrived, so a message is sent at most once. The
texts of a week are written down first. Each part is then marked ``sending``, on disk,
before it leaves, and ``sent`` when the channel has confirmed it. A part that is still
``sending`` when nobody sends any more was in flight when a process died, or the
connection ended before an answer: it may have arrived, and only a person can know. It is
reported, and sent again only when somebody asks for that.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from roster_platform.errors import IngestError

_PATIENCE_SECONDS = 600
_TABLE = """
create table if not exists parts (
    week text not null,
    recipient text not null,
    part integer not null,
    text text,
    state text not null check (state in ('waiting', 'sending', 'sent')),
    changed_at text not null,
    primary key (week, recipient, part)
)
"""


@dataclass(frozen=True)
class Part:
    """One message of a digest to one recipient; ``text`` is None once it is sent."""

    week: str
    recipient: str
    part: int
    text: str | None
    state: str


class Outbox:
    """The parts of every digest; only one process has it open."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    @classmethod
    @contextmanager
    def open(cls, folder: Path) -> Iterator[Outbox]:
        """Open the outbox of a folder, and keep other processes out. Raises IngestError.

        The operating system releases the lock of a process that dies.
        """
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / "outbox.lock")
        try:
            lock.acquire(timeout=_PATIENCE_SECONDS, poll_interval=0.1)
        except Timeout:
            raise IngestError(
                f"Another process has been sending the digest of {folder} for "
                f"{_PATIENCE_SECONDS // 60} minutes. Find and stop it, then run again."
            ) from None
        try:
            with closing(sqlite3.connect(folder / "outbox.db")) as database:
                database.execute("pragma journal_mode = wal")
                database.execute("pragma synchronous = full")
                database.execute(_TABLE)
                yield cls(database)
        finally:
            lock.release()

    def write(self, week: date, recipient: str, texts: Sequence[str]) -> None:
        """Write down a recipient's messages of a week, unless that was done before."""
        with self._database:
            if self.parts(week, recipient):
                return
            self._database.executemany(
                "insert into parts values (?, ?, ?, ?, 'waiting', ?)",
                [
                    (week.isoformat(), recipient, number, text, _now())
                    for number, text in enumerate(texts, start=1)
                ],
            )

    def parts(self, week: date, recipient: str, *states: str) -> list[Part]:
        """The parts of a week for a recipient, in order; of some states or of all."""
        found = self._database.execute(
            "select week, recipient, part, text, state from parts "
            "where week = ? and recipient = ? order by part",
            (week.isoformat(), recipient),
        )
        parts = [Part(*row) for row in found]
        return [part for part in parts if not states or part.state in states]

    def mark(self, part: Part, state: str) -> None:
        """Change a part's state, on disk before this returns; a sent text is removed."""
        with self._database:
            self._database.execute(
                "update parts set state = ?, changed_at = ?, "
                "text = case when ? = 'sent' then null else text end "
                "where week = ? and recipient = ? and part = ?",
                (state, _now(), state, part.week, part.recipient, part.part),
            )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
