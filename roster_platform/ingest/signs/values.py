"""Values of an answer as counts, flags, cursors and links; None where they are not."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from dlt.common import jsonpath

_WORDS_OF_TRUTH = {"true": True, "false": False, "yes": True, "no": False}
_URL_KEYS = ("href", "url", "uri", "link")


@lru_cache(maxsize=1024)
def word(name: str) -> str:
    """A name without its style: ``total_count`` is ``totalcount``."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def number(value: Any) -> int | None:
    """A count: a whole number that is not negative, also as text; money is not one."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and re.fullmatch(r"\s*\d{1,15}\s*", value, re.ASCII):
        return int(value)
    return value if isinstance(value, int) and value >= 0 else None


def truth(value: Any) -> bool | None:
    """A flag, also as a word."""
    if isinstance(value, str):
        return _WORDS_OF_TRUTH.get(value.strip().lower())
    return value if isinstance(value, bool) else None


def text(value: Any) -> str:
    """A cursor or link as it is sent back."""
    return str(value).strip()


def is_token(value: Any) -> bool:
    """Return whether a value can be a cursor: text without blanks, or a number."""
    if isinstance(value, bool):
        return False
    if isinstance(value, str):
        return bool(value) and not re.search(r"\s", value.strip())
    return isinstance(value, int | float)


def looks_like_url(text: str) -> bool:
    """Return whether a text is an address, whole or in part."""
    text = text.strip()
    if re.search(r"\s", text):
        return False
    return bool(re.match(r"(?:[a-z]+:)?//|/|\?", text, re.IGNORECASE)) or (
        "?" in text and "=" in text
    )


def leads_to_page_zero(url: str | None) -> bool:
    """Return whether a link to the previous page says that pages are counted from 0.

    Other such links prove nothing: some APIs always send one.
    """
    return any(
        value == "0" and "page" in name.lower() and "size" not in name.lower()
        for name, value in parse_qsl(urlsplit(url or "").query)
    )


def link_key(value: Mapping[str, Any]) -> str | None:
    """The member of a link that has its address."""
    return next((key for key in value if key.lower() in _URL_KEYS and value[key]), None)


def link_in(value: Any) -> str | None:
    """The address in a link, which is a text or an object with one."""
    if isinstance(value, Mapping):
        key = link_key(value)
        value = value[key] if key else None
    return value if isinstance(value, str) and value else None


def header(headers: Mapping[str, str], name: str) -> str | None:
    """A header by its name in any case; None without it."""
    return next((v for k, v in headers.items() if k.lower() == name.lower()), None)


def join(path: str, key: str) -> str:
    """The path of a member of what is at a path."""
    return f"{path}.{key}" if path else key


def at(path: str, body: Any) -> Any:
    """What is at a JSONPath; None where nothing is."""
    values = jsonpath.find_values(path, dict(body))
    return values[0] if values else None
