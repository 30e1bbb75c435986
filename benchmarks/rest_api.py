"""Our ``rest_api_source`` next to dlt's: ``python -m benchmarks.rest_api``.

A server in a process of its own answers pages after a delay; each contender extracts,
normalizes and loads into a new DuckDB file, in a process of its own. Prints seconds, CPU
seconds of the client, and rows, and fails where the two did not land the same.
"""

from __future__ import annotations

import json
import multiprocessing
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_CASES: dict[str, tuple[int, int, float]] = {
    # Records, records of a page, seconds of latency.
    "10,000 records, 100 pages, 50 ms": (10_000, 100, 0.05),
    "200 parents, a request each, 50 ms": (200, 200, 0.05),
    "100,000 records, 100 pages, 0 ms": (100_000, 1000, 0.0),
}


def main() -> None:
    """Run every case with both, and print a table."""
    print("| case | dlt: s (CPU s) | ours: s (CPU s) | times | rows |")
    print("|---|--:|--:|--:|--:|")
    for case, (records, size, latency) in _CASES.items():
        with _server(records, size, latency) as url:
            dlts, ours = (_contend(name, url, case) for name in ("dlt", "ours"))
        assert dlts["landed"] == ours["landed"], (dlts, ours)
        times = dlts["seconds"] / ours["seconds"]
        print(
            f"| {case} | {dlts['seconds']:.1f} ({dlts['cpu']:.1f}) "
            f"| {ours['seconds']:.1f} ({ours['cpu']:.1f}) | {times:.1f} "
            f"| {sum(count for count, _ in ours['landed'].values()):,} |"
        )


def _contend(name: str, url: str, case: str) -> dict[str, Any]:
    words = [sys.executable, "-m", "benchmarks.rest_api", name, url, case]
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def contender(name: str, url: str, case: str) -> None:
    """Load once, and print what it took as JSON."""
    import dlt

    # Imports are apart for both; DuckDB imports this one with the first parameter it binds.
    import pandas  # noqa: F401
    from dlt.sources.rest_api import rest_api_source as dlts

    from roster_platform.rest_api import rest_api_source as ours

    _, size, _ = _CASES[case]
    resources: list[Any] = [
        {
            "name": "records",
            "endpoint": {
                "path": "records",
                "data_selector": "data",
                "paginator": {"type": "offset", "limit": size, "total_path": "total"},
            },
        }
    ]
    if "parents" in case:
        resources.append(
            {
                "name": "children",
                "endpoint": {
                    "path": "records/{resources.records.id}/children",
                    "paginator": "single_page",
                },
            }
        )
    config: Any = {"client": {"base_url": url}, "resources": resources}
    with tempfile.TemporaryDirectory() as folder:
        pipeline = dlt.pipeline(
            "benchmark",
            pipelines_dir=f"{folder}/dlt",
            destination=dlt.destinations.duckdb(f"{folder}/warehouse.duckdb"),
            dataset_name="raw",
        )
        started, used = time.perf_counter(), _cpu()
        pipeline.run((dlts if name == "dlt" else ours)(config))
        seconds, cpu = time.perf_counter() - started, _cpu() - used
        with pipeline.sql_client() as client:
            landed = {
                table: client.execute_sql(f"select count(*), sum(id) from {table}")[0]
                for table in pipeline.default_schema.data_table_names()
            }
    print(json.dumps({"seconds": seconds, "cpu": cpu, "landed": landed}, default=int))


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


@contextmanager
def _server(records: int, size: int, latency: float) -> Iterator[str]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    arguments = (records, size, latency, theirs)
    process = context.Process(target=_serve, args=arguments, daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        process.terminate()
        process.join()


def _serve(records: int, size: int, latency: float, ready: Any) -> None:
    import asyncio

    from aiohttp import web

    rows = [
        {
            "id": n,
            "name": f"record {n}",
            "price": n / 4,
            "active": n % 2 == 0,
            "updated_at": f"2024-01-{1 + n % 28:02}T10:00:00Z",
        }
        for n in range(records)
    ]
    pages = {
        start: json.dumps({"data": rows[start : start + size], "total": records})
        for start in range(0, records, size)
    }

    async def answer(request: web.Request) -> web.Response:
        await asyncio.sleep(latency)
        if request.path.endswith("/children"):
            text = json.dumps([{"id": int(request.path.split("/")[2])}])
        else:
            text = pages[int(request.query.get("offset", 0))]
        return web.Response(text=text, content_type="application/json")

    async def run() -> None:
        app = web.Application()
        app.router.add_get("/{path:.*}", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        ready.send(f"http://127.0.0.1:{port}")
        await asyncio.Event().wait()

    asyncio.run(run())


if __name__ == "__main__":
    if len(sys.argv) > 1:
        contender(*sys.argv[1:])
    else:
        main()
