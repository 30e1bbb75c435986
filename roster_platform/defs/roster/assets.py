"""One asset, and one op, per Roster endpoint of the catalogue."""

import dagster as dg
from dagster_dlt.translator import DltResourceTranslatorData
from pydantic import Field

from roster_platform.ingest.catalogue import Endpoint
from roster_platform.ingest.roster import load_endpoint, roster_source
from roster_platform.ingest.roster.endpoints import API_DOCS_URL, ENDPOINTS
from roster_platform.lib.failures import TEMPORARY_FAILURES, readable_failures
from roster_platform.lib.metadata import load_metadata
from roster_platform.lib.translators import RawTableTranslator


class RosterRead(dg.Config):
    """How an endpoint is read."""

    full_read: bool = Field(
        default=False,
        description="Read everything again, also where the endpoint could stop early.",
    )


def build_endpoint_asset(endpoint: Endpoint) -> dg.AssetsDefinition:
    """The asset ``roster/<resource>`` that loads one endpoint."""
    name = endpoint.name
    spec = RawTableTranslator("roster", endpoint.table, API_DOCS_URL).get_asset_spec(
        DltResourceTranslatorData(
            resource=roster_source(name).resources[name], pipeline=None
        )
    )
    if endpoint.parent:
        spec = spec.replace_attributes(deps=[["roster", endpoint.parent.resource]])

    @dg.multi_asset(
        specs=[spec],
        name=f"roster__{name}",
        retry_policy=TEMPORARY_FAILURES,
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def load(context: dg.AssetExecutionContext, config: RosterRead):
        with (
            readable_failures(),
            load_endpoint(name, full_read=config.full_read) as loaded,
        ):
            yield dg.MaterializeResult(
                data_version=dg.DataVersion(loaded.report.data_version),
                metadata=load_metadata(
                    endpoint.table,
                    loaded.report,
                    loaded.row_counts,
                    loaded.run.pipeline,
                ),
            )

    return load


roster_assets = dg.with_source_code_references(
    [build_endpoint_asset(endpoint) for endpoint in ENDPOINTS]
)
