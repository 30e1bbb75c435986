"""The list of records in an answer, and what stands around it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from dlt.common import jsonpath

from roster_platform import documents
from roster_platform.ingest.reading.answers import Answer, parts_of
from roster_platform.ingest.signs.names import same_name
from roster_platform.ingest.signs.page_signs import Around

_NO_RECORDS = (b"", b"null")


def selected(answer: Answer, selector: str) -> tuple[bytes, list[Around]]:
    """The list of records as bytes, and the objects around it, decoded.

    ``selector`` is a JSONPath; plain ones (``result.items``) leave the records undecoded.
    Raises KeyError or msgspec.ValidationError where it leads to nothing.
    """
    if answer.raw.strip() in _NO_RECORDS:
        # No content is an empty list.
        return b"[]", []
    if answer.raw.lstrip()[:1] == b"[":
        # A bare list needs no selector.
        return answer.raw, []
    keys = selector.removeprefix("$").removeprefix(".").split(".")
    if not all(re.fullmatch(r"[\w@ -]+", key) for key in keys):
        matches = jsonpath.find_values(selector, answer.body)
        if not matches:
            raise KeyError(selector)
        one_list = len(matches) == 1 and isinstance(matches[0], list)
        raw = documents.dumps(matches[0] if one_list else matches)
        return raw, [("", answer.body)]
    raw, parts = answer.raw, dict(answer.parts)
    around: list[tuple[str, Mapping[str, Any]]] = []
    for depth, key in enumerate(keys):
        name = same_name(key, parts)
        raw = parts.pop(name)
        about = {other: documents.loads(part) for other, part in parts.items()}
        around.append((".".join(keys[:depth]), about))
        parts = dict(parts_of(raw))
    return (b"[]" if raw == b"null" else raw), around


def lists_in(body: Any, path: str = "", depth: int = 3) -> list[str]:
    """The paths of the lists of objects in an answer, for a message."""
    if isinstance(body, list):
        is_records = body and isinstance(body[0], dict)
        return [f"'{path or '$'}' ({len(body)})"] if is_records else []
    if not isinstance(body, dict) or not depth:
        return []
    return [
        found
        for key, value in body.items()
        for found in lists_in(value, f"{path}.{key}" if path else key, depth - 1)
    ][:5]
