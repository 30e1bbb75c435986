"""The shape of some answers: names and types, and never a value.

A name can be a value, too, where objects are kept by id (``{"4711": {…}}``): such names are
written as ``<key>``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from roster_platform.records.conversion.values import as_timestamp

_LONGEST_NAME = 40
_KEYED = "<key>"
_PLAIN_NAME = re.compile(r"[A-Za-z_$@][\w$@ .-]*", re.ASCII)
_LIKE_AN_ID = re.compile(
    r".*\d{4,}.*|.*@.*\..*|[0-9a-fA-F]{8}-[0-9a-fA-F-]{20,}|[0-9a-fA-F]{16,}", re.ASCII
)
_DECIMAL = re.compile(r"[^\w]*-?[\d.,]*\d[^\w]*", re.ASCII)


class AnyText(str):
    """A text of which nothing is known but that it is one: it may be of any type."""

    __slots__ = ()


def without_any_text(value: Any) -> Any:
    """A value with plain texts in it, as JSON has them."""
    if isinstance(value, Mapping):
        return {name: without_any_text(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [without_any_text(inner) for inner in value]
    return str(value) if isinstance(value, AnyText) else value


@dataclass
class Shape:
    """The types that came under one name, and what is inside objects and lists."""

    types: set[str] = field(default_factory=set)
    inside: dict[str, Shape] = field(default_factory=dict)
    element: Shape | None = None

    def add(self, value: Any) -> None:
        """Take one more value into account."""
        self.types.add(type_of(value))
        if isinstance(value, Mapping):
            for name, inner in value.items():
                self.inside.setdefault(safe_name(name), Shape()).add(inner)
        elif isinstance(value, list):
            self.element = self.element or Shape()
            for inner in value:
                self.element.add(inner)

    def described(self) -> str:
        """The types, for a person."""
        return " or ".join(sorted(self.types - {"null"})) or "null"

    def as_document(self) -> Any:
        """The shape as plain lists, dicts and texts."""
        document: dict[str, Any] = {"types": sorted(self.types)}
        if self.inside:
            document["fields"] = {
                name: shape.as_document() for name, shape in sorted(self.inside.items())
            }
        if self.element is not None and self.element.types:
            document["elements"] = self.element.as_document()
        return document


def shape_of(values: Iterable[Any]) -> Shape:
    """The common shape of some values."""
    shape = Shape()
    for value in values:
        shape.add(value)
    return shape


def safe_name(name: str) -> str:
    """A name, unless it may be a value."""
    is_name = (
        len(name) <= _LONGEST_NAME
        and _PLAIN_NAME.fullmatch(name)
        and not _LIKE_AN_ID.fullmatch(name)
    )
    return name if is_name else _KEYED


def safe_path(path: Iterable[str]) -> str:
    """A path of which no name may be a value."""
    return ".".join(map(safe_name, path))


def type_of(value: Any) -> str:
    """The type of a value, in a word or two."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, Mapping):
        return "object"
    if isinstance(value, list):
        return "list"
    if isinstance(value, int | float):
        if as_timestamp(value) is not None:
            return "number (epoch)"
        return "integer" if isinstance(value, int) else "number"
    if isinstance(value, AnyText):
        return "text"
    if as_timestamp(value) is not None:
        return "text (timestamp)"
    return "text (number)" if _DECIMAL.fullmatch(value) else "text"


def leaves(value: Any, depth: int, path: tuple[str, ...] = ()) -> Iterator[Any]:
    """Yield the path and value of everything in an object that is not an object."""
    if isinstance(value, Mapping) and depth:
        for name, inner in value.items():
            yield from leaves(inner, depth - 1, (*path, name))
    yield path, value
