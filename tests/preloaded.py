"""What forked processes find imported (see tests/forks.py).

The platform's modules, but for those that read their environment when they are imported,
as the definitions do: a forked process has another.
"""

import gc
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import roster_platform
from roster_platform.kept import kept_for_good

_LEFT_OUT = ("dashboard", "definitions", "defs", "sandbox")
_LIBRARIES = (
    "aiohttp",
    "alembic",
    "dagster._cli",
    "dagster._core.definitions.antlr_asset_selection.antlr_asset_selection",
    "dagster._core.executor.in_process",
    "dagster._core.instance.factory",
    "dagster._core.storage.local_compute_log_manager",
    "dagster._core.storage.root",
    "dagster._core.storage.sqlite_storage",
    "dagster_dbt",
    "dagster_dlt",
    "dbt.adapters.duckdb",
    "dbt.cli.main",
    "dlt._workspace.cli._plugins",
    "dlt.common.libs.pyarrow",
    "dlt.destinations.impl.duckdb.duck",
    "dlt.sources.helpers.requests",
    "httpx",
    "numpy.ma",
    "pyarrow.parquet",
    "rich.progress",
    "tests.deployment",
    "upath",
)


def _modules() -> Iterator[str]:
    root = Path(roster_platform.__file__).parent
    for path in sorted(root.rglob("*.py")):
        first, *_ = path.relative_to(root).with_suffix("").parts
        if first not in _LEFT_OUT and not path.name.startswith("__"):
            module = path.relative_to(root.parent).with_suffix("")
            yield ".".join(module.parts)


# Little of what a command makes is garbage before it ends.
gc.set_threshold(50_000, 20, 50)
with kept_for_good():
    for name in (*_LIBRARIES, *_modules()):
        import_module(name)
    import_module("roster_platform.dbt.overhead").reduce_overhead()
    import_module("tests.parsed").warm_up()
