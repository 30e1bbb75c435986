"""Columns of one batch: declared ones, their variants, and undeclared fields."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from roster_platform.catalogue import (
    CHANGE,
    DELETED,
    DELETED_AT,
    DIGEST,
    IS_DELETED,
    OBSERVED_AT,
    POSITION,
    SEQUENCE,
    VALID_FROM,
    VARIANT_SUFFIX,
    Column,
    column_name,
    key_column_name,
)
from roster_platform.records.conversion.columns import convert_all, is_usual
from roster_platform.records.conversion.text import as_text
from roster_platform.records.conversion.values import convert_each
from roster_platform.records.drift import UNDECLARED
from roster_platform.records.field_mapping import FieldNames
from roster_platform.records.keys import comparing_key
from roster_platform.records.noticed import Noticed
from roster_platform.records.record_parser import Records

_OWN_COLUMNS = {
    *(OBSERVED_AT, DELETED, IS_DELETED, DELETED_AT, POSITION),
    *(DIGEST, VALID_FROM, SEQUENCE, CHANGE),
}
CURRENCY = "currency"
"""The declared field that the currency of a table's amounts belongs to."""


class ColumnBuilder:
    """Builds columns, which are the same in every batch but for those that are new."""

    def __init__(self, noticed: Noticed) -> None:
        self._noticed = noticed
        self._repeats: dict[str, set[str]] = {}
        self._extra_columns: dict[str, dict[str, str | None]] = {}

    def declared(
        self,
        table: str,
        declared: Mapping[str, Column],
        records: Records,
        names: FieldNames,
        currencies: pa.Array | None = None,
    ) -> tuple[dict[str, pa.Array], set[str]]:
        """The declared columns, and the fields that had to be converted one by one.

        ``currencies`` are those of the records that these are elements of.
        """
        columns: dict[str, pa.Array] = {}
        unlike: set[str] = set()
        priced: dict[str, pa.Array] = {}
        for field, column in declared.items():
            name = column_name(field)
            values = records.values(field)
            at_once = convert_all(values, column.data_type)
            if at_once is None or not is_usual(values, column.data_type):
                unlike.add(field)
            if at_once is not None:
                columns[name] = at_once
                continue
            converted = convert_each(values, column.data_type)
            columns[name] = converted.values
            for problem, count in converted.problems.items():
                self._noticed.problem(table, field, problem, count)
            if converted.misfits:
                self._noticed.misfits(table, field, converted.misfits)
            if converted.texts.null_count < len(converted.texts):
                self._extra_columns.setdefault(table, {})[name + VARIANT_SUFFIX] = None
                columns[name + VARIANT_SUFFIX] = converted.texts
            if converted.currencies.null_count < len(converted.currencies):
                priced[field] = converted.currencies
        for field, named in priced.items():
            currencies = self._with_currencies(
                table, field, named, columns.get(CURRENCY, currencies)
            )
            if CURRENCY in columns:
                columns[CURRENCY] = currencies
        for field in declared:
            values = columns[column_name(field)]
            if values.null_count < len(values):
                self._noticed.filled[table, field] += len(values) - values.null_count
        for field, column in declared.items():
            if column.key:
                texts = columns[column_name(field)]
                columns[key_column_name(field)] = comparing_key(texts, column.key)
        self._compare_rivals(table, declared, columns, records, names)
        return columns, unlike

    def _with_currencies(
        self, table: str, field: str, named: pa.Array, known: pa.Array | None
    ) -> pa.Array:
        """The currencies of the records, where missing those that an amount came with."""
        if known is None:
            self._noticed.problem(
                table, field, "its currency has no column", _count(named)
            )
            return named
        differs = pc.not_equal(pc.utf8_upper(known), named)
        if count := pc.sum(differs).as_py():
            problem = "its currency is not that of the record"
            self._noticed.problem(table, field, problem, count)
        if known.null_count:
            self._noticed.fields.setdefault(table, set()).add(CURRENCY)
        return pc.coalesce(known, named)

    def _compare_rivals(
        self,
        table: str,
        declared: Mapping[str, Column],
        columns: Mapping[str, pa.Array],
        records: Records,
        names: FieldNames,
    ) -> None:
        """Find out which undeclared fields only repeat a declared one."""
        self._repeats[table] = set()
        for rival, field in records.rivals.items():
            if field not in declared:
                continue
            data_type = declared[field].data_type
            values = records.values(rival)
            others = convert_all(values, data_type)
            if others is None:
                others = convert_each(values, data_type).values
            used = columns[column_name(field)]
            came = [value is not None for value in values]
            differs = sum(
                had and mine != other
                for had, mine, other in zip(
                    came, used.to_pylist(), others.to_pylist(), strict=True
                )
            )
            if differs:
                source = names.renamed().get(field, field)
                self._noticed.conflict(table, field, source, rival, differs)
            else:
                self._repeats[table].add(rival)

    def add_undeclared(
        self,
        table: str,
        columns: dict[str, pa.Array],
        records: Records,
        fields: set[str],
        handled: set[str],
    ) -> None:
        extra = self._extra_columns.setdefault(table, {})
        self._noticed.fields.setdefault(table, set()).update(fields)
        came = fields - handled - self._repeats[table]
        for field in sorted(came):
            name = _undeclared_name(field)
            if name in columns or extra.get(name, field) != field:
                # Two spellings of one name ("name", "Name"): both must land.
                name = f"{name}__{_digest(field)}"
            extra[name] = field
        for name, source in extra.items():
            if name in columns:
                continue
            values = [None] * len(records) if source is None else records.values(source)
            columns[name] = pa.array(map(as_text, values), pa.string())
            if source is not None and source in came:
                present = len(records) - columns[name].null_count
                self._noticed.problem(table, source, UNDECLARED, present)


def _count(values: pa.Array) -> int:
    return len(values) - values.null_count


def _undeclared_name(field: str) -> str:
    """The column of an undeclared field; none of the platform's own, nor of dlt's."""
    name = column_name(field) if field.strip() else "x"
    is_ours = name.startswith("_dlt") or name in _OWN_COLUMNS
    return f"{name}__{_digest(field)}" if is_ours else name


def _digest(field: str) -> str:
    return hashlib.blake2b(field.encode(), digest_size=6).hexdigest()
