"""Records by column, whatever they came as: JSON that Arrow parses, or Python's dicts.

Arrow turns JSON into columns several times as fast as Python makes dicts of it, holding
no interpreter lock. It is given the declared types and is strict about them: a batch with
any value that does not fit is parsed by Python instead, which sorts out which one it was.
What is not declared, and what is kept as JSON, is read by msgspec, those fields only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, compress
from operator import attrgetter
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow.json import ParseOptions, ReadOptions, read_json

from roster_platform.ingest import documents
from roster_platform.ingest.catalogue import Child, DataType, Table

Values = Sequence[Any] | pa.Array
Note = Callable[[str, str], None]

DECIMAL = pa.decimal128(18, 4)
# What a value of JSON is taken for; moments are converted from their text later. A double
# is not: Arrow would round an integer that is none.
_PARSED_AS: Mapping[DataType, pa.DataType] = {
    "text": pa.string(),
    "bigint": pa.int64(),
    "decimal": DECIMAL,
    "bool": pa.bool_(),
    "timestamp": pa.string(),
    "date": pa.string(),
}


@dataclass(frozen=True)
class Elements:
    """The elements of one list of every record, and a row for each record without any.

    ``parents`` are the places of the records (from 0), ``positions`` those in the list,
    NULL where ``deleted`` says that the row stands for an empty list.
    """

    records: DictRecords | ArrowRecords
    parents: pa.Array
    positions: pa.Array
    deleted: pa.Array


class DictRecords:
    """Records as Python's dicts: any shape."""

    def __init__(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def values(self, field: str) -> Values:
        """One value a record; None where a record has no such field."""
        return [row.get(field) for row in self._rows]

    def fields(self) -> set[str]:
        """Every field that a record has."""
        return set().union(*self._rows)

    def filter(self, mask: Sequence[bool]) -> DictRecords:
        """The records for which the mask is true."""
        return DictRecords(
            [row for row, kept in zip(self._rows, mask, strict=True) if kept]
        )

    def elements(self, child: Child, note: Note) -> Elements:
        """The child's rows; ``note(field, problem)`` hears of lists that are none."""
        only_column = next(iter(child.columns)) if len(child.columns) == 1 else None
        rows: list[Mapping[str, Any]] = []
        parents: list[int] = []
        positions: list[int | None] = []
        for parent, record in enumerate(self._rows):
            elements = record.get(child.field)
            if elements is None:
                elements = []
            elif not isinstance(elements, list):
                note(child.field, "a single value instead of a list")
                elements = [elements]
            for position, element in enumerate(elements):
                if not isinstance(element, dict):
                    if only_column is None:
                        note(child.field, "a plain value instead of an object")
                        element = {f"{child.field}_value": element}
                    else:
                        element = {only_column: element}
                rows.append(element)
                parents.append(parent)
                positions.append(position)
            if not elements:
                rows.append({})
                parents.append(parent)
                positions.append(None)
        places = pa.array(positions, pa.int64())
        return Elements(
            DictRecords(rows), pa.array(parents, pa.int64()), places, places.is_null()
        )


class ArrowRecords:
    """Records as columns that Arrow parsed.

    ``decoded`` has the values of the fields that Arrow was given no type for; ``json`` is
    what both came from, of whose records, or of whose lists ``of_child``, these are.
    """

    def __init__(
        self,
        parsed: pa.StructArray,
        decoded: Mapping[str, list[Any]],
        json: _Json,
        of_child: str | None = None,
    ) -> None:
        self._parsed = parsed
        self._names = {field.name for field in parsed.type}
        self._decoded = decoded
        self._json = json
        self._of_child = of_child

    def __len__(self) -> int:
        return len(self._parsed)

    def values(self, field: str) -> Values:
        """One value a record; None where a record has no such field."""
        if field in self._decoded:
            return self._decoded[field]
        if field in self._names:
            return self._parsed.field(field)
        return [None] * len(self)

    def fields(self) -> set[str]:
        """Every field that a record has."""
        filled = {
            name
            for name in self._names
            if self._parsed.field(name).null_count < len(self)
        }
        empty = self._names.union(self._decoded) - filled
        return filled | self._json.sent(empty, self._of_child)

    def filter(self, mask: Sequence[bool]) -> ArrowRecords:
        """The records for which the mask is true."""
        decoded = {
            field: list(compress(values, mask))
            for field, values in self._decoded.items()
        }
        parsed = self._parsed.filter(pa.array(mask, pa.bool_()))
        return ArrowRecords(parsed, decoded, self._json)

    def elements(self, child: Child, note: Note) -> Elements:
        """The child's rows; ``note(field, problem)`` hears of lists that are none."""
        lists = self.values(child.field)
        if not isinstance(lists, pa.Array):
            rows = [{child.field: elements} for elements in lists]
            return DictRecords(rows).elements(child, note)
        sizes = pc.fill_null(pc.list_value_length(lists), 0).to_numpy()
        counts = np.maximum(sizes, 1)
        starts = np.cumsum(counts) - counts
        parents = np.repeat(np.arange(len(sizes)), counts)
        deleted = np.repeat(sizes == 0, counts)
        positions = np.arange(len(parents)) - np.repeat(starts, counts)
        elements = lists.flatten()
        # Each row's place among the elements; none for the row of an empty list.
        places = pa.array(np.cumsum(~deleted) - 1, pa.int64(), mask=deleted)
        elements = elements.take(places)
        if not pa.types.is_struct(elements.type):
            (field,) = child.columns
            elements = pa.StructArray.from_arrays([elements], [field])
        return Elements(
            ArrowRecords(elements, {}, self._json, child.field),
            pa.array(parents, pa.int64()),
            pa.array(positions, pa.int64(), mask=deleted),
            pa.array(deleted, pa.bool_()),
        )


class RecordParser:
    """Parses the records of one table from JSON.

    ``loose`` are the fields whose values are decoded one by one, so that the others need
    not be: those kept as JSON, and those that were met with values of another type.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
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

    def parse(self, lists: Sequence[bytes]) -> DictRecords | ArrowRecords:
        """The records of some JSON lists of objects, in order."""
        json = _Json(lists)
        for undeclared in ("infer", "ignore"):
            try:
                return self._parse(json, undeclared)
            except (pa.ArrowException, ValueError):
                continue
        return DictRecords(list(chain.from_iterable(map(documents.loads, lists))))

    def _parse(self, json: _Json, undeclared: str) -> ArrowRecords:
        declared = self._declared_type()
        parsed = json.columns(declared, undeclared)
        if undeclared == "infer":
            others = {
                field.name for field in parsed.type if field not in list(declared)
            }
        else:
            names = {field.name for field in declared}
            others = json.names() - names
            others |= {f.name for f in declared if _is_of_objects(f.type)}
        for field in parsed.type:
            elements = parsed.field(field.name)
            # Where one of the objects is null, Python sorts them out.
            if _is_of_objects(field.type) and elements.flatten().null_count:
                others.add(field.name)
        return ArrowRecords(parsed, json.values(others), json)

    def _declared_type(self) -> pa.StructType:
        """The declared fields but the loose ones, as Arrow is to read them."""
        fields = {
            field: _PARSED_AS[column.data_type]
            for field, column in self._table.columns.items()
            if field not in self.loose
        }
        for child in self._table.children:
            if child.field in self.loose:
                continue
            elements = [
                (field, _PARSED_AS[column.data_type])
                for field, column in child.columns.items()
            ]
            is_plain = len(elements) == 1
            fields[child.field] = pa.list_(
                elements[0][1] if is_plain else pa.struct(elements)
            )
        return pa.struct(list(fields.items()))


class _Json:
    """Some JSON lists of objects, read no further than asked for."""

    def __init__(self, lists: Sequence[bytes]) -> None:
        self._lists = lists

    def columns(self, declared: pa.StructType, undeclared: str) -> pa.StructArray:
        """All records; raises ArrowException where one is not as declared."""
        document = b"\n".join(b'{"records":%b}' % each for each in self._lists)
        column = read_json(
            pa.BufferReader(document),
            # One block, whatever its size: each column is then a single array.
            ReadOptions(use_threads=False, block_size=len(document) + 1),
            ParseOptions(
                pa.schema([("records", pa.list_(declared))]),
                unexpected_field_behavior=undeclared,
            ),
        ).column("records")
        return column.combine_chunks().flatten()

    def names(self) -> set[str]:
        """Every field that a record has."""
        return set().union(*self._records(dict[str, msgspec.Raw]))

    def values(self, fields: Iterable[str]) -> dict[str, list[Any]]:
        """The values of some fields, one a record, None where it is missing."""
        attributes = _attributes(fields)
        if not attributes:
            return {}
        records = self._records(_struct(attributes, default=None))
        return {
            field: list(map(attrgetter(name), records))
            for name, field in attributes.items()
        }

    def sent(self, fields: Iterable[str], of_child: str | None = None) -> set[str]:
        """Those of some fields that a record has, or an object in a list of it."""
        mentioned = {
            field
            for field in fields
            if any(documents.dumps(field) in each for each in self._lists)
        }
        attributes = _attributes(mentioned)
        if not attributes:
            return set()
        record = _struct(attributes, default=msgspec.UNSET)
        if of_child is None:
            records = self._records(record)
        else:
            parents = self._records(
                msgspec.defstruct(
                    "Parent",
                    [("elements", list[record] | None, None)],
                    rename={"elements": of_child},
                )
            )
            records = list(chain.from_iterable(p.elements or () for p in parents))
        return {
            field
            for name, field in attributes.items()
            if any(getattr(r, name) is not msgspec.UNSET for r in records)
        }

    def _records(self, kind: type) -> list[Any]:
        decoder = msgspec.json.Decoder(list[kind])
        return list(chain.from_iterable(map(decoder.decode, self._lists)))


def _attributes(fields: Iterable[str]) -> dict[str, str]:
    """Names that Python allows for fields of any name."""
    return {f"field_{place}": field for place, field in enumerate(sorted(fields))}


def _struct(attributes: Mapping[str, str], *, default: Any) -> type:
    declared = [(name, Any, default) for name in attributes]
    return msgspec.defstruct("Record", declared, rename=attributes)


def _is_of_objects(kind: pa.DataType) -> bool:
    return pa.types.is_list(kind) and pa.types.is_struct(kind.value_type)
