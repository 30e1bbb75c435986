"""Sensors and schedules, on a real ephemeral instance."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg
import pytest

from roster_platform.defs.autorosters.assets import build_pages_asset
from roster_platform.defs.autorosters.automation import (
    autorosters_pages_sensor,
    autorosters_quarantine_schedule,
    autorosters_snapshot_daily,
)
from roster_platform.defs.roster.automation import (
    roster_full_read_daily,
    roster_incremental_hourly,
)
from roster_platform.ingest.autorosters import load_page_users
from roster_platform.lib.metadata import DATA_VERSION_TAG
from roster_platform.lib.partitions import PAGES_PARTITIONS_NAME, quarantine

PAGE_IDS = "SOURCES__AUTOROSTERS_SOURCE__PAGE_IDS"


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as made:
        yield made


def tick(instance: dg.DagsterInstance, cursor: str | None = None) -> object:
    with dg.build_sensor_context(instance=instance, cursor=cursor) as context:
        return autorosters_pages_sensor(context)


def apply(instance: dg.DagsterInstance, result: object) -> None:
    assert isinstance(result, dg.SensorResult)
    for request in result.dynamic_partitions_requests or []:
        keys = list(request.partition_keys)
        if isinstance(request, dg.AddDynamicPartitionsRequest):
            instance.add_dynamic_partitions(PAGES_PARTITIONS_NAME, keys)
        else:
            for key in keys:
                instance.delete_dynamic_partition(PAGES_PARTITIONS_NAME, key)


def test_new_pages_are_registered_and_loaded_in_one_run(instance, monkeypatch) -> None:
    monkeypatch.setenv(PAGE_IDS, "a,b,c")
    result = tick(instance)
    apply(instance, result)
    assert instance.get_dynamic_partitions(PAGES_PARTITIONS_NAME) == ["a", "b", "c"]
    (request,) = result.run_requests
    assert request.tags == {
        "dagster/asset_partition_range_start": "a",
        "dagster/asset_partition_range_end": "c",
    }


def test_pages_as_configured_ask_for_nothing(instance, monkeypatch) -> None:
    monkeypatch.setenv(PAGE_IDS, "a,b")
    apply(instance, tick(instance))
    assert isinstance(tick(instance), dg.SkipReason)


def retired_by(result: dg.SensorResult) -> list[str]:
    """The pages whose retirement a tick asks for."""
    return [
        page_id
        for request in result.run_requests or []
        if request.job_name == "autorosters_retirement"
        for page_id in request.run_config["ops"]["retire_roster_pages"]["config"][
            "page_ids"
        ]
    ]


def test_the_partitions_follow_the_configuration(instance, monkeypatch) -> None:
    monkeypatch.setenv(PAGE_IDS, "a,b")
    apply(instance, tick(instance))
    monkeypatch.setenv(PAGE_IDS, "b,c")
    result = tick(instance, cursor="1")
    apply(instance, result)
    assert retired_by(result) == ["a"]
    # The run that retires a page takes its partition along, when all is done.
    assert instance.get_dynamic_partitions(PAGES_PARTITIONS_NAME) == ["a", "b", "c"]
    load, _ = result.run_requests
    assert set(load.tags.values()) == {"c"}


def test_a_retirement_is_asked_for_once_an_hour_until_it_is_done(
    instance, monkeypatch
) -> None:
    monkeypatch.setenv(PAGE_IDS, "a,b")
    apply(instance, tick(instance))
    monkeypatch.setenv(PAGE_IDS, "b")
    first, second = (tick(instance, cursor="1") for _ in range(2))
    assert first.run_requests[0].run_key == second.run_requests[0].run_key
    instance.delete_dynamic_partition(PAGES_PARTITIONS_NAME, "a")
    assert isinstance(tick(instance, cursor="1"), dg.SkipReason)


def test_an_empty_configuration_retires_nothing(instance, monkeypatch) -> None:
    monkeypatch.setenv(PAGE_IDS, "a,b")
    apply(instance, tick(instance))
    monkeypatch.setenv(PAGE_IDS, "")
    result = tick(instance, cursor="1")
    assert "all 2 registered pages stay" in str(result.skip_message)


def test_most_pages_at_once_are_not_retired(instance, monkeypatch) -> None:
    monkeypatch.setenv(PAGE_IDS, ",".join(f"p{number}" for number in range(12)))
    apply(instance, tick(instance))
    monkeypatch.setenv(PAGE_IDS, "p1,p2,p3,p4,p5")
    result = tick(instance, cursor="1")
    assert "7 of 12 registered pages are gone" in str(result.skip_message)
    monkeypatch.setenv(PAGE_IDS, "p1,p2,p3,p4,p5,p6,new")
    result = tick(instance, cursor="1")
    assert len(retired_by(result)) == 6
    assert len(result.run_requests) == 2


def test_a_page_that_comes_back_is_loaded_again(instance, monkeypatch) -> None:
    keys = []
    cursor = None
    for configured in ("a,b", "b", "a,b"):
        monkeypatch.setenv(PAGE_IDS, configured)
        result = tick(instance, cursor)
        apply(instance, result)
        for page_id in retired_by(result):
            instance.delete_dynamic_partition(PAGES_PARTITIONS_NAME, page_id)
        cursor = result.cursor
        keys += [request.run_key for request in result.run_requests]
    assert len(keys) == len(set(keys)) == 3


def test_twenty_thousand_pages_are_registered_in_a_tick(instance, monkeypatch) -> None:
    pages = [f"page-{number:05d}" for number in range(20_000)]
    monkeypatch.setenv(PAGE_IDS, ",".join(pages))
    apply(instance, tick(instance))
    assert instance.get_dynamic_partitions(PAGES_PARTITIONS_NAME) == pages
    assert isinstance(tick(instance, cursor="1"), dg.SkipReason)


def test_page_ids_that_could_harm_are_never_registered(instance, monkeypatch) -> None:
    monkeypatch.setenv(PAGE_IDS, "good,../evil")
    result = tick(instance)
    assert isinstance(result, dg.SkipReason)
    assert "'../evil' is not an Auto Rosters page id" in str(result.skip_message)
    assert instance.get_dynamic_partitions(PAGES_PARTITIONS_NAME) == []


def test_the_daily_snapshot_reads_what_is_not_in_quarantine(instance) -> None:
    context = dg.build_schedule_context(instance=instance)
    assert isinstance(autorosters_snapshot_daily(context), dg.SkipReason)
    assert isinstance(autorosters_quarantine_schedule(context), dg.SkipReason)
    instance.add_dynamic_partitions(PAGES_PARTITIONS_NAME, ["x", "y"])
    quarantine(instance, ["x"])
    assert isinstance(autorosters_snapshot_daily(context), dg.RunRequest)
    assert isinstance(autorosters_quarantine_schedule(context), dg.RunRequest)
    quarantine(instance, ["y"])
    assert isinstance(autorosters_snapshot_daily(context), dg.SkipReason)


def test_many_pages_are_read_in_shares_for_many_workers(instance, monkeypatch) -> None:
    """Those that are new, those of every day, and those of a backfill."""
    monkeypatch.setenv("ROSTER_PLATFORM__PAGES_PER_RUN", "2")
    monkeypatch.setenv(PAGE_IDS, "a,b,c,d,e")
    result = tick(instance)
    apply(instance, result)
    ranges = [list(request.tags.values()) for request in result.run_requests]
    assert ranges == [["a", "b"], ["c", "d"], ["e", "e"]]
    assert len({request.run_key for request in result.run_requests}) == 3
    quarantine(instance, ["b"])
    context = dg.build_schedule_context(instance=instance)
    requests = autorosters_snapshot_daily(context)
    shares = [
        [step["config"]["page_ids"] for step in request.run_config["ops"].values()]
        for request in requests
    ]
    assert shares == [[["a", "c"]] * 2, [["d", "e"]] * 2]
    policy = build_pages_asset(("page_users",), load_page_users).backfill_policy
    assert policy == dg.BackfillPolicy.multi_run(max_partitions_per_run=2)


def test_ticks_do_not_pile_up_behind_a_slow_run(instance) -> None:
    context = dg.build_schedule_context(instance=instance)
    assert isinstance(roster_incremental_hourly(context), dg.RunRequest)
    name = {"dagster/schedule_name": "roster_incremental_hourly"}
    run = instance.create_run_for_job(
        roster_incremental_job(), tags=name, status=dg.DagsterRunStatus.STARTED
    )
    skipped = roster_incremental_hourly(context)
    assert run.run_id in str(skipped.skip_message)
    assert isinstance(roster_full_read_daily(context), dg.RunRequest)
    instance.report_run_failed(run)
    assert isinstance(roster_incremental_hourly(context), dg.RunRequest)


def roster_incremental_job() -> dg.JobDefinition:
    from roster_platform.definitions import defs

    return defs.resolve_job_def("roster_incremental")


def requested(result: dg.EvaluateAutomationConditionsResult) -> set[str]:
    from roster_platform.definitions import defs

    return {
        key.to_user_string()
        for key in defs.resolve_all_asset_keys()
        if result.get_num_requested(key)
    }


def test_the_models_of_a_loaded_endpoint_are_built_and_no_others() -> None:
    from roster_platform.definitions import defs

    instance = dg.DagsterInstance.ephemeral()
    first = dg.evaluate_automation_conditions(defs=defs, instance=instance)
    models = {
        key
        for key in defs.resolve_all_asset_keys()
        if key.path[0] not in {"roster", "autorosters"}
    }
    # Models of both APIs read each other's: none may be missing, whichever is in use.
    assert requested(first) == {key.to_user_string() for key in models}
    for key in defs.resolve_asset_graph().toposorted_asset_keys:
        if key in models:
            instance.report_runless_asset_event(dg.AssetMaterialization(key))
    settled = dg.evaluate_automation_conditions(
        defs=defs, instance=instance, cursor=first.cursor
    )
    instance.report_runless_asset_event(
        dg.AssetMaterialization(["roster", "orders"], tags={DATA_VERSION_TAG: "new"})
    )

    result = dg.evaluate_automation_conditions(
        defs=defs, instance=instance, cursor=settled.cursor
    )

    assert {"staging/stg_roster__orders", "marts/fct_orders"} <= requested(result)
    assert "marts/fct_rank_assignments" not in requested(result)
    assert not any(
        name.startswith(("roster/", "autorosters/")) for name in requested(result)
    )
