"""Names as Auto Rosters may send them, and what is odd about an answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

_NAME_FIELDS = ("name", "title", "label")


@dataclass(frozen=True)
class Finding:
    """One kind of odd part on one page."""

    table: str
    field: str
    problem: str
    severity: Literal["warning", "error"]


class Oddities:
    """The oddities of one answer, and how often each occurs."""

    def __init__(self) -> None:
        self.found: Counter[Finding] = Counter()

    def note(
        self,
        table: str,
        field: str,
        problem: str,
        severity: Literal["warning", "error"],
    ) -> None:
        self.found[Finding(table, field, problem, severity)] += 1


def name_of(value: Any) -> str | None:
    """Return the name that a text is, or that an object has, without blanks around it."""
    if isinstance(value, str):
        return value.strip() or None
    if not isinstance(value, dict):
        return None
    names = (value.get(field) for field in _NAME_FIELDS)
    stripped = (name.strip() for name in names if isinstance(name, str))
    return next(filter(None, stripped), None)


def names_of(
    value: Any, table: str, field: str, odd: Oddities
) -> tuple[list[str], bool]:
    """Return the names in a list of names, and whether all of it could be read.

    It may hold names or objects with a name, or be a map: of names to anything but false,
    or of ids to names. Blank and null names are reported and dropped.
    """
    if isinstance(value, dict):
        value = _names_in_map(value)
        odd.note(table, field, "an object instead of a list", "warning")
    if not isinstance(value, list):
        odd.note(table, field, "a single value instead of a list", "error")
        return [], False
    names: list[str] = []
    is_read = True
    for element in value:
        if name := name_of(element):
            names.append(name)
        elif _is_blank(element):
            odd.note(table, field, "a name that is blank or null", "warning")
        else:
            is_read = False
            odd.note(table, field, "an element that is not a name", "error")
    return list(dict.fromkeys(names)), is_read


def _is_blank(value: Any) -> bool:
    """Return whether this is a name that was left empty, alone or in an object."""
    if isinstance(value, dict):
        named = [value[key] for key in _NAME_FIELDS if key in value]
        return bool(named) and all(map(_is_blank, named))
    return value is None or (isinstance(value, str) and not value.strip())


def _names_in_map(value: Mapping[str, Any]) -> list[Any]:
    if any(isinstance(value.get(key), str) for key in _NAME_FIELDS):
        return [value]
    if value and all(map(is_id_key, value)):
        return list(value.values())
    return [name for name, held in value.items() if held is not False]


def is_id_key(key: str) -> bool:
    """Return whether the key of an object is an id rather than a name."""
    return key.isascii() and key.isdigit()
