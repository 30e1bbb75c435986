"""What reads record in Dagster: what is off, what a page is, what was left out."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg
import duckdb
import pytest

from roster_platform.defs.autorosters.assets import page_users, pages
from roster_platform.defs.autorosters.automation import autorosters_snapshot_daily
from roster_platform.defs.autorosters.events import PAGE_ASSETS
from roster_platform.defs.outbox.captures import outbox
from roster_platform.defs.roster.assets import roster_assets
from roster_platform.defs.roster.automation import roster_incremental_hourly
from roster_platform.ingest import off
from roster_platform.lib.partitions import (
    PAGES_PARTITIONS_NAME,
    quarantine,
    quarantined_pages,
)
from roster_platform.sandbox import Sandbox, running_sandbox

TOKEN = "SOURCES__ROSTER_SOURCE__ACCESS_TOKEN"
KEY = "SOURCES__AUTOROSTERS_SOURCE__API_KEY"  # pragma: allowlist secret
PAGES, *OTHERS = PAGE_ASSETS
PAGE_USERS = dg.AssetKey(["autorosters", "page_users"])
PROGRAMS = dg.AssetKey(["roster", "programs"])


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox(orders=10, pages=3, members=4) as running:
        yield running


@pytest.fixture
def instance(tmp_path, sandbox, monkeypatch) -> Iterator[dg.DagsterInstance]:
    for name, value in sandbox.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("ROSTER_PLATFORM__DATA_DIR", str(tmp_path / "data"))
    with dg.instance_for_test(temp_dir=str(tmp_path)) as made:
        made.add_dynamic_partitions(PAGES_PARTITIONS_NAME, page_ids(sandbox))
        yield made


def page_ids(sandbox: Sandbox) -> list[str]:
    return json.loads(sandbox.environment["SOURCES__AUTOROSTERS_SOURCE__PAGE_IDS"])


def run(
    instance: dg.DagsterInstance, assets: Sequence[Any], *span: str, **options: Any
) -> dg.ExecuteInProcessResult:
    """Materialize assets, of a page or of a range of pages."""
    tags = {}
    if len(span) == 1:
        options["partition_key"] = span[0]
    elif span:
        tags = {
            "dagster/asset_partition_range_start": span[0],
            "dagster/asset_partition_range_end": span[1],
        }
    return dg.materialize(
        assets, instance=instance, raise_on_error=False, tags=tags, **options
    )


def metadata(
    instance: dg.DagsterInstance, key: dg.AssetKey, page: str | None = None
) -> dict[str, Any]:
    """The last materialization's metadata; empty when there is none."""
    wanted = dg.AssetRecordsFilter(key, asset_partitions=[page] if page else None)
    records = instance.fetch_materializations(wanted, limit=1).records
    if not records:
        return {}
    found = records[0].asset_materialization.metadata
    return {name: value.value for name, value in found.items()}


def partitions_of(
    instance: dg.DagsterInstance, done: dg.ExecuteInProcessResult
) -> dict[dg.AssetKey, list[str | None]]:
    """The partitions that a run recorded, of each table."""
    assert done.success
    found: dict[dg.AssetKey, list[str | None]] = {}
    for entry in instance.all_logs(
        done.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION
    ):
        event = entry.asset_materialization
        found.setdefault(event.asset_key, []).append(event.partition)
    return found


def evaluated(
    instance: dg.DagsterInstance, done: dg.ExecuteInProcessResult
) -> set[dg.AssetCheckKey]:
    """The checks that a run evaluated, passed or not."""
    logs = instance.all_logs(
        done.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION
    )
    return {
        entry.dagster_event.asset_check_evaluation_data.asset_check_key
        for entry in logs
    }


def test_an_api_without_credentials_is_off(instance, monkeypatch) -> None:
    monkeypatch.delenv(TOKEN)
    monkeypatch.delenv(KEY)
    assets = [*roster_assets[:2], pages, page_users]
    done = run(instance, assets)
    assert done.success
    for key in (PROGRAMS, *PAGE_ASSETS):
        assert metadata(instance, key)["off"].startswith("off: ")
    checks = done.get_asset_check_evaluations()
    assert {(check.passed, check.description) for check in checks} == {(True, "off")}
    context = dg.build_schedule_context(instance=instance)
    for schedule, setting in (
        (roster_incremental_hourly, TOKEN),
        (autorosters_snapshot_daily, KEY),
    ):
        skipped = schedule(context)
        assert isinstance(skipped, dg.SkipReason)
        assert setting in str(skipped.skip_message)


def test_credentials_that_get_lost_are_an_error(instance, monkeypatch) -> None:
    programs = [roster_assets[0]]
    assert run(instance, programs).success
    monkeypatch.delenv(TOKEN)
    assert not run(instance, programs).success
    context = dg.build_schedule_context(instance=instance)
    assert isinstance(roster_incremental_hourly(context), dg.RunRequest)


def test_what_is_switched_off_is_not_read(instance, sandbox, monkeypatch) -> None:
    is_off = {
        ("roster", "programs"),
        ("roster", "clicks"),
        ("autorosters", "page_users"),
    }
    monkeypatch.setattr(
        off, "is_enabled", lambda source, name=None: (source, name) not in is_off
    )
    sandbox.delete("requests")
    assert run(
        instance, [roster_assets[0], *(outbox().assets or ()), page_users]
    ).success
    assert sandbox.get("requests")["total"] == 0
    for key in ("programs", "clicks"):
        told = metadata(instance, dg.AssetKey(["roster", key]))
        assert "mappings/roster.yaml" in told["off"]


def test_a_page_has_a_name_and_numbers_of_its_own(instance, sandbox) -> None:
    first, *_, last = page_ids(sandbox)
    after = dg.AssetKey("after")

    @dg.asset(key=after, deps=[PAGES])
    def waits() -> None: ...

    assert run(instance, [pages, waits], first, last).success
    for page in page_ids(sandbox):
        told = metadata(instance, PAGES, page)
        assert told["members"] == 4
        assert told["dagster/partition_row_count"] == 1
        assert told["title"]
        assert told["public_url"].startswith("http")
        assert not told.keys() & {"rows_read", "requests", "pages_read", "rows_listed"}


def test_any_table_of_a_page_loads_the_page_once_and_reports_all(
    instance, sandbox
) -> None:
    first, second = page_ids(sandbox)[:2]
    spans = [[first, second]] * len(PAGE_ASSETS) + [[first]]
    for key, span in zip((*PAGE_ASSETS, PAGE_USERS), spans, strict=True):
        sandbox.delete("requests")
        asset = page_users if key == PAGE_USERS else pages
        done = run(instance, [asset], *span, selection=[key])
        assert sandbox.get("requests")["total"] == len(span)
        tables = (PAGE_USERS,) if key == PAGE_USERS else PAGE_ASSETS
        assert partitions_of(instance, done) == dict.fromkeys(tables, span)
        # One that it left out would be shown as not evaluated from then on.
        assert evaluated(instance, done) == asset.check_keys


def test_each_partition_has_the_rows_of_its_table(instance, sandbox) -> None:
    first, second = page_ids(sandbox)[:2]
    sandbox.delete("requests")
    assert run(instance, [pages, page_users], first, second).success
    assert sandbox.get("requests")["total"] == 4
    with duckdb.connect(
        f"{os.environ['ROSTER_PLATFORM__DATA_DIR']}/roster.duckdb"
    ) as db:
        rows = {
            key: db.execute(
                f"select count(*) from autorosters_data.{key.path[-1]} "
                "where page_id = ?",
                [first],
            ).fetchall()
            for key in (*PAGE_ASSETS, PAGE_USERS)
        }
    for key, ((count,),) in rows.items():
        told = metadata(instance, key, first)
        assert told["dagster/partition_row_count"] == count, key
        assert (told["members"], bool(told["title"])) == (4, True)
        assert told["public_url"].startswith("http")
        # The flat list is not compared with the one before.
        assert told.get("joined") == (None if key == PAGE_USERS else 4)


def test_unchanged_pages_have_no_event_of_their_own(instance, sandbox) -> None:
    """One for each table says that it was read; a page that changed has its own."""
    all_pages = set(page_ids(sandbox))

    def read() -> dict[dg.AssetKey, list[str | None]]:
        told = partitions_of(instance, run(instance, [pages, page_users]))
        assert told.keys() == {*PAGE_ASSETS, PAGE_USERS}
        return told

    for partitions in read().values():
        assert sorted(partitions, key=str) == sorted([*all_pages, None], key=str)
    assert set(map(tuple, read().values())) == {(None,)}
    sandbox.post("/admin/advance", {"days": 1})
    changed = read()
    assert set(changed[OTHERS[1]]) > {None}


def test_a_range_leaves_quarantined_pages_out_and_one_page_is_asked(
    instance, sandbox
) -> None:
    first, *_, last = page_ids(sandbox)
    quarantine(instance, [first])
    sandbox.delete("requests")
    assert run(instance, [pages], first, last).success
    assert not [path for path in sandbox.get("requests")["paths"] if first in path]
    assert metadata(instance, PAGES, first) == {}
    assert quarantined_pages(instance) == {first}
    assert run(instance, [pages], first).success
    assert quarantined_pages(instance) == set()


def test_a_failed_page_is_named_by_its_title(instance, sandbox) -> None:
    page = page_ids(sandbox)[0]
    assert run(instance, [pages], page).success
    title = metadata(instance, PAGES, page)["title"]
    sandbox.post("/admin/pages", {"page_id": page, "action": "revoke"})
    failed = run(instance, [pages])
    sandbox.post("/admin/pages", {"page_id": page, "action": "restore"})
    assert not failed.success
    (failure,) = [e for e in failed.all_events if e.is_step_failure]
    description = failure.step_failure_data.user_failure_data.description
    assert f"- {title} ({page}): Auto Rosters refused" in description
    assert f"In quarantine from now on: {title} ({page})" in description
