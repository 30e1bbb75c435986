"""The live APIs, as assets of others, and whether the mapping in use of each still fits.

A check of a raw table would be evaluated by each of its loads. This one makes requests of
its own (``roster-platform probe``), so it belongs to the API, and to a schedule.
"""

from __future__ import annotations

import dagster as dg

from roster_platform.ingest.off import missing_credentials, why_switched_off
from roster_platform.ingest.probe import SOURCES, differences
from roster_platform.lib.failures import readable_failures
from roster_platform.lib.off import OFF
from roster_platform.lib.schedules.configured import schedule_of
from roster_platform.lib.translators import OWNERS

MAPPING_FITS = "mapping_fits"
_MOST_SHOWN = 20
_NAMES = {"roster": "Roster's API", "autorosters": "Auto Rosters' API"}


def _api(source: str) -> dg.AssetSpec:
    return dg.AssetSpec(
        ["apis", source],
        group_name="apis",
        description=f"{_NAMES[source]}, as it answers the configured token.",
        owners=OWNERS,
        kinds={"api"},
    )


def _check(spec: dg.AssetSpec) -> dg.AssetChecksDefinition:
    source = spec.key.path[-1]

    @dg.asset_check(
        asset=spec.key,
        name=MAPPING_FITS,
        description="A probe finds paths, paging and fields as the mapping has them.",
    )
    def mapping_fits() -> dg.AssetCheckResult:
        with readable_failures():
            if off := why_switched_off(source) or missing_credentials(source):
                return dg.AssetCheckResult(passed=True, metadata={OFF: off})
            found = differences(source)
        if not found:
            return dg.AssetCheckResult(passed=True)
        shown = "\n".join(f"- {difference}" for difference in found[:_MOST_SHOWN])
        return dg.AssetCheckResult(
            passed=False,
            severity=dg.AssetCheckSeverity.WARN,
            description=f"{len(found)} differences. Run `roster-platform probe {source}` "
            "to write them down.",
            metadata={"differences": dg.MetadataValue.md(shown)},
        )

    return mapping_fits


apis = [_api(source) for source in SOURCES]
mapping_checks_of_apis = [_check(spec) for spec in apis]

mapping_checks = dg.define_asset_job(
    "mapping_checks",
    selection=dg.AssetSelection.checks(*mapping_checks_of_apis),
    description="Probe the live APIs, and compare what comes with the mappings in use.",
)

mapping_checks_weekly = schedule_of("mapping_checks_weekly", mapping_checks)
