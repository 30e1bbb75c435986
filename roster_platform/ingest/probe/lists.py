"""The lists in an answer: which of them has the records."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from roster_platform.records.field_mapping import style_key

_DEEPEST = 4


def best_list(
    lists: Iterable[tuple[str, list[Any]]], fields: Collection[str], declared: str
) -> str | None:
    """Return the path of the list whose records have most of some fields (style keys).

    ``declared`` is the path that counts where several have as many.
    """

    def likeness(found: tuple[str, list[Any]]) -> tuple[int, bool, int]:
        path, records = found
        names = {style_key(n) for r in records if isinstance(r, dict) for n in r}
        is_declared = style_key(path) == style_key(declared)
        return len(names.intersection(fields)), is_declared, len(records)

    of_objects = [
        (path, found)
        for path, found in lists
        if all(isinstance(each, dict) for each in found)
    ]
    return max(of_objects, key=likeness)[0] if of_objects else None


def lists_in(
    body: Any, path: str = "", depth: int = _DEEPEST
) -> Iterator[tuple[str, Any]]:
    """Yield each list in an answer, but for those in lists, with its path."""
    if isinstance(body, list):
        yield path, body
    elif isinstance(body, Mapping) and depth:
        for name, inner in body.items():
            yield from lists_in(inner, f"{path}.{name}" if path else name, depth - 1)
