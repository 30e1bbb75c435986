"""The answers of reads that have not landed yet, kept on disk as they arrive.

A read that is killed, interrupted or refused in its midst is continued by the next one:
what was answered within ``resume_within_minutes`` is not asked again. Only the first
request always is. By its ``Date`` the API says how old what was kept is, and a list whose
first page has changed since is read from its beginning.

An answer is kept before it is used, in a file that belongs to the process that holds its
lock; the files of dead ones are taken over, and all are gone once the read has landed.
They hold what the API answered, personal data included, and only their owner may read
them. An answer that has the credential in it is not kept.
"""

from __future__ import annotations

import os
import struct
import uuid
import zlib
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Self

import msgspec
from filelock import FileLock, Timeout

from roster_platform import documents
from roster_platform.errors import (
    CredentialsError,
    IngestError,
    RateLimitError,
    UnreachableError,
)
from roster_platform.ingest.reading.answers import Answer

_SUFFIX = ".answers"
_HEAD = struct.Struct("<QI")
"""Before each record: its length and its checksum."""
_FORGOTTEN_AFTER = timedelta(days=1)
"""How long the answers of an endpoint that is read no longer may lie about."""
_PASSING = (UnreachableError, RateLimitError, CredentialsError)


class _Record(msgspec.Struct):
    key: bytes
    path: str
    answer: Answer


_RECORD = msgspec.msgpack.Decoder(_Record)


@dataclass(frozen=True)
class _Place:
    """Where an answer is kept, and when it was sent and received."""

    file: Path
    start: int
    size: int
    date: datetime
    received_at: datetime


class KeptAnswers:
    """The answers of one read, and those that reads like it have left.

    A context manager, entered before the first request. An error that does not pass by
    itself, such as a cursor that has expired, ends what was kept; a kill, an outage or a
    pause leaves it to the next read.
    """

    def __init__(
        self,
        folder: Path,
        minutes: float,
        landed: Callable[[str], datetime | None],
    ) -> None:
        """``folder`` is of this kind of read alone; with 0 ``minutes`` nothing is kept.

        ``landed`` says of a path when an answer of it has landed last, by our clock: what
        was kept before that is not used.
        """
        self._folder = folder
        self._within = timedelta(minutes=minutes)
        self._landed = landed
        self._locks: dict[Path, FileLock] = {}
        self._places: dict[bytes, _Place] = {}
        self._is_judged = False
        self._file: int | None = None
        self._guard = Lock()
        self.used = 0
        """How many of the answers were of earlier reads, since any were forgotten."""

    def __enter__(self) -> Self:
        now = datetime.now(UTC)
        for file in self._folder.parent.glob(f"*/*{_SUFFIX}"):
            is_own = file.parent == self._folder
            oldest = now - (self._within if is_own else _FORGOTTEN_AFTER)
            # Whoever has it may land, and delete it, at any time.
            with suppress(FileNotFoundError):
                is_old = file.stat().st_mtime < oldest.timestamp()
                if (is_old or is_own) and self._lock(file):
                    if is_old:
                        file.unlink()
                    else:
                        self._take_over(file, oldest)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, IngestError) and not _passes(error):
            self.forget()
        self._close()
        for file, lock in self._locks.items():
            lock.release()
            if not file.exists():
                Path(lock.lock_file).unlink(missing_ok=True)

    @property
    def is_unjudged(self) -> bool:
        """Return whether something is kept, and the API was not asked since."""
        return bool(self._places) and not self._is_judged

    def judge(
        self, key: bytes, fresh: Answer, *, of_list: bool, volatile: Collection[str]
    ) -> None:
        """Drop what a first, fresh answer says is not to be used.

        That is what is too old by the API's own clock and, where the answer is the first
        page ``of_list``, everything if it says something else now.
        """
        self._is_judged = True
        kept = self._taken(key)
        is_same = kept is not None and _says(kept, volatile) == _says(fresh, volatile)
        if of_list and not is_same:
            self.forget()
        oldest = fresh.date - self._within
        self._places = {k: p for k, p in self._places.items() if p.date >= oldest}

    def answer(self, key: bytes) -> Answer | None:
        """Return what an earlier read was answered, once; None where it was not."""
        answer = self._taken(key)
        self.used += answer is not None
        return answer

    def keep(self, key: bytes, path: str, answer: Answer) -> None:
        """Keep an answer; where the disk refuses, the read continues without."""
        if not self._within:
            return
        body = msgspec.msgpack.encode(_Record(key, path, answer))
        with self._guard:
            try:
                if self._file is None:
                    self._file = self._new_file()
                os.write(self._file, _HEAD.pack(len(body), zlib.crc32(body)) + body)
            except OSError:
                self._within = timedelta()

    def forget(self) -> None:
        """Delete what is kept: it has landed, or is not to be used."""
        with self._guard:
            self._places, self.used = {}, 0
            self._close()
            for file in self._locks:
                file.unlink(missing_ok=True)

    def is_outdated_by(self, error: IngestError) -> bool:
        """Return whether an error may come from answers that hold no longer.

        A cursor, for example, that an earlier read was given.
        """
        return bool(self.used) and not _passes(error)

    def _taken(self, key: bytes) -> Answer | None:
        with self._guard:
            place = self._places.pop(key, None)
            if place is None:
                return None
            with place.file.open("rb") as file:
                file.seek(place.start)
                return _RECORD.decode(file.read(place.size)).answer

    def _new_file(self) -> int:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = self._folder / f"{uuid.uuid4().hex}{_SUFFIX}"
        self._lock(file)
        return os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)

    def _lock(self, file: Path) -> bool:
        """Make a file ours; returns whether no other process has it."""
        # The thread that keeps answers is not the one that ends the read.
        lock = FileLock(f"{file}.lock", thread_local=False)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return False
        self._locks[file] = lock
        return True

    def _take_over(self, file: Path, oldest: datetime) -> None:
        """Note what the file of a process that died has, and may be used."""
        landed = cache(self._landed)
        for start, size, record in _records(file):
            answer, landed_at = record.answer, landed(record.path)
            received_at, known = answer.received_at, self._places.get(record.key)
            if (
                received_at >= oldest
                and (landed_at is None or landed_at < received_at)
                and (known is None or known.received_at < received_at)
            ):
                place = _Place(file, start, size, answer.date, received_at)
                self._places[record.key] = place

    def _close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _records(file: Path) -> Iterator[tuple[int, int, _Record]]:
    """Each record of a file, with its place and size, up to the first that is torn."""
    with file.open("rb") as records:
        while len(head := records.read(_HEAD.size)) == _HEAD.size:
            size, checksum = _HEAD.unpack(head)
            start, body = records.tell(), records.read(size)
            if len(body) < size or zlib.crc32(body) != checksum:
                return
            yield start, size, _RECORD.decode(body)


def _passes(error: IngestError) -> bool:
    return isinstance(error, _PASSING)


def _says(answer: Answer, volatile: Collection[str]) -> bytes:
    return documents.digest(answer.body, volatile) if volatile else answer.raw
