"""Findings on the warehouse, the disk it is on, and what waits to be sent."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from roster_platform.doctor.finding import Finding
from roster_platform.errors import IngestError
from roster_platform.ingest.outbox.captures import CAPTURES
from roster_platform.ingest.outbox.send import outbox_files, waiting_records
from roster_platform.warehouse.information_schema import table_rows
from roster_platform.warehouse.warehouse import Warehouse

_SMALLEST_FREE_BYTES = 2 * 1024**3


def database(warehouse: Warehouse) -> Finding:
    """Count what the warehouse has, unless somebody writes it."""
    path = warehouse.database_path
    try:
        if not warehouse.is_one_file or warehouse.settings.destination != "duckdb":
            return _server(warehouse)
    except IngestError as error:
        return Finding("problem", "warehouse", str(error))
    if not path.exists():
        return Finding("note", "warehouse", f"{path} is made by the first load.")
    if warehouse.is_being_written():
        return Finding(
            "note",
            "warehouse",
            f"{path} is being written by a run. Others wait for it; should it never "
            "end, stop its process, and the lock goes with it.",
        )
    try:
        rows = _rows(warehouse)
    except Exception as error:
        return Finding(
            "problem",
            "warehouse",
            f"{path} cannot be read ({type(error).__name__}). If a program holds it open "
            "(a notebook, a dlt or dbt command), close it; people read "
            f"{warehouse.data_path / 'published'} instead. If it is damaged, restore it "
            "from a backup (docs/operations.md).",
        )
    return Finding(
        "ok", "warehouse", f"{len(rows)} tables, {sum(rows.values()):,} rows"
    )


def _rows(warehouse: Warehouse) -> dict[str, int]:
    with warehouse.sql() as client:
        return table_rows(client, "roster_data", "autorosters_data", "marts")


def _server(warehouse: Warehouse) -> Finding:
    name = warehouse.settings.destination
    try:
        with warehouse.pipeline("doctor", "roster_data"):
            rows = _rows(warehouse)
    except IngestError as error:
        return Finding("problem", "warehouse", str(error))
    return Finding("ok", "warehouse", f"{name}: {len(rows)} tables")


def disk(warehouse: Warehouse) -> Finding:
    """Compare the free space with what loads, publications and retention want."""
    folder = warehouse.data_path
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    path = warehouse.database_path
    history = _history_bytes()
    # A publication is a copy, and a load works beside the file; compacting copies, too.
    needed = max(
        _SMALLEST_FREE_BYTES,
        3 * path.stat().st_size if path.exists() else 0,
        history,
    )
    told = f"{free / 1024**3:.1f} GiB are free"
    if history:
        told += f", and Dagster's history has {history / 1024**3:.1f} GiB"
    if not os.access(folder, os.W_OK):
        return Finding(
            "problem", "disk", f"{folder} cannot be written: check its owner."
        )
    if free < needed:
        return Finding(
            "problem",
            "disk",
            f"{told}; loads, publications and retention want {needed / 1024**3:.1f}. Make "
            "room: start the schedule retention_daily, or move "
            "ROSTER_PLATFORM__DATA_DIR.",
        )
    if free < 2 * needed:
        return Finding(
            "note",
            "disk",
            f"{told}; {needed / 1024**3:.1f} are wanted, and it grows. Start the schedule "
            "retention_daily, or lower ROSTER_PLATFORM__KEEP_RUNS_DAYS.",
        )
    return Finding("ok", "disk", told)


def _history_bytes() -> int:
    """The size of Dagster's folder; 0 without one."""
    from roster_platform.lib.retention import folder_size

    folder = Path(os.environ.get("DAGSTER_HOME") or os.devnull)
    return folder_size(folder) if folder.is_dir() else 0


def pending(warehouse: Warehouse) -> Iterator[Finding]:
    """Report what waits to be sent, and loads that were interrupted."""
    for name, capture in CAPTURES.items():
        files = len(outbox_files(warehouse, capture))
        waiting = waiting_records(warehouse, capture)
        if files or waiting:
            yield Finding(
                "note",
                name,
                f"{files} files in the outbox and {waiting} {capture.noun}s without an "
                f"answer wait: start {name}_outbox_sensor, or run `python -m "
                f"roster_platform.ingest {name}`.",
            )
    if left := warehouse.dead_runs():
        yield Finding(
            "note", "loads", f"{left} were interrupted; the next load tidies up."
        )
