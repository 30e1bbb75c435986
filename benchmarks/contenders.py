"""One contender, one load, in a process of its own: ``python -m benchmarks.contenders``.

Prints one JSON line: seconds of the load (imports left out), peak memory of the process
and the rows landed, so that the caller can check that contenders did the same work.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable, Mapping

import dlt
import duckdb
from dlt.sources.rest_api import rest_api_source

from roster_platform.ingest.roster import load_endpoint
from roster_platform.ingest.roster.source import rest_api_config
from roster_platform.ingest.settings import roster_settings
from roster_platform.ingest.warehouse import Warehouse


def plain() -> None:
    """The documented script: rest_api, dicts, dlt's defaults, a plain append."""
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
    pipeline.run(rest_api_source(config, name="roster_source"))


def platform() -> None:
    """This platform's ingest, as `python -m roster_platform.ingest` runs it."""
    with load_endpoint("orders"):
        pass


CONTENDERS: Mapping[str, Callable[[], None]] = {"plain": plain, "platform": platform}


def rows_landed() -> dict[str, int]:
    """Rows of the orders and of each exploded list."""
    path = str(Warehouse.from_settings().database_path)
    with duckdb.connect(path, read_only=True) as database:
        return {
            table: database.sql(f"select count(*) from roster_data.{table}").fetchall()[
                0
            ][0]
            for table in ("orders", "orders__line_items", "orders__discount_codes")
        }


if __name__ == "__main__":
    os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")
    started = time.perf_counter()
    CONTENDERS[sys.argv[1]]()
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "peak_mb": peak, "rows": rows_landed()}))
