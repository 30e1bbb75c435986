"""Records to typed Arrow tables: declared types, exploded children, drift noticed.

Every batch of a table has the same declared schema, whatever its values, because types
inferred per batch change on a batch of nulls. A value that does not fit its declared
type lands as text in a column of its own (``<column>__v_text``, dlt's name for such a
variant) and is reported; an undeclared field lands as text and is reported; a record
without its key is left out and reported. Nothing is silently NULL.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from roster_platform.catalogue import (
    DELETED,
    DELETED_AT,
    DIGEST,
    IS_DELETED,
    OBSERVED_AT,
    POSITION,
    VARIANT_SUFFIX,
    Child,
    Table,
    child_table_name,
    column_name,
    key_column_name,
)
from roster_platform.records.columns import CURRENCY, ColumnBuilder
from roster_platform.records.conversion.arrow_types import ARROW_TYPES
from roster_platform.records.drift import Drift
from roster_platform.records.key_guard import KeyGuard
from roster_platform.records.noticed import Noticed
from roster_platform.records.record_digests import digests, row_texts
from roster_platform.records.record_parser import RecordParser, Records
from roster_platform.records.records import DictRecords

_OBSERVED_AT_TYPE = ARROW_TYPES["timestamp"]


class TableBuilder:
    """Builds the Arrow tables of one raw table and its children, batch by batch.

    ``tombstones`` adds the column that marks deletions (see tombstone_rows()).
    ``fields`` are those that came so far, by table; ``dropped`` counts the records that
    were left out because their key was missing.
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
        self._handled_fields = {*table.columns, *(c.field for c in table.children)}
        self._noticed = Noticed(table)
        self.fields, self.dropped = self._noticed.fields, self._noticed.dropped
        self._columns = ColumnBuilder(self._noticed)
        self._keyed = KeyGuard(table, self._handled_fields, self._noticed)
        self.parser = RecordParser(table, given)

    @property
    def drifts(self) -> list[Drift]:
        """What did not match the declaration so far."""
        return self._noticed.drifts

    @property
    def coverage(self) -> dict[str, dict[str, float]]:
        """The share of the rows so far that has each declared field, by table."""
        return self._noticed.coverage

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
        records = self._keyed.with_keys(records)
        columns, misfits = self._columns.declared(
            name, self.table.columns, records, self.parser.names
        )
        self.parser.loose |= misfits
        self._noticed.rows[name] += len(records)
        self._columns.add_undeclared(
            name, columns, records, fields, self._handled_fields
        )
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
            self._noticed.problem(name, field, problem)

        names = self.parser.children[child.field]
        elements = records.elements(child, names, note)
        keys = parent_columns[column_name(self.table.primary_key[-1])]
        parent_key = column_name(child.parent_key)
        columns = {parent_key: keys.take(elements.parents)}
        if child.position:
            columns[POSITION] = elements.positions
        of_parent = parent_columns.get(CURRENCY)
        declared, misfits = self._columns.declared(
            name,
            child.columns,
            elements.records,
            names,
            of_parent.take(elements.parents) if of_parent is not None else None,
        )
        if misfits:
            self.parser.loose.add(child.field)
        self._noticed.rows[name] += len(elements.deleted) - (
            pc.sum(elements.deleted).as_py() or 0
        )
        columns |= declared
        fields = elements.records.fields()
        self._columns.add_undeclared(
            name, columns, elements.records, fields, set(child.columns)
        )
        columns[DELETED] = elements.deleted
        return columns, elements.parents


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
