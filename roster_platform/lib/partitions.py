"""Roster pages as dynamic partitions: one page id, one partition."""

from __future__ import annotations

import click
import dagster as dg

PAGES_PARTITIONS_NAME = "autorosters_pages"


class RosterPages(dg.DynamicPartitionsDefinition):
    """The registered pages; an unknown page id says how to register it."""

    def validate_partition_key(self, partition_key: str, context: object) -> None:
        """Raises click.ClickException, which the command line prints as it is."""
        try:
            super().validate_partition_key(partition_key, context)
        except dg.DagsterUnknownPartitionError:
            raise click.ClickException(
                f"Roster page '{partition_key[:80]}' is not registered in this Dagster "
                "instance, so it cannot be materialized. Add it to "
                "SOURCES__AUTOROSTERS_SOURCE__PAGE_IDS and run `python -m "
                "roster_platform.defs.autorosters.register` with the same DAGSTER_HOME, "
                "or let the sensor autorosters_pages_sensor register it."
            ) from None


roster_pages = RosterPages(name=PAGES_PARTITIONS_NAME)
