"""The findings of one read: rows, pages, drift, warnings, progress."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from roster_platform.ingest.reading.log import Outcome, Read
from roster_platform.records.drift import Drift

_CALM_SECONDS = 5.0


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
    outcome: Outcome | None = None
    """How the read ended; None before it did."""
    proof: str = ""
    """How the end was proven, or why the read is not complete."""
    announced: int | None = None
    """How many records the API says there are; None when it does not say."""
    held: int | None = None
    """How many records the warehouse now holds that the API is known to list."""
    resumed: int = 0
    """How many answers of a read that was interrupted were used, and not asked again."""
    deleted: int = 0
    """How many records a complete read missed, and marked as deleted."""
    observed_at: datetime | None = None
    drifts: list[Drift] = field(default_factory=list)
    sources: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """The declared fields that came under other names, by table, with the path."""
    coverage: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """The share of the rows that had each declared field, by table."""
    mapping: Path | None = None
    """Where the user's mapping of this API is, if there is one."""
    warnings: list[str] = field(default_factory=list)
    newer: list[Any] = field(default_factory=list)
    """Rows, as dlt takes them, of records that came twice: they replace the first."""
    _content: Any = field(default_factory=lambda: hashlib.blake2b(digest_size=16))
    _started: float = field(default_factory=time.monotonic)
    _last_said: float = field(default_factory=time.monotonic)

    @property
    def is_complete(self) -> bool:
        """Return whether everything was read: what did not come is not there."""
        return self.outcome is Outcome.COMPLETE

    def as_read(self) -> Read:
        """The row of the log of reads; of a read without an outcome, a failed one."""
        return Read(
            endpoint=self.name,
            outcome=self.outcome or Outcome.FAILED,
            proof=self.proof,
            read_at=datetime.now(UTC),
            observed_at=self.observed_at,
            announced=self.announced,
            row_count=self.rows,
            request_count=self.requests,
            missing_fields="; ".join(
                str(drift) for drift in self.drifts if drift.severity == "error"
            )
            or None,
        )

    def ended(self, outcome: Outcome, proof: str) -> None:
        """Keep how the read ended; an incomplete one is a warning, too."""
        self.outcome, self.proof = outcome, proof
        # What is built from it says whether it is complete.
        self.saw(outcome.encode())
        if outcome is Outcome.INCOMPLETE:
            self.warn(f"the read is incomplete: {proof}")

    def warn(self, message: str) -> None:
        """Keep a finding that does not stop the read, and log it."""
        self.warnings.append(message)
        self.logger.warning("%s: %s", self.name, message)

    def saw(self, digest: bytes) -> None:
        """Count an answer in, by the digest of its content."""
        self._content.update(digest)

    def read_from(self, sources: Mapping[str, Mapping[str, str]]) -> None:
        """Keep under which names the fields came: with others, the same is not the same."""
        self.sources = sources
        for table, paths in sorted(sources.items()):
            self.saw(f"{table}: {sorted(paths.items())}".encode())

    def covered(
        self, coverage: Mapping[str, Mapping[str, float]], mapping: Path
    ) -> None:
        """Keep which declared fields came, under which mapping."""
        self.coverage = coverage
        self.mapping = mapping if mapping.exists() else None

    @property
    def data_version(self) -> str:
        """Equal to that of the read before when both saw the same answers."""
        return self._content.hexdigest()

    def done(self) -> None:
        """Log what was read and loaded, and how long it took."""
        if self.resumed:
            self.logger.info(
                "%s: %s answers are of a read that was interrupted before",
                self.name,
                f"{self.resumed:,}",
            )
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
