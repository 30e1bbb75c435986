"""Simulated time: days, milliseconds and the texts the APIs write them in.

Simulated day D opens at 06:00 UTC of its date and everything that happens "on" it
happens in the 24 hours before, so that nothing served is ever later than the ``Date``
header of the response that serves it.
"""

from __future__ import annotations

import random
from datetime import UTC, date, datetime

DAY_MS = 86_400_000
OPENING_MS = 6 * 3_600_000
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()

_date_texts: dict[int, str] = {}


def opening_ms(day: int) -> int:
    """06:00 UTC of a day (an ordinal), in milliseconds since 1970."""
    return (day - _EPOCH_ORDINAL) * DAY_MS + OPENING_MS


def date_text(day: int) -> str:
    """``YYYY-MM-DD`` of an ordinal."""
    return date.fromordinal(day).isoformat()


def day_text_of(ms: int) -> str:
    """``YYYY-MM-DD`` of a time, cached because orders ask it by the million."""
    since_epoch = ms // DAY_MS
    text = _date_texts.get(since_epoch)
    if text is None:
        text = date_text(since_epoch + _EPOCH_ORDINAL)
        _date_texts[since_epoch] = text
    return text


def iso(ms: int) -> str:
    """``2026-11-01T05:59:58.123Z``."""
    seconds, milli = divmod(ms % DAY_MS, 1000)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    return f"{day_text_of(ms)}T{hour:02d}:{minute:02d}:{second:02d}.{milli:03d}Z"


def maybe_iso(ms: int | None) -> str | None:
    """``iso`` of a time that may not have come."""
    return None if ms is None else iso(ms)


def parse_iso(text: str) -> int:
    """Milliseconds of an ISO 8601 text; without zone it is read as UTC."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)


def moment_in(rng: random.Random, start: int, end: int) -> int:
    """A time strictly inside ``start`` .. ``end``."""
    return start + 1 + int(rng.random() * (end - start - 1))


def number_of(rng: random.Random, expected: float) -> int:
    """An integer whose mean is ``expected``."""
    whole = int(expected)
    return whole + (rng.random() < expected - whole)
