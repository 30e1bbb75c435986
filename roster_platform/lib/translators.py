"""Names of dlt resources and dbt models in Dagster: keys, groups, kinds, owners."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtProject
from dagster_dlt import DagsterDltTranslator
from dagster_dlt.translator import DltResourceTranslatorData

from roster_platform.catalogue import Table, column_name
from roster_platform.errors import ConfigurationError
from roster_platform.ingest.mappings import is_enabled
from roster_platform.ingest.reading.log import READS
from roster_platform.lib.schedules.follow_inputs import FOLLOW_INPUTS

OWNERS = ["team:data-platform"]

# Every API is read, and every model built, at least daily; a day that is missed is a
# warning, two are a failure. dbt's sources declare the same first bound.
FRESHNESS = dg.FreshnessPolicy.time_window(
    warn_window=timedelta(hours=36), fail_window=timedelta(hours=60)
)


class RawTableTranslator(DagsterDltTranslator):
    """A dlt resource as the asset of its raw table: ``<source>/<table>``.

    ``loaded`` says how: the request, how rows are written, what is loaded with them.
    """

    def __init__(self, source: str, table: Table, docs_url: str, loaded: str) -> None:
        self._source = source
        self._table = table
        self._docs_url = docs_url
        self._loaded = loaded

    def get_asset_spec(self, data: DltResourceTranslatorData) -> dg.AssetSpec:
        attributes = raw_table_attributes(
            self._source, self._table, self._docs_url, self._loaded
        )
        tags, metadata = attributes.pop("tags"), attributes.pop("metadata")
        return (
            super()
            .get_asset_spec(data)
            .replace_attributes(
                **attributes,
                deps=[],
                # What is off is late for nobody.
                freshness_policy=None if self._is_off() else FRESHNESS,
            )
            .merge_attributes(tags=tags, metadata=metadata)
        )

    def _is_off(self) -> bool:
        try:
            return not is_enabled(self._source, self._table.name)
        except ConfigurationError:
            # The read reports it.
            return False


def raw_table_attributes(
    source: str, table: Table, docs_url: str, loaded: str
) -> dict[str, Any]:
    """Return what every raw table's asset says of itself: ``<source>/<table>``."""
    return {
        "key": [source, table.name],
        "group_name": source,
        "description": f"{table.description}\n\n{loaded}",
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
        # With its manifest, so that no other one gets the same id.
        self._specs: dict[tuple[int, str], tuple[Mapping[str, Any], dg.AssetSpec]] = {}

    def get_asset_spec(
        self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None
    ) -> dg.AssetSpec:
        # dagster-dbt asks again for every input and every test of a model.
        key = (id(manifest), unique_id)
        if key not in self._specs:
            spec = self._new_spec(manifest, unique_id, project)
            self._specs[key] = (manifest, spec)
        return self._specs[key][1]

    def _new_spec(
        self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None
    ) -> dg.AssetSpec:
        spec = super().get_asset_spec(manifest, unique_id, project)
        props = self.get_resource_props(manifest, unique_id)
        if props["resource_type"] == "source":
            return spec
        # Every load writes the log of reads, which is no asset of its own.
        deps = [dep for dep in spec.deps if dep.asset_key.path[-1] != READS.name]
        return spec.replace_attributes(
            deps=deps,
            key=[_layer(props), props["name"]],
            group_name=_layer(props),
            owners=OWNERS,
            automation_condition=FOLLOW_INPUTS,
            freshness_policy=FRESHNESS,
        )


def _layer(props: Mapping[str, Any]) -> str:
    return props["schema"]
