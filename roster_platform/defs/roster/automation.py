"""Roster's cadences: what changed, every hour; everything, every day.

An endpoint with a cron of its own leaves the hourly schedule, and the daily one as well
unless its reads may stop early: then only the daily read finds what was deleted.
"""

from collections.abc import Callable, Collection, Container

import dagster as dg

from roster_platform.defs.roster.assets import roster_assets
from roster_platform.ingest.roster.endpoints import BY_NAME
from roster_platform.lib.off import off_reason
from roster_platform.lib.schedules.cadences import (
    configured_endpoints,
    own_cadences,
    read_apart,
    schedules_apart,
)
from roster_platform.lib.schedules.configured import Runs, schedule_of

_selection = dg.AssetSelection.assets(*roster_assets)

roster_incremental = dg.define_asset_job(
    "roster_incremental",
    selection=_selection,
    description="Read every Roster endpoint, stopping early where configured.",
)

roster_full_read = dg.define_asset_job(
    "roster_full_read",
    selection=_selection,
    config={
        "ops": {
            asset.op.name: {"config": {"full_read": True}} for asset in roster_assets
        }
    },
    description="Read every record of every Roster endpoint again.",
)

_why_off = off_reason("roster", (key for asset in roster_assets for key in asset.keys))
_own = own_cadences("roster", BY_NAME)


_may_stop_early = {
    name
    for name, words in configured_endpoints("roster").items()
    if words.get("newest_first") or words.get("updated_after_param")
}


_hourly = BY_NAME.keys() - read_apart(_own)
_daily = _hourly | _may_stop_early


def _reads_of(
    endpoints: Container[str], *, full_read: bool
) -> Callable[[dg.DagsterInstance], Runs]:
    """Ask for one run of some endpoints; of all, for the job as it is."""

    def requests(instance: dg.DagsterInstance) -> Runs:
        chosen = [asset for asset in roster_assets if asset.key.path[-1] in endpoints]
        if len(chosen) == len(roster_assets):
            return dg.RunRequest()
        config = {
            asset.op.name: {"config": {"full_read": full_read}} for asset in chosen
        }
        return dg.RunRequest(
            asset_selection=[asset.key for asset in chosen],
            run_config={"ops": config},
        )

    return requests


def _needless(
    endpoints: Collection[str],
) -> Callable[[dg.DagsterInstance], str | None]:
    def reason(instance: dg.DagsterInstance) -> str | None:
        if endpoints:
            return _why_off(instance)
        return "Every endpoint has a cron of its own."

    return reason


roster_incremental_hourly = schedule_of(
    "roster_incremental_hourly",
    roster_incremental,
    needless=_needless(_hourly),
    requests=_reads_of(_hourly, full_read=False),
)

roster_full_read_daily = schedule_of(
    "roster_full_read_daily",
    roster_full_read,
    needless=_needless(_daily),
    requests=_reads_of(_daily, full_read=True),
)

roster_schedules_apart = schedules_apart(
    "roster",
    _own,
    roster_incremental,
    needless=_why_off,
    requests=lambda name: _reads_of({name}, full_read=False),
)
