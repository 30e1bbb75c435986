"""JSON lists of records, read no further than asked for.

Arrow turns JSON into columns several times as fast as Python makes dicts of it, holding
no interpreter lock. What it is given no type for is read by msgspec, those fields only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from operator import attrgetter
from typing import Any

import msgspec
import pyarrow as pa
from pyarrow.json import ParseOptions, ReadOptions, read_json

from roster_platform import documents
from roster_platform.records.field_mapping import Path, has_path, value_at


class RawJson:
    """Some JSON lists of objects."""

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

    def decoded(self) -> list[dict[str, Any]]:
        """All records, as Python's dicts."""
        return list(chain.from_iterable(map(documents.loads, self._lists)))

    def first(self) -> list[dict[str, Any]]:
        """The records of the first list that has any."""
        return next(filter(None, map(documents.loads, self._lists)), [])

    def names(self) -> set[str]:
        """Every field that a record has."""
        return set().union(*self._records(dict[str, msgspec.Raw]))

    def values(self, paths: Iterable[Path]) -> dict[Path, list[Any]]:
        """The values under some paths, one a record, None where there is none."""
        return self._under(paths, (), None, value_at)

    def sent(self, paths: Iterable[Path], of_list: Path = ()) -> set[Path]:
        """Those of some paths that a record has, or an object in a list of it."""
        mentioned = [
            path
            for path in paths
            if any(documents.dumps(path[-1]) in each for each in self._lists)
        ]
        found = self._under(mentioned, of_list, msgspec.UNSET, has_path)
        return {
            path
            for path, each in found.items()
            if any(value is not msgspec.UNSET and value is not False for value in each)
        }

    def _under(
        self,
        paths: Iterable[Path],
        of_list: Path,
        default: Any,
        inside: Callable[[Any, Path], Any],
    ) -> dict[Path, list[Any]]:
        paths = list(paths)
        if not paths:
            return {}
        attributes = {
            name: f"field_{place}"
            for place, name in enumerate(sorted({path[0] for path in paths}))
        }
        objects = self._objects(_struct(attributes, default), of_list)
        found = {}
        for path in paths:
            each: Iterator[Any] = map(attrgetter(attributes[path[0]]), objects)
            if len(path) > 1:
                each = (inside(value, path[1:]) for value in each)
            found[path] = list(each)
        return found

    def _objects(self, kind: type, of_list: Path) -> list[Any]:
        """The records, or the objects in one list of each."""
        if not of_list:
            return self._records(kind)
        inner: Any = list[kind]  # type: ignore[valid-type]
        for name in reversed(of_list):
            inner = msgspec.defstruct(
                "Parent", [("inner", inner | None, None)], rename={"inner": name}
            )
        records = self._records(inner)
        for _ in of_list:
            records = [each and each.inner for each in records]
        return list(chain.from_iterable(each or () for each in records))

    def _records(self, kind: type) -> list[Any]:
        decoder = msgspec.json.Decoder(list[kind])  # type: ignore[valid-type]
        return list(chain.from_iterable(map(decoder.decode, self._lists)))


def _struct(attributes: Mapping[str, str], default: Any) -> type:
    """An object of which some fields are read, under names that Python allows."""
    return msgspec.defstruct(
        "Record",
        [(attribute, Any, default) for attribute in attributes.values()],
        rename={attribute: name for name, attribute in attributes.items()},
    )
