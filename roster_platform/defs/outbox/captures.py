"""The outbox: clicks and orders from files, sent to Roster, each once in effect."""

from typing import Any

import dagster as dg
from pydantic import Field, create_model

from roster_platform.errors import IngestError
from roster_platform.ingest.off import why_switched_off
from roster_platform.ingest.outbox.captures import CAPTURES, Capture
from roster_platform.ingest.outbox.send import load_outbox, outbox_files
from roster_platform.ingest.roster.endpoints import API_DOCS_URL
from roster_platform.ingest.settings import RosterSettings, roster_settings
from roster_platform.lib.failures import TEMPORARY_FAILURES, readable_failures
from roster_platform.lib.metadata import load_metadata
from roster_platform.lib.off import OFF, off_result
from roster_platform.lib.translators import raw_table_attributes
from roster_platform.warehouse.warehouse import Warehouse


@dg.definitions
def outbox() -> dg.Definitions:
    """Return an asset, its job and its sensor for each kind of record that is sent."""
    return dg.Definitions.merge(*(_definitions(each) for each in CAPTURES.values()))


def _definitions(capture: Capture) -> dg.Definitions:
    asset = _asset(capture)
    job = dg.define_asset_job(
        f"{capture.name}_outbox",
        selection=dg.AssetSelection.assets(asset),
        description=f"Send the {capture.noun}s that wait in the outbox.",
    )
    return dg.Definitions(assets=[asset], jobs=[job], sensors=[_sensor(capture, job)])


def _asset(capture: Capture) -> dg.AssetsDefinition:
    asked: Any = (
        list[dict[str, Any]],
        Field(
            default=[],
            description=f"{capture.noun.title()}s to send in addition to those in the "
            f"outbox, as objects with {', '.join(capture.fields)}. Sending one twice has "
            "the effect of sending it once.",
        ),
    )
    config_of: Any = create_model(
        f"{capture.noun.title()}s", __base__=dg.Config, **{capture.name: asked}
    )
    path = capture.path(RosterSettings())  # where it is sent by default

    @dg.asset(
        **raw_table_attributes(
            "roster",
            capture.table,
            API_DOCS_URL,
            f"Each {capture.noun} in the outbox is sent by `POST {path}`, and becomes a "
            "row when the API answers; one that is sent again replaces its row. Nothing "
            "is loaded with it.",
        ),
        retry_policy=TEMPORARY_FAILURES,
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def send(
        context: dg.AssetExecutionContext, config: config_of
    ) -> dg.MaterializeResult:
        if off := why_switched_off("roster", capture.name):
            context.log.info("%s: %s", capture.name, off)
            return off_result(context.asset_key, (), off)
        records = getattr(config, capture.name)
        with readable_failures(), load_outbox(capture, records) as loaded:
            report, counts = loaded.report, loaded.row_counts
            return dg.MaterializeResult(
                metadata={
                    **load_metadata(capture.table, report, counts, loaded.run.pipeline),
                    "sent": report.sent,
                    "resent": report.resent,
                    "rejected": report.rejected,
                    "pending": report.pending,
                    **({OFF: missing} if (missing := _missing_token()) else {}),
                }
            )

    return send


def _sensor(capture: Capture, job: Any) -> dg.SensorDefinition:
    """Return what sends an outbox when files have come."""

    @dg.sensor(
        name=f"{capture.name}_outbox_sensor",
        job=job,
        minimum_interval_seconds=30,
        description=f"Sends the {capture.noun}s in the outbox when files have come.",
    )
    def files_come() -> dg.RunRequest | dg.SkipReason:
        try:
            if off := why_switched_off("roster", capture.name):
                return dg.SkipReason(off)
            files = outbox_files(Warehouse.from_settings(), capture)
        except IngestError as error:
            return dg.SkipReason(str(error))
        if not files:
            return dg.SkipReason("The outbox is empty.")
        # The same files ask for one run, however often they are seen.
        stats = [(path.name, path.stat()) for path in files]
        seen = [(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats]
        return dg.RunRequest(run_key=str(seen))

    return files_come


def _missing_token() -> str | None:
    """Return how to set the public token, without which nothing is sent."""
    try:
        roster_settings().require_public_access_token()
    except IngestError as error:
        return str(error)
    return None
