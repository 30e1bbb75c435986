"""What one read found, kept beside the data: rows, pages, drift, warnings, progress."""

from __future__ import annotations

import hashlib
import logging
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

_CALM_SECONDS = 5.0


@dataclass(frozen=True)
class Drift:
    """One difference between what was declared and what came, with how often."""

    table: str
    field: str
    problem: str
    rows: int

    def __str__(self) -> str:
        rows = f" ({self.rows} rows)" if self.rows else ""
        return f"{self.table}.{self.field}: {self.problem}{rows}"


@dataclass
class ReadReport:
    """Filled while a source is read; shown in Dagster's metadata and on the console."""

    name: str
    logger: logging.Logger = field(
        default_factory=lambda: logging.getLogger("roster_platform.ingest")
    )
    accept_fields: bool = False
    """Take the fields that come as those to expect from now on."""
    rows: int = 0
    requests: int = 0
    is_complete: bool = False
    """Everything was read: what did not come is not there."""
    announced: int | None = None
    """How many records the API says there are."""
    held: int | None = None
    """How many records the warehouse now holds that the API is known to list."""
    deleted: int = 0
    """How many records a complete read missed, and marked as deleted."""
    observed_at: datetime | None = None
    drifts: list[Drift] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    _content: Any = field(default_factory=lambda: hashlib.blake2b(digest_size=16))
    _started: float = field(default_factory=time.monotonic)
    _last_said: float = field(default_factory=time.monotonic)

    def warn(self, message: str) -> None:
        """Keep a finding that does not stop the read, and log it."""
        self.warnings.append(message)
        self.logger.warning("%s: %s", self.name, message)

    def saw(self, digest: bytes) -> None:
        """Count an answer in, by the digest of its content."""
        self._content.update(digest)

    @property
    def data_version(self) -> str:
        """Equal to that of the read before when both saw the same answers."""
        return self._content.hexdigest()

    def done(self) -> None:
        """Log what was read and loaded, and how long it took."""
        self.logger.info(
            "%s: loaded %s rows from %s requests in %.1f s",
            self.name,
            f"{self.rows:,}",
            f"{self.requests:,}",
            time.monotonic() - self._started,
        )

    def progress(self, done: int, total: int | None, unit: str) -> None:
        """Log how far the read is, at a calm pace."""
        now = time.monotonic()
        if now - self._last_said < _CALM_SECONDS:
            return
        self._last_said = now
        elapsed = now - self._started
        left = (
            f", {elapsed / done * (total - done):.0f} s left" if total and done else ""
        )
        self.logger.info(
            "%s: %s of %s %s, %s rows, %.0f rows/s%s",
            self.name,
            f"{done:,}",
            f"{total:,}" if total else "?",
            unit,
            f"{self.rows:,}",
            self.rows / elapsed,
            left,
        )
