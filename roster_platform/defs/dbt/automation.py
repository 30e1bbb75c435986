"""Once a day every model is built, whatever changed.

Automation follows changes as they come. A change that arrives while a build runs may be
counted to that build though it came too late for it, and a build of some models may meet
staging views that are ahead of the tables it reads; the daily build makes both good.
"""

import dagster as dg

from roster_platform.defs.dbt.assets import dbt_models
from roster_platform.defs.reports.dashboard import report
from roster_platform.defs.reports.published import published_marts
from roster_platform.lib.automation import schedule_of

models = dg.define_asset_job(
    "models",
    selection=dg.AssetSelection.assets(dbt_models, published_marts, report),
    description="Build every model, publish the marts and write the report.",
)

models_daily = schedule_of("models_daily", models)
