"""The records that a table holds, by digest: what a read brings again is not written.

A digest covers all that a record says, its key and children included (see
``record_digests``), so two records with one digest are one record that did not change. A
held digest that a complete read did not meet is of a record that changed, or is missed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from dlt.common.schema.typing import LOADS_TABLE_NAME

from roster_platform.catalogue import (
    DIGEST,
    IS_DELETED,
    LOAD_ID,
    Table,
    child_table_name,
    column_name,
)

if TYPE_CHECKING:
    import pyarrow as pa

    from roster_platform.warehouse.pipeline_run import PipelineRun


class HeldRecords:
    """The digests of a table's records, and which of them a read has met.

    Eight bytes a record: a table may have millions.
    """

    def __init__(
        self, digests: Collection[str | None], torn: Collection[str | None] = ()
    ) -> None:
        """``digests`` has None for a record that was written without one.

        ``torn`` are the digests of what loads wrote that were killed in their midst.
        """
        # Their children may be missing, so whatever they say is written again.
        self._torn = np.unique(_as_numbers(filter(None, torn)))
        self._without = sum(digest is None for digest in (*digests, *torn))
        self._known = np.unique(_as_numbers(filter(None, digests)))
        self._met = np.zeros(len(self._known), dtype=bool)

    @classmethod
    def of(cls, run: PipelineRun, table: Table) -> HeldRecords:
        """Look up what a table holds of what the API lists, which has digests."""
        listed = f"not coalesce({IS_DELETED}, false)" if table.soft_deletes else "1 = 1"
        with run.client() as client:
            loads = client.make_qualified_table_name(LOADS_TABLE_NAME)
        ended = f"(select load_id from {loads} where status = 0)"
        of_loads = [
            [
                digest
                for (digest,) in run.query(
                    f"select {DIGEST} from {{table}} where {listed} and {which} {ended}",
                    table=table.name,
                    needs=[DIGEST],
                )
            ]
            for which in (f"{LOAD_ID} in", f"{LOAD_ID} not in")
        ]
        return cls(*of_loads)

    def unwritten(
        self, table: Table, tables: Mapping[str, pa.Table]
    ) -> dict[str, pa.Table]:
        """Return what of a batch is not held as it came; nothing where all of it is.

        ``tables`` are the records of ``table`` and its children, by name.
        """
        if not len(self._known):
            return dict(tables)
        import pyarrow as pa
        import pyarrow.compute as pc

        records = tables[table.name]
        places, is_known = self._places(records.column(DIGEST).to_pylist())
        self._met[places[is_known]] = True
        if not is_known.any():
            return dict(tables)
        changed = records.filter(pa.array(~is_known))
        if not len(changed):
            return {}
        found = {table.name: changed}
        keys = changed.column(column_name(table.primary_key[-1]))
        for child in table.children:
            name = child_table_name(table, child)
            parents = tables[name].column(column_name(child.parent_key))
            found[name] = tables[name].filter(pc.is_in(parents, value_set=keys))
        return found

    @property
    def met_all(self) -> bool:
        """Return whether a read has met every record that was held, unchanged."""
        return (
            bool(len(self._known))
            and not self._without
            and not len(self._torn)
            and bool(self._met.all())
        )

    def missed(self, digests: Sequence[str | None]) -> list[bool]:
        """Return of which records a complete read, which is over, met nothing.

        ``digests`` are of records that it has not written. One that was not held when
        the read began came meanwhile, unless nothing was held; one without a digest would
        have been written.
        """
        if not len(self._known):
            return [True] * len(digests)
        places, is_known = self._places([digest or "0" for digest in digests])
        is_missed = np.isin(
            _as_numbers(digest or "0" for digest in digests), self._torn
        )
        is_missed[is_known] = ~self._met[places[is_known]]
        return [
            digest is None or bool(one)
            for digest, one in zip(digests, is_missed, strict=True)
        ]

    def _places(self, digests: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """The place of each digest among those held, and whether it is held at all."""
        wanted = _as_numbers(digests)
        places = np.searchsorted(self._known, wanted)
        places[places == len(self._known)] = 0
        return places, self._known[places] == wanted


def _as_numbers(digests: Iterable[str]) -> np.ndarray:
    return np.fromiter((int(digest, 16) for digest in digests), dtype=np.uint64)
