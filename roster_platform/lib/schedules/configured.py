"""Schedules with crons from the configuration, and runs over many pages at once."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import dagster as dg

from roster_platform.errors import ConfigurationError
from roster_platform.settings.platform import PlatformSettings, platform_settings

logger = logging.getLogger(__name__)

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


_SETTING_OF = "{}_cron"
_JOBS = [
    name.removesuffix("_cron")
    for name in PlatformSettings().get_resolvable_fields()
    if name.endswith("_cron")
]


@dataclass(frozen=True)
class Cadence:
    """The times of a schedule; ``problem`` says why it is disabled, if it is."""

    cron: str
    timezone: str
    problem: str | None = None


def cadence_of(job: str) -> Cadence:
    """The configured cadence of a job; one that cannot be read disables its schedule.

    The schedule is there all the same, at its default cadence, and says at each tick why
    it asks for nothing. Raises ConfigurationError when no setting can be read.
    """
    settings = platform_settings()
    name = _SETTING_OF.format(job)
    cron, timezone = str(getattr(settings, name)).strip(), settings.timezone.strip()
    default = Cadence(getattr(PlatformSettings, name), PlatformSettings.timezone)
    if not _is_valid(default.cron, timezone):
        return replace(
            default,
            problem=f"{timezone!r} is not a time zone (ROSTER_PLATFORM__TIMEZONE, or "
            "timezone under [roster_platform]), so every schedule is disabled. Write a "
            "name of the IANA database, such as Europe/Berlin or America/New_York.",
        )
    if not _is_valid(cron, timezone):
        return replace(
            default,
            problem=f"{cron!r} is not a cron (ROSTER_PLATFORM__{name.upper()}, or {name} "
            f"under [roster_platform]), so the schedule of {job} is disabled. Write five "
            f"fields, such as {default.cron!r}.",
        )
    return Cadence(cron, timezone)


def declared_cadence(cron: str) -> Cadence:
    """A cadence that stands in a declaration. Raises ConfigurationError.

    A time zone that cannot be read disables the schedule, as it does all others.
    """
    timezone = platform_settings().timezone.strip()
    if not _is_valid(cron, PlatformSettings.timezone):
        raise ConfigurationError(
            f"{cron!r} is not a cron. Write five fields, such as '7 * * * *'."
        )
    if not _is_valid(cron, timezone):
        problem = f"{timezone!r} is not a time zone (ROSTER_PLATFORM__TIMEZONE)."
        return Cadence(cron, PlatformSettings.timezone, problem)
    return Cadence(cron, timezone)


def schedule_problems() -> list[str]:
    """Return why schedules are disabled, if some are. Raises ConfigurationError."""
    problems = (cadence_of(job).problem for job in _JOBS)
    return list(dict.fromkeys(filter(None, problems)))


def _is_valid(cron: str, timezone: str) -> bool:
    try:
        dg.ScheduleDefinition(
            name="validated",
            cron_schedule=cron,
            execution_timezone=timezone,
            job_name="validated",
        )
    except dg.DagsterInvalidDefinitionError:
        return False
    return True


def schedule_of(
    name: str,
    job: Any,
    *,
    needless: Callable[[dg.DagsterInstance], str | None] = lambda _: None,
    requests: Callable[[dg.DagsterInstance], Runs] = lambda _: dg.RunRequest(),
    cadence: Cadence | None = None,
    description: str | None = None,
) -> dg.ScheduleDefinition:
    """The schedule of a job (an asset job, or one of operations) at its configured cadence.

    ``cadence`` is that of a job which is not in the settings, ``description`` that of a
    schedule that asks for less than its job does.

    A tick asks for nothing while the run of an earlier one is not over, so that slow
    runs do not pile up, or when ``needless`` gives a reason; else for the ``requests``.
    """

    cadence = cadence or cadence_of(job.name)
    if cadence.problem:
        logger.warning("%s", cadence.problem)

    @dg.schedule(
        name=name,
        job=job,
        cron_schedule=cadence.cron,
        execution_timezone=cadence.timezone,
        description=(
            f"Disabled: {cadence.problem}"
            if cadence.problem
            else description or job.description
        ),
    )
    def tick(
        context: dg.ScheduleEvaluationContext,
    ) -> Runs | dg.SkipReason:
        if cadence.problem:
            return dg.SkipReason(cadence.problem)
        if reason := needless(context.instance):
            return dg.SkipReason(reason)
        tags = {"dagster/schedule_name": name}
        unfinished = dg.RunsFilter(tags=tags, statuses=UNFINISHED)
        if run_ids := context.instance.get_run_ids(unfinished, limit=1):
            return dg.SkipReason(
                f"The run of an earlier tick still runs ({run_ids[0]})."
            )
        return requests(context.instance)

    return tick


def page_range_tags(page_ids: Sequence[str]) -> dict[str, str]:
    """Run tags that make one run of pages that are neighbours in registration order."""
    return {_RANGE_START_TAG: page_ids[0], _RANGE_END_TAG: page_ids[-1]}
