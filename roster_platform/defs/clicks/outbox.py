"""The click outbox: files dropped in a folder, sent to Roster, each once in effect."""

from typing import Any

import dagster as dg
from pydantic import Field

from roster_platform.ingest.clicks import load_clicks, outbox_files
from roster_platform.ingest.errors import IngestError
from roster_platform.ingest.off import why_switched_off
from roster_platform.ingest.roster.endpoints import API_DOCS_URL, CLICKS, CLICKS_PATH
from roster_platform.ingest.settings import roster_settings
from roster_platform.ingest.warehouse import Warehouse
from roster_platform.lib.failures import TEMPORARY_FAILURES, readable_failures
from roster_platform.lib.metadata import load_metadata
from roster_platform.lib.off import OFF, off_result
from roster_platform.lib.translators import raw_table_attributes


class Clicks(dg.Config):
    """Clicks to send in addition to those in the outbox."""

    clicks: list[dict[str, Any]] = Field(
        default=[],
        description="Clicks as objects with referralId and, if known, clickId, url and "
        "clickedAt. Sending one twice has the effect of sending it once.",
    )


@dg.asset(
    **raw_table_attributes(
        "roster",
        CLICKS,
        API_DOCS_URL,
        f"Each click in the outbox is sent by `POST {CLICKS_PATH}`, and becomes a row when "
        "the API answers; one that is sent again replaces its row. Nothing is loaded "
        "with it.",
    ),
    retry_policy=TEMPORARY_FAILURES,
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def roster_clicks(
    context: dg.AssetExecutionContext, config: Clicks
) -> dg.MaterializeResult:
    if off := why_switched_off("roster", CLICKS.name):
        context.log.info("%s: %s", CLICKS.name, off)
        return off_result(context.asset_key, (), off)
    with readable_failures(), load_clicks(config.clicks) as loaded:
        report = loaded.report
        return dg.MaterializeResult(
            metadata={
                **load_metadata(CLICKS, report, loaded.row_counts, loaded.run.pipeline),
                "sent": report.sent,
                "resent": report.resent,
                "rejected": report.rejected,
                "pending": report.pending,
                **({OFF: missing} if (missing := _missing_token()) else {}),
            }
        )


def _missing_token() -> str | None:
    """Return how to set the public token, without which nothing is sent."""
    try:
        roster_settings().require_public_access_token()
    except IngestError as error:
        return str(error)
    return None


clicks_outbox = dg.define_asset_job(
    "clicks_outbox",
    selection=dg.AssetSelection.assets(roster_clicks),
    description="Send the clicks that wait in the outbox.",
)


@dg.sensor(
    job=clicks_outbox,
    minimum_interval_seconds=30,
    description="Sends the clicks in the outbox when files have come.",
)
def clicks_outbox_sensor() -> dg.RunRequest | dg.SkipReason:
    """Send the outbox when files have come."""
    try:
        if off := why_switched_off("roster", CLICKS.name):
            return dg.SkipReason(off)
        files = outbox_files(Warehouse.from_settings())
    except IngestError as error:
        return dg.SkipReason(str(error))
    if not files:
        return dg.SkipReason("The outbox is empty.")
    # The same files ask for one run, however often they are seen.
    seen = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    return dg.RunRequest(run_key=str(seen))
