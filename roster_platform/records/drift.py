"""Declared fields that do not come: never, or no longer.

Undeclared fields and values of another type are noticed row by row, where the rows are
built (``tables``). That a field is absent shows only when a read has ended.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, Literal

from roster_platform.catalogue import Column, Table, child_table_name

_FIELDS = "fields"
_ACCEPTED = "accepted_fields"
_ACCEPTED_NEW = "accepted_new_fields"
_MOST_NAMED = 10


@dataclass(frozen=True)
class Drift:
    """One difference between what was declared and what came, with how often.

    It is an ``error`` for keys, money, timestamps and people, a ``warning`` otherwise.
    """

    table: str
    field: str
    problem: str
    rows: int
    severity: Literal["warning", "error"] = "warning"

    def __str__(self) -> str:
        rows = f" ({self.rows} rows)" if self.rows else ""
        return f"{self.table}.{self.field}: {self.problem}{rows}"


UNDECLARED = "undeclared field"
"""The problem of a field that came and is not declared; it lands all the same."""


def absent_fields(
    tables: Sequence[Table],
    came: Mapping[str, Set[str]],
    state: MutableMapping[str, Any],
    *,
    accept: bool = False,
    sources: Mapping[str, Mapping[str, str]] | None = None,
) -> list[Drift]:
    """Return the declared fields that a complete read did not bring, each once.

    A field that came before "no longer comes", any other "never came". ``state`` (the
    dlt resource's) remembers what came and what was accepted: with ``accept`` the fields
    of this read are those to expect from now on, whatever is declared. ``sources`` are the
    other names that declared fields were read from, which are not lost.
    """
    lost = lost_fields(state, came, accept=accept, tables=tables, sources=sources or {})
    missing = [drift for table in tables for drift in missing_fields(table, came)]
    accepted: MutableMapping[str, list[str]] = state.setdefault(_ACCEPTED, {})
    for name, fields in came.items():
        if not fields:
            continue
        known = set(accepted.get(name, ())) - fields
        if accept:
            known |= {drift.field for drift in missing if drift.table == name}
        if known or name in accepted:
            accepted[name] = sorted(known)
    said = {(drift.table, drift.field) for drift in lost}
    return lost + [
        drift
        for drift in missing
        if (drift.table, drift.field) not in said
        and drift.field not in accepted.get(drift.table, ())
    ]


def without_accepted(
    noticed: Sequence[Drift], state: MutableMapping[str, Any], *, accept: bool = False
) -> list[Drift]:
    """Return what was noticed row by row, but for undeclared fields that are accepted.

    ``state`` (the dlt resource's) remembers them; ``accept`` takes those of this read.
    """
    accepted: MutableMapping[str, list[str]] = state.setdefault(_ACCEPTED_NEW, {})
    if accept:
        for drift in noticed:
            if drift.problem == UNDECLARED:
                known = {*accepted.get(drift.table, ()), drift.field}
                accepted[drift.table] = sorted(known)
    return [
        drift
        for drift in noticed
        if drift.problem != UNDECLARED
        or drift.field not in accepted.get(drift.table, ())
    ]


def required_fields_missing(
    table: Table, came: Mapping[str, Set[str]], state: Mapping[str, Any]
) -> list[Drift]:
    """Return the required fields that the read of a part did not bring.

    Those that ``state`` remembers as accepted are left out.
    """
    accepted: Mapping[str, list[str]] = state.get(_ACCEPTED, {})
    return [
        drift
        for drift in missing_fields(table, came, only_required=True)
        if drift.field not in accepted.get(drift.table, ())
    ]


def missing_fields(
    table: Table, came: Mapping[str, Set[str]], *, only_required: bool = False
) -> list[Drift]:
    """Return the declared fields that no row of a read had, with what came instead.

    ``came`` holds the fields that came by table, a table's and its children's; a table
    without a row is not judged. A required field is an error, any other a warning, an
    optional one nothing. ``only_required`` suits a read of a part: whatever else is
    absent from a few records may well be in the others.
    """
    found = []
    for name, declared, lists in _declarations(table):
        fields = came.get(name)
        if not fields:
            continue
        undeclared = sorted(fields - declared.keys() - lists.keys())
        problem = "never came"
        if undeclared:
            named = ", ".join(undeclared[:_MOST_NAMED])
            more = ", …" if len(undeclared) > _MOST_NAMED else ""
            problem += f"; undeclared fields came: {named}{more}"
        absent = {
            field: column.required
            for field, column in declared.items()
            if not column.optional
        } | {field: False for field, is_optional in lists.items() if not is_optional}
        found += [
            Drift(name, field, problem, 0, severity_of(is_required))
            for field, is_required in absent.items()
            if field not in fields and (is_required or not only_required)
        ]
    return found


def lost_fields(
    state: MutableMapping[str, Any],
    came: Mapping[str, Set[str]],
    *,
    accept: bool = False,
    tables: Sequence[Table] = (),
    sources: Mapping[str, Mapping[str, str]] | None = None,
) -> list[Drift]:
    """The fields of each table that earlier reads saw and this complete one did not.

    ``came`` holds the fields by table; tables without a row are left out. ``state`` (the
    dlt resource's) remembers every field ever seen, so that a lost one is reported until
    it comes again, or until ``accept`` takes what came as what is to be expected. Of the
    declared ``tables``, a lost field that is required is an error.
    """
    known: MutableMapping[str, list[str]] = state.setdefault(_FIELDS, {})
    required = {
        (name, field)
        for table in tables
        for name, declared, _ in _declarations(table)
        for field, column in declared.items()
        if column.required
    }
    lost = []
    for table, fields in came.items():
        if not fields:
            continue
        missing = set() if accept else set(known.get(table, ())) - fields
        for path in (sources or {}).get(table, {}).values():
            missing -= {path, path.split(".")[0]}
        lost += [
            Drift(
                table,
                field,
                "no longer comes",
                0,
                severity_of((table, field) in required),
            )
            for field in sorted(missing)
        ]
        known[table] = sorted(fields | missing)
    return lost


def severity_of(is_required: bool) -> Literal["warning", "error"]:
    """Return how grave it is that a field cannot be used."""
    return "error" if is_required else "warning"


def _declarations(
    table: Table,
) -> list[tuple[str, Mapping[str, Column], Mapping[str, bool]]]:
    """A table and its children: name, columns, and lists with whether they may lack."""
    lists = {child.field: child.optional for child in table.children}
    return [
        (table.name, table.columns, lists),
        *((child_table_name(table, c), c.columns, {}) for c in table.children),
    ]
