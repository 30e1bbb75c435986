"""Roster pages as dynamic partitions: one page id, one partition; some in quarantine.

A page that the API refuses for good is put in quarantine: scheduled reads leave it out, so
that one lost page does not turn every run red. The list is a second set of dynamic
partitions, because Dagster's storage is what sensors, schedules and runs share.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import click
import dagster as dg

from roster_platform.ingest.settings import platform_settings

PAGES_PARTITIONS_NAME = "autorosters_pages"
QUARANTINE_NAME = "autorosters_quarantined_pages"


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


def pages_backfill_policy() -> dg.BackfillPolicy:
    """One run for all pages of a backfill, or runs of ``pages_per_run`` pages."""
    pages_per_run = platform_settings().pages_per_run
    if pages_per_run is None:
        return dg.BackfillPolicy.single_run()
    return dg.BackfillPolicy.multi_run(max_partitions_per_run=pages_per_run)


def pages_to_read(instance: dg.DagsterInstance) -> list[str]:
    """Every registered page that does not rest in quarantine, in their order."""
    resting = quarantined_pages(instance)
    return [page for page in registered_pages(instance) if page not in resting]


def page_shares(page_ids: Sequence[str]) -> list[Sequence[str]]:
    """Pages as the runs that read them: all in one, or ``pages_per_run`` in each."""
    size = platform_settings().pages_per_run or max(1, len(page_ids))
    return [page_ids[i : i + size] for i in range(0, len(page_ids), size)]


def registered_pages(instance: dg.DagsterInstance) -> list[str]:
    """Every registered page, in the order of registration."""
    return list(instance.get_dynamic_partitions(PAGES_PARTITIONS_NAME))


def quarantined_pages(instance: dg.DagsterInstance) -> set[str]:
    """The pages in quarantine."""
    return set(instance.get_dynamic_partitions(QUARANTINE_NAME))


def quarantine(instance: dg.DagsterInstance, page_ids: Iterable[str]) -> None:
    """Leave pages out of scheduled reads until they are released."""
    instance.add_dynamic_partitions(QUARANTINE_NAME, list(page_ids))


def release(instance: dg.DagsterInstance, page_ids: Iterable[str]) -> set[str]:
    """Read pages again with the others; returns those that were in quarantine."""
    released = quarantined_pages(instance) & set(page_ids)
    for page_id in released:
        instance.delete_dynamic_partition(QUARANTINE_NAME, page_id)
    return released
