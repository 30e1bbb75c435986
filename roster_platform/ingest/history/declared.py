"""The history of a declared API: versions of its records, and the log of its reads.

dlt makes the tables of such an API from the records themselves, lists as tables of their
own. What is added here stands next to them, in a schema of its own, so that dlt's stays
what dlt would make of the declaration.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from dlt.common.schema.utils import get_nested_tables, is_complete_column, new_table

from roster_platform import documents
from roster_platform.catalogue import (
    CHANGE,
    DIGEST,
    LOAD_ID,
    OBSERVED_AT,
    READS_TABLE,
    SEQUENCE,
    VALID_FROM,
    column_name,
    versions_table_name,
)
from roster_platform.ingest.history.versions import VersionsLog, transaction
from roster_platform.ingest.reading.log import READS, Read, insert_reads

if TYPE_CHECKING:
    from dlt.common.schema import Schema

    from roster_platform.warehouse.pipeline_run import PipelineRun

_OWN_COLUMNS = {
    VALID_FROM: "timestamp",
    SEQUENCE: "bigint",
    CHANGE: "text",
    DIGEST: "text",
}
_TYPE_HINTS = ("data_type", "precision", "scale", "timezone")
_PARENT_ID, _ROW_ID = "_dlt_parent_id", "_dlt_id"


@dataclass(frozen=True)
class Versioned:
    """A table whose records are kept in every version.

    ``keys`` are the columns of its primary key. ``is_replaced`` says that each load has
    everything: what is no longer there was deleted.
    """

    table: str
    keys: Sequence[str]
    is_replaced: bool


def with_digest(
    record: Mapping[str, Any], observed_at: str, volatile: Sequence[str]
) -> dict[str, Any]:
    """Return a record with what its versions are compared by, and when it was read.

    ``volatile`` are fields that change with every answer and say nothing.
    """
    digest = documents.digest(record, volatile).hex()
    return {**record, OBSERVED_AT: observed_at, DIGEST: digest}


class DeclaredHistory:
    """The history of the tables that one pipeline loads."""

    def __init__(self, run: PipelineRun, versioned: Sequence[Versioned]) -> None:
        self._run = run
        self._versioned = versioned

    def log(self, reads: Sequence[Read] = ()) -> None:
        """Add what loads changed to the versions, and some reads to the log of reads.

        To be called before rows are written, too: a load that was killed before it came
        here is caught up. Hold the right to write the tables.
        """
        schema = self._run.pipeline.default_schema
        here = [
            each for each in self._versioned if DIGEST in _columns(schema, each.table)
        ]
        made = self._made(schema, here)
        tables = {**schema.tables, **made.tables}
        with self._run.client() as client, transaction(client):
            for each in here:
                log = VersionsLog(tables, client, each.table, each.keys)
                sequence = log.next_sequence()
                log.add_of_loads(sequence, soft_deletes=False)
                if each.is_replaced:
                    log.add_gone(sequence, datetime.now(UTC), self._run.load_id)
                for parent, child in _nested(schema, each.table):
                    log.add_children(
                        child, _PARENT_ID, sequence, of=parent, key=_ROW_ID
                    )
        if reads:
            insert_reads(self._run, reads)

    def _made(self, schema: Schema, versioned: Sequence[Versioned]) -> Schema:
        """Make the tables of the history, with the columns that their tables have."""
        own = schema.clone(with_name=f"{schema.name}_history")
        own.drop_tables(list(own.data_table_names()))
        for each in versioned:
            for table in [
                each.table,
                *(child for _, child in _nested(schema, each.table)),
            ]:
                columns: dict[str, Any] = {
                    name: {
                        hint: value
                        for hint, value in column.items()
                        if hint in _TYPE_HINTS
                    }
                    for name, column in schema.get_table_columns(table).items()
                    if is_complete_column(column)
                } | {name: {"data_type": kind} for name, kind in _OWN_COLUMNS.items()}
                _add(own, versions_table_name(table), columns)
        reads = {
            column_name(field): {"data_type": column.data_type}
            for field, column in READS.columns.items()
        }
        own_of_reads = {OBSERVED_AT: "timestamp", LOAD_ID: "text"}
        _add(
            own,
            READS_TABLE,
            reads | {name: {"data_type": kind} for name, kind in own_of_reads.items()},
        )
        # A schema gets its version when it is stored.
        own = own.from_stored_schema(own.to_dict())
        with self._run.pipeline.destination_client() as client:
            client.schema = own
            client.update_stored_schema()
        return own


def _add(schema: Schema, table: str, columns: Mapping[str, Any]) -> None:
    schema.update_table(
        new_table(
            table,
            write_disposition="append",
            columns=[
                {**hints, "name": name, "nullable": True}
                for name, hints in columns.items()
            ],
        )
    )


def _columns(schema: Schema, table: str) -> Mapping[str, Any]:
    return schema.get_table_columns(table) if table in schema.tables else {}


def _nested(schema: Schema, table: str) -> Iterator[tuple[str, str]]:
    """Yield each table of lists with the table of the records that they are in."""
    for nested in get_nested_tables(schema.tables, table):
        if parent := nested.get("parent"):
            yield parent, str(nested["name"])
