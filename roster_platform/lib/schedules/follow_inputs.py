"""Automation of models: build when an input changed and no run works on its inputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from weakref import WeakKeyDictionary

import dagster as dg

from roster_platform.ingest.outbox.captures import CAPTURES
from roster_platform.lib.data_versions import Load, last_loads
from roster_platform.lib.schedules.configured import UNFINISHED

_RAW_TABLES = dg.AssetSelection.groups("roster", "autorosters")
# What is sent comes at any time: all models would wait for it again and again.
_NOT_WAITED_FOR = {dg.AssetKey(["roster", name]) for name in CAPTURES}


class NoRunIsAtWorkOnIt(dg.AutomationCondition):
    """No unfinished run is there to materialize the asset or anything it is made of.

    Dagster's ``any_deps_in_progress`` sees the direct inputs, and a table of a run that
    still runs is no longer in progress when it is loaded. So each table that a read had
    loaded would be built at once, and the next table would wait for that build: a read
    takes many times as long, and one change is built in many small builds.
    """

    def __init__(self) -> None:
        self._keys_of_tick: WeakKeyDictionary[object, Set[dg.AssetKey]] = (
            WeakKeyDictionary()
        )

    @property
    def description(self) -> str:
        return "No unfinished run materializes this asset or what it is made of"

    @property
    def name(self) -> str:
        return "no_run_is_at_work_on_it"

    def evaluate(self, context: dg.AutomationContext) -> dg.AutomationResult:
        view = context.asset_graph_view
        if (keys := self._keys_of_tick.get(view)) is None:
            runs = view.instance.get_runs(dg.RunsFilter(statuses=UNFINISHED))
            keys = _keys_of(view.instance, runs)
            self._keys_of_tick[view] = keys
        graph = context.asset_graph
        made_of = graph.get_ancestor_asset_keys(context.key, include_self=True)
        # A read writes every table of its endpoint, whichever of them were selected.
        made_of |= {
            sibling
            for key in made_of & _RAW_TABLES.resolve(graph)
            for sibling in graph.get(key).assets_def.keys
        }
        is_settled = not (keys & made_of) - _NOT_WAITED_FOR
        return dg.AutomationResult(
            context,
            true_subset=context.candidate_subset
            if is_settled
            else context.get_empty_subset(),
        )


def _keys_of(
    instance: dg.DagsterInstance, runs: Iterable[dg.DagsterRun]
) -> Set[dg.AssetKey]:
    """What runs were started to materialize."""
    plans = (
        instance.get_execution_plan_snapshot(run.execution_plan_snapshot_id)
        for run in runs
        if run.execution_plan_snapshot_id
    )
    return {
        output.properties.asset_key
        for plan in plans
        for step in plan.steps
        for output in step.outputs
        if output.properties and output.properties.asset_key
    }


_NONE = "never loaded"


class RawTableChanged(dg.AutomationCondition):
    """The content of a raw table is not what it was at the last tick.

    Dagster's ``data_version_changed`` looks at each partition, and not at what was recorded
    of the whole table: that a page is retired, whose partition is gone. It is not for the
    target of a run that loads the table and builds the target, too.
    """

    def __init__(self) -> None:
        self._loads_of_tick: WeakKeyDictionary[object, Mapping[dg.AssetKey, Load]] = (
            WeakKeyDictionary()
        )

    @property
    def description(self) -> str:
        return "The raw table's content changed since the last tick"

    @property
    def name(self) -> str:
        return "raw_table_changed"

    def evaluate(self, context: dg.AutomationContext) -> dg.AutomationResult:
        view = context.asset_graph_view
        if (loads := self._loads_of_tick.get(view)) is None:
            loads = last_loads(view.instance, _RAW_TABLES.resolve(context.asset_graph))
            self._loads_of_tick[view] = loads
        load = loads.get(context.key)
        if load is None:
            return dg.AutomationResult(
                context, context.get_empty_subset(), cursor=_NONE
            )
        is_changed = (
            context.cursor is not None
            and context.cursor != load.version
            and context.root_context.key not in self._keys_of(view.instance, load)
        )
        return dg.AutomationResult(
            context,
            context.candidate_subset if is_changed else context.get_empty_subset(),
            cursor=load.version,
        )

    @staticmethod
    def _keys_of(instance: dg.DagsterInstance, load: Load) -> Set[dg.AssetKey]:
        run = instance.get_run_by_id(load.run_id)
        return _keys_of(instance, [run] if run else [])


# Build when an input changed: a table that was read and is as it was makes no work. An
# input that was never loaded does not hold the marts back: a team may use only one of the
# APIs. For the same reason a model that was never built is built once, empty if need be:
# models of both APIs read it.
_CHANGED = (
    dg.AutomationCondition.newly_missing()
    | dg.AutomationCondition.any_deps_match(RawTableChanged()).allow(_RAW_TABLES)
    | dg.AutomationCondition.any_deps_updated().ignore(_RAW_TABLES)
)
# A change counts as handled when a build was asked for after it. Dagster's
# ``since_last_handled`` also takes any build that ends after the change: one that began
# before it has not seen it, and dependents of what changed would stay as they are.
_HANDLED = ~_CHANGED & (
    dg.AutomationCondition.newly_requested()
    | dg.AutomationCondition.initial_evaluation()
)
_NEVER_BUILT = (
    dg.AutomationCondition.missing() & ~dg.AutomationCondition.execution_failed()
)
_MODELS_IT_READS_ARE_THERE = ~dg.AutomationCondition.any_deps_missing().ignore(
    _RAW_TABLES
)
FOLLOW_INPUTS = (
    (_CHANGED.since(_HANDLED) | _NEVER_BUILT)
    & _MODELS_IT_READS_ARE_THERE
    & NoRunIsAtWorkOnIt()
).with_label("follow_inputs")
