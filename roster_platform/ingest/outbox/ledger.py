"""What was taken in, sent, answered, loaded and refused, written down before each step."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from roster_platform.ingest.outbox.captures import (
    Capture,
    canonical_json,
    content_digest,
)

_TABLES = """
create table if not exists records (
    key text primary key, body text not null, file text not null,
    line integer not null, state text not null default 'pending',
    attempts integer not null default 0, resent integer not null default 0,
    sent_at text, status integer, response text
);
create index if not exists records_by_state on records (state);
create table if not exists rejects (
    file text, line integer, reason text, content text,
    primary key (file, line, reason, content)
);
"""
_WAITING = ("pending", "sending")


class Ledger:
    """The ledger of one kind of record, in ``<data_dir>/<kind>/ledger.db``.

    A record is pending, then sending, then sent or rejected, and loaded at last. Loaded
    ones keep the hash of their content only.
    """

    def __init__(self, folder: Path, database: sqlite3.Connection) -> None:
        self._folder = folder
        self._database = database

    @classmethod
    @contextmanager
    def opened(cls, folder: Path) -> Iterator[Ledger]:
        """Open the ledger in a folder, which is closed after the body."""
        database = sqlite3.connect(folder / "ledger.db", timeout=60)
        try:
            database.row_factory = sqlite3.Row
            database.execute("pragma journal_mode = wal")
            database.execute("pragma synchronous = full")
            _rename(database)
            database.executescript(_TABLES)
            yield cls(folder, database)
        finally:
            database.close()

    def waiting(self) -> list[sqlite3.Row]:
        """Return the records without an answer, in the order they came."""
        return self._in_state(*_WAITING)

    def answered(self) -> list[sqlite3.Row]:
        """Return the records whose answers were not loaded yet."""
        return self._in_state("sent")

    def _in_state(self, *states: str) -> list[sqlite3.Row]:
        marks = ", ".join("?" * len(states))
        query = f"select * from records where state in ({marks}) order by rowid"
        return self._database.execute(query, states).fetchall()

    def take_in(
        self, capture: Capture, file: str, lines: Iterable[tuple[int, Any]]
    ) -> int:
        """Add new records; returns how many were rejected."""
        rejected = 0
        with self._database:
            for number, record in lines:
                try:
                    key, body = capture.identified(record)
                    self._add(capture, key, body, file, number)
                except (ValueError, TypeError) as error:
                    self._reject(file, number, str(error), record)
                    rejected += 1
        self.write_rejects(file)
        return rejected

    def _add(self, capture: Capture, key: str, body: Any, file: str, line: int) -> None:
        text = canonical_json(body)
        self._database.execute(
            "insert or ignore into records (key, body, file, line) values (?, ?, ?, ?)",
            (key, text, file, line),
        )
        (known,) = self._database.execute(
            "select body from records where key = ?", (key,)
        ).fetchone()
        if known not in (text, content_digest(body)):
            raise ValueError(
                f"{capture.id_field} {key} belongs to another {capture.noun}"
            )

    @contextmanager
    def noting(self) -> Iterator[None]:
        """Write what the body notes at once, flushed to the disk a single time."""
        with self._database:
            yield

    def leaving(self, rows: Sequence[sqlite3.Row]) -> None:
        """Note that records are sent now: what a kill leaves so may have arrived."""
        with self._database:
            self._database.executemany(
                "update records set resent = resent or state = 'sending', "
                "state = 'sending' where key = ?",
                [(row["key"],) for row in rows],
            )

    def tried(self, key: str, tries: int) -> None:
        """Note how often a record was sent."""
        self._database.execute(
            "update records set attempts = attempts + ?, resent = resent or ? "
            "where key = ?",
            (tries, tries > 1, key),
        )

    def accepted(self, key: str, at: datetime, status: int, response: Any) -> bool:
        """Note the API's answer; returns whether an earlier answer never came."""
        self._database.execute(
            "update records set state = 'sent', sent_at = ?, status = ?, response = ? "
            "where key = ?",
            (at.isoformat(), status, canonical_json(response), key),
        )
        query = "select resent from records where key = ?"
        return bool(self._database.execute(query, (key,)).fetchone()[0])

    def refused(self, row: sqlite3.Row, reason: str) -> None:
        """Note that the API wants this record under no circumstances."""
        self._set_state(row["key"], "rejected")
        self._reject(row["file"], row["line"], reason, row["body"])

    def not_arrived(self, key: str) -> None:
        """Note that a record certainly did not arrive."""
        self._set_state(key, "pending")

    def _set_state(self, key: str, state: str) -> None:
        self._database.execute(
            "update records set state = ? where key = ?", (state, key)
        )

    def loaded(self, rows: Sequence[sqlite3.Row], digests: Sequence[str]) -> None:
        """Note that answers are in the warehouse; their content is not needed here."""
        with self._database:
            self._database.executemany(
                "update records set state = 'loaded', body = ?, response = null "
                "where key = ?",
                [(d, row["key"]) for row, d in zip(rows, digests, strict=True)],
            )

    def forget(self, before: datetime) -> int:
        """Remove records that were loaded, and files, of before; returns their number."""
        with self._database:
            removed = self._database.execute(
                "delete from records where state = 'loaded' and sent_at < ?",
                (before.isoformat(),),
            ).rowcount
            for path in self._old_files("rejected", before):
                name = path.name.removesuffix(".jsonl")
                self._database.execute("delete from rejects where file = ?", (name,))
        for folder in ("done", "rejected"):
            for path in self._old_files(folder, before):
                path.unlink(missing_ok=True)
        return removed

    def _old_files(self, folder: str, before: datetime) -> list[Path]:
        return [
            path
            for path in (self._folder / folder).iterdir()
            if path.is_file() and path.stat().st_mtime < before.timestamp()
        ]

    def _reject(self, file: str, line: int, reason: str, record: Any) -> None:
        content = "" if isinstance(record, ValueError) else str(record)
        self._database.execute(
            "insert or ignore into rejects values (?, ?, ?, ?)",
            (file, line, reason, content),
        )

    def write_rejects(self, file: str) -> None:
        """Write what was rejected of a file into ``rejected/<file>.jsonl``."""
        query = (
            "select line, reason, content from rejects where file = ? "
            "order by line, rowid"
        )
        rows = self._database.execute(query, (file,)).fetchall()
        if rows:
            arriving = self._folder / "rejected" / f".{file}.jsonl"
            arriving.write_text("".join(canonical_json(dict(r)) + "\n" for r in rows))
            os.replace(arriving, self._folder / "rejected" / f"{file}.jsonl")


def has_old_names(folder: Path) -> bool:
    """Return whether the ledger in a folder is of before orders were sent."""
    path = folder / "ledger.db"
    if not path.exists():
        return False
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as database:
        return _has_clicks(database)


def _has_clicks(database: sqlite3.Connection) -> bool:
    query = "select 1 from sqlite_master where type = 'table' and name = 'clicks'"
    return database.execute(query).fetchone() is not None


def _rename(database: sqlite3.Connection) -> None:
    """Take over a ledger of before orders were sent, when it had clicks only."""
    if not _has_clicks(database):
        return
    database.execute("begin immediate")
    with database:
        if _has_clicks(database):
            database.execute("alter table clicks rename to records")
            database.execute("alter table records rename column click_id to key")
