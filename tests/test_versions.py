"""Every version of every record stays, whatever happens between two loads."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import duckdb
import pytest
from starlette.requests import Request

from roster_platform.catalogue import Table, column_name
from roster_platform.ingest.autorosters import (
    load_page_users,
    load_pages,
    load_user,
    retire_pages,
)
from roster_platform.ingest.autorosters.tables import TABLES
from roster_platform.ingest.history import versions
from roster_platform.ingest.roster import load_endpoint
from roster_platform.ingest.roster.endpoints import ENDPOINTS
from roster_platform.sandbox import Sandbox, running_sandbox
from roster_platform.settings.platform import PlatformSettings
from roster_platform.warehouse.warehouse import Warehouse
from tests.local_api import local_api

READ = ("orders", "programs")
VERSIONED: dict[str, Table] = {
    **{f"autorosters_data.{t.name}": t for t in TABLES if t.versions},
    **{f"roster_data.{e.name}": e.table for e in ENDPOINTS if e.name in READ},
}
CHILDREN = {
    "roster_data.orders__line_items": ("orders", "order_id"),
    "roster_data.orders__discount_codes": ("orders", "order_id"),
    "roster_data.programs__commission_tiers": ("programs", "program_id"),
}


class Killed(BaseException):
    """What stands for the death of a process."""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with (
        running_sandbox(orders=40, pages=3, members=8) as running,
        pytest.MonkeyPatch.context() as patch,
    ):
        running.post("/admin/settings", {"clock_stands_still": True})
        for name, value in running.environment.items():
            patch.setenv(name, value)
        yield running


def _read(warehouse: Warehouse, page_ids: list[str]) -> None:
    for load in (load_pages, load_page_users):
        with load(page_ids, warehouse=warehouse) as loaded:
            assert not loaded.report.failed
    for name in READ:
        with load_endpoint(name, warehouse=warehouse):
            pass


def _query(warehouse: Warehouse, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(warehouse.database_path)) as database:
        return database.execute(sql).fetchall()


def _records(warehouse: Warehouse, sql: str) -> list[list[tuple[str, Any]]]:
    """Rows with the names of their columns, in an order of their own."""
    with duckdb.connect(str(warehouse.database_path)) as database:
        rows = database.execute(sql).to_arrow_table().to_pylist()
    return sorted((sorted(row.items()) for row in rows), key=repr)


def _versions(warehouse: Warehouse) -> dict[str, list[tuple[Any, ...]]]:
    """All versions, but for the names of loads, which are random."""
    return {
        name: _query(
            warehouse,
            f"select * exclude (_dlt_load_id) from {name}_versions order by all",
        )
        for name in (*VERSIONED, *CHILDREN)
    }


def _assert_current_tables_are_the_last_versions(warehouse: Warehouse) -> None:
    for name, table in VERSIONED.items():
        keys = ", ".join(map(column_name, table.primary_key))
        # What says the same again is written again, by another load.
        own = "_dlt_load_id, _observed_at"
        now = f"select * exclude ({own}) from {name}"
        if not table.soft_deletes:
            now = f"select * exclude ({own}, _deleted) from {name}"
        if table.not_compared:
            own += ", " + ", ".join(table.not_compared)
            now = now.replace(
                "_deleted)", f"_deleted, {', '.join(table.not_compared)})"
            )
        last = (
            f"select * exclude ({own}, _valid_from, _sequence, _change, place) "
            f"from (select *, row_number() over (partition by {keys} "
            f"order by _sequence desc) as place from {name}_versions) where place = 1"
        )
        if not table.soft_deletes:
            last += " and _change <> 'deleted'"
        assert _records(warehouse, now) == _records(warehouse, last), name
    for name, (parent, key) in CHILDREN.items():
        exclude = "exclude (_dlt_load_id, _observed_at, _deleted)"
        now = f"select * {exclude} from {name}"
        last = (
            "select * exclude (_dlt_load_id, _observed_at, _valid_from, _sequence, "
            f"_change, _digest) from {name}_versions as child where (child.{key}, "
            f"child._sequence) in (select ({key}, max(_sequence)) "
            f"from roster_data.{parent}_versions group by {key})"
        )
        assert _records(warehouse, now) == _records(warehouse, last), name


@pytest.fixture(scope="module")
def houses(sandbox, tmp_path_factory) -> tuple[Warehouse, Warehouse]:
    """Two warehouses that read three days; of the second, loads were killed.

    On the second day its loads die when the rows have landed and no version has; some are
    repeated on that day, the others are not.
    """
    calm, killed = (
        Warehouse(PlatformSettings(data_dir=str(tmp_path_factory.mktemp(name))))
        for name in ("calm", "killed")
    )
    page_ids = sandbox.get("state")["page_ids"]
    for day in range(3):
        if day:
            sandbox.advance(1)
        _read(calm, page_ids)
        if day == 1:
            _kill(killed, page_ids)
            with load_endpoint("orders", warehouse=killed):
                pass
        else:
            _read(killed, page_ids)
    return calm, killed


def _kill(warehouse: Warehouse, page_ids: list[str]) -> None:
    """Read everything, and die after each load, before its versions are added."""

    def die(*_: Any) -> None:
        raise Killed

    for source, step, loads in (
        (
            "autorosters",
            "log_pages",
            [partial(load, page_ids) for load in (load_pages, load_page_users)],
        ),
        ("roster", "log_records", [partial(load_endpoint, name) for name in READ]),
    ):
        for load in loads:
            with pytest.MonkeyPatch.context() as patch:
                place = f"roster_platform.ingest.{source}.load.{step}"
                patch.setattr(place, _second(die))
                loading = load(warehouse=warehouse)
                with pytest.raises(Killed):
                    loading.__enter__()


def _second(does: Any) -> Any:
    """Nothing when called first, which is before the load."""
    calls = iter((lambda *_: None, does))
    return lambda *arguments: next(calls)(*arguments)


def test_current_tables_are_the_last_versions(houses) -> None:
    for warehouse in houses:
        _assert_current_tables_are_the_last_versions(warehouse)


def test_a_load_that_was_killed_loses_no_version_and_doubles_none(houses) -> None:
    calm, killed = map(_versions, houses)
    assert calm == killed
    (kinds,) = _query(
        houses[0],
        "select list(distinct _change order by _change) "
        "from autorosters_data.users_versions",
    )
    assert kinds == (["deleted", "inserted", "updated"],)


@pytest.mark.parametrize(
    ("load", "step"), [("pages", "add_of_pages"), ("orders", "add_children")]
)
def test_versions_of_a_load_are_added_together(sandbox, tmp_path, load, step) -> None:
    """A process that dies when some of its tables have their versions has added none."""
    warehouse = Warehouse(PlatformSettings(data_dir=str(tmp_path)))
    page_ids = sandbox.get("state")["page_ids"]
    calls: list[str] = []

    def dies(self: Any, *arguments: Any, **options: Any) -> None:
        calls.append(load)
        if len(calls) == 2:
            raise Killed
        add(self, *arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        add = getattr(versions.VersionsLog, step)
        patch.setattr(versions.VersionsLog, step, dies)
        loading = (
            load_pages(page_ids, warehouse=warehouse)
            if load == "pages"
            else load_endpoint(load, warehouse=warehouse)
        )
        with pytest.raises(Killed):
            loading.__enter__()
    _read(warehouse, page_ids)
    _assert_current_tables_are_the_last_versions(warehouse)


def test_reading_the_same_again_adds_nothing(houses, sandbox) -> None:
    warehouse, _ = houses
    before = _versions(warehouse)
    _read(warehouse, sandbox.get("state")["page_ids"])
    assert _versions(warehouse) == before


def test_a_page_that_retires_is_gone_until_it_comes_back(houses, sandbox) -> None:
    warehouse, _ = houses
    page_ids = sandbox.get("state")["page_ids"]
    last = (
        "select _change, count(*) from (select *, row_number() over ("
        "partition by role_id, discord_id order by _sequence desc) as place "
        f"from autorosters_data.users_versions where page_id = '{page_ids[0]}') "
        "where place = 1 group by all order by all"
    )
    listed = _query(
        warehouse,
        f"select count(*) from autorosters_data.users where page_id = '{page_ids[0]}'",
    )
    before = dict(_query(warehouse, last))
    retire_pages(page_ids[:1], warehouse=warehouse)
    assert dict(_query(warehouse, last)) == {"deleted": sum(before.values())}
    with load_pages(page_ids, warehouse=warehouse):
        pass
    after = dict(_query(warehouse, last))
    assert [(after["inserted"],)] == listed


def test_the_flat_list_alone_has_versions_too(sandbox, tmp_path) -> None:
    """Also where no page was ever read, and one member is refreshed before the list."""
    warehouse = Warehouse(PlatformSettings(data_dir=str(tmp_path)))
    (page, *_) = sandbox.get("state")["page_ids"]
    (member,) = next(
        found["members"][:1]
        for found in sandbox.get("oracle/pages")
        if found["page_id"] == page
    )
    count = (
        "select count(distinct (discord_id, rank)) "
        "from autorosters_data.page_users_versions"
    )
    with load_user(page, member["discord_id"], warehouse=warehouse):
        assert _query(warehouse, count) == [(1,)]
    with load_page_users([page], warehouse=warehouse):
        listed = _query(warehouse, "select count(*) from autorosters_data.page_users")
        assert _query(warehouse, count) == listed
    sandbox.advance(1)
    with load_page_users([page], warehouse=warehouse):
        assert _query(warehouse, f"{count} where _change = 'inserted'") >= listed


def test_a_column_that_is_added_later_needs_no_migration(monkeypatch, tmp_path) -> None:
    """Whoever has it gets a version; it is unknown before, and of all the others."""
    records = [{"id": name, "name": name} for name in ("first", "second")]

    def programs(request: Request) -> Any:
        return {"result": records if request.query_params["page"] == "1" else []}

    warehouse = Warehouse(PlatformSettings(data_dir=str(tmp_path)))
    with local_api(programs) as api:
        monkeypatch.setenv("SOURCES__ROSTER_SOURCE__BASE_URL", api.url)
        monkeypatch.setenv("SOURCES__ROSTER_SOURCE__ACCESS_TOKEN", "any")
        with load_endpoint("programs", warehouse=warehouse):
            pass
        records[0] = {**records[0], "season": "autumn"}
        with load_endpoint("programs", warehouse=warehouse):
            pass
    rows = "select id, season, _change from roster_data.programs_versions order by all"
    assert _query(warehouse, rows) == [
        ("first", "autumn", "updated"),
        ("first", None, "inserted"),
        ("second", None, "inserted"),
    ]
