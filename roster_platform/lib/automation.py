"""When things run: crons read from configuration, and runs over many pages at once."""

from __future__ import annotations

from collections.abc import Sequence

from roster_platform.ingest.settings import platform_settings

# The public name of these tags is what the UI's own range launches use.
_RANGE_START_TAG = "dagster/asset_partition_range_start"
_RANGE_END_TAG = "dagster/asset_partition_range_end"


def cron_of(job: str) -> str:
    """The configured cron of a job. Raises ConfigurationError."""
    return str(getattr(platform_settings(), f"{job}_cron"))


def timezone() -> str:
    """The configured time zone of all schedules."""
    return platform_settings().timezone


def page_range_tags(page_ids: Sequence[str]) -> dict[str, str]:
    """Run tags that make one run of pages that are neighbours in registration order."""
    return {_RANGE_START_TAG: page_ids[0], _RANGE_END_TAG: page_ids[-1]}
