"""JSON in and out: orjson's speed, and exactness where orjson has none.

orjson reads integers beyond 64 bits as floats and refuses half a surrogate pair (what is
left of an emoji when a text is cut); it writes neither such integers nor deep nesting.
"""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

import orjson

# Of 20 digits in a row, the length of 2^64, every stride of 5 meets 4.
_DIGITS = bytes(ord("0") if 48 <= byte < 58 else 32 for byte in range(256))
_ESCAPES = re.compile(
    rb"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(?P<half>u[dD][89a-fA-F]..)|.)", re.DOTALL
)


def loads(raw: bytes) -> Any:
    """Decode a JSON document; integers are exact, whatever their size.

    Half a surrogate pair is no character: it becomes the text of its escape
    (``\\ud83d``). Raises ValueError for what is not JSON, NaN among it.
    """
    try:
        document = orjson.loads(raw)
    except ValueError:
        raw, escapes = _ESCAPES.subn(_spelled_out, raw)
        if not escapes:
            raise
        document = orjson.loads(raw)
    if b"0000" in raw[::5].translate(_DIGITS) and b"0" * 20 in raw.translate(_DIGITS):
        return json.loads(raw, parse_constant=_refuse)
    return document


def dumps(value: Any, *, sort_keys: bool = False) -> bytes:
    """Encode a value as compact JSON."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS if sort_keys else None)
    except TypeError:
        text = json.dumps(
            value, separators=(",", ":"), ensure_ascii=False, sort_keys=sort_keys
        )
        return text.encode()


def _spelled_out(escape: re.Match[bytes]) -> bytes:
    return b"\\" + escape[0] if escape["half"] else escape[0]


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
