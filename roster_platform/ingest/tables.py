"""Records to typed Arrow tables: declared types, exploded children, drift noticed.

Every batch of a table has the same declared schema, whatever its values, because types
inferred per batch change on a batch of nulls. A value that does not fit its declared
type lands as text in a column of its own (``<column>__v_text``, dlt's name for such a
variant) and is reported; an undeclared field lands as text and is reported; a record
without its key is an error. Nothing is silently NULL.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from roster_platform.ingest import documents
from roster_platform.ingest.catalogue import (
    DELETED,
    DELETED_AT,
    IS_DELETED,
    OBSERVED_AT,
    POSITION,
    Child,
    Column,
    DataType,
    Table,
    child_table_name,
    column_name,
)
from roster_platform.ingest.errors import DriftError
from roster_platform.ingest.records import (
    DECIMAL,
    ArrowRecords,
    DictRecords,
    RecordParser,
    Values,
)
from roster_platform.ingest.report import Drift

Records = ArrowRecords | DictRecords

VARIANT_SUFFIX = "__v_text"

ARROW_TYPES: Mapping[DataType, pa.DataType] = {
    "text": pa.string(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "decimal": DECIMAL,
    "bool": pa.bool_(),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "date": pa.date32(),
    "json": pa.string(),
}
_OBSERVED_AT_TYPE = ARROW_TYPES["timestamp"]
_OWN_COLUMNS = {OBSERVED_AT, DELETED, IS_DELETED, DELETED_AT, POSITION}
# What Python can hold, and so whoever reads the warehouse with it.
_FIRST_MOMENT = pa.scalar(datetime.min.replace(tzinfo=UTC), _OBSERVED_AT_TYPE)
_LAST_MOMENT = pa.scalar(datetime.max.replace(tzinfo=UTC), _OBSERVED_AT_TYPE)
_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
# Commas group thousands; "12,50" would be twelve and a half to some.
_GROUPED = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?", re.ASCII)


class TableBuilder:
    """Builds the Arrow tables of one raw table and its children, batch by batch.

    ``tombstones`` adds the column that marks deletions (see tombstone_rows()).
    ``drifts`` is what did not match the declaration so far, ``fields`` what came, by table.
    ``parser`` reads such records from JSON, and learns from what was built.
    """

    def __init__(self, table: Table, *, tombstones: bool = False) -> None:
        self.table = table
        self._keys = [column_name(key) for key in table.primary_key]
        self._tombstones = tombstones
        self._problems: Counter[tuple[str, str, str]] = Counter()
        self._extra_columns: dict[str, dict[str, str | None]] = {}
        self.fields: dict[str, set[str]] = {}
        self._handled_fields = {*table.columns, *(c.field for c in table.children)}
        self.parser = RecordParser(table)

    @property
    def drifts(self) -> list[Drift]:
        return [
            Drift(table, field, problem, rows)
            for (table, field, problem), rows in self._problems.items()
        ]

    def build(
        self, records: Records | Sequence[Mapping[str, Any]], observed_at: datetime
    ) -> dict[str, pa.Table]:
        """One batch of records as Arrow tables, keyed by table name.

        ``observed_at`` (UTC) is when the API was read; it lands in every row. Children
        of each record replace those loaded before, so a record without any gets a
        tombstone row (``_deleted``). Raises DriftError when a key is missing.
        """
        if isinstance(records, Sequence):
            records = DictRecords(records)
        name = self.table.name
        columns, misfits = self._declared(name, self.table.columns, records)
        self.parser.loose |= misfits
        for key in self.table.primary_key:
            self._require_key(columns[column_name(key)], key)
        if self.table.soft_deletes:
            columns[IS_DELETED] = pa.repeat(pa.scalar(False), len(records))
            columns[DELETED_AT] = pa.nulls(len(records), ARROW_TYPES["timestamp"])
        self._add_undeclared(name, columns, records, self._handled_fields)
        if self._tombstones:
            columns[DELETED] = pa.repeat(pa.scalar(False), len(records))
        tables = {name: _finish(columns, observed_at, self._keys)}
        for child in self.table.children:
            tables[child_table_name(self.table, child)] = self._build_child(
                child, records, columns, observed_at
            )
        return tables

    def _build_child(
        self,
        child: Child,
        records: Records,
        parent_columns: Mapping[str, pa.Array],
        observed_at: datetime,
    ) -> pa.Table:
        name = child_table_name(self.table, child)

        def note(field: str, problem: str) -> None:
            self.parser.loose.add(child.field)
            self._note(name, field, problem)

        elements = records.elements(child, note)
        keys = parent_columns[column_name(self.table.primary_key[-1])]
        parent_key = column_name(child.parent_key)
        columns = {parent_key: keys.take(elements.parents)}
        if child.position:
            columns[POSITION] = elements.positions
        declared, misfits = self._declared(name, child.columns, elements.records)
        if misfits:
            self.parser.loose.add(child.field)
        columns |= declared
        self._add_undeclared(name, columns, elements.records, set(child.columns))
        columns[DELETED] = elements.deleted
        return _finish(columns, observed_at, [parent_key])

    def _declared(
        self, table: str, declared: Mapping[str, Column], records: Records
    ) -> tuple[dict[str, pa.Array], set[str]]:
        """The declared columns, and the fields that had to be converted one by one."""
        columns: dict[str, pa.Array] = {}
        unlike: set[str] = set()
        for field, column in declared.items():
            name = column_name(field)
            values = records.values(field)
            try:
                columns[name] = _FAST[column.data_type](values)
                continue
            except (pa.ArrowException, TypeError, ValueError, OverflowError):
                unlike.add(field)
            if isinstance(values, pa.Array):
                values = values.to_pylist()
            columns[name], misfits = _convert_each(values, column.data_type)
            count = len(misfits) - misfits.null_count
            if count:
                self._note(table, field, f"not a {column.data_type}", count)
                self._extra_columns.setdefault(table, {})[name + VARIANT_SUFFIX] = None
                columns[name + VARIANT_SUFFIX] = misfits
        return columns, unlike

    def _add_undeclared(
        self,
        table: str,
        columns: dict[str, pa.Array],
        records: Records,
        handled: set[str],
    ) -> None:
        extra = self._extra_columns.setdefault(table, {})
        fields = records.fields()
        self.fields.setdefault(table, set()).update(fields)
        came = fields - handled
        for field in sorted(came):
            name = _undeclared_name(field)
            if name in columns or extra.get(name, field) != field:
                # Two spellings of one name ("name", "Name"): both must land.
                name = f"{name}__{_digest(field)}"
            extra[name] = field
        for name, field in extra.items():
            if name in columns:
                continue
            values = [None] * len(records) if field is None else records.values(field)
            columns[name] = pa.array(map(_as_text, values), pa.string())
            if field in came:
                present = len(records) - columns[name].null_count
                self._note(table, field, "undeclared field", present)

    def _require_key(self, values: pa.Array, key: str) -> None:
        missing = values.null_count
        if missing:
            raise DriftError(
                f"{missing} records of {self.table.name} came without their key "
                f"'{key}', so they cannot be told apart. Nothing of this read was "
                "loaded and the rows loaded earlier are kept; compare the API's answer "
                "with the endpoint's declaration."
            )

    def _note(self, table: str, field: str, problem: str, rows: int = 1) -> None:
        self._problems[table, field, problem] += rows


def _undeclared_name(field: str) -> str:
    """The column of an undeclared field; none of the platform's own, nor of dlt's."""
    name = column_name(field) if field.strip() else "x"
    is_ours = name.startswith("_dlt") or name in _OWN_COLUMNS
    return f"{name}__{_digest(field)}" if is_ours else name


def _digest(field: str) -> str:
    return hashlib.blake2b(field.encode(), digest_size=6).hexdigest()


def tombstone_rows(
    table: Table, key: str, values: Iterable[str], observed_at: datetime
) -> pa.Table:
    """Rows that delete what an earlier load kept under ``key`` and is gone now."""
    values = list(values)
    columns: dict[str, pa.Array] = {}
    for field, column in table.columns.items():
        arrow_type = ARROW_TYPES[column.data_type]
        # Keys are never NULL, not even in a row that only deletes.
        columns[column_name(field)] = (
            pa.repeat(pa.scalar("", arrow_type), len(values))
            if field in table.primary_key
            else pa.nulls(len(values), arrow_type)
        )
    columns[key] = pa.array(values, pa.string())
    columns[DELETED] = pa.repeat(pa.scalar(True), len(values))
    return _finish(columns, observed_at, [column_name(k) for k in table.primary_key])


def spell_nul(table: pa.Table) -> pa.Table:
    """The table with NUL characters as the text of their escape, ``\\u0000``."""
    for index, field in enumerate(table.schema):
        if pa.types.is_string(field.type):
            spelt = pc.replace_substring(table.column(index), "\0", "\\u0000")
            table = table.set_column(index, field, spelt)
    return table


def _finish(
    columns: Mapping[str, pa.Array], observed_at: datetime, keys: Sequence[str]
) -> pa.Table:
    """Add the time of reading, and mark the keys as never NULL, as dlt does."""
    rows = len(next(iter(columns.values())))
    stamp = pa.scalar(observed_at.astimezone(UTC), _OBSERVED_AT_TYPE)
    columns = {**columns, OBSERVED_AT: pa.repeat(stamp, rows)}
    schema = pa.schema(
        pa.field(name, values.type, nullable=name not in keys)
        for name, values in columns.items()
    )
    return pa.table(list(columns.values()), schema=schema)


def _text(values: Values) -> pa.Array:
    return values if isinstance(values, pa.Array) else pa.array(values, pa.string())


def _number(arrow_type: pa.DataType, *unwanted: type) -> Callable[[Values], pa.Array]:
    def convert(values: Values) -> pa.Array:
        if isinstance(values, pa.Array):
            return values
        # Arrow reads True as 1 and cuts 1.5 to 1; both are drift.
        if any(isinstance(value, unwanted) for value in values):
            raise TypeError
        return pa.array(values, arrow_type)

    return convert


def _decimal(values: Values) -> pa.Array:
    return pc.cast(_text(values), DECIMAL)


def _bool(values: Values) -> pa.Array:
    return values if isinstance(values, pa.Array) else pa.array(values, pa.bool_())


def _timestamp(values: Values) -> pa.Array:
    texts = _text(values)
    try:
        moments = pc.cast(texts, _OBSERVED_AT_TYPE)
    except pa.ArrowInvalid:
        moments = pc.assume_timezone(pc.cast(texts, pa.timestamp("us")), "UTC")
    ends = pc.min_max(moments)
    if ends["min"].is_valid and not (
        _FIRST_MOMENT.value <= ends["min"].value
        and ends["max"].value <= _LAST_MOMENT.value
    ):
        raise OverflowError
    return moments


def _date_column(values: Values) -> pa.Array:
    return pc.cast(_text(values), pa.date32())


def _json(values: Values) -> pa.Array:
    return pa.array(map(_as_json, values), pa.string())


_FAST: Mapping[DataType, Callable[[Values], pa.Array]] = {
    "text": _text,
    "bigint": _number(pa.int64(), bool, float),
    "double": _number(pa.float64(), bool),
    "decimal": _decimal,
    "bool": _bool,
    "timestamp": _timestamp,
    "date": _date_column,
    "json": _json,
}


def _convert_each(
    values: Sequence[Any], data_type: DataType
) -> tuple[pa.Array, pa.Array]:
    """Convert value by value; returns the column and, as text, what did not fit."""
    convert = _ONE[data_type]
    converted: list[Any] = []
    misfits: list[str | None] = []
    for value in values:
        if value is None:
            converted.append(None)
            misfits.append(None)
            continue
        try:
            converted.append(convert(value))
            misfits.append(None)
        except (ValueError, TypeError, InvalidOperation, OverflowError):
            converted.append(None)
            misfits.append(_as_text(value))
    return pa.array(converted, ARROW_TYPES[data_type]), pa.array(misfits, pa.string())


def _one_text(value: Any) -> str:
    return _as_text(value) or ""


def _one_bigint(value: Any) -> int:
    # Of larger floats nobody knows the digits that were meant.
    if isinstance(value, bool) or (
        isinstance(value, float) and not (value.is_integer() and abs(value) < 2**53)
    ):
        raise ValueError
    if isinstance(value, str) and not _INTEGER.fullmatch(value):
        raise ValueError
    number = int(value)
    if not -(2**63) <= number < 2**63:
        raise OverflowError
    return number


def _one_double(value: Any) -> float:
    if isinstance(value, bool):
        raise ValueError
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        raise ValueError
    number = float(value)
    if not math.isfinite(number) or (isinstance(value, int) and int(number) != value):
        raise ValueError
    return number


def _one_decimal(value: Any) -> Decimal:
    if isinstance(value, bool):
        raise ValueError
    text = str(value).replace("$", "").strip()
    if _GROUPED.fullmatch(text):
        text = text.replace(",", "")
    if not _NUMBER.fullmatch(text):
        raise ValueError
    number = Decimal(text)
    exact = number.quantize(Decimal(1).scaleb(-DECIMAL.scale))
    if exact != number or len(exact.as_tuple().digits) > DECIMAL.precision:
        raise ValueError
    return exact


def _one_bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise ValueError


def _one_timestamp(value: Any) -> datetime:
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC)


def _one_date(value: Any) -> date:
    moment = datetime.fromisoformat(value)
    if moment.time() != datetime.min.time():
        raise ValueError
    return moment.date()


_ONE: Mapping[DataType, Callable[[Any], Any]] = {
    "text": _one_text,
    "bigint": _one_bigint,
    "double": _one_double,
    "decimal": _one_decimal,
    "bool": _one_bool,
    "timestamp": _one_timestamp,
    "date": _one_date,
    "json": lambda value: _as_json(value),
}


def _as_json(value: Any) -> str | None:
    return None if value is None else documents.dumps(value).decode()


def _as_text(value: Any) -> str | None:
    """A value as text: strings as they are, everything else as JSON."""
    return value if isinstance(value, str) else _as_json(value)
