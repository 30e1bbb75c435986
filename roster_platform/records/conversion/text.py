"""Values as text."""

from __future__ import annotations

from typing import Any

from roster_platform import documents

LARGEST_EXACT = 2**53
"""The largest integer that a float holds exactly."""


def as_text(value: Any) -> str | None:
    """Return a value as text: strings as they are, everything else as JSON."""
    return value if isinstance(value, str) else as_json(value)


def as_key(value: Any) -> str:
    """Return a value as text, integers and keys as their digits."""
    # An id that some serializer made a float of is no other id; beyond this size nobody
    # knows the digits that were meant.
    if isinstance(value, float) and value.is_integer() and abs(value) < LARGEST_EXACT:
        value = int(value)
    return as_text(value) or ""


def as_json(value: Any) -> str | None:
    """Return a value as JSON; None for None."""
    return None if value is None else documents.dumps(value).decode()
