"""The tables of versions, made when a table of records is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import dlt

from roster_platform.catalogue import (
    CHANGE,
    DELETED,
    DIGEST,
    SEQUENCE,
    VALID_FROM,
    Table,
    table_names,
    versions_table_name,
)

if TYPE_CHECKING:
    import pyarrow as pa


class VersionsTables:
    """Makes the tables of versions, with all columns that their tables have."""

    def __init__(self, *tables: Table) -> None:
        self._names = {
            name for table in tables if table.versions for name in table_names(table)
        }
        self._made: dict[str, set[str]] = {}

    @cached_property
    def _known(self) -> Mapping[str, Any]:
        """The tables that the pipeline that extracts now has made before."""
        pipeline = dlt.current.pipeline()
        # dlt reads the schema anew whenever it is asked for.
        return pipeline.default_schema.tables if pipeline.default_schema_name else {}

    def item(self, name: str, arrow: pa.Table) -> Iterator[Any]:
        """Yield an empty batch where the versions of a table lack one of its columns."""
        if name not in self._names:
            return
        versions = versions_table_name(name)
        schema = _with_own_fields(arrow.schema)
        if versions not in self._made:
            known = self._known.get(versions, {})
            self._made[versions] = set(known.get("columns", ()))
        made = self._made[versions]
        if made.issuperset(schema.names):
            return
        made.update(schema.names)
        hints = dlt.mark.make_hints(
            table_name=versions,
            write_disposition="append",
            primary_key=(),
            merge_key=(),
            # None of the resource's own, which mark deletions.
            columns={},
        )
        yield dlt.mark.with_hints(
            schema.empty_table(), hints, create_table_variant=True
        )


def _with_own_fields(schema: pa.Schema) -> pa.Schema:
    """The columns of a table's versions."""
    # Imported when read, so that loading definitions does not pay for it.
    import pyarrow as pa

    from roster_platform.records.conversion.arrow_types import ARROW_TYPES

    return pa.schema(
        [
            *(field for field in schema if field.name not in (DELETED, DIGEST)),
            pa.field(VALID_FROM, ARROW_TYPES["timestamp"]),
            pa.field(SEQUENCE, pa.int64()),
            pa.field(CHANGE, pa.string()),
            pa.field(DIGEST, pa.string()),
        ]
    )
