"""The raw tables of Roster, as its records became them on their way to the warehouse."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import dlt
import pyarrow.parquet as pq

from roster_platform.catalogue import is_versions_table
from roster_platform.ingest.roster import roster_source

# What only the reading adds, a field that only one of the servers has, and the digest of
# both.
_NOT_COMPARED = ("_observed_at", "_dlt_load_id", "deleted_on", "_digest")


def extracted(
    folder: Path, names: Collection[str], parent_ids: Collection[str]
) -> dict[str, list[dict[str, Any]]]:
    """Read some endpoints to their end; returns the rows of each table, sorted."""
    pipeline = dlt.pipeline("extracted", pipelines_dir=str(folder / "dlt"))
    pipeline.extract(roster_source(*names, parent_ids=list(parent_ids)))
    tables: dict[str, Any] = {}
    for path in sorted((folder / "dlt").rglob("*.parquet")):
        rows = tables.setdefault(path.name.split(".")[0], [])
        rows += [
            {name: value for name, value in row.items() if name not in _NOT_COMPARED}
            for row in pq.read_table(path).to_pylist()
        ]
    reads = tables.pop("_reads")
    assert {read["outcome"] for read in reads} == {"complete"}, reads
    return {
        name: sorted(rows, key=str)
        for name, rows in tables.items()
        # A load fills them, which this is not.
        if not is_versions_table(name)
    }
