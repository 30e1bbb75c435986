"""Endpoints that are read at another cadence than the others of their API.

``cron`` of an endpoint, under ``[sources.<api>_source.endpoints.<endpoint>]``, makes a
schedule of its own, and takes it out of the common one. A cron that cannot be read disables
that schedule alone, and the endpoint stays with the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import dagster as dg
from dlt.common.configuration import configspec
from dlt.common.configuration.specs import BaseConfiguration

from roster_platform.errors import ConfigurationError
from roster_platform.lib.schedules.configured import (
    Cadence,
    Runs,
    cadence_of,
    declared_cadence,
    schedule_of,
)
from roster_platform.settings.configuration import resolved

_COMMON_JOBS = {"roster": "roster_incremental", "autorosters": "autorosters_snapshot"}
"""The job of each API whose schedule reads the other endpoints."""


@configspec
class _Endpoints(BaseConfiguration):
    """Only what schedules need, so that loading definitions resolves no secret."""

    endpoints: dict[str, Any] | None = None


def configured_endpoints(source: str) -> dict[str, Mapping[str, Any]]:
    """Return what is configured of each endpoint. Raises ConfigurationError."""
    configured = resolved(_Endpoints(), ("sources", f"{source}_source")).endpoints or {}
    return {
        name: words for name, words in configured.items() if isinstance(words, Mapping)
    }


def own_cadences(source: str, names: Iterable[str]) -> dict[str, Cadence]:
    """Return the cadence of each endpoint that has a cron of its own.

    One that cannot be read has a ``problem``, and the cadence of the job that reads the
    others. Raises ConfigurationError when no setting can be read.
    """
    configured = configured_endpoints(source)
    crons = {
        name: str(configured[name]["cron"]).strip()
        for name in names
        if "cron" in configured.get(name, ())
    }
    return {name: _cadence(source, name, cron) for name, cron in crons.items()}


def endpoint_problems() -> list[str]:
    """Return why schedules of endpoints are disabled. Raises ConfigurationError."""
    cadences = (
        cadence
        for source in _COMMON_JOBS
        for cadence in own_cadences(source, configured_endpoints(source)).values()
    )
    return [cadence.problem for cadence in cadences if cadence.problem]


def read_apart(cadences: Mapping[str, Cadence]) -> set[str]:
    """Return the endpoints whose own schedule works: they leave the common one."""
    return {name for name, cadence in cadences.items() if cadence.problem is None}


def schedules_apart(
    source: str,
    cadences: Mapping[str, Cadence],
    job: Any,
    *,
    needless: Callable[[dg.DagsterInstance], str | None],
    requests: Callable[[str], Callable[[dg.DagsterInstance], Runs]],
) -> Sequence[dg.ScheduleDefinition]:
    """Return a schedule for each endpoint with a cron of its own.

    ``requests`` is called with the endpoint.
    """
    return [
        schedule_of(
            f"{source}_{name}_schedule",
            job,
            needless=needless,
            requests=requests(name),
            cadence=cadence,
            description=f"Read {source}/{name} at a cadence of its own.",
        )
        for name, cadence in cadences.items()
    ]


def _cadence(source: str, name: str, cron: str) -> Cadence:
    common = cadence_of(_COMMON_JOBS[source])
    if common.problem and "time zone" in common.problem:
        return common
    try:
        return declared_cadence(cron)
    except ConfigurationError as error:
        return Cadence(
            common.cron,
            common.timezone,
            f"{error} It is cron under [sources.{source}_source.endpoints.{name}] "
            f"(SOURCES__{source.upper()}_SOURCE__ENDPOINTS). Its schedule is disabled, and "
            f"{name} is read with the others.",
        )
