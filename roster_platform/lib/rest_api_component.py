"""Any REST API as assets: ``type: roster_platform.lib.RestApiComponent`` in YAML.

The attributes ``client``, ``resource_defaults`` and ``resources`` are dlt's
``RESTAPIConfig``. Loading definitions resolves no secret and asks no API; secrets and
settings are looked up under ``[sources.<name>]`` when an asset is materialized. There is
one op for each tree of dependent resources, so that a parent is read once.
"""

# Annotations are not postponed: Dagster resolves those of the component.

import importlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import dagster as dg

from roster_platform.errors import ConfigurationError
from roster_platform.lib.failures import TEMPORARY_FAILURES, readable_failures
from roster_platform.lib.raw_checks.stored import alone, said_before
from roster_platform.lib.schedules.configured import Runs, declared_cadence, schedule_of
from roster_platform.rest_api.load import Tree, load_tree, trees_of
from roster_platform.rest_api.reads import ResourceRead

READ_IS_COMPLETE = "read_is_complete"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


def _python_objects(context: dg.ResolutionContext, value: Any) -> Any:
    """Resolve templates, and ``{python: .module.name}`` as an object next to the YAML."""
    if isinstance(value, Mapping):
        if set(value) == {"python"}:
            return _python_object(context, str(value["python"]))
        return {key: _python_objects(context, item) for key, item in value.items()}
    if isinstance(value, list):
        return [_python_objects(context, item) for item in value]
    return context.resolve_value(value)


def _python_object(context: dg.ResolutionContext, path: str) -> Any:
    if path.startswith("."):
        here = dg.ComponentLoadContext.from_resolution_context(context)
        path = here.defs_relative_module_name(here.path) + path
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


_Tree = Annotated[
    dict[str, Any], dg.Resolver(_python_objects, model_field_type=dict[str, Any])
]
_List = Annotated[
    list[Any], dg.Resolver(_python_objects, model_field_type=list[str | dict[str, Any]])
]


class _RestApiScaffolder(dg.Scaffolder):
    """Writes a declaration that loads as it is, for ``dg scaffold defs``."""

    def scaffold(self, request: dg.ScaffoldRequest) -> None:
        attributes = {
            "client": {"base_url": "https://api.example.com/v1/", "paginator": "auto"},
            "resource_defaults": {"primary_key": "id", "write_disposition": "merge"},
            "resources": ["things"],
        }
        dg.scaffold_component(request, attributes)


@dg.scaffold_with(_RestApiScaffolder)
@dataclass
class RestApiComponent(dg.Component, dg.Resolvable):
    """An API, declared in the words of dlt's ``RESTAPIConfig``.

    ``name`` is the folder's by default; ``dataset`` is ``<name>_data``; ``schedule`` is a
    cron, and ``schedules`` has crons of resources that are read at another cadence than
    the others. ``partitions`` names a set of dynamic partitions; ``{partition}`` anywhere
    in the declaration is then the key, and every record gets it as ``_partition``.
    """

    client: _Tree
    resources: _List
    resource_defaults: _Tree = field(default_factory=dict)
    name: str | None = None
    dataset: str | None = None
    schedule: str | None = None
    schedules: dict[str, str] = field(default_factory=dict)
    partitions: str | None = None

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Return the assets, their job and its schedule. Raises ConfigurationError."""
        name = self.name or context.path.name
        if not _NAME.fullmatch(name):
            raise ConfigurationError(
                f"{name!r} ({context.path}) cannot be the name of an API: use small "
                "letters, digits and '_' for the folder, or set the attribute `name`."
            )
        config = {
            "client": self.client,
            "resources": self.resources,
            "resource_defaults": self.resource_defaults,
        }
        try:
            trees = trees_of(
                name,
                self.dataset or f"{name}_data",
                config,
                is_partitioned=self.partitions is not None,
            )
        except Exception as error:
            raise ConfigurationError(
                f"The declaration of the API {name!r} ({context.path}/defs.yaml) is "
                f"wrong: {error}"
            ) from error
        partitions = (
            dg.DynamicPartitionsDefinition(name=self.partitions)
            if self.partitions
            else None
        )
        assets = [_assets_of(tree, partitions) for tree in trees]
        job = dg.define_asset_job(
            f"{name}_load",
            selection=dg.AssetSelection.assets(*assets),
            description=f"Read every resource of {name}.",
        )
        return dg.Definitions(
            assets=assets,
            jobs=[job],
            schedules=self._schedules(name, job, [r for t in trees for r in t.parents]),
        )

    def _schedules(
        self, name: str, job: Any, resources: Sequence[str]
    ) -> list[dg.ScheduleDefinition]:
        """One for each resource with a cron of its own, and one for the others."""
        if unknown := sorted(self.schedules.keys() - set(resources)):
            raise ConfigurationError(
                f"The API {name!r} has no resource {', '.join(unknown)}, for which "
                f"`schedules` has a cron. It has {', '.join(resources)}."
            )
        crons = {
            f"{name}_{resource}": cron for resource, cron in self.schedules.items()
        }
        selections = {f"{name}_{resource}": [resource] for resource in self.schedules}
        others = [r for r in resources if r not in self.schedules]
        if self.schedule and others:
            crons[name], selections[name] = self.schedule, others
        return [
            schedule_of(
                f"{schedule}_schedule",
                job,
                requests=self._requests([dg.AssetKey([name, r]) for r in selected]),
                cadence=declared_cadence(crons[schedule]),
                description=f"Read {', '.join(selected)} of {name}.",
            )
            for schedule, selected in selections.items()
        ]

    def _requests(
        self, selection: Sequence[dg.AssetKey]
    ) -> Callable[[dg.DagsterInstance], Runs]:
        def requests(instance: dg.DagsterInstance) -> Runs:
            if not self.partitions:
                return dg.RunRequest(asset_selection=selection)
            keys = instance.get_dynamic_partitions(self.partitions)
            return [
                dg.RunRequest(run_key=key, partition_key=key, asset_selection=selection)
                for key in keys
            ]

        return requests


def _assets_of(
    tree: Tree, partitions: dg.PartitionsDefinition | None
) -> dg.AssetsDefinition:
    """The assets ``<api>/<resource>`` of one tree, and the op that loads them."""
    keys = {name: dg.AssetKey([tree.api, name]) for name in tree.parents}
    specs = [
        dg.AssetSpec(
            key,
            deps=[keys[parent]] if (parent := tree.parents[name]) else [],
            group_name=tree.api,
            kinds={"dlt"},
            metadata={"dagster/table_name": f"{tree.dataset}.{name}"},
        )
        for name, key in keys.items()
    ]
    checks = [
        dg.AssetCheckSpec(
            READ_IS_COMPLETE,
            asset=key,
            description="The API does not say that more exists than was read.",
        )
        for key in keys.values()
    ]

    @dg.multi_asset(
        name=tree.pipeline,
        specs=specs,
        check_specs=checks,
        can_subset=True,
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.multi_run(1) if partitions else None,
        retry_policy=TEMPORARY_FAILURES,
    )
    def load(context: dg.AssetExecutionContext):
        partition = context.partition_key if context.has_partition_key else None
        wanted = [
            name for name, key in keys.items() if key in context.selected_asset_keys
        ]
        checked = {check.asset_key for check in context.selected_asset_check_keys}
        for key in checked - context.selected_asset_keys:
            # Executed alone, it asks no API.
            yield alone(said_before(key, READ_IS_COMPLETE, context.instance))
        if not wanted:
            return
        with readable_failures():
            loaded = load_tree(tree, wanted, partition)
        for name in wanted:
            read, key = loaded.reads.get(name), keys[name]
            if read is not None and key in checked:
                yield _check(key, read)
        if loaded.failure is not None:
            with readable_failures():
                raise loaded.failure
        for name in wanted:
            yield dg.MaterializeResult(
                asset_key=keys[name],
                metadata=_metadata(
                    loaded.reads.get(name),
                    loaded.tables.get(name, {}),
                    loaded.rows,
                    name,
                ),
            )

    return load


def _check(key: dg.AssetKey, read: ResourceRead) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=read.complete is True,
        check_name=READ_IS_COMPLETE,
        asset_key=key,
        severity=(
            dg.AssetCheckSeverity.WARN
            if read.complete is None
            else dg.AssetCheckSeverity.ERROR
        ),
        description=read.proof,
    )


def _metadata(
    read: ResourceRead | None,
    columns: Mapping[str, Any],
    rows: Mapping[str, int],
    name: str,
) -> dict[str, Any]:
    metadata: dict[str, Any] = dict(_counts(rows, name))
    metadata["dagster/column_schema"] = dg.TableSchema(
        [
            dg.TableColumn(column, str(hints.get("data_type", "text")))
            for column, hints in columns.items()
        ]
    )
    if read is not None:
        metadata |= {
            "engine": f"{read.engine}: {read.reason}",
            "records": f"normalized one by one: {read.as_records}"
            if read.as_records
            else "loaded as Arrow tables",
            "read": read.proof,
            "rows_read": read.rows,
            "requests": read.requests,
            "requests_sent_ahead": read.ahead,
        }
    return metadata


def _counts(rows: Mapping[str, int], name: str) -> Iterator[tuple[str, int]]:
    yield "dagster/row_count", rows.get(name, 0)
    for table, count in rows.items():
        if table.startswith(f"{name}__"):
            yield f"rows of {table}", count
