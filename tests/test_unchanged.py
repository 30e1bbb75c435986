"""What is read and is as it was makes no work: not for the models, not for the tables."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg
import pytest

from roster_platform.sandbox import Sandbox, running_sandbox
from tests.deployment import Deployment

SNAPSHOT = "autorosters_snapshot"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox(orders=60, pages=3, members=12) as running:
        yield running


@pytest.fixture
def deployment(sandbox: Sandbox, tmp_path) -> Deployment:
    return Deployment(tmp_path, sandbox.environment)


class Automation:
    """The automation of a deployment, one tick at a time; every model was built."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        from roster_platform.definitions import defs

        self._defs, self._instance, self._cursor = defs, instance, None
        self.tick()
        for key in defs.resolve_asset_graph().toposorted_asset_keys:
            if key.path[0] not in {"roster", "autorosters"}:
                instance.report_runless_asset_event(dg.AssetMaterialization(key))
        self.tick()

    def tick(self) -> set[str]:
        """The assets that are asked for now."""
        result = dg.evaluate_automation_conditions(
            defs=self._defs, instance=self._instance, cursor=self._cursor
        )
        self._cursor = result.cursor
        return {
            key.to_user_string()
            for key in self._defs.resolve_all_asset_keys()
            if result.get_num_requested(key)
        }


def read(deployment: Deployment) -> int:
    """Read some endpoints and every page; returns the pages' exit status."""
    done = deployment.materialize("roster/orders,roster/programs")
    assert done.returncode == 0, done.stdout[-3000:]
    return deployment.run(
        *("dagster", "job", "execute", "-m", "roster_platform.definitions"),
        *("-j", SNAPSHOT),
    ).returncode


def test_models_follow_what_changed_and_nothing_else(sandbox, deployment) -> None:
    deployment.register()
    assert read(deployment) == 0
    with dg.DagsterInstance.from_config(str(deployment.home)) as instance:
        automation = Automation(instance)
        assert read(deployment) == 0
        assert automation.tick() == set()

        sandbox.advance(1)
        assert read(deployment) == 0
        asked = automation.tick()
        assert {"staging/stg_roster__orders", "marts/fct_rank_assignments"} <= asked
        assert "staging/stg_roster__programs" not in asked


def test_models_follow_the_pages_that_loaded_beside_one_that_failed(
    sandbox, deployment
) -> None:
    deployment.register()
    assert read(deployment) == 0
    with dg.DagsterInstance.from_config(str(deployment.home)) as instance:
        automation = Automation(instance)
        sandbox.advance(1)
        page = deployment.page_ids[0]
        sandbox.fault(f"/api/roster/{page}", status=403)
        assert read(deployment) == 1
        assert "marts/fct_rank_assignments" in automation.tick()
