"""One asset, and one op, per Roster endpoint of the catalogue."""

from typing import cast

import dagster as dg
from dagster_dlt.translator import DltResourceTranslatorData
from pydantic import Field

from roster_platform.catalogue import (
    IS_DELETED,
    Endpoint,
    child_table_name,
    column_name,
    versions_table_name,
)
from roster_platform.ingest.off import why_off
from roster_platform.ingest.reading.last_reads import last_reads_of_endpoint
from roster_platform.ingest.roster import load_endpoint, roster_source
from roster_platform.ingest.roster.endpoints import API_DOCS_URL, ENDPOINTS
from roster_platform.lib.failures import TEMPORARY_FAILURES, readable_failures
from roster_platform.lib.kept_pipelines import KEPT_PIPELINES
from roster_platform.lib.metadata import load_metadata
from roster_platform.lib.off import off_checks, off_result
from roster_platform.lib.raw_checks.evaluated import (
    FIELDS_ARE_AS_EXPECTED,
    READ_IS_COMPLETE,
    ROWS_MATCH_API,
    VOLUME_IS_PLAUSIBLE,
    check_specs,
    read_checks,
    selected_checks,
)
from roster_platform.lib.raw_checks.stored import checks_alone
from roster_platform.lib.translators import RawTableTranslator
from roster_platform.warehouse.warehouse import Warehouse

_CHECKS = (
    READ_IS_COMPLETE,
    ROWS_MATCH_API,
    VOLUME_IS_PLAUSIBLE,
    FIELDS_ARE_AS_EXPECTED,
)


class RosterRead(dg.Config):
    """Options for reading an endpoint."""

    full_read: bool = Field(
        default=False,
        description="Read everything again, also where the endpoint could stop early.",
    )
    confirm_drops: bool = Field(
        default=False,
        description="Accept that most of a table was deleted at the source; nothing is "
        "marked as deleted otherwise.",
    )
    reload_unchanged: bool = Field(
        default=False, description="Write records again that did not change."
    )
    accept_fields: bool = Field(
        default=False,
        description="Stop reporting fields that no longer come.",
    )
    ask_again: bool = Field(
        default=False,
        description="Ask for what an interrupted read was answered already, too.",
    )


def _how_loaded(endpoint: Endpoint) -> str:
    table = endpoint.table
    key = ", ".join(map(column_name, table.primary_key))
    request = (
        f"Read by `GET {endpoint.path}`, or the path in `mappings/roster.yaml`."
        if endpoint.path
        else "No path is published, so it is off until `contacts_path` is set."
    )
    together = [child_table_name(table, child) for child in table.children]
    together += [versions_table_name(table.name)] if table.versions else []
    return (
        f"{request} Rows are merged on `{key}`"
        + (
            ", and records that no longer come are marked "
            if table.soft_deletes
            else ""
        )
        + (f"`{IS_DELETED}`." if table.soft_deletes else ".")
        + f" Loaded with it: {', '.join(f'`{name}`' for name in together)}."
    )


def build_endpoint_asset(endpoint: Endpoint) -> dg.AssetsDefinition:
    """The asset ``roster/<resource>`` that loads one endpoint."""
    name = endpoint.name
    spec = RawTableTranslator(
        "roster", endpoint.table, API_DOCS_URL, _how_loaded(endpoint)
    ).get_asset_spec(
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
        # The checks may be executed alone, or left out.
        can_subset=True,
        retry_policy=TEMPORARY_FAILURES,
        resource_defs=KEPT_PIPELINES,
        required_resource_keys={*KEPT_PIPELINES},
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def load(context: dg.AssetExecutionContext, config: RosterRead):
        checks = selected_checks(context, spec.key, _CHECKS)
        is_alone = not context.selected_asset_keys
        with readable_failures():
            warehouse = Warehouse.from_settings()
            off = why_off("roster", name, warehouse)
        if off:
            context.log.info("%s: %s", name, off)
            if is_alone:
                yield from off_checks(spec.key, checks, off)
            else:
                yield off_result(spec.key, checks, off)
            return
        if is_alone:
            with readable_failures():
                last = last_reads_of_endpoint(name, warehouse)
            yield from checks_alone(spec.key, checks, last, context.instance)
            return
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
                    read_checks(spec.key, checks, report, report.held, context.instance)
                ),
            )

    return load


# It returns what it is given, each with a reference.
roster_assets = cast(
    "list[dg.AssetsDefinition]",
    dg.with_source_code_references(
        [build_endpoint_asset(endpoint) for endpoint in ENDPOINTS]
    ),
)
