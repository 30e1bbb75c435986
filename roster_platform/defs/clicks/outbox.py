"""The click outbox: files dropped in a folder, sent to Roster, each once in effect."""

from typing import Any

import dagster as dg
from pydantic import Field

from roster_platform.ingest.clicks import load_clicks, outbox_files
from roster_platform.ingest.errors import IngestError
from roster_platform.ingest.roster.endpoints import API_DOCS_URL, CLICKS
from roster_platform.ingest.warehouse import Warehouse
from roster_platform.lib.failures import TEMPORARY_FAILURES, readable_failures
from roster_platform.lib.metadata import load_metadata
from roster_platform.lib.translators import raw_table_attributes


class Clicks(dg.Config):
    """Clicks to send beside those in the outbox."""

    clicks: list[dict[str, Any]] = Field(
        default=[],
        description="Clicks as objects with referralId and, if known, clickId, url and "
        "clickedAt. Sending one twice has the effect of sending it once.",
    )


@dg.asset(
    **raw_table_attributes("roster", CLICKS, API_DOCS_URL),
    retry_policy=TEMPORARY_FAILURES,
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def roster_clicks(config: Clicks) -> dg.MaterializeResult:
    with readable_failures(), load_clicks(config.clicks) as loaded:
        report = loaded.report
        return dg.MaterializeResult(
            metadata={
                **load_metadata(CLICKS, report, loaded.row_counts, loaded.run.pipeline),
                "sent": report.sent,
                "resent": report.resent,
                "rejected": report.rejected,
                "pending": report.pending,
            }
        )


clicks_outbox = dg.define_asset_job(
    "clicks_outbox",
    selection=dg.AssetSelection.assets(roster_clicks),
    description="Send the clicks that wait in the outbox.",
)


@dg.sensor(job=clicks_outbox, minimum_interval_seconds=30)
def clicks_outbox_sensor() -> dg.RunRequest | dg.SkipReason:
    """Send the outbox when files have come."""
    try:
        files = outbox_files(Warehouse.from_settings())
    except IngestError as error:
        return dg.SkipReason(str(error))
    if not files:
        return dg.SkipReason("The outbox is empty.")
    # The same files ask for one run, however often they are seen.
    seen = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    return dg.RunRequest(run_key=str(seen))
