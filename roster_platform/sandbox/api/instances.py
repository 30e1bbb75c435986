"""Makes a value that a schema allows, out of facts and where they stand in it."""

from __future__ import annotations

import uuid
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from roster_platform.ingest.openapi.enums import value_key
from roster_platform.ingest.openapi.schemas import Schema
from roster_platform.ingest.signs import words as page_words
from roster_platform.records.conversion.money import AMOUNT, CURRENCY, MINOR_AMOUNT
from roster_platform.records.field_mapping import Path, style_key

OMITTED: Final = object()
"""That nothing is sent."""
_DEEPEST = 8
_USUAL_CURRENCY = "USD"
_TEXTS: Mapping[str, str] = {
    "date-time": "2026-01-01T00:00:00Z",
    "date": "2026-01-01",
    "time": "00:00:00Z",
    "uri": "https://example.com/1",
    "email": "name@example.com",
    "uuid": "00000000-0000-4000-8000-000000000001",
    "ipv4": "192.0.2.1",
}


@dataclass(frozen=True)
class Instances:
    """Fills a schema: ``values`` by their path in it, and the rest as little as it allows.

    ``currency`` is that of the amounts. ``is_answer`` says that it is the whole answer,
    whose other words say that all is well.
    """

    values: Mapping[Path, Any]
    currency: str | None = None
    is_answer: bool = False

    def of(self, schema: Schema) -> Any:
        """The value."""
        found = self._at(schema, (), _DEEPEST)
        return sample(schema) if found is OMITTED else found

    def _at(self, schema: Schema, path: Path, depth: int) -> Any:
        if path in self.values:
            value = self.values[path]
            return converted(schema, value, self.currency)
        if not schema.properties or not depth:
            return self._said(path[-1], schema) if path else OMITTED
        if schema.variants:
            schema = self._variant(schema, path)
        filled: dict[str, Any] = {}
        for name, inner in schema.properties.items():
            value = self._at(inner, (*path, name), depth - 1)
            if value is OMITTED and name in schema.required:
                value = sample(inner)
            if value is not OMITTED:
                filled[name] = value
        if not filled and path:
            return OMITTED
        # What is required and not described may be anything.
        return dict.fromkeys(schema.required - schema.properties.keys(), "x") | filled

    def _said(self, name: str, schema: Schema) -> Any:
        """What a word of an answer says where all is well."""
        word = style_key(name)
        if not self.is_answer:
            return OMITTED
        if word in page_words.IS_SUCCESS and "boolean" in schema.types:
            return True
        if word in page_words.HAS_ERROR and "boolean" in schema.types:
            return False
        if word in page_words.ERRORS and schema.nullable:
            return None
        return OMITTED

    def _variant(self, schema: Schema, path: Path) -> Schema:
        """The alternative that has most of what is known."""

        def known(variant: Schema) -> int:
            inside = {found[: len(path) + 1] for found in self.values}
            return sum((*path, name) in inside for name in variant.properties)

        objects = [v for v in schema.variants if v.properties] or list(schema.variants)
        return max(objects, key=known)


def converted(schema: Schema, value: Any, currency: str | None = None) -> Any:
    """A fact as the schema has it; ``OMITTED`` where it allows nothing like it."""
    if value is None:
        return None if schema.nullable or not schema.types else OMITTED
    if schema.enum:
        same = [each for each in schema.enum if value_key(each) == value_key(value)]
        return same[0] if same else OMITTED
    if schema.is_list:
        return value if isinstance(value, list) else [value]
    if schema.is_object:
        return _object(schema, value, currency)
    if isinstance(value, list | dict):
        return value if not schema.types else OMITTED
    if "string" in schema.types:
        return _text(value, schema.format)
    if "integer" in schema.types:
        return _whole(value)
    if "number" in schema.types:
        return _number(value)
    return bool(value) if "boolean" in schema.types else value


def _object(schema: Schema, value: Any, currency: str | None) -> Any:
    if isinstance(value, Mapping):
        if not schema.properties:
            return value
        by_style = {style_key(name): inner for name, inner in value.items()}
        inside = {(n,): by_style.get(style_key(n)) for n in schema.properties}
        return Instances({p: v for p, v in inside.items() if v is not None}).of(schema)
    if not schema.properties:
        return OMITTED
    parts: dict[Path, Any] = {}
    for name in schema.properties:
        word = style_key(name)
        if word in AMOUNT:
            parts[name,] = value
        elif word in MINOR_AMOUNT:
            parts[name,] = round(float(value) * 100)
        elif word in CURRENCY:
            parts[name,] = currency or _USUAL_CURRENCY
    return Instances(parts).of(schema) if parts else OMITTED


def _text(value: Any, form: str) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if form == "date-time":
        return text if text.endswith("Z") or "+" in text else f"{text[:19]}Z"
    if form == "date":
        return text[:10]
    if form == "uuid":
        return str(uuid.uuid5(uuid.NAMESPACE_OID, text))
    return f"{value:.2f}" if isinstance(value, float) else text


def _timestamp(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text) if "-" in text[4:5] else None
    except ValueError:
        return None
    if moment is None:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _whole(value: Any) -> int:
    if isinstance(value, int | float):
        return round(value)
    if moment := _timestamp(str(value)):
        return round(moment.timestamp() * 1000)
    digits = "".join(filter(str.isdigit, str(value)))
    # One number for one id, wherever it stands.
    return int(digits[-15:]) if digits else zlib.crc32(str(value).encode())


def _number(value: Any) -> float | int:
    try:
        return float(value)
    except ValueError:
        return _whole(value)


def sample(schema: Schema) -> Any:
    """The plainest value that a schema allows."""
    if schema.nullable:
        return None
    if schema.enum:
        return schema.enum[0]
    if schema.is_object:
        if schema.variants:
            schema = schema.variants[0]
        named = {
            n: sample(s) for n, s in schema.properties.items() if n in schema.required
        }
        return dict.fromkeys(schema.required - named.keys(), "x") | named
    if schema.is_list:
        return []
    if "string" in schema.types:
        shown = (e for e in schema.examples if isinstance(e, str))
        text = _TEXTS.get(schema.format) or next(shown, "x")
        return text.ljust(schema.min_length, "x")
    if "integer" in schema.types or "number" in schema.types:
        least, most = schema.minimum, schema.maximum
        number = max(1, least or 1) if most is None else min(max(1, least or 1), most)
        return int(number) if "integer" in schema.types else number
    return False if "boolean" in schema.types else "x"
