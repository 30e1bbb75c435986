"""Records by column, whatever they came as: JSON that Arrow parses, or Python's dicts.

Both are seen under the names that are declared, whatever names the API uses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from operator import methodcaller
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from roster_platform.catalogue import Child
from roster_platform.records.conversion.arrow_types import Values
from roster_platform.records.field_mapping import FieldNames, Path
from roster_platform.records.raw_json import RawJson

Note = Callable[[str, str], None]


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

    def __init__(
        self,
        rows: Sequence[Mapping[str, Any]],
        rivals: Mapping[str, str] | None = None,
    ) -> None:
        self._rows = rows
        self.rivals = rivals or {}
        """Undeclared fields that are another candidate of a declared one, with that."""

    def __len__(self) -> int:
        return len(self._rows)

    def values(self, field: str) -> Values:
        """One value a record; None where a record has no such field."""
        # Quicker than a loop, and it is asked for every field of every row.
        return list(map(methodcaller("get", field), self._rows))

    def fields(self) -> set[str]:
        """Every field that a record has."""
        return set().union(*self._rows)

    def filter(self, mask: Sequence[bool]) -> DictRecords:
        """The records for which the mask is true."""
        rows = [row for row, kept in zip(self._rows, mask, strict=True) if kept]
        return DictRecords(rows, self.rivals)

    def elements(self, child: Child, names: FieldNames, note: Note) -> Elements:
        """Return the child's rows; call ``note(field, problem)`` for what is not a list."""
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
            mapped(rows, names), pa.array(parents, pa.int64()), places, places.is_null()
        )


class ArrowRecords:
    """Records as columns that Arrow parsed.

    ``columns`` has the declared fields by name, ``decoded`` the values of those that Arrow
    was given no type for, and of the ``undeclared`` ones, which are known by name and path.
    ``json`` is what all came from, of whose records, or of whose lists at ``of_list``,
    these are.
    """

    def __init__(
        self,
        length: int,
        columns: Mapping[str, pa.Array],
        json: RawJson,
        names: FieldNames,
        *,
        decoded: Mapping[str, list[Any]] | None = None,
        undeclared: Mapping[str, Path] | None = None,
        of_list: Path = (),
    ) -> None:
        self._length = length
        self._columns = columns
        self._json = json
        self._names = names
        self.decoded = decoded or {}
        self.undeclared = undeclared or {}
        self._of_list = of_list

    def __len__(self) -> int:
        return self._length

    @property
    def rivals(self) -> Mapping[str, str]:
        """Undeclared fields that are another candidate of a declared one, with that."""
        found = {
            name: self._names.rival_of(path) for name, path in self.undeclared.items()
        }
        return {name: rival for name, rival in found.items() if rival}

    def values(self, field: str) -> Values:
        """One value a record; None where a record has no such field."""
        if field in self.decoded:
            return self.decoded[field]
        return self._columns.get(field, [None] * len(self))

    def fields(self) -> set[str]:
        """Every field that a record has."""
        came = self.filled().union(self.undeclared)
        empty = {
            name: self._names.sources[name]
            for name in {*self._columns, *self.decoded} - came
        }
        sent = self._json.sent(empty.values(), self._of_list)
        return came | {name for name, path in empty.items() if path in sent}

    def filled(self) -> set[str]:
        """The declared fields that a record has a value of."""
        declared = self.decoded.keys() - self.undeclared.keys()
        return {
            name
            for name, values in self._columns.items()
            if values.null_count < len(values)
        } | {
            name
            for name in declared
            if any(value is not None for value in self.decoded[name])
        }

    def filter(self, mask: Sequence[bool]) -> ArrowRecords:
        """The records for which the mask is true."""
        arrow_mask = pa.array(mask, pa.bool_())
        return ArrowRecords(
            sum(mask),
            {name: values.filter(arrow_mask) for name, values in self._columns.items()},
            self._json,
            self._names,
            decoded={
                name: list(compress(values, mask))
                for name, values in self.decoded.items()
            },
            undeclared=self.undeclared,
        )

    def elements(self, child: Child, names: FieldNames, note: Note) -> Elements:
        """Return the child's rows; call ``note(field, problem)`` for what is not a list."""
        lists = self.values(child.field)
        if not isinstance(lists, pa.Array):
            rows = [{child.field: elements} for elements in lists]
            return DictRecords(rows).elements(child, names, note)
        sizes = pc.fill_null(pc.list_value_length(lists), 0).to_numpy()
        counts = np.maximum(sizes, 1)
        starts = np.cumsum(counts) - counts
        parents = np.repeat(np.arange(len(sizes)), counts)
        deleted = np.repeat(sizes == 0, counts)
        positions = np.arange(len(parents)) - np.repeat(starts, counts)
        # Each row's place among the elements; none for the row of an empty list.
        places = pa.array(np.cumsum(~deleted) - 1, pa.int64(), mask=deleted)
        elements = lists.flatten().take(places)
        if pa.types.is_struct(elements.type):
            columns = by_field(elements, names)
        else:
            (field,) = child.columns
            columns = {field: elements}
        of_list = self._names.sources[child.field]
        return Elements(
            ArrowRecords(len(places), columns, self._json, names, of_list=of_list),
            pa.array(parents, pa.int64()),
            pa.array(positions, pa.int64(), mask=deleted),
            pa.array(deleted, pa.bool_()),
        )


def mapped(rows: Sequence[Mapping[str, Any]], names: FieldNames) -> DictRecords:
    """Dicts as they came, under the declared names as decided so far."""
    if names.is_plain:
        came = set().union(*rows) - names.sources.keys()
        unused: set[Path] = {(name,) for name in came}
    else:
        unused = {path for row in rows for path, _ in names.tree.unused(row)}
    rivals = {names.presented(path): names.rival_of(path) for path in unused}
    return DictRecords(
        [names.canonical(row) for row in rows],
        {name: rival for name, rival in rivals.items() if rival},
    )


def by_field(parsed: pa.StructArray, names: FieldNames) -> dict[str, pa.Array]:
    """The declared fields of what Arrow parsed, each from the path of its name."""
    return {
        name: pc.struct_field(parsed, list(path))
        for name, path in names.sources.items()
        if type_at(parsed.type, path) is not None
    }


def type_at(kind: pa.DataType, path: Path) -> pa.DataType | None:
    """The type under a path of a struct; None where there is no such path."""
    for name in path:
        if not pa.types.is_struct(kind) or kind.get_field_index(name) < 0:
            return None
        kind = kind.field(name).type
    return kind
