"""Both APIs in one run, where no schedule reads them, as in continuous integration.

Dagster skips what depends on a failed operation of the same run. So the models are a run
of their own (the job ``models``), which builds from what was read. The checks of both can
be a run of their own, too, which asks no API.
"""

import dagster as dg

reads = dg.define_asset_job(
    "reads",
    selection=dg.AssetSelection.groups("roster", "autorosters"),
    description="Read every Roster endpoint and every registered roster page that is not "
    "in quarantine, and send the clicks that wait.",
)

checks = dg.define_asset_job(
    "checks",
    selection=dg.AssetSelection.all_asset_checks()
    - dg.AssetSelection.groups("apis", include_sources=True),
    description="Evaluate every check of raw tables and models against the warehouse, "
    "without asking an API.",
)
