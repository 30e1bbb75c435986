"""What nothing can go below: bare reads, a shell script, and tables and nothing else.

Contenders of ``benchmarks.contenders``, which runs them.
"""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import aiohttp
import duckdb
import orjson

from roster_platform.ingest.roster.endpoints import ENDPOINTS
from roster_platform.ingest.settings import roster_settings

_BATCH = 50
SMALL = [e for e in ENDPOINTS if not e.optional][:12]
"""The endpoints that are loaded one after the other in one process."""
_KEYS = {
    "orders": ("currency", "email", "referral_id"),
    "orders__discount_codes": ("code",),
    "users": ("discord_username",),
}

# As short as it gets: curl, eight at a time, and DuckDB's SQL.
CURL = """
cd "$1"
mkdir pages
head="Authorization: Bearer $3"
url="$2/v2/orders?pageSize=100&page="
last=$(curl -sS -H "$head" "${url}1" | grep -o '"totalPages":[0-9]*' | cut -d: -f2)
curl -sS -Z --parallel-max 8 -H "$head" "${url}[1-$last]" -o "pages/#1.json"
"""
SQL = """
create schema roster_data;
create temp table pages as select unnest(data) as o from read_json(
    '{folder}/pages/*.json', columns = {{data: 'struct("orderId" text, "orderNumber" text,
    "orderDate" timestamp, status text, currency text, "subtotalPrice" decimal(18, 4),
    "totalPrice" decimal(18, 4), "refundedAmount" decimal(18, 4), "firstName" text,
    email text, "referralId" text, "createdAt" timestamptz, "updatedAt" timestamptz,
    "lineItems" struct(sku text, name text, quantity bigint, price decimal(18, 4))[],
    "discountCodes" text[])[]'}});
create table roster_data.orders as select o."orderId" as order_id,
    o."orderNumber" as order_number, o."orderDate" as order_date, o.status, o.currency,
    o."subtotalPrice" as subtotal_price, o."totalPrice" as total_price,
    o."refundedAmount" as refunded_amount, o."firstName" as first_name, o.email,
    o."referralId" as referral_id, o."createdAt" as created_at,
    o."updatedAt" as updated_at from pages;
create table roster_data.orders__line_items as select o."orderId" as order_id,
    generate_subscripts(o."lineItems", 1) - 1 as position, unnest(o."lineItems", recursive
    := true) from pages;
create table roster_data.orders__discount_codes as select o."orderId" as order_id,
    generate_subscripts(o."discountCodes", 1) - 1 as position,
    unnest(o."discountCodes") as code from pages;
"""


def own_columns(name: str) -> str:
    """The columns that the platform adds to a table, as cheaply as they can be had.

    A digest is DuckDB's own hash, a key to compare by has no more than small letters.
    """
    columns = ["now() as _observed_at", "'load' as _dlt_load_id"]
    columns += [f"lower(trim({key})) as {key}_key" for key in _KEYS.get(name, ())]
    if name == "orders":
        columns += ["false as is_deleted", "null::timestamptz as deleted_at"]
    if "__" not in name:
        columns.append("format('{:016x}', hash(batch)) as _digest")
    return ", ".join(columns)


def write_versions(database: duckdb.DuckDBPyConnection) -> None:
    """Write the first version of every row."""
    tables = database.execute(
        "select schema_name || '.' || table_name from duckdb_tables()"
    ).fetchall()
    for (name,) in tables:
        database.execute(
            f"create table {name}_versions as select *, _observed_at as _valid_from, "
            f"1::bigint as _sequence, 'inserted' as _change from {name}"
        )


def bare_read() -> None:
    """The same requests as a read of orders, parsed by Arrow and thrown away."""
    from benchmarks.contenders import orders_parsed, roster_urls

    asyncio.run(_read(roster_urls, orders_parsed))


def bare_read_of_pages() -> None:
    """Every roster page, parsed and thrown away."""
    from benchmarks.contenders import page_urls

    asyncio.run(_read(page_urls, lambda bodies: list(map(orjson.loads, bodies))))


def bare_read_of_endpoints() -> None:
    """The first page of every endpoint that has a path of its own, parsed."""

    async def urls(session: aiohttp.ClientSession) -> tuple[Iterator[str], int]:
        settings = roster_settings()
        session.headers["Authorization"] = f"Bearer {settings.access_token}"
        paths = [e.path for e in SMALL if e.path and not e.parent]
        return (f"{settings.base_url}/{path}" for path in paths), settings.concurrency

    asyncio.run(_read(urls, lambda bodies: list(map(orjson.loads, bodies))))


async def _read(
    urls: Callable[[aiohttp.ClientSession], Any], parse: Callable[[list[bytes]], Any]
) -> None:
    batch: list[bytes] = []

    async def work(session: aiohttp.ClientSession, left: Iterator[str]) -> None:
        for url in left:
            async with session.get(url) as response:
                batch.append(await response.read())
            if len(batch) >= _BATCH:
                parse(batch)
                batch.clear()

    async with aiohttp.ClientSession() as session:
        left, concurrency = await urls(session)
        await asyncio.gather(*(work(session, left) for _ in range(concurrency)))
    if batch:
        parse(batch)


def curl_and_sql() -> None:
    """Fifteen lines of curl and of DuckDB's SQL, as its command line would run it."""
    from roster_platform.warehouse.warehouse import Warehouse

    settings, warehouse = roster_settings(), Warehouse.from_settings()
    folder = warehouse.data_path.absolute()
    arguments = (str(folder), settings.base_url, str(settings.access_token))
    subprocess.run(["sh", "-euc", CURL, "curl", *arguments], check=True)
    with duckdb.connect(str(warehouse.database_path)) as database:
        database.execute(SQL.format(folder=folder))
