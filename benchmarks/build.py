"""``dbt build``: everything for the first time, after one more day, and with nothing new.

    python -m benchmarks.build --repeats 5

What one more day costs on the 60th day compared with the 10th is ``benchmarks.history``.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from benchmarks.measure import (
    Case,
    Claim,
    Row,
    console,
    dbt_build,
    ingest,
    new_folder,
    place,
)
from benchmarks.report import show
from roster_platform.sandbox import running_sandbox

_BUILDS = ("full", "one more day", "nothing new")


def measure(repeats: int) -> tuple[list[Case], list[Claim]]:
    """The default sandbox, loaded on two days and built three times, over and over."""
    case = Case(
        "dbt build of 5,000 orders and 40 pages, tests included",
        list(map(Row, _BUILDS)),
    )
    with running_sandbox() as sandbox, new_folder() as folder:
        environment = {**sandbox.environment, **place(folder)}
        days = []
        for day in ("first", "second"):
            ingest(environment)
            days.append(Path(folder, f"{day}.duckdb"))
            shutil.copy(Path(folder, "roster.duckdb"), days[-1])
            sandbox.advance(1)
        for _ in range(repeats):
            shutil.copy(days[0], Path(folder, "roster.duckdb"))
            _build(case["full"], environment)
            # The next day's load of the built warehouse.
            for schema in ("roster_data", "autorosters_data"):
                _take_over(days[1], Path(folder, "roster.duckdb"), schema)
            _build(case["one more day"], environment)
            _build(case["nothing new"], environment)
    return [case], []


def _build(row: Row, environment: dict[str, str]) -> None:
    row.runs.append(dbt_build(environment))
    console.print(
        f"dbt build, {row.name}: {row.runs[-1].seconds:.2f} s", highlight=False
    )


def _take_over(source: Path, target: Path, schema: str) -> None:
    import duckdb

    with duckdb.connect(str(target)) as database:
        database.execute(f"attach '{source}' as later (read_only)")
        tables = database.sql(
            "select table_name from information_schema.tables "
            f"where table_catalog = 'later' and table_schema = '{schema}'"
        ).fetchall()
        for (table,) in tables:
            database.execute(
                f"create or replace table {schema}.{table} as "
                f"from later.{schema}.{table}"
            )


def main() -> None:
    """Run the comparison and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    for case in measure(parser.parse_args().repeats)[0]:
        show(case)


if __name__ == "__main__":
    main()
