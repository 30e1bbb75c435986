"""JSON in and out, exact: whatever an API sends is read as it is, or refused by name.

msgspec reads integers of any size as they are, and can check a document without making
objects of it. What it refuses, and APIs send all the same, is half a surrogate pair: what
is left of an emoji when a text is cut.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection
from typing import Any

import msgspec

_ANYTHING = msgspec.json.Decoder(msgspec.Raw)
_ESCAPES = re.compile(
    rb"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(?P<half>u[dD][89a-fA-F]..)|.)", re.DOTALL
)


def checked(raw: bytes) -> bytes:
    """The same document, found to be JSON without making objects of it.

    Half a surrogate pair is no character: it becomes the text of its escape
    (``\\ud83d``). Raises ValueError for what is not JSON, NaN among it.
    """
    try:
        _check(raw)
    except ValueError:
        raw, escapes = _ESCAPES.subn(_spelled_out, raw)
        if not escapes:
            raise
        _check(raw)
    return raw


def loads(raw: bytes) -> Any:
    """Decode a JSON document; integers are exact, whatever their size.

    Raises ValueError for what is not JSON, as ``checked()`` does.
    """
    try:
        return msgspec.json.decode(raw)
    except ValueError:
        return msgspec.json.decode(checked(raw))


def dumps(value: Any, *, sort_keys: bool = False) -> bytes:
    """Encode a value as compact JSON."""
    return msgspec.json.encode(value, order="sorted" if sort_keys else None)


def digest(value: Any, volatile: Collection[str] = ()) -> bytes:
    """Return a digest of what a value says; fields named ``volatile`` say nothing.

    They are left out wherever they stand: what an API writes anew into every answer.
    """
    content = dumps(_without(value, frozenset(volatile)), sort_keys=True)
    return hashlib.sha256(content).digest()


def _without(value: Any, names: Collection[str]) -> Any:
    if not names:
        return value
    if isinstance(value, dict):
        return {k: _without(v, names) for k, v in value.items() if k not in names}
    if isinstance(value, list):
        return [_without(element, names) for element in value]
    return value


def _check(raw: bytes) -> None:
    raw.decode()
    _ANYTHING.decode(raw)


def _spelled_out(escape: re.Match[bytes]) -> bytes:
    return b"\\" + escape[0] if escape["half"] else escape[0]
