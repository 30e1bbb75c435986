"""Dagster's own history: what is old is deleted once a day, and the disk gets it back."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import dagster as dg

from roster_platform.lib.failures import readable_failures
from roster_platform.lib.retention import delete_old_runs as delete_runs_before
from roster_platform.lib.schedules.configured import schedule_of
from roster_platform.settings.platform import platform_settings
from roster_platform.warehouse.lake.maintenance import maintain_lake
from roster_platform.warehouse.warehouse import Warehouse


@dg.op
def delete_old_runs(context: dg.OpExecutionContext) -> None:
    """Delete the runs that are older than ``keep_runs_days``, and say what that freed."""
    with readable_failures():
        days = platform_settings().keep_runs_days
    freed = delete_runs_before(
        context.instance, datetime.now(UTC) - timedelta(days=days)
    )
    context.log.info("%s", freed)
    context.add_output_metadata(
        {
            "runs_deleted": freed.runs,
            "runs_kept": freed.kept_runs,
            "evaluations_deleted": freed.evaluations,
            "freed_mib": (freed.bytes_before - freed.bytes_after) / 1024**2,
            "folder_mib": freed.bytes_after / 1024**2,
        }
    )


@dg.op
def tidy_lake(context: dg.OpExecutionContext) -> None:
    """Merge the small files of a lake, and remove states older than ``keep_lake_days``."""
    with readable_failures():
        warehouse = Warehouse.from_settings()
        done = maintain_lake(
            warehouse, keep=timedelta(days=warehouse.settings.keep_lake_days)
        )
    if done is None:
        context.log.info("%s is no lake.", warehouse.settings.destination)
        return
    context.log.info("%s", done)
    context.add_output_metadata(asdict(done))


@dg.job
def retention() -> None:
    """Delete Dagster's old runs with their events and logs, and compact its databases.

    The last materialization of every asset and partition and the last evaluations of every
    check stay. Where the warehouse is a lake, its small files are merged, and old ones
    removed.
    """
    delete_old_runs()
    tidy_lake()


retention_daily = schedule_of("retention_daily", retention)
