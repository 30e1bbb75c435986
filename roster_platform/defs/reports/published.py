"""The marts as files people read: always there, never blocked by a load."""

import dagster as dg

from roster_platform.defs.dbt.assets import dbt_models
from roster_platform.lib.failures import readable_failures
from roster_platform.lib.schedules.follow_inputs import FOLLOW_INPUTS
from roster_platform.lib.translators import FRESHNESS, OWNERS
from roster_platform.warehouse.warehouse import Warehouse


@dg.asset(
    key=["published", "marts"],
    deps=[key for key in dbt_models.keys if key.path[0] == "marts"],
    group_name="published",
    owners=OWNERS,
    kinds={"duckdb", "parquet", "csv", "excel"},
    automation_condition=FOLLOW_INPUTS,
    freshness_policy=FRESHNESS,
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def published_marts() -> dg.MaterializeResult:
    """The marts as one DuckDB file and as Parquet, and the reports as CSV and XLSX."""
    from roster_platform.publish.marts import publish_marts

    with readable_failures():
        publication = publish_marts(Warehouse.from_settings())
    listed = "\n".join(f"| {table} | {n:,} |" for table, n in publication.rows.items())
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": sum(publication.rows.values()),
            "tables": dg.MetadataValue.md(f"| table | rows |\n|---|---:|\n{listed}"),
            "database": dg.MetadataValue.path(publication.database),
            "parquet": dg.MetadataValue.path(publication.parquet),
            "exports": dg.MetadataValue.path(publication.exports),
            "manifest": dg.MetadataValue.path(publication.manifest),
        }
    )
