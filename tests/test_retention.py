"""Old runs are deleted and free the disk; what they recorded last stays."""

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from roster_platform.defs.instance.retention import retention, retention_daily
from roster_platform.lib.retention import delete_old_runs
from roster_platform.lib.schedules.follow_inputs import FOLLOW_INPUTS
from tests.deployment import ROOT

PAGES = dg.DynamicPartitionsDefinition(name="some_pages")


@dg.asset(group_name="autorosters", partitions_def=PAGES)
def users() -> dg.MaterializeResult:
    return dg.MaterializeResult(
        metadata={"title": "Harbor City"}, data_version=dg.DataVersion("1")
    )


@dg.asset(group_name="roster")
def orders(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    print("A line of the compute log.")
    context.log_event(dg.AssetObservation(users.key, partition="c"))
    large = "much " * 20_000
    return dg.MaterializeResult(
        metadata={"large": large}, data_version=dg.DataVersion("1")
    )


@dg.asset_check(asset=orders)
def is_full() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True, metadata={"rows": 7})


@dg.asset(deps=[orders, users], automation_condition=FOLLOW_INPUTS)
def model() -> None: ...


DEFS = dg.Definitions([users, orders, model], asset_checks=[is_full])


@pytest.fixture(params=["ours", "plain"])
def instance(request, tmp_path) -> Iterator[dg.DagsterInstance]:
    lines = (ROOT / "dagster.yaml").read_text() if request.param == "ours" else ""
    (tmp_path / "dagster.yaml").write_text(lines)
    with dg.DagsterInstance.from_config(str(tmp_path)) as made:
        made.add_dynamic_partitions("some_pages", ["a", "b", "c"])
        yield made


def test_what_was_recorded_last_outlives_its_run(instance, tmp_path) -> None:
    for page in ("a", "b"):
        # The last run of the table stays; the first page was read in another.
        assert dg.materialize([users], instance=instance, partition_key=page).success
    for _ in range(6):
        assert dg.materialize([orders, is_full], instance=instance).success
    assert dg.materialize([model], instance=instance).success
    settled = dg.evaluate_automation_conditions(DEFS, instance)
    runs = _files(tmp_path, "history/runs")
    logs = _files(tmp_path, "storage")
    assert not delete_old_runs(instance, datetime.now(UTC) - timedelta(days=1)).runs

    freed = delete_old_runs(instance, datetime.now(UTC))

    assert (freed.runs, freed.kept_runs, freed.busy) == (6, 3, [])
    assert len(instance.get_runs()) == 3
    assert len(runs) - len(_files(tmp_path, "history/runs")) == 6
    assert len(_files(tmp_path, "storage")) < len(logs) / 2
    assert freed.bytes_after < freed.bytes_before / 2
    assert instance.get_materialized_partitions(users.key) == {"a", "b"}
    for page in ("a", "b"):
        wanted = dg.AssetRecordsFilter(users.key, asset_partitions=[page])
        (record,) = instance.fetch_materializations(wanted, limit=2).records
        event = record.asset_materialization
        assert event.metadata["title"].value == "Harbor City"
        assert event.tags["dagster/data_version"] == "1"
    observed = instance.fetch_observations(
        dg.AssetRecordsFilter(users.key, asset_partitions=["c"]), limit=9
    )
    assert len(observed.records) == 1
    assert instance.get_latest_materialization_event(orders.key)
    history = instance.event_log_storage.get_asset_check_execution_history(
        dg.AssetCheckKey(orders.key, "is_full"), limit=9
    )
    assert len(history) == 6
    assert history[0].event.asset_check_evaluation.metadata["rows"].value == 7
    after = dg.evaluate_automation_conditions(DEFS, instance, cursor=settled.cursor)
    assert (settled.total_requested, after.total_requested) == (0, 0)

    assert delete_old_runs(instance, datetime.now(UTC)).runs == 0
    with sqlite3.connect(tmp_path / "history" / "runs" / "index.db") as index:
        assert index.execute("pragma integrity_check").fetchall() == [("ok",)]
    assert dg.materialize([orders], instance=instance).success


def test_files_of_runs_that_were_deleted_before_go_too(instance, tmp_path) -> None:
    first, second = (
        dg.materialize([orders], instance=instance).run_id for _ in range(2)
    )
    instance.delete_run(first)
    assert (tmp_path / "history" / "runs" / f"{first}.db").exists()
    assert delete_old_runs(instance, datetime.now(UTC)).runs == 0
    assert _files(tmp_path, "history/runs") == {"index.db", f"{second}.db"}


def test_old_evaluations_of_a_check_are_not_kept(instance) -> None:
    for _ in range(25):
        instance.report_runless_asset_event(
            dg.AssetCheckEvaluation(
                asset_key=orders.key, check_name="is_full", passed=True, metadata={}
            )
        )
    for age, deleted in ((timedelta(days=1), 0), (-timedelta(minutes=1), 5)):
        before = datetime.now(UTC) - age
        assert delete_old_runs(instance, before).evaluations == deleted


def test_the_job_keeps_runs_as_long_as_configured(monkeypatch) -> None:
    monkeypatch.setenv("ROSTER_PLATFORM__KEEP_RUNS_DAYS", "30")
    with dg.instance_for_test() as instance:
        assert dg.materialize([orders], instance=instance).success
        done = retention.execute_in_process(instance=instance)
        assert done.success
        assert len(instance.get_runs()) == 2
        context = dg.build_schedule_context(instance=instance)
        assert isinstance(retention_daily(context), dg.RunRequest)
    assert retention_daily.default_status is dg.DefaultScheduleStatus.STOPPED


def _files(folder: Path, part: str) -> set[str]:
    return {
        path.name
        for path in (folder / part).rglob("*")
        if path.is_file() and path.suffix not in {".db-wal", ".db-shm"}
    }
