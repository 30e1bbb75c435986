"""Records to typed Arrow tables: declared types, exploded children, drift noticed.

Every batch of a table has the same declared schema, whatever its values, because types
inferred per batch change on a batch of nulls. A value that does not fit its declared
type lands as text in a column of its own (``<column>__v_text``, dlt's name for such a
variant) and is reported; an undeclared field lands as text and is reported; a record
without its key is left out and reported. Nothing is silently NULL.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

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
    Child,
    Column,
    Table,
    child_table_name,
    column_name,
    key_column_name,
)
from roster_platform.errors import DriftError
from roster_platform.ingest.converters import (
    ARROW_TYPES,
    as_text,
    convert_all,
    convert_each,
    is_usual,
)
from roster_platform.ingest.drift import severity_of
from roster_platform.ingest.field_mapping import FieldNames
from roster_platform.ingest.keys import comparing_key
from roster_platform.ingest.record_digests import digests, row_texts
from roster_platform.ingest.record_parser import RecordParser, Records
from roster_platform.ingest.records import DictRecords
from roster_platform.ingest.report import UNDECLARED, Drift

_OBSERVED_AT_TYPE = ARROW_TYPES["timestamp"]
_OWN_COLUMNS = {
    *(OBSERVED_AT, DELETED, IS_DELETED, DELETED_AT, POSITION),
    *(DIGEST, VALID_FROM, SEQUENCE, CHANGE),
}
_CURRENCY = "currency"
"""The declared field that the currency of a table's amounts belongs to."""
_MOST_NAMED = 10


class TableBuilder:
    """Builds the Arrow tables of one raw table and its children, batch by batch.

    ``tombstones`` adds the column that marks deletions (see tombstone_rows()).
    ``drifts`` is what did not match the declaration so far, ``fields`` what came, by table;
    ``dropped`` counts the records that were left out because their key was missing.
    ``parser`` reads such records from JSON, under the names that the API uses, and learns
    from what was built; ``given`` are fields that the reader itself puts into them, and
    ``volatile`` those that say nothing of a record.
    """

    def __init__(
        self,
        table: Table,
        *,
        tombstones: bool = False,
        given: Collection[str] = (),
        volatile: Collection[str] = (),
    ) -> None:
        self.table = table
        self._keys = [column_name(key) for key in table.primary_key]
        self._tombstones = tombstones
        self._not_compared = {
            *map(column_name, (*table.not_compared, *volatile)),
            *(
                key_column_name(field)
                for columns in (table.columns, *(c.columns for c in table.children))
                for field, column in columns.items()
                if column.key
            ),
        }
        self._problems: Counter[tuple[str, str, str]] = Counter()
        self._misfits: Counter[tuple[str, str]] = Counter()
        self._conflicts: Counter[tuple[str, str, str, str]] = Counter()
        self._repeats: dict[str, set[str]] = {}
        self._filled: Counter[tuple[str, str]] = Counter()
        self._rows: Counter[str] = Counter()
        self._has_keys = False
        self.dropped: Counter[str] = Counter()
        self._extra_columns: dict[str, dict[str, str | None]] = {}
        self.fields: dict[str, set[str]] = {}
        self._handled_fields = {*table.columns, *(c.field for c in table.children)}
        self.parser = RecordParser(table, given)

    @property
    def drifts(self) -> list[Drift]:
        columns = {(self.table.name, f): c for f, c in self.table.columns.items()} | {
            (child_table_name(self.table, child), field): column
            for child in self.table.children
            for field, column in child.columns.items()
        }
        return (
            [
                Drift(
                    self.table.name,
                    key,
                    "missing, so the record was left out",
                    n,
                    "error",
                )
                for key, n in self.dropped.items()
            ]
            + [
                Drift(table, field, problem, rows)
                for (table, field, problem), rows in self._problems.items()
            ]
            + [
                Drift(
                    *(table, field),
                    f"it comes as '{source}', which is used, and as '{rival}', which "
                    "differs",
                    rows,
                    severity_of(columns[table, field].required),
                )
                for (table, field, source, rival), rows in self._conflicts.items()
            ]
            + [
                # One odd value among others is a warning; a field without any other is not.
                Drift(
                    *(table, field, f"not a {columns[table, field].data_type}", rows),
                    severity_of(
                        columns[table, field].required
                        and (table, field) not in self._filled
                    ),
                )
                for (table, field), rows in self._misfits.items()
            ]
        )

    @property
    def coverage(self) -> dict[str, dict[str, float]]:
        """The share of the rows so far that has each declared field, by table."""
        declared = {self.table.name: self.table.columns} | {
            child_table_name(self.table, child): child.columns
            for child in self.table.children
        }
        return {
            table: {field: self._filled[table, field] / rows for field in fields}
            for table, fields in declared.items()
            if (rows := self._rows[table])
        }

    @property
    def sources(self) -> dict[str, dict[str, str]]:
        """The declared fields that are read from other names, by table, with the path."""
        names = {self.table.name: self.parser.names} | {
            child_table_name(self.table, child): self.parser.children[child.field]
            for child in self.table.children
        }
        return {
            table: renamed for table, n in names.items() if (renamed := n.renamed())
        }

    def build(
        self, records: Records | Sequence[Mapping[str, Any]], observed_at: datetime
    ) -> dict[str, pa.Table]:
        """One batch of records as Arrow tables, keyed by table name.

        ``observed_at`` (UTC) is when the API was read; it lands in every row. Children
        of each record replace those loaded before, so a record without any gets a
        tombstone row (``_deleted``). A record without its key is left out and reported;
        raises DriftError when no record so far had one.
        """
        if isinstance(records, Sequence):
            records = DictRecords(records)
        name = self.table.name
        fields = records.fields()
        records = self._with_keys(records)
        columns, misfits = self._declared(
            name, self.table.columns, records, self.parser.names
        )
        self.parser.loose |= misfits
        self._rows[name] += len(records)
        self._add_undeclared(name, columns, records, fields, self._handled_fields)
        rows = self._text_of(columns) if self.table.versions else None
        texts_of_children: list[tuple[pa.Array, pa.Array]] = []
        children = {}
        for child in self.table.children:
            built, parents = self._build_child(child, records, columns)
            if rows is not None:
                texts_of_children.append((self._text_of(built), parents))
            children[child_table_name(self.table, child)] = _finish(
                built, observed_at, [column_name(child.parent_key)]
            )
        if self.table.soft_deletes:
            columns[IS_DELETED] = pa.repeat(pa.scalar(False), len(records))
            columns[DELETED_AT] = pa.nulls(len(records), ARROW_TYPES["timestamp"])
        if self._tombstones:
            columns[DELETED] = pa.repeat(pa.scalar(False), len(records))
        if rows is not None:
            columns[DIGEST] = digests(rows, texts_of_children)
        return {name: _finish(columns, observed_at, self._keys), **children}

    def _text_of(self, columns: Mapping[str, pa.Array]) -> pa.Array:
        return row_texts(
            {
                name: values
                for name, values in columns.items()
                if name.removesuffix(VARIANT_SUFFIX) not in self._not_compared
            }
        )

    def _build_child(
        self,
        child: Child,
        records: Records,
        parent_columns: Mapping[str, pa.Array],
    ) -> tuple[dict[str, pa.Array], pa.Array]:
        """The columns of a child's rows, and the place of each one's parent."""
        name = child_table_name(self.table, child)

        def note(field: str, problem: str) -> None:
            self.parser.loose.add(child.field)
            self._note(name, field, problem)

        names = self.parser.children[child.field]
        elements = records.elements(child, names, note)
        keys = parent_columns[column_name(self.table.primary_key[-1])]
        parent_key = column_name(child.parent_key)
        columns = {parent_key: keys.take(elements.parents)}
        if child.position:
            columns[POSITION] = elements.positions
        of_parent = parent_columns.get(_CURRENCY)
        declared, misfits = self._declared(
            name,
            child.columns,
            elements.records,
            names,
            of_parent.take(elements.parents) if of_parent is not None else None,
        )
        if misfits:
            self.parser.loose.add(child.field)
        self._rows[name] += len(elements.deleted) - (
            pc.sum(elements.deleted).as_py() or 0
        )
        columns |= declared
        fields = elements.records.fields()
        self._add_undeclared(
            name, columns, elements.records, fields, set(child.columns)
        )
        columns[DELETED] = elements.deleted
        return columns, elements.parents

    def _declared(
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
                self._note(table, field, problem, count)
            if converted.misfits:
                self._misfits[table, field] += converted.misfits
            if converted.texts.null_count < len(converted.texts):
                self._extra_columns.setdefault(table, {})[name + VARIANT_SUFFIX] = None
                columns[name + VARIANT_SUFFIX] = converted.texts
            if converted.currencies.null_count < len(converted.currencies):
                priced[field] = converted.currencies
        for field, named in priced.items():
            currencies = self._with_currencies(
                table, field, named, columns.get(_CURRENCY, currencies)
            )
            if _CURRENCY in columns:
                columns[_CURRENCY] = currencies
        for field in declared:
            values = columns[column_name(field)]
            if values.null_count < len(values):
                self._filled[table, field] += len(values) - values.null_count
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
            self._note(table, field, "its currency has no column", _count(named))
            return named
        differs = pc.not_equal(pc.utf8_upper(known), named)
        if count := pc.sum(differs).as_py():
            problem = "its currency is not that of the record"
            self._problems[table, field, problem] += count
        if known.null_count:
            self.fields.setdefault(table, set()).add(_CURRENCY)
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
                self._conflicts[table, field, source, rival] += differs
            else:
                self._repeats[table].add(rival)

    def _add_undeclared(
        self,
        table: str,
        columns: dict[str, pa.Array],
        records: Records,
        fields: set[str],
        handled: set[str],
    ) -> None:
        extra = self._extra_columns.setdefault(table, {})
        self.fields.setdefault(table, set()).update(fields)
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
                self._note(table, source, UNDECLARED, present)

    def _with_keys(self, records: Records) -> Records:
        """The records that have their key; those without are counted."""
        has_key = [True] * len(records)
        for key in self.table.primary_key:
            values = records.values(key)
            if not isinstance(values, pa.Array):
                values = [value is not None for value in values]
            elif values.null_count:
                values = values.is_valid().to_pylist()
            else:
                continue
            missing = [
                had and not has for had, has in zip(has_key, values, strict=True)
            ]
            if count := sum(missing):
                self._missed(key, count, records, any(values))
            has_key = [had and has for had, has in zip(has_key, values, strict=True)]
        self._has_keys |= any(has_key)
        return records if all(has_key) else records.filter(has_key)

    def _missed(
        self, key: str, count: int, records: Records, is_elsewhere: bool
    ) -> None:
        if not is_elsewhere and not self._has_keys:
            undeclared = sorted(records.fields() - self._handled_fields)
            came = ", ".join(undeclared[:_MOST_NAMED]) or "none"
            raise DriftError(
                f"{count} records of {self.table.name} came without their key "
                f"'{key}', so they cannot be distinguished; undeclared fields that came "
                f"instead: {came}. Nothing of this read was loaded and the rows loaded "
                "earlier are kept."
            )
        self.dropped[key] += count

    def _note(self, table: str, field: str, problem: str, rows: int = 1) -> None:
        self._problems[table, field, problem] += rows


def _count(values: pa.Array) -> int:
    return len(values) - values.null_count


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
        if column.key:
            columns[key_column_name(field)] = pa.nulls(len(values), arrow_type)
    if table.versions:
        columns[DIGEST] = pa.nulls(len(values), pa.string())
    columns[key] = pa.array(values, pa.string())
    columns[DELETED] = pa.repeat(pa.scalar(True), len(values))
    return _finish(columns, observed_at, [column_name(k) for k in table.primary_key])


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
