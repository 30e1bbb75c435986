"""When things run: crons read from configuration, and runs over many pages at once."""

from collections.abc import Callable, Sequence
from typing import Any

import dagster as dg

from roster_platform.ingest.settings import platform_settings

Runs = dg.RunRequest | list[dg.RunRequest]

# The public name of these tags is what the UI's own range launches use.
_RANGE_START_TAG = "dagster/asset_partition_range_start"
_RANGE_END_TAG = "dagster/asset_partition_range_end"

UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def cron_of(job: str) -> str:
    """The configured cron of a job. Raises ConfigurationError."""
    return str(getattr(platform_settings(), f"{job}_cron"))


def timezone() -> str:
    """The configured time zone of all schedules."""
    return platform_settings().timezone


def schedule_of(
    name: str,
    job: Any,
    *,
    needless: Callable[[dg.DagsterInstance], str | None] = lambda _: None,
    requests: Callable[[dg.DagsterInstance], Runs] = lambda _: dg.RunRequest(),
) -> dg.ScheduleDefinition:
    """The schedule of a job (an asset job, or one of operations) at its configured cadence.

    A tick asks for nothing while the run of an earlier one is not over, so that slow
    runs do not pile up, or when ``needless`` gives a reason; else for the ``requests``.
    """

    @dg.schedule(
        name=name,
        job=job,
        cron_schedule=cron_of(job.name),
        execution_timezone=timezone(),
    )
    def tick(
        context: dg.ScheduleEvaluationContext,
    ) -> Runs | dg.SkipReason:
        if reason := needless(context.instance):
            return dg.SkipReason(reason)
        tags = {"dagster/schedule_name": name}
        unfinished = dg.RunsFilter(tags=tags, statuses=UNFINISHED)
        if run_ids := context.instance.get_run_ids(unfinished, limit=1):
            return dg.SkipReason(f"The run of an earlier tick goes on ({run_ids[0]}).")
        return requests(context.instance)

    return tick


def page_range_tags(page_ids: Sequence[str]) -> dict[str, str]:
    """Run tags that make one run of pages that are neighbours in registration order."""
    return {_RANGE_START_TAG: page_ids[0], _RANGE_END_TAG: page_ids[-1]}
