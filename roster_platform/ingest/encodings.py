"""Bodies as UTF-8, in which JSON is read: byte order marks and declared charsets."""

from __future__ import annotations

import codecs
from email.message import Message

# The longest first: UTF-32's mark begins with UTF-16's.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def as_utf8(raw: bytes, content_type: str | None) -> bytes:
    """Return a body in UTF-8 without a byte order mark.

    A mark says what it is in; else the ``charset`` of ``Content-Type``; else it is UTF-8
    already, as JSON has to be. Raises ValueError for bytes that are not text in that.
    """
    for mark, name in _MARKS:
        if raw.startswith(mark):
            return raw.decode(name).encode()
    charset = _charset(content_type)
    if charset is None or charset in ("utf-8", "ascii"):
        return raw
    return raw.decode(charset).encode()


def _charset(content_type: str | None) -> str | None:
    """The declared charset by its standard name; None for none, and for unknown ones."""
    if not content_type or "charset" not in content_type.lower():
        return None
    message = Message()
    message["Content-Type"] = content_type
    try:
        return codecs.lookup(str(message.get_content_charset())).name
    except (LookupError, ValueError):
        return None
