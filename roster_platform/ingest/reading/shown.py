"""The last reads of both APIs as a table on the screen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from roster_platform.ingest.off import DATASETS, why_off
from roster_platform.ingest.reading.log import Read, latest_reads
from roster_platform.warehouse.warehouse import Warehouse


def show_reads(warehouse: Warehouse) -> int:
    """Print how the last read of each endpoint and page ended.

    Returns how many did not find everything. Raises WarehouseError when the warehouse
    cannot be read.
    """
    # Where the screen is narrow, nothing is cut.
    table = Table(
        Column("endpoint", overflow="fold"),
        *("last read", "outcome", "records"),
        Column("why", overflow="fold"),
    )
    unproven = 0
    for source, dataset in DATASETS.items():
        if off := why_off(source, None, warehouse):
            print(f"{source}: {off}")
        reads = latest_reads(warehouse, dataset)
        unproven += sum(not read.found_everything for read in reads)
        for read in _whole_and_parts(reads):
            style = "green" if read.found_everything else "red"
            table.add_row(
                f"{read.endpoint} {read.part}".strip(),
                f"{read.read_at:%Y-%m-%d %H:%M}",
                Text(read.outcome, style=style),
                f"{read.row_count:,}",
                Text("; ".join(filter(None, [read.missing_fields, read.proof]))),
            )
    if table.row_count:
        Console().print(table)
    else:
        print("Nothing was read yet.")
    if unproven:
        print(f"{unproven} of the last reads did not find everything.")
    return unproven


def _whole_and_parts(reads: Sequence[Read]) -> Iterator[Read]:
    """The reads, with those of pages that found everything in one row per endpoint."""
    good: dict[str, list[Read]] = {}
    for read in reads:
        if read.part and read.found_everything:
            good.setdefault(read.endpoint, []).append(read)
        else:
            yield read
    for endpoint, parts in good.items():
        yield replace(
            parts[0],
            endpoint=endpoint,
            part=f"({len(parts)} pages)",
            read_at=min(part.read_at for part in parts),
            row_count=sum(part.row_count for part in parts),
            proof="each page came whole",
        )
