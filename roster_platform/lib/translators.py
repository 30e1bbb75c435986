"""How dlt resources and dbt models appear in Dagster: keys, groups, kinds, owners."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtProject
from dagster_dlt import DagsterDltTranslator
from dagster_dlt.translator import DltResourceTranslatorData

from roster_platform.ingest.catalogue import Table, column_name

OWNERS = ["team:data-platform"]

# Every API is read at least daily; a day that is missed is told, two are a failure. dbt's
# sources declare the same first bound.
FRESHNESS = dg.FreshnessPolicy.time_window(
    warn_window=timedelta(hours=36), fail_window=timedelta(hours=60)
)

# Build when an input changed, once no input is being loaded any more: a table that was
# read and is as it was makes no work. An input that was never loaded does not hold the
# marts back: a team may use only one of the APIs. For the same reason a model that was
# never built is built once, empty if need be: models of both APIs read it.
_RAW_TABLES = dg.AssetSelection.groups("roster", "autorosters")
_INPUT_CHANGED = dg.AutomationCondition.any_deps_match(
    dg.AutomationCondition.data_version_changed()
    & ~dg.AutomationCondition.executed_with_root_target()
).allow(_RAW_TABLES) | dg.AutomationCondition.any_deps_updated().ignore(_RAW_TABLES)
_NEVER_BUILT = (
    dg.AutomationCondition.missing()
    & ~dg.AutomationCondition.execution_failed()
    & ~dg.AutomationCondition.in_progress()
    & ~dg.AutomationCondition.any_deps_in_progress()
)
_MODELS_IT_READS_ARE_THERE = ~dg.AutomationCondition.any_deps_missing().ignore(
    _RAW_TABLES
)
FOLLOW_INPUTS = (
    (
        dg.AutomationCondition.eager()
        .replace("any_deps_updated", _INPUT_CHANGED)
        .without(~dg.AutomationCondition.any_deps_missing())
        | _NEVER_BUILT
    )
    & _MODELS_IT_READS_ARE_THERE
).with_label("follow_inputs")


class RawTableTranslator(DagsterDltTranslator):
    """A dlt resource as the asset of its raw table: ``<source>/<table>``."""

    def __init__(self, source: str, table: Table, docs_url: str) -> None:
        self._source = source
        self._table = table
        self._docs_url = docs_url

    def get_asset_spec(self, data: DltResourceTranslatorData) -> dg.AssetSpec:
        attributes = raw_table_attributes(self._source, self._table, self._docs_url)
        tags, metadata = attributes.pop("tags"), attributes.pop("metadata")
        return (
            super()
            .get_asset_spec(data)
            .replace_attributes(**attributes, deps=[], freshness_policy=FRESHNESS)
            .merge_attributes(tags=tags, metadata=metadata)
        )


def raw_table_attributes(source: str, table: Table, docs_url: str) -> dict[str, Any]:
    """What every raw table's asset says of itself: ``<source>/<table>``."""
    return {
        "key": [source, table.name],
        "group_name": source,
        "description": table.description,
        "owners": OWNERS,
        "kinds": {"dlt", "python"},
        "tags": {"source": source},
        "metadata": {
            "api_documentation": dg.MetadataValue.url(docs_url),
            "primary_key": ", ".join(map(column_name, table.primary_key)),
            "dagster/table_name": f"{source}_data.{table.name}",
            "dagster/column_schema": declared_columns(table),
        },
    }


def declared_columns(table: Table) -> dg.TableSchema:
    """The declared columns of a raw table, described, personal data tagged."""
    keys = {column_name(key) for key in table.primary_key}
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=column_name(field),
                type=column.data_type,
                description=column.description,
                constraints=dg.TableColumnConstraints(
                    nullable=column_name(field) not in keys
                ),
                tags={"pii": ""} if column.pii else {},
            )
            for field, column in table.columns.items()
        ]
    )


class ModelTranslator(DagsterDbtTranslator):
    """A dbt model as the asset ``<layer>/<model>``, where the layer is its schema."""

    def __init__(self) -> None:
        super().__init__(
            DagsterDbtTranslatorSettings(
                enable_asset_checks=True,
                # A raw table's children are loaded by the same asset.
                enable_duplicate_source_asset_keys=True,
                enable_code_references=True,
                enable_source_tests_as_checks=False,
            )
        )

    def get_asset_spec(
        self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None
    ) -> dg.AssetSpec:
        spec = super().get_asset_spec(manifest, unique_id, project)
        props = self.get_resource_props(manifest, unique_id)
        if props["resource_type"] == "source":
            return spec
        return spec.replace_attributes(
            key=[_layer(props), props["name"]],
            group_name=_layer(props),
            owners=OWNERS,
            automation_condition=FOLLOW_INPUTS,
        )


def snapshot_lineage(
    manifest: Mapping[str, Any], unique_id: str
) -> dg.TableColumnLineage:
    """Where a snapshot's columns come from: the columns of the same name of what it keeps.

    dagster-dbt derives lineage from compiled SQL, and a snapshot has none.
    """
    (kept_id,) = manifest["nodes"][unique_id]["depends_on"]["nodes"]
    kept = manifest["nodes"][kept_id]
    return dg.TableColumnLineage(
        {
            column: [
                dg.TableColumnDep(dg.AssetKey([_layer(kept), kept["name"]]), column)
            ]
            for column in kept["columns"]
        }
    )


def _layer(props: Mapping[str, Any]) -> str:
    return props["schema"]
