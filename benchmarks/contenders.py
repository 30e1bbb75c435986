"""One contender, one load, in a process of its own: ``python -m benchmarks.contenders``.

Every contender of one kind lands the same rows of the prepared server in the same tables,
lists exploded. Prints one JSON line: seconds of the load (imports left out), CPU seconds
and peak memory of the process, and what was landed, so that the caller can check that
contenders did the same work.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import aiohttp
import dlt
import duckdb
import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy  # noqa: F401  dlt imports it late, in the midst of a load
from dlt.sources.rest_api import rest_api_source
from pyarrow.json import ParseOptions, ReadOptions, read_json

from benchmarks.limits import (
    SMALL,
    bare_read,
    bare_read_of_endpoints,
    bare_read_of_pages,
    curl_and_sql,
    own_columns,
    write_versions,
)
from benchmarks.server import PAGES_URL
from roster_platform.catalogue import column_name
from roster_platform.ingest.autorosters import load_pages
from roster_platform.ingest.roster import load_endpoint
from roster_platform.ingest.roster.source import rest_api_config
from roster_platform.ingest.settings import autorosters_settings, roster_settings
from roster_platform.warehouse.pipelines import pipelines_kept
from roster_platform.warehouse.warehouse import Warehouse

# What dlt's performance guide offers, as far as it helped when tried on these orders.
TUNED = {
    "DATA_WRITER__BUFFER_MAX_ITEMS": "50000",
    "DATA_WRITER__FILE_MAX_ITEMS": "50000",
    "NORMALIZE__WORKERS": "2",
    "NORMALIZE__START_METHOD": "spawn",
    "LOAD__WORKERS": "4",
}
SAMPLED_PAGES = 20
_PAGE_SIZE = 100
_BATCH = 50


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
    _materialize("roster/orders")


def _materialize(*selection: str) -> None:
    subprocess.run(
        [
            *(str(Path(sys.executable).with_name("dagster")), "asset", "materialize"),
            *("-m", "roster_platform.definitions", "--select", *selection),
        ],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def pages() -> None:
    """Every roster page in one run of this platform's ingest."""
    with load_pages(_page_ids()) as loaded:
        assert not loaded.report.failed


def page_by_page() -> None:
    """The first pages only, each in a run of its own."""
    for page_id in _page_ids()[:SAMPLED_PAGES]:
        with load_pages([page_id]):
            pass


def pages_through_dagster() -> None:
    """The whole command for every page; the pages must be registered."""
    page_ids = _page_ids()
    _materialize(
        *("autorosters/pages", "--partition-range", f"{page_ids[0]}...{page_ids[-1]}")
    )


def _page_ids() -> list[str]:
    with urllib.request.urlopen(os.environ[PAGES_URL]) as response:
        return json.load(response)


def bare() -> None:
    """aiohttp, Arrow's JSON parser, DuckDB: the same tables, no checks, no state."""
    asyncio.run(_bare(roster_urls, orders_parsed))


def bare_dicts() -> None:
    """The same with Python's dicts on the way: aiohttp, orjson, Arrow, DuckDB."""
    asyncio.run(_bare(roster_urls, _orders))


def bare_pages() -> None:
    """Every roster page by aiohttp, orjson, Arrow, DuckDB."""
    asyncio.run(_bare(page_urls, _pages))


async def _bare(
    urls: Callable[[aiohttp.ClientSession], Any],
    tables: Callable[[list[bytes]], dict[str, pa.Table]],
) -> None:
    warehouse = Warehouse.from_settings()
    warehouse.data_path.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(warehouse.database_path)) as database:
        for schema in ("roster_data", "autorosters_data"):
            database.execute(f"create schema {schema}")
        batch: list[bytes] = []

        def insert() -> None:
            for name, arrow in tables(batch).items():
                database.register("batch", arrow)
                rows = f"select *, {own_columns(name.split('.')[1])} from batch"
                database.execute(f"create table if not exists {name} as {rows} limit 0")
                database.execute(f"insert into {name} {rows}")
                database.unregister("batch")
            batch.clear()

        async def work(session: aiohttp.ClientSession, left: Iterator[str]) -> None:
            for url in left:
                async with session.get(url) as response:
                    batch.append(await response.read())
                if len(batch) >= _BATCH:
                    insert()

        async with aiohttp.ClientSession() as session:
            left, concurrency = await urls(session)
            await asyncio.gather(*(work(session, left) for _ in range(concurrency)))
        if batch:
            insert()
        write_versions(database)


async def roster_urls(session: aiohttp.ClientSession) -> tuple[Iterator[str], int]:
    settings = roster_settings()
    session.headers["Authorization"] = f"Bearer {settings.access_token}"
    url = f"{settings.base_url}/v2/orders?pageSize={_PAGE_SIZE}&page="
    async with session.get(f"{url}1") as response:
        total = (await response.json())["pagination"]["totalPages"]
    return (f"{url}{page}" for page in range(1, total + 1)), settings.concurrency


async def page_urls(session: aiohttp.ClientSession) -> tuple[Iterator[str], int]:
    settings = autorosters_settings()
    session.headers["X-API-Key"] = str(settings.api_key)
    urls = (f"{settings.base_url}/roster/{page_id}" for page_id in _page_ids())
    return urls, settings.concurrency


def _text(rows: list[Any], field: str) -> pa.Array:
    return pa.array([row[field] for row in rows], pa.string())


def _money(texts: pa.Array) -> pa.Array:
    return pc.cast(texts, pa.decimal128(18, 4))


def _moment(texts: pa.Array, zone: str | None = "UTC") -> pa.Array:
    return pc.cast(texts, pa.timestamp("us", tz=zone))


_ORDER = (
    *("orderId", "orderNumber", "orderDate", "status", "currency", "subtotalPrice"),
    *("totalPrice", "refundedAmount", "firstName", "email", "referralId"),
    *("createdAt", "updatedAt"),
)
_LINE = pa.struct(
    [
        ("sku", pa.string()),
        ("name", pa.string()),
        ("quantity", pa.int64()),
        ("price", pa.decimal128(18, 4)),
    ]
)
_ORDERS = pa.schema(
    [
        (
            "data",
            pa.list_(
                pa.struct(
                    [
                        *((name, pa.string()) for name in _ORDER),
                        ("lineItems", pa.list_(_LINE)),
                        ("discountCodes", pa.list_(pa.string())),
                    ]
                )
            ),
        )
    ]
)


def orders_parsed(bodies: list[bytes]) -> dict[str, pa.Table]:
    document = b"\n".join(bodies)
    parsed = read_json(
        pa.BufferReader(document),
        ReadOptions(use_threads=False, block_size=len(document) + 1),
        ParseOptions(_ORDERS, unexpected_field_behavior="ignore"),
    )
    orders = parsed.column("data").combine_chunks().flatten()
    columns = dict(zip(_ORDER, map(orders.field, _ORDER), strict=True))
    tables = {"roster_data.orders": _typed(columns)}
    for name, field in (
        ("line_items", "lineItems"),
        ("discount_codes", "discountCodes"),
    ):
        lists = orders.field(field)
        elements = lists.flatten()
        parents = pc.list_parent_indices(lists)
        values = (
            {f.name: elements.field(f.name) for f in elements.type}
            if pa.types.is_struct(elements.type)
            else {"code": elements}
        )
        starts = lists.offsets.to_numpy()[parents.to_numpy()] - lists.offsets[0].as_py()
        tables[f"roster_data.orders__{name}"] = pa.table(
            {
                "order_id": orders.field("orderId").take(parents),
                "position": pa.array(np.arange(len(elements)) - starts),
                **values,
            }
        )
    return tables


def _orders(bodies: list[bytes]) -> dict[str, pa.Table]:
    records = list(chain.from_iterable(orjson.loads(body)["data"] for body in bodies))
    lines = list(chain.from_iterable(order["lineItems"] for order in records))
    codes = list(chain.from_iterable(order["discountCodes"] for order in records))
    return {
        "roster_data.orders": _typed({name: _text(records, name) for name in _ORDER}),
        "roster_data.orders__line_items": pa.table(
            {
                **_place(records, "lineItems"),
                "sku": _text(lines, "sku"),
                "name": _text(lines, "name"),
                "quantity": pa.array([row["quantity"] for row in lines], pa.int64()),
                "price": _money(_text(lines, "price")),
            }
        ),
        "roster_data.orders__discount_codes": pa.table(
            {
                **_place(records, "discountCodes"),
                "code": pa.array(codes, pa.string()),
            }
        ),
    }


def _typed(texts: Mapping[str, pa.Array]) -> pa.Table:
    """The columns of orders in their types and under their names in the warehouse."""
    columns = dict(texts)
    for name in ("subtotalPrice", "totalPrice", "refundedAmount"):
        columns[name] = _money(columns[name])
    for name in ("createdAt", "updatedAt"):
        columns[name] = _moment(columns[name])
    columns["orderDate"] = pc.assume_timezone(
        _moment(columns["orderDate"], None), "UTC"
    )
    return pa.table({column_name(name): values for name, values in columns.items()})


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


def _pages(bodies: list[bytes]) -> dict[str, pa.Table]:
    whole = list(map(orjson.loads, bodies))
    ranks = [(page, rank) for page in whole for rank in page["ranks"]]
    users = [(page, rank, user) for page, rank in ranks for user in rank["users"]]

    def held(field: str, name: str) -> pa.Table:
        rows = [
            (p, user, value) for p, _, user in users for value in user.get(field) or ()
        ]
        return (
            pa.table(
                {
                    "page_id": [page["page_id"] for page, _, _ in rows],
                    "discord_id": [user["discord_id"] for _, user, _ in rows],
                    name: [value for _, _, value in rows],
                }
            )
            .group_by(["page_id", "discord_id", name], use_threads=False)
            .aggregate([])
        )

    page_fields = (
        *("page_id", "owner_id", "custom_title", "description"),
        *("custom_url_path", "public_url"),
    )
    user_fields = (
        *("discord_id", "name", "rank", "discord_username"),
        *("promotion_date", "promotion_officer", "patrol_hours"),
    )
    return {
        "autorosters_data.pages": pa.table(
            {name: [page[name] for page in whole] for name in page_fields}
        ),
        "autorosters_data.ranks": pa.table(
            {
                "page_id": [page["page_id"] for page, _ in ranks],
                **{
                    name: [rank[name] for _, rank in ranks]
                    for name in ("role_id", "rank_name", "is_command")
                },
            }
        ),
        "autorosters_data.users": pa.table(
            {
                "page_id": [page["page_id"] for page, _, _ in users],
                "role_id": [rank["role_id"] for _, rank, _ in users],
                **{
                    name: pa.array(
                        [user.get(name) for _, _, user in users],
                        pa.float64() if name == "patrol_hours" else pa.string(),
                    )
                    for name in user_fields
                },
            }
        ),
        "autorosters_data.user_certifications": held("certifications", "certification"),
        "autorosters_data.user_subdivisions": held("subdivisions", "subdivision"),
    }


def command() -> None:
    """The whole command that loads orders, interpreter start included."""
    subprocess.run(
        [sys.executable, "-m", "roster_platform.ingest", "roster", "orders"],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def endpoints() -> None:
    """Twelve endpoints in one process, as one run of Dagster loads them."""
    with pipelines_kept():
        for endpoint in SMALL:
            with load_endpoint(endpoint.name):
                pass


CONTENDERS: Mapping[str, Callable[[], None]] = {
    "plain": plain,
    "tuned": tuned,
    "platform": platform,
    "dagster": through_dagster,
    "bare": bare,
    "bare dicts": bare_dicts,
    "pages": pages,
    "page by page": page_by_page,
    "pages through dagster": pages_through_dagster,
    "bare pages": bare_pages,
    "bare read": bare_read,
    "bare read of pages": bare_read_of_pages,
    "command": command,
    "curl and SQL": curl_and_sql,
    "endpoints": endpoints,
    "bare read of endpoints": bare_read_of_endpoints,
}

_QUESTIONS = {
    "roster_data": {
        "orders": "count(*), sum(cast(total_price as decimal(18, 2)))",
        "orders__line_items": "count(*), sum(quantity)",
        "orders__discount_codes": "count(*)",
    },
    "autorosters_data": {
        "pages": "count(*)",
        "ranks": "count(*), count(distinct role_id)",
        "users": "count(*), count(distinct discord_id), sum(patrol_hours)::bigint",
        "user_certifications": "count(*)",
        "user_subdivisions": "count(*)",
    },
}


def landed() -> dict[str, str]:
    """Rows of every table that was loaded, with sums that distinguish them."""
    path = Warehouse.from_settings().database_path
    found: dict[str, str] = {}
    if not path.exists():
        return found
    with duckdb.connect(str(path), read_only=True) as database:
        tables = database.sql(
            "select table_schema, table_name from information_schema.tables"
        ).fetchall()
        for schema, questions in _QUESTIONS.items():
            for table, what in questions.items():
                for name in (table, f"{table}_versions"):
                    if (schema, name) in tables:
                        sql = f"select {what} from {schema}.{name}"
                        (row,) = database.sql(sql).fetchall()
                        found[name] = " / ".join(map(str, row))
    return found


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
