"""A roster page's whole life: registered, refused, in quarantine, released, retired."""

from __future__ import annotations

import json
from collections.abc import Iterator

import dagster as dg
import pytest

from roster_platform.errors import ConfigurationError
from roster_platform.ingest.autorosters import load_pages
from roster_platform.lib.partitions import (
    PAGES_PARTITIONS_NAME,
    quarantine,
    quarantined_pages,
    registered_pages,
)
from roster_platform.sandbox import Sandbox, running_sandbox
from roster_platform.settings.platform import PlatformSettings
from roster_platform.warehouse.warehouse import Warehouse
from tests.deployment import Deployment
from tests.forks import run_dbt

PAGE_IDS = "SOURCES__AUTOROSTERS_SOURCE__PAGE_IDS"

HOSTILE_IDS = (
    "",
    " ",
    ".",
    "..",
    "../admin/state",
    "..%2fadmin",
    "%2e%2e",
    "a/b",
    "a\\b",
    "a b",
    "a\nb",
    "a\r\nX-Injected: 1",
    "a\x00b",
    "a...b",
    "a'b",
    'a"b',
    "a;--",
    "'; drop table pages; --",
    "a?x=1",
    "a#b",
    "a,b",
    "[a]",
    "{a}",
    "$(reboot)",
    "`reboot`",
    "${HOME}",
    "a|b",
    "a&b",
    "a:b",
    "@a",
    "=1+1",
    "ä",
    "🙂",
    "a" * 65,
    "a" * 10_000,
)


def execute(deployment: Deployment, job: str, *arguments: str, **environment: str):
    return deployment.run(
        *("dagster", "job", "execute", "-m", "roster_platform.definitions"),
        *("-j", job, *arguments),
        **environment,
    )


def snapshot(deployment: Deployment, **environment: str):
    return execute(deployment, "autorosters_snapshot", **environment)


def instance_of(deployment: Deployment) -> dg.DagsterInstance:
    return dg.DagsterInstance.from_config(str(deployment.home))


def in_quarantine(deployment: Deployment) -> set[str]:
    with instance_of(deployment) as instance:
        return quarantined_pages(instance)


def last_event(deployment: Deployment, page_id: str) -> dict[str, object]:
    """The metadata of a page's last materialization."""
    with instance_of(deployment) as instance:
        records = instance.fetch_materializations(
            dg.AssetRecordsFilter(
                dg.AssetKey(["autorosters", "pages"]), asset_partitions=[page_id]
            ),
            limit=1,
        ).records
    metadata = records[0].asset_materialization.metadata
    return {name: value.value for name, value in metadata.items()}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox(orders=10, pages=4, members=12) as running:
        yield running


@pytest.fixture
def deployment(sandbox: Sandbox, tmp_path) -> Deployment:
    made = Deployment(tmp_path, sandbox.environment)
    assert made.register().returncode == 0
    return made


@pytest.mark.parametrize("page_id", HOSTILE_IDS)
def test_a_hostile_page_id_is_refused_before_anything_is_asked(
    page_id, tmp_path, monkeypatch
) -> None:
    monkeypatch.setenv("SOURCES__AUTOROSTERS_SOURCE__API_KEY", "x")
    warehouse = Warehouse(PlatformSettings(data_dir=str(tmp_path / "data")))
    with (
        pytest.raises(ConfigurationError, match="is not an Auto Rosters page id"),
        load_pages([page_id], warehouse=warehouse),
    ):
        pass
    assert not (tmp_path / "data" / "roster.duckdb").exists()


def test_a_hostile_partition_fails_alone(deployment) -> None:
    with instance_of(deployment) as instance:
        instance.add_dynamic_partitions(PAGES_PARTITIONS_NAME, ["../admin/state"])
    done = snapshot(deployment)
    assert done.returncode == 1
    assert "'../admin/state' is not an Auto Rosters page id" in done.stdout
    assert set(deployment.materialized_pages()) == set(deployment.page_ids)


def test_a_page_tells_who_joined_left_and_changed(sandbox, deployment) -> None:
    assert snapshot(deployment).returncode == 0
    first = {page: last_event(deployment, page) for page in deployment.page_ids}
    assert all(
        told["joined"] == told["members"] == 12 and told["left"] == told["changed"] == 0
        for told in first.values()
    )
    sandbox.advance(1)
    assert snapshot(deployment).returncode == 0
    changes = sandbox.get("oracle/rank_changes")
    for page in deployment.page_ids:
        told = last_event(deployment, page)
        joined = [
            c
            for c in changes
            if c["page_id"] == page and c["kind"] in ("joined", "transfer")
        ]
        left = [
            c
            for c in changes
            if (c["page_id"] == page and c["kind"] == "left")
            or c.get("from_page_id") == page
        ]
        assert (told["joined"], told["left"]) == (len(joined), len(left))
    assert any(last_event(deployment, p)["changed"] for p in deployment.page_ids)
    page = deployment.page_ids[0]
    again = deployment.materialize("autorosters/pages", "--partition", page)
    assert again.returncode == 0
    told = last_event(deployment, page)
    assert told["unchanged"]
    assert told["joined"] == told["left"] == told["changed"] == 0


def test_a_refused_page_rests_until_it_answers(sandbox, deployment) -> None:
    page, *others = deployment.page_ids
    assert snapshot(deployment).returncode == 0
    sandbox.post("/admin/pages", {"page_id": page, "action": "revoke"})
    sandbox.advance(1)

    refused = snapshot(deployment)
    assert refused.returncode == 1
    title = last_event(deployment, page)["title"]
    assert f"In quarantine from now on: {title} ({page})" in refused.stdout
    assert in_quarantine(deployment) == {page}

    # The next runs leave it out and are green, and it keeps what it had.
    assert snapshot(deployment).returncode == 0
    kept = f"select count(*) from autorosters_data.users where page_id = '{page}'"
    assert deployment.value(kept) > 0
    asked = execute(deployment, "autorosters_quarantine")
    assert asked.returncode == 0, asked.stdout[-3000:]
    assert in_quarantine(deployment) == {page}
    loads = f"select count(*) from autorosters_data.page_loads where page_id = '{page}'"
    assert deployment.value(loads) == 1

    sandbox.post("/admin/pages", {"page_id": page, "action": "restore"})
    assert execute(deployment, "autorosters_quarantine").returncode == 0
    assert in_quarantine(deployment) == set()
    assert deployment.value(loads) == 2
    assert snapshot(deployment).returncode == 0
    assert set(deployment.materialized_pages()) == {page, *others}


def test_a_page_is_released_by_hand(deployment) -> None:
    page = deployment.page_ids[0]
    with instance_of(deployment) as instance:
        quarantine(instance, [page])
    done = deployment.materialize("autorosters/pages", "--partition", page)
    assert done.returncode == 0, done.stdout[-3000:]
    assert in_quarantine(deployment) == set()


def test_a_bad_key_puts_no_page_in_quarantine(deployment) -> None:
    done = snapshot(deployment, SOURCES__AUTOROSTERS_SOURCE__API_KEY="wrong")
    assert done.returncode == 1
    assert in_quarantine(deployment) == set()


def build(deployment: Deployment) -> None:
    models = ("+fct_roster_changes", "+fct_rank_assignments", "+dim_roster_pages")
    done = run_dbt(
        *("build", "--select", *models),
        *("--indirect-selection", "buildable", "--exclude-resource-type", "unit_test"),
        folder=deployment.folder,
        environment=deployment.environment,
    )
    assert done.returncode == 0, done.stdout[-3000:]


@pytest.mark.parametrize("mode", ["keep", "purge"])
def test_a_retired_page_closes_its_history_and_may_come_back(
    mode, sandbox, deployment
) -> None:
    page, *others = deployment.page_ids
    config = deployment.folder / "retire.json"
    ops = {"retire_roster_pages": {"config": {"page_ids": [page]}}}
    config.write_text(json.dumps({"ops": ops}))
    rows = f"select count(*) from autorosters_data.users where page_id = '{page}'"
    others_rows = (
        f"select count(*) from autorosters_data.users where page_id <> '{page}'"
    )
    changes = (
        "select change_type, page_id, count(distinct member_key) "
        "from marts.fct_roster_changes inner join marts.dim_roster_pages using (page_key) "
        "group by all"
    )
    ended = (
        "select end_reason, is_current, count(distinct member_key) "
        "from marts.fct_rank_assignments inner join marts.dim_roster_pages "
        f"using (page_key) where page_id = '{page}' group by all order by all"
    )
    retired = f"select is_retired from marts.dim_roster_pages where page_id = '{page}'"
    assert snapshot(deployment).returncode == 0
    build(deployment)
    before, kept = deployment.value(rows), deployment.value(others_rows)

    for _ in range(2):
        done = execute(
            deployment,
            *("autorosters_retirement", "--config", str(config)),
            ROSTER_PLATFORM__RETIRED_PAGES=mode,
        )
        assert done.returncode == 0, done.stdout[-3000:]
    build(deployment)
    assert deployment.value(rows) == (0 if mode == "purge" else before)
    assert deployment.value(others_rows) == kept
    assert deployment.query(changes) == [("page_retired", page, 12)]
    assert deployment.query(ended) == [("page retired", False, 12)]
    assert deployment.value(retired) is True
    with instance_of(deployment) as instance:
        assert set(registered_pages(instance)) == set(others)

    # Configured again: the same people on the page, and nobody joined.
    assert deployment.register().returncode == 0
    assert snapshot(deployment).returncode == 0
    build(deployment)
    assert deployment.value(rows) == before
    assert deployment.query(changes) == [("page_retired", page, 12)]
    assert deployment.query(ended) == [
        ("page retired", False, 12),
        (None, True, 12),
    ]
    assert deployment.value(retired) is False


def test_one_bad_page_among_many_stops_no_other(tmp_path, is_long) -> None:
    count = 1000 if is_long else 40
    with running_sandbox(orders=5, pages=count, members=4) as sandbox:
        deployment = Deployment(tmp_path, sandbox.environment)
        assert deployment.register().returncode == 0
        forbidden, missing, html, broken, rankless, *good = deployment.page_ids
        sandbox.post("/admin/pages", {"page_id": forbidden, "action": "revoke"})
        for page_id, fault in (
            (missing, {"status": 404, "body": {"error": "Roster page not found"}}),
            (html, {"status": 200, "body": "<html>maintenance</html>"}),
            (broken, {"status": 500}),
            (rankless, {"status": 200, "body": {"page_id": rankless}}),
        ):
            sandbox.fault(f"/api/roster/{page_id}", times=-1, **fault)
        patience = {"SOURCES__AUTOROSTERS_SOURCE__MAX_ATTEMPTS": "2"}

        first = deployment.materialize(
            "autorosters/pages",
            *("--partition-range", f"{forbidden}...{good[-1]}"),
            **patience,
        )
        assert first.returncode == 1
        assert f"5 of {count} roster pages failed" in first.stdout
        for page_id, reason in (
            (forbidden, "status 403"),
            (missing, "status 404"),
            (html, "text/html"),
            (broken, "500"),
            (rankless, "without its list of ranks"),
        ):
            (line,) = {
                line for line in first.stdout.splitlines() if f"- {page_id}:" in line
            }
            assert reason in line
        assert set(deployment.materialized_pages()) == set(good)
        loaded = deployment.row_counts()
        assert loaded["autorosters_data.pages"] == count - 5
        assert in_quarantine(deployment) == {forbidden, missing}

        again = snapshot(deployment, **patience)
        assert again.returncode == 1
        assert f"3 of {count - 2} roster pages failed" in again.stdout
        now = deployment.row_counts()
        reads = "autorosters_data.page_loads"
        assert now.pop(reads) == loaded.pop(reads) + count - 5
        assert now.items() >= loaded.items()


def test_the_command_retires_what_is_no_longer_configured(tmp_path, sandbox) -> None:
    """Also a wrong page id that was never read, whose failure would stand for good."""
    deployment = Deployment(tmp_path / "data", sandbox.environment)
    first, second, *_ = deployment.page_ids
    wrong = "11111111-2222-4333-8444-555555555555"
    load = ("roster_platform.ingest", "autorosters")

    def loaded(*pages: str) -> tuple[int, str]:
        done = deployment.run(*load, **{PAGE_IDS: ",".join(pages)})
        return done.returncode, done.stdout

    assert loaded(first, second, wrong)[0] == 1
    assert deployment.run("roster_platform.cli", "reads").returncode == 1
    returned, said = loaded(first, second)
    assert returned == 0, said
    assert f"retired, as it is no longer configured: roster page {wrong}" in said
    done = deployment.run("roster_platform.cli", "reads")
    assert (done.returncode, wrong in done.stdout) == (0, False), done.stdout

    # All at once is more likely a slip, and one of two is not.
    returned, said = loaded(deployment.page_ids[2])
    assert returned == 0, said
    assert "2 of 2 known pages are gone from the configuration" in said
    assert "retired, as" not in said
    # Nor is the only one of a house, when its id is misspelt.
    returned, said = loaded(wrong)
    assert returned == 1
    assert "3 of 3 known pages" in said
    returned, said = loaded(first, deployment.page_ids[2])
    assert returned == 0, said
    assert f"roster page {second}" in said
    built = run_dbt(
        *("build", "--select", "+rpt_incomplete_inputs", "+dim_roster_pages"),
        *("--indirect-selection", "buildable", "--exclude-resource-type", "unit_test"),
        folder=deployment.folder,
        environment=deployment.environment,
    )
    assert built.returncode == 0, built.stdout[-5000:]
    assert deployment.query(
        "select count(*) from marts.rpt_incomplete_inputs where input_name like '%page%'"
    ) == [(0,)]
    retired = "select page_id from marts.dim_roster_pages where is_retired"
    assert deployment.query(retired) == [(second,)]
    # It comes back.
    returned, said = loaded(first, second, deployment.page_ids[2])
    assert returned == 0, said
    assert "retired, as" not in said
    assert deployment.run("roster_platform.cli", "reads").returncode == 0
