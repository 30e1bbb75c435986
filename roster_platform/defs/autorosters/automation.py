"""Pages follow configuration, and every registered page is read once a day."""

import dagster as dg

from roster_platform.defs.autorosters.assets import page_users, pages
from roster_platform.ingest.errors import ConfigurationError
from roster_platform.ingest.settings import autorosters_settings
from roster_platform.lib.automation import cron_of, page_range_tags, timezone
from roster_platform.lib.partitions import PAGES_PARTITIONS_NAME, roster_pages

autorosters_snapshot = dg.define_asset_job(
    "autorosters_snapshot",
    selection=dg.AssetSelection.assets(pages, page_users),
    description="Read roster pages: the hierarchical page and its flat user list.",
)


@dg.schedule(
    job=autorosters_snapshot,
    cron_schedule=cron_of("autorosters_snapshot"),
    execution_timezone=timezone(),
)
def autorosters_snapshot_daily(
    context: dg.ScheduleEvaluationContext,
) -> dg.RunRequest | dg.SkipReason:
    """Read every registered page, all in one run."""
    registered = context.instance.get_dynamic_partitions(PAGES_PARTITIONS_NAME)
    if not registered:
        return dg.SkipReason("No roster page is registered yet.")
    return dg.RunRequest(tags=page_range_tags(registered))


@dg.sensor(job=autorosters_snapshot, minimum_interval_seconds=60)
def autorosters_pages_sensor(
    context: dg.SensorEvaluationContext,
) -> dg.SensorResult | dg.SkipReason:
    """Keep the partitions equal to the configured page ids; load new pages at once."""
    try:
        configured = autorosters_settings().configured_page_ids()
    except ConfigurationError as error:
        return dg.SkipReason(str(error))
    registered = context.instance.get_dynamic_partitions(PAGES_PARTITIONS_NAME)
    known, wanted = set(registered), set(configured)
    added = [page_id for page_id in configured if page_id not in known]
    removed = [page_id for page_id in registered if page_id not in wanted]
    if not added and not removed:
        return dg.SkipReason(f"{len(registered)} pages registered, as configured.")
    requests = []
    if removed:
        requests.append(roster_pages.build_delete_request(removed))
    if added:
        requests.append(roster_pages.build_add_request(added))
    return dg.SensorResult(
        dynamic_partitions_requests=requests,
        run_requests=[
            dg.RunRequest(
                run_key=f"{added[0]}...{added[-1]}@{context.cursor or 0}",
                tags=page_range_tags(added),
            )
        ]
        if added
        else [],
        cursor=str(int(context.cursor or 0) + 1),
    )
