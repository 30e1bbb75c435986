"""Names that an API uses, by what it answers."""

from __future__ import annotations

import re
from collections.abc import Iterable

from roster_platform.ingest.signs.values import word


def cursor_param(where: str, configured: str | None) -> str:
    """The parameter that a cursor is sent back under, by where it was found.

    ``configured`` comes first. ``meta.next_cursor`` is sent as ``cursor``,
    ``nextPageToken`` as ``pageToken``, ``paging.cursors.after`` as ``after``.
    """
    if configured:
        return configured
    name = re.sub(r"^header (?:[xX]-)?", "", where).rsplit(".", 1)[-1]
    if name.lower() in {"next", "cursor"}:
        return "cursor"
    if name.lower() in {"endcursor", "end_cursor"}:
        return "after"
    short = re.sub(r"^(?:next(?=[A-Z])|next[_-]|Next[_-]?)|[_-]?[nN]ext$", "", name)
    if short.lower() != "token":
        name = short
    name = name.replace("-", "_")
    return name[:1].lower() + name[1:] if name else "cursor"


def same_name(name: str, names: Iterable[str]) -> str:
    """Return the one of ``names`` that is ``name`` in any style: ``Result``, ``result``.

    Raises KeyError when there is none, or when several could be meant.
    """
    names = list(names)
    if name in names:
        return name
    found = [other for other in names if word(other) == word(name)]
    if len(found) != 1:
        raise KeyError(name)
    return found[0]
