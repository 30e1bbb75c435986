"""Checks that are executed alone ask no API, and say what the warehouse says."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from roster_platform.sandbox import Sandbox
from tests.deployment import Deployment
from tests.worlds import world

Outcomes = dict[str, tuple[bool, str]]
Execute = Callable[..., Outcomes]
RAW = ("roster/orders:", "roster/contacts:", "autorosters/")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with world() as running:
        yield running


@pytest.fixture(scope="module")
def deployment(sandbox: Sandbox, worlds, tmp_path_factory) -> Deployment:
    return worlds.first_day(tmp_path_factory.mktemp("checks"), sandbox)


@pytest.fixture
def execute(deployment: Deployment, monkeypatch) -> Execute:
    """Execute checks as the UI's button does, each by ``<asset>:<check>``."""
    from roster_platform.definitions import defs

    for name, value in deployment.environment.items():
        monkeypatch.setenv(name, value)
    everything = defs.resolve_implicit_global_asset_job_def()

    def run(*names: str, assets: Sequence[str] = ()) -> Outcomes:
        checks = {
            key
            for key in defs.resolve_asset_graph().asset_check_keys
            if _name(key) in names
        }
        assert len(checks) == len(names)
        with dg.DagsterInstance.from_config(str(deployment.home)) as instance:
            done = everything.get_subset(
                asset_selection={dg.AssetKey.from_user_string(name) for name in assets},
                asset_check_selection=checks,
            ).execute_in_process(instance=instance)
            # Also those that an asset's result brings along.
            evaluations = [
                event.asset_check_evaluation_data
                for event in done.all_events
                if event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION
            ]
        return {
            _name(found.asset_check_key): (found.passed, found.description or "")
            for found in evaluations
        }

    return run


def _latest(home: Path) -> dict[str, tuple[str, bool]]:
    """The status of the last execution of each check, and whether it passed."""
    from roster_platform.definitions import defs

    keys = [
        key
        for key in defs.resolve_asset_graph().asset_check_keys
        if key.asset_key.path[0] != "apis"
    ]
    with dg.DagsterInstance.from_config(str(home)) as instance:
        records = instance.event_log_storage.get_latest_asset_check_execution_by_key(
            keys
        )
    return {
        _name(key): (
            record.status.value,
            bool(record.event and record.event.asset_check_evaluation.passed),
        )
        for key, record in records.items()
    }


def _name(key: dg.AssetCheckKey) -> str:
    return f"{key.asset_key.to_user_string()}:{key.name}"


def _change(deployment: Deployment, sql: str) -> None:
    with duckdb.connect(str(deployment.folder / "roster.duckdb")) as warehouse:
        warehouse.execute(sql)


def test_checks_say_again_what_they_said_without_a_request(
    deployment, sandbox, execute
) -> None:
    before = _latest(deployment.home)
    raw = {name for name in before if name.startswith(RAW)}
    assert len(raw) > 20
    model = {name for name in before if name.startswith("marts/dim_programs:")}
    assert len(model) > 3
    sandbox.delete("/admin/requests")
    assert execute(*raw, *model).keys() == raw | model
    assert sandbox.get("/admin/requests")["total"] == 0
    assert _latest(deployment.home) == before
    statuses = {status for status, _ in before.values()}
    assert statuses <= {"SUCCEEDED", "FAILED"}


def test_a_table_that_somebody_changed_fails_its_checks(execute, deployment) -> None:
    names = (
        "autorosters/users:rows_match_api",
        "autorosters/users:volume_is_plausible",
        "roster/orders:rows_match_api",
        "roster/orders:fields_are_as_expected",
        "roster/programs:rows_match_api",
    )
    _change(deployment, "delete from autorosters_data.users where role_id is not null")
    _change(deployment, "update roster_data.orders set is_deleted = true")
    _change(deployment, "alter table roster_data.orders drop column total_price")
    found = execute(*names)
    assert [found[name][0] for name in names] == [False, False, False, False, True]
    assert "the warehouse lacks orders.total_price" in found[names[3]][1]


def test_a_table_that_was_never_read_warns(execute, deployment) -> None:
    _change(deployment, "delete from roster_data._reads where endpoint = 'likes'")
    with dg.DagsterInstance.from_config(str(deployment.home)) as instance:
        instance.wipe_assets([dg.AssetKey(["roster", "likes"])])
    ((passed, said),) = execute("roster/likes:read_is_complete").values()
    assert not passed
    assert said.startswith("Nothing was read yet")


def test_a_check_can_be_left_out_or_belong_to_a_table_not_asked_for(execute) -> None:
    """Both were an error of Dagster's: a result that nobody had asked for."""
    name = "roster/programs:read_is_complete"
    assert execute(name, assets=["roster/programs"])[name][0]
    assert execute(assets=["roster/channels"]) == {}
    name = "autorosters/users:rows_match_api"
    assert execute(name, assets=["autorosters/ranks"])[name][0]


def test_what_is_read_outside_dagster_is_checked_by_the_log(
    execute, deployment
) -> None:
    done = deployment.run("roster_platform.ingest", "roster", "campaigns")
    assert done.returncode == 0, done.stdout
    names = [
        f"roster/campaigns:{name}"
        for name in ("fields_are_as_expected", "read_is_complete", "rows_match_api")
    ]
    found = execute(*names)
    assert {passed for passed, _ in found.values()} == {True}
    assert "not made by Dagster" in found[names[0]][1]
