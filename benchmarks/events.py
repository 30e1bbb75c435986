"""Dagster's events of roster pages: our event log storage next to Dagster's own.

python -m benchmarks.events --pages 2000 --repeats 3
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import dagster as dg

from benchmarks.measure import ROOT, Case, Claim, Run, alternate, new_folder
from benchmarks.report import show
from roster_platform.lib.data_versions import DATA_VERSION_TAG, TABLE_VERSION
from roster_platform.lib.event_log_storage import log_at_once
from roster_platform.lib.partitions import roster_pages

_MOST = {1: 0.35, 6: 0.2}
"""By tables of a page, with two events each: the most of the plain storage's time."""


def measure(repeats: int, pages: int = 2_000) -> tuple[list[Case], list[Claim]]:
    """One run that records every page of some tables, planned and materialized."""
    cases, claims = [], []
    for tables, most in _MOST.items():
        case = alternate(
            f"{pages:,} pages, {2 * tables} events each",
            {
                name: lambda name=name, tables=tables: _recorded(name, pages, tables)
                for name in ("ours", "plain")
            },
            max(1, repeats // 2),
        )
        case.check(("ours", "plain"))
        cases.append(case)
        claims.append(
            Claim(
                f"{case.title}: the time over that of Dagster's own storage",
                case.ratio("ours", "plain"),
                most,
                at_least=False,
            )
        )
    return cases, claims


def _recorded(storage: str, pages: int, tables: int) -> Run:
    """One run in a process and an instance of its own."""
    with new_folder() as folder:
        home = Path(folder, "dagster")
        if storage == "ours":
            (home / "dagster.yaml").write_text((ROOT / "dagster.yaml").read_text())
        done = subprocess.run(
            [sys.executable, "-m", __spec__.name, "--record", str(pages), str(tables)],
            # Dagster's own default is to store one event at a time.
            env=os.environ
            | {"DAGSTER_HOME": str(home)}
            | ({} if storage == "ours" else {"DAGSTER_EVENT_BATCH_SIZE": "0"}),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            check=True,
        )
        return Run(**json.loads(done.stdout.splitlines()[-1]))


def _record(pages: int, tables: int) -> None:
    """Run it in this process, and print the time and the events that are there."""
    page_ids = [f"page-{number:05d}" for number in range(pages)]
    keys = [dg.AssetKey(["autorosters", f"table_{n}"]) for n in range(tables)]

    @dg.multi_asset(
        specs=[
            dg.AssetSpec(key, partitions_def=roster_pages, skippable=True)
            for key in keys
        ]
    )
    def read(context: dg.AssetExecutionContext):
        for key in keys:
            log_at_once(
                context,
                (
                    dg.AssetMaterialization(
                        key,
                        partition=page_id,
                        metadata={
                            "dagster/partition_row_count": 60,
                            "members": 60,
                            "joined": 60,
                            "left": 0,
                            "changed": 0,
                            "ranks": 8,
                            "unchanged": False,
                            "content_hash": "0" * 32,
                            TABLE_VERSION: "0" * 32,
                            "title": f"The page {page_id}",
                            "public_url": dg.MetadataValue.url("https://example.org"),
                        },
                        tags={DATA_VERSION_TAG: "0" * 32},
                    )
                    for page_id in page_ids
                ),
            )
        yield from ()

    with dg.DagsterInstance.get() as instance:
        instance.add_dynamic_partitions(roster_pages.name, page_ids)
        started = os.times()
        dg.materialize(
            [read],
            instance=instance,
            tags={
                "dagster/asset_partition_range_start": page_ids[0],
                "dagster/asset_partition_range_end": page_ids[-1],
            },
        )
        ended = os.times()
        landed = {
            key.to_user_string(): str(len(instance.get_materialized_partitions(key)))
            for key in keys
        }
    cpu = ended.user + ended.system - started.user - started.system
    seconds = ended.elapsed - started.elapsed
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu, "landed": landed}))


def main() -> None:
    """Compare the storages."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=2_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--record", type=int, nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.record:
        _record(*options.record)
        return
    cases, claims = measure(options.repeats, options.pages)
    for case in cases:
        show(case)
    for claim in claims:
        print(f"{claim.what}: {claim.figure:.2f} (at most {claim.limit})")


if __name__ == "__main__":
    main()
