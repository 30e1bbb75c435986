"""Compares the fields that came with those that are declared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from roster_platform.catalogue import Column
from roster_platform.ingest.probe.shapes import (
    AnyText,
    leaves,
    safe_name,
    safe_path,
    shape_of,
    without_any_text,
)
from roster_platform.ingest.probe.synonyms import ranked
from roster_platform.records.conversion.money import AMOUNT, CURRENCY
from roster_platform.records.conversion.values import convert_each
from roster_platform.records.field_mapping import (
    FieldNames,
    Path,
    has_path,
    style_key,
    value_at,
)

_DEEPEST = 3
_KEPT = 3


@dataclass(frozen=True)
class FieldFinding:
    """One declared field: where it comes from, if at all, and what is odd.

    ``source`` is its path in the record, ``is_proposed`` says that a synonym led there.
    ``repeated`` are paths that should have the same, ``others`` are further candidates,
    and ``misfits`` says that values are not of its type.
    """

    name: str
    declared: str
    required: bool
    optional: bool
    source: Path | None
    came: str = ""
    is_proposed: bool = False
    repeated: tuple[Path, ...] = ()
    others: tuple[Path, ...] = ()
    misfits: bool = False


@dataclass(frozen=True)
class ObjectFinding:
    """The declared fields of one kind of object, and what came besides."""

    fields: Sequence[FieldFinding]
    unmatched: Sequence[str]
    count: int
    lists: Mapping[str, ObjectFinding] = field(default_factory=dict)

    def finding(self, name: str) -> FieldFinding:
        """The finding of one field."""
        return next(found for found in self.fields if found.name == name)


def compare(
    records: Sequence[Mapping[str, Any]],
    names: FieldNames,
    columns: Mapping[str, Column],
    lists: Mapping[str, bool] | None = None,
) -> ObjectFinding:
    """Find each declared field in some records.

    ``names`` has what the mapping in use says. ``lists`` are declared lists, with whether
    they may lack.
    """
    lists = lists or {}
    names.decide(records)
    found: dict[str, Path] = {
        name: path
        for name, path in names.sources.items()
        if any(has_path(record, path) for record in records)
    }
    free = _free_paths(records, found.values())
    proposed: dict[str, list[Path]] = {}
    for name in (n for n in (*columns, *lists) if n not in found):
        fitting = [
            path
            for path in ranked(name, free)
            if _fits(_values(records, path), columns.get(name))
        ]
        if fitting:
            proposed[name] = fitting
    taken = _assigned(proposed, records, columns)
    currencies = _currencies(taken, found, records, columns)
    if currencies:
        taken["currency"] = currencies[0]
    findings = [
        replace(
            _finding(name, columns.get(name), lists, found, taken, proposed, records),
            repeated=tuple(currencies[1:]) if name == "currency" else (),
        )
        for name in (*columns, *lists)
    ]
    used = {*found.values(), *taken.values(), *currencies}
    unmatched = {
        safe_path(path)
        for path in _free_paths(records, used)
        if not any(path == use[: len(path)] for use in used)
    }
    return ObjectFinding(findings, sorted(_outermost(unmatched)), len(records))


def _finding(
    name: str,
    column: Column | None,
    lists: Mapping[str, bool],
    found: Mapping[str, Path],
    taken: Mapping[str, Path],
    proposed: Mapping[str, list[Path]],
    records: Sequence[Mapping[str, Any]],
) -> FieldFinding:
    path = found.get(name, taken.get(name))
    values = _values(records, path) if path else []
    return FieldFinding(
        name=name,
        declared=column.data_type if column else "list",
        required=bool(column and column.required),
        optional=column.optional if column else lists[name],
        source=path,
        came=shape_of(values).described() if path else "",
        is_proposed=name in taken and name not in found,
        others=tuple(p for p in proposed.get(name, ()) if p != path)[:_KEPT],
        misfits=bool(path and column and not _converts(values, column)),
    )


def _values(records: Iterable[Mapping[str, Any]], path: Path) -> list[Any]:
    return [value_at(record, path) for record in records]


def _fits(values: Sequence[Any], column: Column | None) -> bool:
    """Return whether a path can be the field: it has values, all of its type."""
    came = [value for value in values if value is not None]
    if not came:
        return False
    if column is None:
        return all(isinstance(value, list) for value in came)
    if column.data_type == "text" and any(
        isinstance(v, dict | list | bool) for v in came
    ):
        return False
    return _converts(came, column)


def _converts(values: Sequence[Any], column: Column) -> bool:
    known = [without_any_text(v) for v in values if not isinstance(v, AnyText)]
    return not convert_each(known, column.data_type).misfits


def _free_paths(
    records: Sequence[Mapping[str, Any]], used: Iterable[Path]
) -> list[Path]:
    """The paths that no declared field is read from, in their order."""
    used = set(used)
    return [
        path
        for path in dict.fromkeys(
            path for record in records for path, _ in leaves(record, _DEEPEST) if path
        )
        if not any(path[: len(use)] == use for use in used)
        and all(safe_name(part) == part for part in path)
    ]


def _assigned(
    proposed: Mapping[str, list[Path]],
    records: Sequence[Mapping[str, Any]],
    columns: Mapping[str, Column],
) -> dict[str, Path]:
    """Each path to one field: the field for which it is the likeliest word."""
    taken: dict[str, Path] = {}
    places = sorted(
        (place, name, path)
        for name, paths in proposed.items()
        for place, path in enumerate(paths)
    )
    used: set[Path] = set()
    for _, name, path in places:
        if name in taken or path in used:
            continue
        used.add(path)
        taken[name] = path
    for name, path in list(taken.items()):
        if name in columns and columns[name].data_type == "decimal":
            taken[name] = _amount_path(path, records)
    return taken


def _amount_path(path: Path, records: Sequence[Mapping[str, Any]]) -> Path:
    """The path to the number in an object of amount and currency: read at once."""
    values = [value for value in _values(records, path) if value is not None]
    if not values or not all(isinstance(value, dict) for value in values):
        return path
    inside = {key for value in values for key in value if style_key(key) in AMOUNT}
    if len(inside) != 1 or any(
        len(AMOUNT & set(map(style_key, v))) != 1 for v in values
    ):
        return path
    return (*path, *inside)


def _currencies(
    taken: Mapping[str, Path],
    found: Mapping[str, Path],
    records: Sequence[Mapping[str, Any]],
    columns: Mapping[str, Column],
) -> list[Path]:
    """Return where the currency comes with the amounts only, the paths to it."""
    if "currency" not in columns or "currency" in found or "currency" in taken:
        return []
    paths = [
        path
        for name, path in {**found, **taken}.items()
        if name in columns and columns[name].data_type == "decimal"
    ]
    # The object itself under the field's name, or the amount in it.
    around = dict.fromkeys(
        place
        for path in paths
        for place in (path, path[:-1])
        if place and any(isinstance(v, dict) for v in _values(records, place))
    )
    return list(
        dict.fromkeys(
            (*place, key)
            for place in around
            for money in _values(records, place)
            if isinstance(money, dict)
            for key, code in money.items()
            if style_key(key) in CURRENCY and isinstance(code, str)
        )
    )


def _outermost(paths: Iterable[str]) -> list[str]:
    """The paths without the objects around them, which say nothing more."""
    paths = set(paths)
    return [
        path
        for path in paths
        if not any(other.startswith(f"{path}.") for other in paths)
    ]
