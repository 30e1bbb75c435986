"""Roster's cadences: what changed, every hour; everything, every day."""

import dagster as dg

from roster_platform.defs.roster.assets import roster_assets
from roster_platform.lib.automation import schedule_of

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

roster_incremental_hourly = schedule_of("roster_incremental_hourly", roster_incremental)

roster_full_read_daily = schedule_of("roster_full_read_daily", roster_full_read)
