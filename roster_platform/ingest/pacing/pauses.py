"""Pauses that an API asks for, in every way that servers say it.

``Retry-After`` (seconds or a date, RFC 9110), ``RateLimit-Reset`` (seconds, the IETF's
draft), ``X-RateLimit-Reset`` (seconds, or a time since 1970), ``X-RateLimit-Reset-After``
and the body's ``retry_after`` (Discord, with decimals; Auto Rosters stands behind it).
Of several pauses the longest counts.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from roster_platform import documents

LONGEST_SECONDS = 86_400.0
"""No API means more than a day, and "inf" is a number too."""

# Numbers from here on are times since 1970, in seconds or in milliseconds.
_SINCE_1970 = 1e9
_MILLISECONDS_SINCE_1970 = 1e12
_PAUSES = ("Retry-After", "X-RateLimit-Reset-After")
_RESETS = ("RateLimit-Reset", "X-RateLimit-Reset", "X-Rate-Limit-Reset")
_REMAINING = ("RateLimit-Remaining", "X-RateLimit-Remaining", "X-Rate-Limit-Remaining")
_IN_BODY = ("retry_after", "retryafter", "retry-after", "retry_after_seconds")
_IN_BODY_MS = ("retry_after_ms", "retryafterms", "retry-after-ms")
# RateLimit: limit=100, remaining=0, reset=5, or "default";r=0;t=5 in the later draft.
_RESET_PARAMETER = re.compile(r"(?:^|[;,\s])(?:reset|t)=(\d+(?:\.\d+)?)")


def is_refusal(status: int, headers: Mapping[str, str]) -> bool:
    """Return whether an answer asks to come again later: a 429, or a 503 that says when."""
    return status == 429 or (status == 503 and "Retry-After" in headers)


def pause_asked(headers: Mapping[str, str], raw: bytes, now: datetime) -> float | None:
    """Return the seconds that a refusal asks for, a day at most; None when it does not say.

    ``headers`` are compared without case, ``raw`` is the body, and ``now`` the API's
    clock. When the window of a limit is over counts only where no pause is said.
    """
    asked = [_seconds(headers.get(name), now) for name in _PAUSES] + [*_of_body(raw)]
    if not any(seconds is not None for seconds in asked):
        asked = [*_of_window(headers, now)]
    said = [seconds for seconds in asked if seconds is not None]
    return min(max(0.0, *said), LONGEST_SECONDS) if said else None


def _of_window(headers: Mapping[str, str], now: datetime) -> Iterator[float | None]:
    if any((_number(headers.get(name)) or 0) > 0 for name in _REMAINING):
        # Something else was refused than the window allows.
        return
    for name in _RESETS:
        yield _seconds(headers.get(name), now)
    for seconds in _RESET_PARAMETER.findall(headers.get("RateLimit", "")):
        yield float(seconds)


def _of_body(raw: bytes) -> Iterator[float | None]:
    """Yield what the body says, at its top or in an error within it."""
    try:
        body = documents.loads(raw)
    except ValueError:
        return
    said = body if isinstance(body, dict) else {}
    inner = said.get("error")
    for where in (said, inner if isinstance(inner, dict) else {}):
        for name, value in where.items():
            if name.lower() in _IN_BODY:
                yield _number(value)
            elif name.lower() in _IN_BODY_MS and (ms := _number(value)) is not None:
                yield ms / 1000


def _seconds(said: str | None, now: datetime) -> float | None:
    """A header as seconds from now: a number of them, a time since 1970, or a date."""
    if said is None:
        return None
    number = _number(said)
    if number is None:
        try:
            date = parsedate_to_datetime(said)
        except (ValueError, TypeError):
            return None
        return (
            (date if date.tzinfo else date.replace(tzinfo=UTC)) - now
        ).total_seconds()
    if number >= _MILLISECONDS_SINCE_1970:
        number /= 1000
    return number - now.timestamp() if number >= _SINCE_1970 else number


def _number(value: Any) -> float | None:
    """A number, or a text that is one; "inf" is the longest pause, NaN is no pause."""
    if isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    if math.isnan(number):
        return None
    return min(number, 1e15) if number != math.inf else LONGEST_SECONDS
