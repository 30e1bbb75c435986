"""Pages follow configuration, and every registered page is read once a day.

A page that is no longer configured is retired by a run of its own; one in quarantine is
asked again now and then.
"""

import hashlib
import re
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime

import dagster as dg
from pydantic import Field

from roster_platform.defs.autorosters.assets import (
    page_users,
    pages,
    release_answering,
)
from roster_platform.defs.autorosters.events import PAGE_ASSETS, LoadRecord
from roster_platform.errors import ConfigurationError
from roster_platform.ingest.autorosters import load_pages, retire_pages
from roster_platform.ingest.autorosters.retirement import why_not_retired
from roster_platform.ingest.off import why_switched_off
from roster_platform.ingest.page_ids import as_known
from roster_platform.ingest.settings import autorosters_settings
from roster_platform.lib.failures import TEMPORARY_FAILURES, readable_failures
from roster_platform.lib.off import off_reason
from roster_platform.lib.partitions import (
    PAGES_PARTITIONS_NAME,
    page_shares,
    pages_to_read,
    quarantined_pages,
    registered_pages,
    release,
    roster_pages,
)
from roster_platform.lib.schedules.cadences import (
    own_cadences,
    read_apart,
    schedules_apart,
)
from roster_platform.lib.schedules.configured import Runs, page_range_tags, schedule_of
from roster_platform.settings.platform import platform_settings

autorosters_snapshot = dg.define_asset_job(
    "autorosters_snapshot",
    selection=dg.AssetSelection.assets(pages, page_users),
    description="Read roster pages: the hierarchical page and its flat user list. "
    "Without a partition, every registered page that is not in quarantine.",
)


_why_off = off_reason("autorosters", PAGE_ASSETS)


def _no_page_to_read(instance: dg.DagsterInstance) -> str | None:
    if reason := _why_off(instance):
        return reason
    if not pages_to_read(instance):
        return "There is no registered roster page to read."
    return None


_ENDPOINTS = {"pages": pages, "page_users": page_users}
_own = own_cadences("autorosters", _ENDPOINTS)


def _shares_of_all_pages(
    endpoints: Collection[str],
) -> Callable[[dg.DagsterInstance], Runs]:
    """One run of all pages; with ``pages_per_run``, a run for each share of them."""

    def requests(instance: dg.DagsterInstance) -> Runs:
        shares = page_shares(pages_to_read(instance))
        is_everything = len(endpoints) == len(_ENDPOINTS)
        if is_everything and len(shares) == 1:
            return dg.RunRequest()
        assets = [_ENDPOINTS[name] for name in endpoints]
        keys = [key for asset in assets for key in asset.keys]
        return [
            dg.RunRequest(
                # Dagster refuses several requests of a tick without it.
                run_key=f"{share[0]}...{share[-1]}",
                asset_selection=None if is_everything else keys,
                run_config={
                    "ops": {
                        asset.op.name: {
                            "config": {"page_ids": list(share)}
                            if len(shares) > 1
                            else {}
                        }
                        for asset in assets
                    }
                },
            )
            for share in shares
        ]

    return requests


def _no_page_to_read_with_the_others(instance: dg.DagsterInstance) -> str | None:
    if len(read_apart(_own)) == len(_ENDPOINTS):
        return "Every endpoint has a cron of its own."
    return _no_page_to_read(instance)


autorosters_snapshot_daily = schedule_of(
    "autorosters_snapshot_daily",
    autorosters_snapshot,
    needless=_no_page_to_read_with_the_others,
    requests=_shares_of_all_pages(
        [name for name in _ENDPOINTS if name not in read_apart(_own)]
    ),
)

autorosters_schedules_apart = schedules_apart(
    "autorosters",
    _own,
    autorosters_snapshot,
    needless=_no_page_to_read,
    requests=lambda name: _shares_of_all_pages([name]),
)


class Retirement(dg.Config):
    """The pages to retire."""

    page_ids: list[str] = Field(description="Pages that are read no longer.")


@dg.op(retry_policy=TEMPORARY_FAILURES)
def retire_roster_pages(context: dg.OpExecutionContext, config: Retirement) -> None:
    """Close the history of pages, keep or purge their rows, and drop their partitions.

    The partitions go last, so that a run that dies is asked for again.
    """
    purge = platform_settings().retired_pages == "purge"
    with readable_failures():
        retire_pages(config.page_ids, purge=purge)
        # History closes at the retirement, which the models have to follow. It is of the
        # whole table, as there is no partition any more.
        context.log_event(dg.AssetMaterialization(["autorosters", "page_loads"]))
    release(context.instance, config.page_ids)
    for page_id in config.page_ids:
        context.instance.delete_dynamic_partition(PAGES_PARTITIONS_NAME, page_id)
    context.log.info(
        "Retired %s; their rows are %s.",
        ", ".join(config.page_ids),
        "purged" if purge else "kept",
    )


@dg.job
def autorosters_retirement() -> None:
    """Retire roster pages that are no longer configured."""
    retire_roster_pages()


@dg.op(retry_policy=TEMPORARY_FAILURES)
def ask_quarantined_pages(context: dg.OpExecutionContext) -> None:
    """Read each page in quarantine once, load those that answer, and release them."""
    resting = quarantined_pages(context.instance)
    asked = [page for page in registered_pages(context.instance) if page in resting]
    with readable_failures(), load_pages(asked) as loaded:
        report = loaded.report
        LoadRecord(context, loaded).load(PAGE_ASSETS)
        release_answering(context, report)
        for page_id, error in report.failed.items():
            name = report.page_name(page_id)
            context.log.warning("%s stays in quarantine: %s", name, error)


@dg.job
def autorosters_quarantine() -> None:
    """Ask the pages in quarantine whether they answer again."""
    ask_quarantined_pages()


def _no_page_rests(instance: dg.DagsterInstance) -> str | None:
    if reason := _why_off(instance):
        return reason
    return None if quarantined_pages(instance) else "No roster page is in quarantine."


autorosters_quarantine_schedule = schedule_of(
    "autorosters_quarantine_schedule", autorosters_quarantine, needless=_no_page_rests
)


@dg.sensor(
    jobs=[autorosters_snapshot, autorosters_retirement],
    minimum_interval_seconds=60,
    description="Keeps the partitions equal to the configured pages, and loads new pages.",
)
def autorosters_pages_sensor(
    context: dg.SensorEvaluationContext,
) -> dg.SensorResult | dg.SkipReason:
    """Keep the partitions equal to the configured page ids.

    New pages are registered and loaded at once. Pages that are gone from configuration
    are retired, unless that is most of them, which is more likely a slip.
    """
    try:
        if off := why_switched_off("autorosters"):
            return dg.SkipReason(off)
        configured = autorosters_settings().configured_page_ids()
    except ConfigurationError as error:
        return dg.SkipReason(str(error))
    registered = registered_pages(context.instance)
    configured = as_known(configured, registered)
    known, wanted = set(registered), set(configured)
    added = [page_id for page_id in configured if page_id not in known]
    removed = [page_id for page_id in registered if page_id not in wanted]
    additions, registered_before = _read_cursor(context.cursor, len(registered))
    held_back = why_not_retired(removed, registered_before, configured)
    # Pages that are added later make a removal no more plausible.
    before = f"/{registered_before}" if held_back else ""
    if not added and (not removed or held_back):
        context.update_cursor(f"{additions}{before}")
        return dg.SkipReason(
            held_back or f"{len(registered)} pages registered, as configured."
        )
    requests = []
    requests += [
        dg.RunRequest(
            job_name=autorosters_snapshot.name,
            run_key=f"{share[0]}...{share[-1]}@{additions}",
            tags=page_range_tags(share),
        )
        for share in page_shares(added)
    ]
    if removed and not held_back:
        requests.append(_retirement_request(removed, additions))
    return dg.SensorResult(
        dynamic_partitions_requests=[roster_pages.build_add_request(added)]
        if added
        else [],
        run_requests=requests,
        cursor=f"{additions + bool(added)}{before}",
    )


def _read_cursor(cursor: str | None, registered: int) -> tuple[int, int]:
    """Return how often pages were added, and how many there were at a refused removal."""
    match = re.fullmatch(r"(\d+)(?:/(\d+))?", cursor or "")
    if match is None:
        return 0, registered
    return int(match[1]), int(match[2] or registered)


def _retirement_request(removed: Sequence[str], additions: int) -> dg.RunRequest:
    """One run for these pages; should it fail, another is asked for the next hour."""
    names = hashlib.sha256(",".join(removed).encode()).hexdigest()[:16]
    hour = datetime.now(UTC).strftime("%Y-%m-%dT%H")
    return dg.RunRequest(
        job_name=autorosters_retirement.name,
        run_key=f"retire {names}@{additions} {hour}",
        run_config={
            "ops": {"retire_roster_pages": {"config": {"page_ids": list(removed)}}}
        },
    )
