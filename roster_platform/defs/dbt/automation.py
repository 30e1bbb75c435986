"""Models are built when their inputs changed, and all of them once a day.

Automation follows changes as they come. A build of some models may meet staging views that
are ahead of the tables it reads; the daily build makes that good.
"""

import dagster as dg

from roster_platform.defs.dbt.assets import dbt_models
from roster_platform.defs.reports.dashboard import report
from roster_platform.defs.reports.published import published_marts
from roster_platform.lib.schedules.configured import schedule_of

models = dg.define_asset_job(
    "models",
    selection=dg.AssetSelection.assets(dbt_models, published_marts, report),
    description="Build every model, publish the marts and write the report.",
)

models_daily = schedule_of("models_daily", models)

# Dagster's own name for it: one of this name takes the place of the one it would make,
# which cannot evaluate conditions that are not Dagster's.
follow_inputs = dg.AutomationConditionSensorDefinition(
    "default_automation_condition_sensor",
    target=dg.AssetSelection.assets(
        dbt_models, published_marts, report
    ).without_checks(),
    use_user_code_server=True,
    description="Builds the models whose inputs changed, once no run reads these inputs.",
)
