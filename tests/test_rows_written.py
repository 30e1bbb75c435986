"""A read writes what changed, and nothing else: counted in the warehouse, by load."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from dlt.destinations.exceptions import DatabaseTerminalException
from dlt.destinations.impl.duckdb.sql_client import DuckDbSqlClient
from starlette.requests import Request

from roster_platform.errors import WarehouseError
from roster_platform.ingest.autorosters import load_pages
from roster_platform.ingest.reading.report import ReadReport
from roster_platform.ingest.roster import load_endpoint
from roster_platform.settings.platform import PlatformSettings
from roster_platform.warehouse.pipelines import pipelines_kept
from roster_platform.warehouse.warehouse import Warehouse
from tests.local_api import local_api

TABLES = ("orders", "orders__line_items", "orders__discount_codes")
LOGGED = tuple(f"{table}_versions" for table in TABLES)
SIZE = 40


def order(number: int) -> dict[str, Any]:
    return {
        "orderId": f"order-{number}",
        "orderNumber": str(number),
        "totalPrice": "10.50",
        "currency": "EUR",
        "orderDate": "2024-05-01",
        "discountCodes": [f"CODE{number}"] if number % 2 else [],
        "lineItems": [
            {"productName": "shirt", "quantity": n, "price": "1.00"}
            for n in range(1, 1 + number % 3)
        ],
    }


@dataclass
class Shop:
    """A server of orders by offset, which announces how many there are."""

    orders: list[dict[str, Any]] = field(
        default_factory=lambda: [order(number) for number in range(100)]
    )

    def __call__(self, request: Request) -> Any:
        start = (int(request.query_params.get("page", 1)) - 1) * SIZE
        return {
            "data": self.orders[start : start + SIZE],
            "totalCount": len(self.orders),
        }


class House:
    """A warehouse of the test's own."""

    def __init__(self, folder: Path) -> None:
        self.warehouse = Warehouse(PlatformSettings(data_dir=str(folder)))

    def read(self, **options: bool) -> ReadReport:
        options = {"accept_fields": True, **options}
        with load_endpoint("orders", warehouse=self.warehouse, **options) as loaded:
            return loaded.report

    def rows(self, sql: str, table: str) -> list[Any]:
        with self.warehouse.pipeline("look", "roster_data") as run:
            return list(run.query(sql, table))

    def written(self) -> dict[str, int]:
        """How many rows of each table the last load wrote, if it wrote any."""
        loads = {
            table: dict(
                self.rows(
                    "select _dlt_load_id, count(*) from {table} group by _dlt_load_id",
                    table,
                )
            )
            for table in (*TABLES, *LOGGED)
        }
        last = max(load for counts in loads.values() for load in counts)
        return {t: counts[last] for t, counts in loads.items() if last in counts}

    def schemas(self) -> int:
        return len(self.rows("select version_hash from {table}", "_dlt_version"))

    def current(self) -> dict[str, tuple[Any, ...]]:
        return {
            key: rest
            for key, *rest in self.rows(
                "select order_id, total_price, is_deleted, (select count(*) from "
                "roster_data.orders__line_items as items where items.order_id = "
                "orders.order_id and not coalesce(_deleted, false)) "
                "from {table} as orders",
                "orders",
            )
        }


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def house(shop: Shop, tmp_path: Path, monkeypatch) -> Iterator[House]:
    with local_api(shop) as api:
        for name, value in {
            "SOURCES__ROSTER_SOURCE__BASE_URL": api.url,
            "SOURCES__ROSTER_SOURCE__ACCESS_TOKEN": "token",
            "ROSTER_PLATFORM__MAPPINGS_DIR": str(tmp_path / "mappings"),
            "DLT_DATA_DIR": str(tmp_path / "dlt"),
        }.items():
            monkeypatch.setenv(name, value)
        yield House(tmp_path)


def test_what_did_not_change_is_not_written(shop, house) -> None:
    house.read()
    first, schemas = house.written(), house.schemas()
    assert first["orders"] == first["orders_versions"] == 100
    assert house.read().rows == 100
    assert house.written() == first
    assert house.schemas() == schemas
    reads = house.rows("select outcome, row_count from {table}", "_reads")
    assert reads == [("complete", 100)] * 2


def test_what_changed_is_written_with_its_children(shop, house) -> None:
    house.read()
    shop.orders[7] = {**order(7), "totalPrice": "99.00"}
    shop.orders[8] = {**order(8), "lineItems": []}
    shop.orders[11] = {**order(11), "discountCodes": ["OTHER"]}
    shop.orders.append(order(100))
    house.read()
    written = house.written()
    assert written["orders"] == written["orders_versions"] == 4
    now = house.current()
    assert len(now) == 101
    assert float(now["order-7"][0]) == 99
    assert now["order-8"][2] == 0
    assert now["order-10"][2] == 10 % 3


def test_what_is_gone_is_marked_and_may_come_back(shop, house) -> None:
    house.read()
    gone = [shop.orders.pop(3), shop.orders.pop(60)]
    report = house.read()
    assert report.deleted == 2
    assert house.written() == {"orders": 2, "orders_versions": 2}
    now = house.current()
    assert {key for key, (_, is_deleted, _) in now.items() if is_deleted} == {
        one["orderId"] for one in gone
    }
    shop.orders += gone
    assert house.read().deleted == 0
    assert house.written()["orders"] == 2
    assert not any(is_deleted for _, is_deleted, _ in house.current().values())


def test_a_person_can_have_everything_written_again(shop, house) -> None:
    house.read()
    house.read(reload_unchanged=True)
    written = house.written()
    assert written["orders"] == 100
    assert "orders_versions" not in written


def test_keys_made_by_another_release_are_made_anew(shop, house, monkeypatch) -> None:
    house.read()
    monkeypatch.setattr("roster_platform.ingest.roster.load.KEYS_VERSION", 99)
    house.read()
    assert house.written()["orders"] == 100
    house.read()
    assert house.rows("select count(*) from {table}", "orders_versions") == [(100,)]


def test_rows_are_loaded_where_dlts_own_folder_cannot_be_written(
    house, tmp_path, caplog
) -> None:
    (tmp_path / "dlt").mkdir()
    (tmp_path / "dlt" / "pipelines").write_text("in the way of a folder")
    with pipelines_kept():
        house.read()
    assert "could not be put into" in caplog.text
    assert house.written()["orders"] == 100
    assert not house.warehouse.dead_runs()


@pytest.mark.parametrize("is_first", [True, False], ids=["first load", "second load"])
def test_children_come_after_a_load_that_stopped_before_them(
    shop, house, is_first
) -> None:
    """Their records are as they were by then; the versions have both, and once."""
    if not is_first:
        house.read()
        shop.orders = [
            {**order, "totalPrice": "99.00", "lineItems": order["lineItems"][:1]}
            for order in shop.orders
        ]
    _stop_before_line_items(house)
    assert len(house.rows("select 1 from {table}", "orders")) == 100
    house.read()
    wanted = {
        order["orderId"]: (float(order["totalPrice"]), len(order["lineItems"]))
        for order in shop.orders
    }
    found = house.current()
    assert {key: (float(p), items) for key, (p, _, items) in found.items()} == wanted
    assert not house.rows("select 1 from {table} where _deleted", TABLES[1])
    versions = house.rows(
        "select order_id, count(*), count(distinct _digest) from {table} group by all",
        "orders_versions",
    )
    assert {tuple(counts) for _, *counts in versions} == {(2 - is_first,) * 2}
    before = house.written()
    house.read()
    assert house.written() == before


def _stop_before_line_items(house: House) -> None:
    """Read, and let the database fail when orders have landed and lines have not."""
    with (
        _failing_before("roster_data", "orders__line_items"),
        pytest.raises(WarehouseError),
    ):
        house.read()


@contextmanager
def _failing_before(dataset: str, table: str) -> Iterator[None]:
    """Let the database fail at the rows of one table; those of others may land."""

    def failing(runs: Any) -> Any:
        def fails(self: Any, statements: Any, *arguments: Any) -> Any:
            if f'insert into "{dataset}"."{table}"' in str(statements).lower():
                raise DatabaseTerminalException(OSError("the machine is gone"))
            return runs(self, statements, *arguments)

        return fails

    with pytest.MonkeyPatch.context() as patch:
        for name in ("execute_sql", "execute_many"):
            runs = getattr(DuckDbSqlClient, name)
            patch.setattr(DuckDbSqlClient, name, failing(runs))
        yield


@pytest.mark.parametrize("is_first", [True, False], ids=["first load", "second load"])
def test_a_page_whose_load_stopped_in_its_midst_is_written_again(
    tmp_path, monkeypatch, is_first
) -> None:
    said = "before"

    def page(_: Request) -> Any:
        user = {"discord_id": "1", "name": said, "certifications": [said]}
        rank = {"role_id": "1", "rank_name": said, "is_command": True, "users": [user]}
        return {"custom_title": said, "ranks": [rank]}

    warehouse = Warehouse(PlatformSettings(data_dir=str(tmp_path)))
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "dlt"))
    monkeypatch.setenv("SOURCES__AUTOROSTERS_SOURCE__API_KEY", "key")

    def read() -> None:
        with load_pages(["page-1"], warehouse=warehouse) as loaded:
            assert not loaded.report.failed

    with local_api(page) as api:
        monkeypatch.setenv("SOURCES__AUTOROSTERS_SOURCE__BASE_URL", api.url)
        if not is_first:
            read()
        said = "now"
        with (
            _failing_before("autorosters_data", "user_certifications"),
            pytest.raises(WarehouseError),
        ):
            read()
        read()
        read()
    with warehouse.pipeline("look", "autorosters_data") as run:
        for table, column in (
            ("users", "name"),
            ("ranks", "rank_name"),
            ("user_certifications", "certification"),
        ):
            assert run.query(f"select {column} from {{table}}", table) == [("now",)]
        changes = run.query("select _change from {table}", "users_versions")
        assert len(changes) == 2 - is_first
        assert len(run.query("select 1 from {table}", "page_loads")) == 3 - is_first


def test_what_a_killed_load_left_and_the_api_dropped_is_marked(shop, house) -> None:
    _stop_before_line_items(house)
    gone = shop.orders.pop(5)
    assert house.read().deleted == 1
    assert house.current()[gone["orderId"]][1]


def test_two_first_loads_at_once_load_every_record_once(shop, house) -> None:
    """The second one finds that the first has landed, and reads again."""
    readings = []

    class Reads:
        def __call__(self, request: Request) -> Any:
            readings.append(request)
            if len(readings) == 2:
                house.read()
            return shop(request)

    with local_api(Reads()) as api, pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOURCES__ROSTER_SOURCE__BASE_URL", api.url)
        house.read()
    assert house.rows("select count(*) from {table}", "orders") == [(100,)]
    assert house.rows("select count(*) from {table}", "orders_versions") == [(100,)]
