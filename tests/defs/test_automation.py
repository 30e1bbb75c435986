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
from roster_platform.lib.data_versions import DATA_VERSION_TAG, TABLE_VERSION
from roster_platform.lib.partitions import (
    PAGES_PARTITIONS_NAME,
    quarantine,
    roster_pages,
)
from roster_platform.lib.schedules.follow_inputs import FOLLOW_INPUTS

PAGE_IDS = "SOURCES__AUTOROSTERS_SOURCE__PAGE_IDS"


@pytest.fixture
def instance(monkeypatch) -> Iterator[dg.DagsterInstance]:
    """An instance of a deployment with credentials: an API without is off."""
    monkeypatch.setenv("SOURCES__ROSTER_SOURCE__ACCESS_TOKEN", "token")
    monkeypatch.setenv("SOURCES__AUTOROSTERS_SOURCE__API_KEY", "key")
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
    assert "all 2 known pages stay" in str(result.skip_message)


@pytest.mark.parametrize(("registered", "stay"), [(1, 0), (2, 0), (3, 1), (12, 5)])
def test_most_pages_at_once_are_not_retired(
    registered, stay, instance, monkeypatch
) -> None:
    pages = [f"p{number}" for number in range(registered)]
    monkeypatch.setenv(PAGE_IDS, ",".join(pages))
    first = tick(instance)
    apply(instance, first)
    monkeypatch.setenv(PAGE_IDS, ",".join([*pages[:stay], "n1", "n2", "n3"]))
    result = tick(instance, first.cursor)
    assert retired_by(result) == []
    # What is new is read all the same, and makes the loss no smaller.
    (load,) = result.run_requests
    assert list(load.tags.values()) == ["n1", "n3"]
    apply(instance, result)
    gone = f"{registered - stay} of {registered} known pages are gone"
    cursor = result.cursor
    for _ in range(2):
        with dg.build_sensor_context(instance=instance, cursor=cursor) as context:
            held_back = autorosters_pages_sensor(context)
            cursor = context.cursor
        assert gone in str(held_back.skip_message)
    # Half of them may go.
    half = pages[: -(-registered // 2)]
    monkeypatch.setenv(PAGE_IDS, ",".join([*half, "n1", "n2", "n3"]))
    result = tick(instance, cursor)
    retired = retired_by(result) if isinstance(result, dg.SensorResult) else []
    assert retired == pages[len(half) :]


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
        if key.path[0] not in {"roster", "autorosters", "apis"}
    }
    # Models of both APIs read each other's: none may be missing, whichever is in use.
    assert requested(first) == {key.to_user_string() for key in models}
    for key in defs.resolve_asset_graph().toposorted_asset_keys:
        if key in models:
            instance.report_runless_asset_event(dg.AssetMaterialization(key))
    settled = dg.evaluate_automation_conditions(
        defs=defs, instance=instance, cursor=first.cursor
    )
    reading = instance.create_run_for_job(
        roster_incremental_job(), status=dg.DagsterRunStatus.STARTED
    )
    instance.report_runless_asset_event(
        dg.AssetMaterialization(["roster", "orders"], tags={DATA_VERSION_TAG: "new"})
    )
    during = dg.evaluate_automation_conditions(
        defs=defs, instance=instance, cursor=settled.cursor
    )
    # The tables that the run has yet to read would wait for each build.
    assert requested(during) == set()

    instance.report_run_failed(reading)
    result = dg.evaluate_automation_conditions(
        defs=defs, instance=instance, cursor=during.cursor
    )

    assert {"staging/stg_roster__orders", "marts/fct_orders"} <= requested(result)
    assert "marts/fct_rank_assignments" not in requested(result)
    assert not any(
        name.startswith(("roster/", "autorosters/")) for name in requested(result)
    )


def _changed(instance: dg.DagsterInstance, key: dg.AssetKey, version: str) -> None:
    tags = {DATA_VERSION_TAG: version}
    instance.report_runless_asset_event(dg.AssetMaterialization(key, tags=tags))


def test_models_wait_for_the_end_of_a_run_that_reads_what_they_are_made_of(
    instance,
) -> None:
    """Also where the run has loaded the table already, and reads others; and what changes
    while a build is under way is built after it, which may not have seen it."""
    from roster_platform.definitions import defs

    programs = dg.AssetKey(["roster", "programs"])
    model = dg.AssetKey(["staging", "stg_roster__programs"])
    cursor = None

    def is_asked_for(key: dg.AssetKey) -> bool:
        nonlocal cursor
        result = dg.evaluate_automation_conditions(defs, instance, cursor=cursor)
        cursor = result.cursor
        return result.get_num_requested(key) > 0

    for key in defs.resolve_asset_graph().toposorted_asset_keys:
        _changed(instance, key, "1")
    assert not is_asked_for(model)
    reading = instance.create_run_for_job(
        defs.resolve_job_def("roster_full_read"), status=dg.DagsterRunStatus.STARTED
    )
    sending = instance.create_run_for_job(
        defs.resolve_job_def("clicks_outbox"), status=dg.DagsterRunStatus.STARTED
    )
    _changed(instance, programs, "2")
    assert not is_asked_for(model)
    instance.report_run_failed(reading)
    assert is_asked_for(model)
    assert not instance.get_run_by_id(sending.run_id).is_finished
    _changed(instance, programs, "3")
    _changed(instance, model, "2")
    assert is_asked_for(model)
    _changed(instance, model, "3")
    assert not is_asked_for(model)


def test_a_model_follows_pages_of_a_partitioned_table(instance) -> None:
    """A page that was read, and the table as a whole; not a run that builds the model."""
    users = dg.AssetKey(["autorosters", "users"])
    ranks = dg.AssetKey(["autorosters", "ranks"])

    @dg.multi_asset(
        specs=[
            dg.AssetSpec(
                key,
                group_name="autorosters",
                partitions_def=roster_pages,
                skippable=True,
            )
            for key in (users, ranks)
        ],
        can_subset=True,
    )
    def load(context) -> Iterator[dg.MaterializeResult]:
        for key in context.selected_asset_keys:
            yield dg.MaterializeResult(asset_key=key, data_version=dg.DataVersion("5"))

    @dg.asset(deps=[users], automation_condition=FOLLOW_INPUTS)
    def model() -> None: ...

    read_ranks = dg.define_asset_job("read_ranks", [ranks], partitions_def=roster_pages)
    defs = dg.Definitions([load, model], jobs=[read_ranks])
    instance.add_dynamic_partitions(PAGES_PARTITIONS_NAME, ["a", "b"])
    cursor = None

    def is_asked_for() -> bool:
        nonlocal cursor
        result = dg.evaluate_automation_conditions(defs, instance, cursor=cursor)
        cursor = result.cursor
        return result.total_requested > 0

    def loaded(page: str | None, content: str, table: str | None) -> None:
        event = dg.AssetMaterialization(
            users,
            partition=page,
            metadata={TABLE_VERSION: table} if table else {},
            tags={DATA_VERSION_TAG: content},
        )
        instance.report_runless_asset_event(event)

    loaded("a", "a1", "1")
    assert is_asked_for()
    instance.report_runless_asset_event(dg.AssetMaterialization(model.key))
    for page, content, table, expected in (
        ("b", "b1", "2", True),
        # Each of them is read again, and nothing changed; the table as a whole as well.
        ("a", "a1", "2", False),
        (None, "2", None, False),
        (None, "3", None, True),
    ):
        loaded(page, content, table)
        assert is_asked_for() == expected, (page, content, table)
        assert not is_asked_for()
    # A page is retired: the event of its table says nothing of the content.
    instance.report_runless_asset_event(dg.AssetMaterialization(users))
    assert is_asked_for()
    # A run that reads another table of the page writes this one, too.
    reading = instance.create_run_for_job(
        defs.resolve_job_def("read_ranks"),
        status=dg.DagsterRunStatus.STARTED,
        tags={"dagster/partition": "a"},
    )
    loaded("a", "a2", "4")
    assert not is_asked_for()
    instance.report_run_failed(reading)
    assert is_asked_for()
    done = dg.materialize([load, model], instance=instance, partition_key="a")
    assert done.success
    assert not is_asked_for()
