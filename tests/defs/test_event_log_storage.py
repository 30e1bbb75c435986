"""Dagster's events on connections that stay open: the same rows, whoever writes them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
import time
from pathlib import Path

import dagster as dg
import pytest

from tests.deployment import ROOT

OPEN = "OpenSqliteEventLogStorage"


@dg.asset
def table() -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata={"rows": 3}, tags={"some": "tag"})


@dg.asset_check(asset=table)
def full() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True)


def _instance(home: Path, *, plain: bool = False) -> dg.DagsterInstance:
    home.mkdir(exist_ok=True)
    lines = (ROOT / "dagster.yaml").read_text()
    assert OPEN in lines
    (home / "dagster.yaml").write_text("" if plain else lines)
    return dg.DagsterInstance.from_config(str(home))


def _rows(home: Path) -> dict[str, object]:
    """All tables of all event databases, without ids of runs, times and versions."""
    found = {}
    for path in sorted((home / "history" / "runs").glob("*.db")):
        name = "index" if path.stem == "index" else "run"
        with sqlite3.connect(path) as database:
            found[name] = {
                "events": database.execute(
                    "select dagster_event_type, step_key, asset_key, partition "
                    "from event_logs order by id"
                ).fetchall(),
                "tags": database.execute(
                    "select asset_key, key from asset_event_tags order by 1, 2"
                ).fetchall(),
                "assets": database.execute(
                    "select asset_key from asset_keys"
                ).fetchall(),
                "checks": database.execute(
                    "select check_name, execution_status from asset_check_executions"
                ).fetchall(),
            }
    return found


def test_the_rows_are_those_of_dagsters_own_storage(tmp_path) -> None:
    homes = {plain: tmp_path / str(plain) for plain in (True, False)}
    for plain, home in homes.items():
        with _instance(home, plain=plain) as instance:
            assert (OPEN in repr(instance.event_log_storage)) != plain
            assert dg.materialize([table, full], instance=instance).success
    assert _rows(homes[True]) == _rows(homes[False])
    assert _rows(homes[True])["index"]["checks"] == [("full", "SUCCEEDED")]


def test_an_instance_goes_back_and_forth(tmp_path) -> None:
    for plain in (True, False, True, False):
        with _instance(tmp_path, plain=plain) as instance:
            before = instance.get_event_records(
                dg.EventRecordsFilter(dg.DagsterEventType.ASSET_MATERIALIZATION)
            )
            assert dg.materialize([table], instance=instance).success
            after = instance.get_event_records(
                dg.EventRecordsFilter(dg.DagsterEventType.ASSET_MATERIALIZATION)
            )
            assert len(after) == len(before) + 1
            assert instance.get_latest_materialization_event(table.key)


def _report_forever(home: Path) -> None:
    with dg.DagsterInstance.from_config(str(home)) as instance:
        while True:
            instance.report_runless_asset_event(dg.AssetMaterialization("other"))


def test_processes_write_at_once_and_one_is_killed(tmp_path) -> None:
    """A process that is forked, too, has connections of its own."""
    with _instance(tmp_path) as instance:
        instance.report_runless_asset_event(dg.AssetMaterialization("other"))
        fork = multiprocessing.get_context("fork")
        processes = [
            fork.Process(target=_report_forever, args=(tmp_path,)) for _ in range(2)
        ]
        for process in processes:
            process.start()
        key = dg.AssetKey("other")
        deadline = time.monotonic() + 120
        while len(_records(instance, key)) < 30:
            instance.report_runless_asset_event(dg.AssetMaterialization("mine"))
            assert time.monotonic() < deadline
        for process in processes:
            os.kill(process.pid, signal.SIGKILL)
            process.join()
        assert dg.materialize([table], instance=instance).success
        for database in (tmp_path / "history" / "runs").glob("*.db"):
            with sqlite3.connect(database) as checked:
                assert checked.execute("pragma integrity_check").fetchone() == ("ok",)
        assert len(_records(instance, dg.AssetKey("mine"))) >= 1


def _records(instance: dg.DagsterInstance, key: dg.AssetKey) -> list[object]:
    wanted = dg.EventRecordsFilter(dg.DagsterEventType.ASSET_MATERIALIZATION, key)
    return list(instance.get_event_records(wanted))


def test_a_database_that_was_deleted_is_made_anew(tmp_path) -> None:
    with _instance(tmp_path) as instance:
        run_ids = [dg.materialize([table], instance=instance).run_id for _ in range(17)]
        instance.delete_run(run_ids[0])
        assert instance.all_logs(run_ids[0]) == []
        assert instance.all_logs(run_ids[1])
        assert dg.materialize([table], instance=instance).success


@pytest.mark.parametrize("broken", [0, 1, 2])
def test_events_of_a_batch_are_all_there_or_none(tmp_path, broken, monkeypatch) -> None:
    """What cannot be stored as a batch Dagster stores one by one."""
    with _instance(tmp_path) as instance:
        storage = instance.event_log_storage
        run = dg.materialize([table], instance=instance)
        events = instance.all_logs(run.run_id)[:3]
        count = len(instance.all_logs(run.run_id))
        stored = type(storage).prepare_insert_event
        calls = iter(range(3))

        def failing(self, event):
            if next(calls) == broken:
                raise RuntimeError("the disk")
            return stored(self, event)

        monkeypatch.setattr(type(storage), "prepare_insert_event", failing)
        with pytest.raises(RuntimeError, match="the disk"):
            storage.store_event_batch(events)
        assert len(instance.all_logs(run.run_id)) == count
