"""The schemas of an OpenAPI document, as one small tree, whatever they are composed of."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from roster_platform.ingest.probe.shapes import AnyText, type_of
from roster_platform.records.conversion.money import AMOUNT, CURRENCY, MINOR_AMOUNT
from roster_platform.records.field_mapping import style_key

_DEEPEST = 10
_EPOCH = 1_767_225_600
_TEXTS: Mapping[str, str] = {
    "date-time": "2026-01-01T00:00:00Z",
    "date": "2026-01-01",
    "uri": "https://example.com/1",
    "url": "https://example.com/1",
    "uri-reference": "/1",
    "email": "name@example.com",
    "uuid": "00000000-0000-4000-8000-000000000001",
    "decimal": "1.00",
    "money": "1.00",
    "number": "1.00",
    "double": "1.00",
    "int64": "1",
    "int32": "1",
    "integer": "1",
}


@dataclass(frozen=True)
class Node:
    """A place in the document, and how its references are resolved."""

    value: Any
    resolver: Any
    """Of `referencing`, which publishes no name for its type."""

    def at(self, key: Any) -> Node:
        """What is under a key; a node without a value where there is nothing."""
        value = self.value.get(key) if isinstance(self.value, Mapping) else None
        return Node(value, self.resolver)

    def names(self) -> Collection[Any]:
        """The keys of an object; none of anything else."""
        return list(self.value) if isinstance(self.value, Mapping) else []

    def elements(self) -> Iterator[Node]:
        """The elements of a list; none of anything else."""
        for each in self.value if isinstance(self.value, list) else ():
            yield Node(each, self.resolver)

    def text(self, key: str) -> str:
        """A text, empty where there is none."""
        value = self.at(key).value
        return value if isinstance(value, str) else ""

    def followed(self) -> Node:
        """Where a reference leads. Raises Unresolvable."""
        node, seen = self, set()
        while isinstance(node.value, Mapping) and isinstance(
            ref := node.value.get("$ref"), str
        ):
            if ref in seen:
                return Node(None, node.resolver)
            seen.add(ref)
            found = node.resolver.lookup(ref)
            node = Node(found.contents, found.resolver)
        return node


@dataclass(frozen=True)
class Schema:
    """What a value may be. No types: anything.

    ``variants`` are the alternatives of ``oneOf`` or ``anyOf`` that are not null; the
    schema itself has the properties of them all.
    """

    types: frozenset[str] = frozenset()
    format: str = ""
    enum: tuple[Any, ...] = ()
    nullable: bool = False
    properties: Mapping[str, Schema] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    items: Schema | None = None
    variants: tuple[Schema, ...] = ()
    default: Any = None
    minimum: float | None = None
    maximum: float | None = None
    min_length: int = 0
    examples: tuple[Any, ...] = ()

    @property
    def is_object(self) -> bool:
        return "object" in self.types or bool(self.properties)

    @property
    def is_list(self) -> bool:
        return "array" in self.types or self.items is not None

    @property
    def fits_any_text(self) -> bool:
        """Whether it is a text of which nothing more is said."""
        return "string" in self.types and not (self.enum or self.format in _TEXTS)


def schema_of(
    node: Node, depth: int = _DEEPEST, above: frozenset[int] = frozenset()
) -> Schema:
    """Read a schema. Raises Unresolvable for a reference that leads nowhere."""
    node = node.followed()
    raw = node.value
    # A schema inside itself (a comment with answers) is read once.
    if not isinstance(raw, Mapping) or not depth or id(raw) in above:
        return Schema()
    above = above | {id(raw)}
    kinds = raw.get("type")
    types = {kinds} if isinstance(kinds, str) else set(kinds or ())
    enum = raw.get("enum") if isinstance(raw.get("enum"), list) else None
    if "const" in raw:
        enum = [raw["const"]]
    listed = raw.get("examples")
    examples = listed if isinstance(listed, list) else []
    own = Schema(
        types=frozenset(types - {"null"}),
        format=str(raw.get("format") or ""),
        enum=tuple(value for value in enum or () if value is not None),
        nullable=raw.get("nullable") is True or "null" in types or None in (enum or ()),
        properties={
            name: schema_of(node.at("properties").at(name), depth - 1, above)
            for name in node.at("properties").names()
            if _is_sent(node.at("properties").at(name))
        },
        required=frozenset(_texts(raw.get("required"))),
        items=schema_of(node.at("items"), depth - 1, above) if "items" in raw else None,
        default=raw.get("default"),
        minimum=_number(raw.get("minimum"), raw.get("exclusiveMinimum")),
        maximum=_number(raw.get("maximum"), raw.get("exclusiveMaximum")),
        min_length=int(_number(raw.get("minLength")) or 0),
        examples=tuple(
            each for each in (raw.get("example"), *examples) if each is not None
        ),
    )
    for part in node.at("allOf").elements():
        own = _both(own, schema_of(part, depth, above))
    for word in ("oneOf", "anyOf"):
        choices = [schema_of(each, depth, above) for each in node.at(word).elements()]
        if choices:
            own = _one_of(own, choices, list(node.at(word).elements()))
    return own


def _is_sent(node: Node) -> bool:
    """Whether a property is part of an answer."""
    return not (isinstance(node.value, Mapping) and node.value.get("writeOnly") is True)


def _texts(value: Any) -> Iterator[str]:
    yield from (
        (each for each in value or () if isinstance(each, str))
        if isinstance(value, list)
        else ()
    )


def _number(*values: Any) -> float | None:
    return next(
        (v for v in values if isinstance(v, int | float) and not isinstance(v, bool)),
        None,
    )


def _both(one: Schema, other: Schema) -> Schema:
    """What is true of both, of ``allOf``: one that says nothing leaves the other."""
    merged = dict(one.properties)
    for name, inner in other.properties.items():
        merged[name] = _both(merged[name], inner) if name in merged else inner
    return Schema(
        types=one.types & other.types or one.types or other.types,
        format=one.format or other.format,
        enum=tuple(v for v in one.enum if v in other.enum) or one.enum or other.enum,
        nullable=one.nullable or other.nullable,
        properties=merged,
        required=one.required | other.required,
        items=one.items or other.items,
        variants=one.variants or other.variants,
        default=one.default if one.default is not None else other.default,
        minimum=one.minimum if one.minimum is not None else other.minimum,
        maximum=one.maximum if one.maximum is not None else other.maximum,
        min_length=max(one.min_length, other.min_length),
        examples=one.examples or other.examples,
    )


def _one_of(own: Schema, choices: list[Schema], nodes: list[Node]) -> Schema:
    """Any of some alternatives: the properties of all, and none of them certain."""
    real = [
        choice
        for choice, node in zip(choices, nodes, strict=True)
        if not _is_null(node)
    ]
    own = replace(
        own,
        nullable=own.nullable
        or len(real) < len(choices)
        or any(c.nullable for c in real),
    )
    if len(real) == 1:
        return _both(own, real[0])
    if not real:
        return own
    merged: dict[str, Schema] = dict(own.properties)
    for name in dict.fromkeys(name for choice in real for name in choice.properties):
        inner = [c.properties[name] for c in real if name in c.properties]
        merged[name] = _wide(inner) if name not in merged else merged[name]
    certain = frozenset.intersection(*(choice.required for choice in real))
    wide = _wide(real)
    return replace(
        own,
        types=own.types or wide.types,
        format=own.format or wide.format,
        enum=own.enum or wide.enum,
        properties=merged,
        required=own.required | certain,
        items=own.items or wide.items,
        variants=tuple(_both(own, choice) for choice in real),
    )


def _wide(choices: list[Schema]) -> Schema:
    """What one of some schemas may be."""
    if len(choices) == 1:
        return choices[0]
    formats = {choice.format for choice in choices}
    has_enum = all(choice.enum for choice in choices)
    return Schema(
        types=frozenset().union(*(choice.types for choice in choices)),
        format=formats.pop() if len(formats) == 1 else "",
        enum=tuple(dict.fromkeys(v for c in choices for v in c.enum))
        if has_enum
        else (),
        nullable=any(choice.nullable for choice in choices),
        properties={n: s for c in choices for n, s in c.properties.items()},
        items=next((choice.items for choice in choices if choice.items), None),
        variants=tuple(choices),
    )


def _is_null(node: Node) -> bool:
    raw = node.followed().value
    return isinstance(raw, Mapping) and (
        raw.get("type") in ("null", ["null"]) or raw.get("enum") == [None]
    )


def schema_of_example(value: Any) -> Schema:
    """The schema of what an example shows, where a document has nothing else."""
    if isinstance(value, Mapping):
        inside = {str(name): schema_of_example(inner) for name, inner in value.items()}
        return Schema(types=frozenset({"object"}), properties=inside)
    if isinstance(value, list):
        items = (
            _wide([schema_of_example(each) for each in value]) if value else Schema()
        )
        return Schema(types=frozenset({"array"}), items=items)
    if value is None:
        return Schema(nullable=True)
    kinds = {bool: "boolean", int: "integer", float: "number"}
    kind = kinds.get(type(value), "string")
    return Schema(types=frozenset({kind}), examples=(value,))


def example_of(schema: Schema) -> Any:
    """A value that the schema allows: what there is to compare with the declaration.

    It has every property. Whole numbers are a number of seconds, so that they may be a
    timestamp, an amount or an id; a text of which nothing is said is ``AnyText``.
    """
    if schema.is_object:
        is_money = any(style_key(n) in AMOUNT | MINOR_AMOUNT for n in schema.properties)
        return {
            name: AnyText("USD")
            if is_money and style_key(name) in CURRENCY and inner.fits_any_text
            else example_of(inner)
            for name, inner in schema.properties.items()
        }
    if schema.is_list:
        return [example_of(schema.items)] if schema.items else []
    if schema.enum:
        return schema.enum[0]
    if "string" in schema.types:
        # Many examples are a placeholder ("string"); a number or a time is none.
        shown = (
            e for e in schema.examples if isinstance(e, str) and type_of(e) != "text"
        )
        return _TEXTS.get(schema.format) or next(shown, AnyText("1"))
    if "integer" in schema.types:
        return _EPOCH
    if "number" in schema.types:
        return float(_EPOCH)
    return True if "boolean" in schema.types else AnyText("1")
