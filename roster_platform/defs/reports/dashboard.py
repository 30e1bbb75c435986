"""The report: the dashboard's sections as one HTML file, after each publication."""

import base64

import dagster as dg

from roster_platform.defs.reports.published import published_marts
from roster_platform.lib.failures import readable_failures
from roster_platform.lib.schedules.follow_inputs import FOLLOW_INPUTS
from roster_platform.lib.translators import FRESHNESS, OWNERS
from roster_platform.settings.platform import platform_settings


@dg.asset(
    key=["published", "report"],
    deps=[published_marts],
    group_name="published",
    owners=OWNERS,
    kinds={"html"},
    automation_condition=FOLLOW_INPUTS,
    freshness_policy=FRESHNESS,
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def report(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    """Program performance, campaigns, roster health and freshness, to read and print."""
    from roster_platform.dashboard.queries import NothingPublishedError
    from roster_platform.dashboard.report import write_report

    with readable_failures():
        folder = platform_settings().data_path / "published"
    try:
        path, sections = write_report(folder)
    except NothingPublishedError as nothing:
        context.log.warning("There is nothing to report yet: %s", nothing)
        return dg.MaterializeResult(metadata={"nothing_to_report": str(nothing)})
    plots = {
        title: dg.MetadataValue.md(f"![{title}]({_data_uri(svg)})")
        for section in sections
        for title, svg in section.pictures
        if svg.startswith("<svg")
    }
    return dg.MaterializeResult(
        metadata={
            "report": dg.MetadataValue.path(path),
            "open": dg.MetadataValue.url(path.as_uri()),
            **plots,
        }
    )


def _data_uri(svg: str) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()
