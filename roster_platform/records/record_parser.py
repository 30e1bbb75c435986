"""Parses the records of one table from JSON, under the names that the API uses.

Arrow is given the declared types at the paths where the fields are, and is strict about
them: a batch with any value that does not fit is parsed by Python instead, which sorts out
which one it was.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from roster_platform.catalogue import DataType, Table
from roster_platform.records.conversion.arrow_types import DECIMAL
from roster_platform.records.field_mapping import (
    FieldNames,
    NameTree,
    Path,
    names_of_elements,
    names_of_records,
)
from roster_platform.records.raw_json import RawJson
from roster_platform.records.records import (
    ArrowRecords,
    DictRecords,
    by_field,
    mapped,
    type_at,
)

Records = ArrowRecords | DictRecords

# What a value of JSON is taken for; timestamps are converted from their text later. A
# double is not: Arrow would round an integer.
_PARSED_AS: Mapping[DataType, pa.DataType] = {
    "text": pa.string(),
    "bigint": pa.int64(),
    "decimal": DECIMAL,
    "bool": pa.bool_(),
    "timestamp": pa.string(),
    "date": pa.string(),
}
_LOOKED_AT = 500


class RecordParser:
    """Parses the records of one table, and decides by the first what they are called.

    ``loose`` are the fields whose values are decoded one by one, so that the others need
    not be: those kept as JSON, and those that were met with values of another type.
    ``given`` are fields that the reader itself puts into the records.
    """

    def __init__(self, table: Table, given: Collection[str] = ()) -> None:
        self._table = table
        self.names = names_of_records(table, given)
        self.children = {
            child.field: names_of_elements(child) for child in table.children
        }
        self._has_looked = False
        self.loose = {
            field
            for field, column in table.columns.items()
            if column.data_type not in _PARSED_AS
        }
        self.loose |= {
            child.field
            for child in table.children
            if any(c.data_type not in _PARSED_AS for c in child.columns.values())
        }

    def parse(self, lists: Sequence[bytes]) -> Records:
        """The records of some JSON lists of objects, in order."""
        json = RawJson(lists)
        if not self._has_looked and (first := json.first()):
            self._has_looked = True
            self.look_at(first[:_LOOKED_AT])
        records = self._by_column(json)
        if records is not None and self._learns(records):
            records = self._by_column(json)
        return self.take(json.decoded()) if records is None else records

    def take(self, rows: Sequence[Mapping[str, Any]]) -> DictRecords:
        """The same records, where Python has decoded them already."""
        self.look_at(rows)
        return mapped(rows, self.names)

    def look_at(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Decide by some records where the fields are that no record had so far."""
        rows = list(rows)
        self.names.decide(rows)
        for field, names in self.children.items():
            if names.undecided:
                names.decide(_objects_in(self.names.value(row, field) for row in rows))

    def _learns(self, records: ArrowRecords) -> bool:
        """Decide by what was parsed; returns whether it has to be parsed once more."""
        has_changed = False
        if self.names.undecided:
            others = {
                path: records.decoded[name]
                for name, path in records.undeclared.items()
                if self.names.may_decide(path[0])
            }
            filled = self.names.undecided & records.filled()
            has_changed |= self.names.decide(_nested(others), filled)
        for field, names in self.children.items():
            if names.undecided:
                lists = records.values(field)
                if isinstance(lists, pa.Array):
                    names.decide((), _filled(lists, names) & names.undecided)
                else:
                    has_changed |= names.decide(_objects_in(lists))
        return has_changed

    def _by_column(self, json: RawJson) -> ArrowRecords | None:
        for undeclared in ("infer", "ignore"):
            try:
                return self._parse(json, undeclared)
            except (pa.ArrowException, ValueError):
                continue
        return None

    def _parse(self, json: RawJson, undeclared: str) -> ArrowRecords:
        names = self.names
        types, loose = self._types()
        declared, unsure = _nested_type(types, names)
        loose |= unsure
        parsed = json.columns(declared, undeclared)
        for child in self._table.children:
            path = names.sources[child.field]
            if child.field in loose or not _is_of_objects(types[child.field]):
                continue
            came = type_at(parsed.type, path)
            # An undeclared field of an element, or an element that is null: Python sorts
            # them out.
            if (
                undeclared == "ignore"
                or came != types[child.field]
                or pc.struct_field(parsed, list(path)).flatten().null_count
            ):
                loose.add(child.field)
        if undeclared == "infer":
            others = set(_unused(parsed.type, names.tree))
            loose = {
                field
                for field in loose
                if type_at(parsed.type, names.sources[field]) is not None
            }
        else:
            others = _unused_in(json, names.tree)
        values = json.values(others | {names.sources[field] for field in loose})
        undeclared_paths = {names.presented(path): path for path in sorted(others)}
        decoded = {name: values[path] for name, path in undeclared_paths.items()}
        decoded |= {field: values[names.sources[field]] for field in loose}
        columns = by_field(parsed, names)
        return ArrowRecords(
            len(parsed),
            {name: columns[name] for name in columns.keys() - loose},
            json,
            names,
            decoded=decoded,
            undeclared=undeclared_paths,
        )

    def _types(self) -> tuple[dict[str, pa.DataType], set[str]]:
        """Return Arrow's type of each declared field, and the fields without one."""
        loose = set(self.loose)
        types = {
            field: _PARSED_AS[column.data_type]
            for field, column in self._table.columns.items()
            if field not in loose
        }
        for child in self._table.children:
            if child.field in loose:
                continue
            names = self.children[child.field]
            elements = {
                field: _PARSED_AS[column.data_type]
                for field, column in child.columns.items()
            }
            if len(elements) == 1 and names.is_plain:
                (kind,) = elements.values()
            else:
                kind, unsure = _nested_type(elements, names)
                if unsure:
                    loose.add(child.field)
                    continue
            types[child.field] = pa.list_(kind)
        return types, loose


def _nested_type(
    types: Mapping[str, pa.DataType], names: FieldNames
) -> tuple[pa.StructType, set[str]]:
    """The struct in which each field is where its name leads to.

    Also returns the fields that it cannot have, because a value is read twice, as itself
    and as an object of others.
    """
    root: dict[str, Any] = {}
    unsure: set[str] = set()
    at: dict[Path, str] = {}
    for field in types:
        path = names.sources[field]
        clashes = {
            other
            for other_path, other in at.items()
            if path[: len(other_path)] == other_path or other_path[: len(path)] == path
        }
        if clashes:
            unsure |= {field, *clashes}
        at[path] = field
    for field, kind in types.items():
        if field in unsure:
            continue
        *ways, last = names.sources[field]
        node = root
        for name in ways:
            node = node.setdefault(name, {})
        node[last] = kind
    return _as_struct(root), unsure


def _as_struct(tree: Mapping[str, Any]) -> pa.StructType:
    return pa.struct(
        [
            (name, _as_struct(kind) if isinstance(kind, dict) else kind)
            for name, kind in tree.items()
        ]
    )


def _unused(kind: pa.StructType, tree: NameTree, path: Path = ()) -> Iterator[Path]:
    """The paths of what a struct has that no declared field is read from."""
    for part in kind:
        node = tree.inside.get(part.name)
        if node is None:
            yield (*path, part.name)
        elif not node.is_leaf:
            if pa.types.is_struct(part.type):
                yield from _unused(part.type, node, (*path, part.name))
            elif not pa.types.is_null(part.type):
                yield (*path, part.name)


def _unused_in(json: RawJson, tree: NameTree) -> set[Path]:
    """The same, of records whose undeclared fields Arrow did not parse."""
    names = json.names()
    objects = {
        (name,)
        for name, node in tree.inside.items()
        if not node.is_leaf and name in names
    }
    found: set[Path] = {(name,) for name in names if name not in tree.inside}
    for (name,), values in json.values(objects).items():
        for value in values:
            found |= {path for path, _ in tree.unused({name: value})}
    return found


def _nested(columns: Mapping[Path, Sequence[Any]]) -> Iterator[Mapping[str, Any]]:
    """Values by path, as the records that have them."""
    for path, values in columns.items():
        for value in values:
            for name in reversed(path):
                value = {name: value}
            yield value


def _objects_in(lists: Iterable[Any]) -> list[Mapping[str, Any]]:
    """The objects in the lists of some records."""
    return [
        element
        for elements in lists
        for element in (elements if isinstance(elements, list) else [elements])
        if isinstance(element, dict)
    ]


def _filled(lists: pa.ListArray, names: FieldNames) -> set[str]:
    """The fields that an element of some lists has a value of."""
    elements = lists.flatten()
    if not pa.types.is_struct(elements.type):
        return set(names.sources) if elements.null_count < len(elements) else set()
    return {
        field
        for field, values in by_field(elements, names).items()
        if values.null_count < len(values)
    }


def _is_of_objects(kind: pa.DataType) -> bool:
    return pa.types.is_list(kind) and pa.types.is_struct(kind.value_type)
