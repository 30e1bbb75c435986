"""The version of a table's content, as Dagster's events carry it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import dagster as dg

DATA_VERSION_TAG = "dagster/data_version"
"""The tag by which an event that is logged, not returned, carries its data version."""
TABLE_VERSION = "table_version"
"""Metadata of a partition: the data version of its whole table."""


@dataclass(frozen=True)
class Load:
    """The last load of a table: the version of its content, and the run."""

    version: str
    run_id: str


def last_loads(
    instance: dg.DagsterInstance, keys: Collection[dg.AssetKey]
) -> Mapping[dg.AssetKey, Load]:
    """The last load of each table that was loaded, whole or in part."""
    found = {}
    for record in instance.get_asset_records(list(keys)):
        last = record.asset_entry.last_materialization_record
        if last and (event := last.asset_materialization):
            of_table = event.metadata.get(TABLE_VERSION)
            tags = event.tags or {}
            version = of_table.value if of_table else tags.get(DATA_VERSION_TAG)
            # What says nothing of the content may have changed it.
            version = str(version or f"event {last.storage_id}")
            found[record.asset_entry.asset_key] = Load(version, last.run_id)
    return found
