"""One asset, and one op, per Roster endpoint of the catalogue."""

import dagster as dg
from dagster_dlt.translator import DltResourceTranslatorData
from pydantic import Field

from roster_platform.ingest.catalogue import Endpoint
from roster_platform.ingest.roster import load_endpoint, roster_source
from roster_platform.ingest.roster.endpoints import API_DOCS_URL, ENDPOINTS
from roster_platform.lib.checks import (
    FIELDS_ARE_AS_EXPECTED,
    ROWS_MATCH_API,
    VOLUME_IS_PLAUSIBLE,
    check_specs,
    read_checks,
)
from roster_platform.lib.failures import TEMPORARY_FAILURES, readable_failures
from roster_platform.lib.metadata import load_metadata
from roster_platform.lib.translators import RawTableTranslator

_CHECKS = (ROWS_MATCH_API, VOLUME_IS_PLAUSIBLE, FIELDS_ARE_AS_EXPECTED)


class RosterRead(dg.Config):
    """How an endpoint is read."""

    full_read: bool = Field(
        default=False,
        description="Read everything again, also where the endpoint could stop early.",
    )
    confirm_drops: bool = Field(
        default=False,
        description="Accept that most of a table was deleted at the source; nothing is "
        "marked as deleted otherwise.",
    )
    accept_fields: bool = Field(
        default=False,
        description="Stop telling of fields that are sent no longer.",
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
        check_specs=list(check_specs(spec.key, _CHECKS)),
        name=f"roster__{name}",
        retry_policy=TEMPORARY_FAILURES,
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def load(context: dg.AssetExecutionContext, config: RosterRead):
        with (
            readable_failures(),
            load_endpoint(name, **config.model_dump()) as loaded,
        ):
            report = loaded.report
            yield dg.MaterializeResult(
                data_version=dg.DataVersion(report.data_version),
                metadata=load_metadata(
                    endpoint.table, report, loaded.row_counts, loaded.run.pipeline
                ),
                check_results=list(
                    read_checks(
                        spec.key, _CHECKS, report, report.held, context.instance
                    )
                ),
            )

    return load


roster_assets = dg.with_source_code_references(
    [build_endpoint_asset(endpoint) for endpoint in ENDPOINTS]
)
