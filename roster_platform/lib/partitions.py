"""Roster pages as dynamic partitions: one page id, one partition; some in quarantine.

A page that the API refuses for good is put in quarantine: scheduled reads leave it out, so
that one lost page does not turn every run red. The list is a second set of dynamic
partitions, because Dagster's storage is what sensors, schedules and runs share.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import click
import dagster as dg

from roster_platform.settings.platform import platform_settings

PAGES_PARTITIONS_NAME = "autorosters_pages"
QUARANTINE_NAME = "autorosters_quarantined_pages"
_PAGES = dg.AssetKey(["autorosters", "pages"])
TITLE = "title"
"""Metadata of a roster page: how people call it."""


_KNOWN_RANGE: ContextVar[Sequence[str] | None] = ContextVar("known_range", default=None)


class RosterPages(dg.DynamicPartitionsDefinition):
    """The registered pages; an unknown page id says how to register it."""

    @contextmanager
    def known_range(self, page_ids: Sequence[str]) -> Iterator[None]:
        """Within it, the pages of any range are these.

        Dagster looks up the range of a run for each partition that is given metadata.
        """
        token = _KNOWN_RANGE.set(page_ids)
        try:
            yield
        finally:
            _KNOWN_RANGE.reset(token)

    def get_partition_keys_in_range(
        self, partition_key_range: dg.PartitionKeyRange
    ) -> Sequence[str]:
        known = _KNOWN_RANGE.get()
        if known is not None:
            return known
        return super().get_partition_keys_in_range(partition_key_range)

    def validate_partition_key(self, partition_key: str, context: Any) -> None:
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


def page_name(instance: dg.DagsterInstance, page_id: str) -> str:
    """A page by its title and id, or by its id where no title is known."""
    records = instance.fetch_materializations(
        dg.AssetRecordsFilter(_PAGES, asset_partitions=[page_id]), limit=1
    ).records
    event = records[0].asset_materialization if records else None
    title = event.metadata.get(TITLE) if event else None
    return f"{title.value} ({page_id})" if title else page_id


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
