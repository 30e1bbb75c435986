"""One contender, one load, in a process of its own: ``python -m benchmarks.contenders``.

Every contender lands the orders of the prepared server in the same three tables:
``orders``, ``orders__line_items`` and ``orders__discount_codes``. Prints one JSON line:
seconds of the load (imports left out), CPU seconds and peak memory of the process, and
what was landed, so that the caller can check that contenders did the same work.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import aiohttp
import dlt
import duckdb
import orjson
import pyarrow as pa
import pyarrow.compute as pc
from dlt.sources.rest_api import rest_api_source

from roster_platform.ingest.roster import load_endpoint
from roster_platform.ingest.roster.source import rest_api_config
from roster_platform.ingest.settings import roster_settings
from roster_platform.ingest.warehouse import Warehouse

# What dlt's performance guide offers, as far as it helped when tried on these orders.
TUNED = {
    "DATA_WRITER__BUFFER_MAX_ITEMS": "50000",
    "DATA_WRITER__FILE_MAX_ITEMS": "50000",
    "NORMALIZE__WORKERS": "2",
    "NORMALIZE__START_METHOD": "spawn",
    "LOAD__WORKERS": "4",
}
_PAGE_SIZE = 100
_BATCH = 5_000


def plain() -> None:
    """The documented script: rest_api, dicts, dlt's defaults, a plain append."""
    _run_rest_api()


def tuned() -> None:
    """The same script with Parquet files, larger buffers and parallel steps."""
    os.environ |= TUNED
    _run_rest_api(loader_file_format="parquet")


def _run_rest_api(**how: Any) -> None:
    config = rest_api_config(roster_settings(), "orders")
    for declared in config["resources"]:
        declared.pop("primary_key")
        declared["write_disposition"] = "append"
    warehouse = Warehouse.from_settings()
    warehouse.data_path.mkdir(parents=True, exist_ok=True)
    pipeline = dlt.pipeline(
        "roster_pipeline",
        pipelines_dir=str(warehouse.data_path / "plain"),
        destination=dlt.destinations.duckdb(str(warehouse.database_path)),
        dataset_name="roster_data",
    )
    pipeline.run(rest_api_source(config, name="roster_source"), **how)


def platform() -> None:
    """This platform's ingest, as `python -m roster_platform.ingest` runs it."""
    with load_endpoint("orders"):
        pass


def through_dagster() -> None:
    """The whole command, interpreter start and definitions included."""
    subprocess.run(
        [
            *(str(Path(sys.executable).with_name("dagster")), "asset", "materialize"),
            *("-m", "roster_platform.definitions", "--select", "roster/orders"),
        ],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def bare() -> None:
    """aiohttp, orjson, Arrow, DuckDB: no merge, no checks, no state, no retries."""
    settings = roster_settings()
    warehouse = Warehouse.from_settings()
    warehouse.data_path.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(warehouse.database_path)) as database:
        database.execute("create schema roster_data")
        database.execute("set schema = 'roster_data'")
        asyncio.run(_fetch(settings, lambda records: _insert(database, records)))


async def _fetch(settings: Any, insert: Callable[[list[Any]], None]) -> None:
    headers = {"Authorization": f"Bearer {settings.access_token}"}
    batch: list[Any] = []

    async def get(session: aiohttp.ClientSession, page: int) -> Any:
        url = f"{settings.base_url}/v2/orders?page={page}&pageSize={_PAGE_SIZE}"
        async with session.get(url) as response:
            return orjson.loads(await response.read())

    async def work(session: aiohttp.ClientSession, pages: Any) -> None:
        for page in pages:
            batch.extend((await get(session, page))["data"])
            if len(batch) >= _BATCH:
                insert(batch)
                batch.clear()

    async with aiohttp.ClientSession(headers=headers) as session:
        first = await get(session, 1)
        batch.extend(first["data"])
        pages = iter(range(2, first["pagination"]["totalPages"] + 1))
        await asyncio.gather(
            *(work(session, pages) for _ in range(settings.concurrency))
        )
    insert(batch)


def _insert(database: duckdb.DuckDBPyConnection, records: list[Any]) -> None:
    for name, arrow in _arrow(records).items():
        database.register("batch", arrow)
        database.execute(f"create table if not exists {name} as from batch limit 0")
        database.execute(f"insert into {name} from batch")
        database.unregister("batch")


def _arrow(records: list[Any]) -> dict[str, pa.Table]:
    def text(rows: list[Any], field: str) -> pa.Array:
        return pa.array([row[field] for row in rows], pa.string())

    def money(rows: list[Any], field: str) -> pa.Array:
        return pc.cast(text(rows, field), pa.decimal128(18, 4))

    def moment(rows: list[Any], field: str, zone: str | None = "UTC") -> pa.Array:
        return pc.cast(text(rows, field), pa.timestamp("us", tz=zone))

    lines = list(chain.from_iterable(order["lineItems"] for order in records))
    return {
        "orders": pa.table(
            {
                "order_id": text(records, "orderId"),
                "order_number": text(records, "orderNumber"),
                "order_date": pc.assume_timezone(
                    moment(records, "orderDate", None), "UTC"
                ),
                "status": text(records, "status"),
                "currency": text(records, "currency"),
                "subtotal_price": money(records, "subtotalPrice"),
                "total_price": money(records, "totalPrice"),
                "refunded_amount": money(records, "refundedAmount"),
                "first_name": text(records, "firstName"),
                "email": text(records, "email"),
                "referral_id": text(records, "referralId"),
                "created_at": moment(records, "createdAt"),
                "updated_at": moment(records, "updatedAt"),
            }
        ),
        "orders__line_items": pa.table(
            {
                **_place(records, "lineItems"),
                "sku": text(lines, "sku"),
                "name": text(lines, "name"),
                "quantity": pa.array([row["quantity"] for row in lines], pa.int64()),
                "price": money(lines, "price"),
            }
        ),
        "orders__discount_codes": pa.table(
            {
                **_place(records, "discountCodes"),
                "code": pa.array(
                    list(
                        chain.from_iterable(order["discountCodes"] for order in records)
                    ),
                    pa.string(),
                ),
            }
        ),
    }


def _place(records: list[Any], field: str) -> dict[str, pa.Array]:
    """The order and the position of every element of its lists."""
    sizes = [(order["orderId"], len(order[field])) for order in records]
    return {
        "order_id": pa.array(
            list(chain.from_iterable(repeat(key, size) for key, size in sizes)),
            pa.string(),
        ),
        "position": pa.array(
            list(chain.from_iterable(range(size) for _, size in sizes)), pa.int64()
        ),
    }


CONTENDERS: Mapping[str, Callable[[], None]] = {
    "plain": plain,
    "tuned": tuned,
    "platform": platform,
    "dagster": through_dagster,
    "bare": bare,
}


def landed() -> dict[str, str]:
    """Rows of the orders and of each exploded list, with sums that tell them apart."""
    path = str(Warehouse.from_settings().database_path)
    questions = {
        "orders": "count(*), sum(cast(total_price as decimal(18, 2)))",
        "orders__line_items": "count(*), sum(quantity)",
        "orders__discount_codes": "count(*)",
    }
    with duckdb.connect(path, read_only=True) as database:
        return {
            table: " / ".join(
                map(
                    str,
                    database.sql(f"select {what} from roster_data.{table}").fetchall()[
                        0
                    ],
                )
            )
            for table, what in questions.items()
        }


def _used() -> tuple[float, float]:
    """CPU seconds and peak MB so far, of this process and of those it waited for."""
    both = [
        resource.getrusage(who)
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    ]
    return (
        sum(used.ru_utime + used.ru_stime for used in both),
        max(used.ru_maxrss for used in both) / 1024,
    )


if __name__ == "__main__":
    os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")
    cpu_before, _ = _used()
    started = time.perf_counter()
    CONTENDERS[sys.argv[1]]()
    seconds = time.perf_counter() - started
    cpu_after, peak_mb = _used()
    print(
        json.dumps(
            {
                "seconds": seconds,
                "cpu_seconds": cpu_after - cpu_before,
                "peak_mb": peak_mb,
                "landed": landed(),
            }
        )
    )
