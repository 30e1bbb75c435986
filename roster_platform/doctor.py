"""``roster-platform doctor``: is this installation well, and if not, what is to be done?

It changes nothing, asks each API for one cheap answer, and prints no secret.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from packaging.requirements import Requirement

from roster_platform.ingest import autorosters, roster
from roster_platform.ingest.clicks import outbox_files, waiting_clicks
from roster_platform.ingest.errors import ConfigurationError, IngestError
from roster_platform.ingest.settings import (
    alert_settings,
    autorosters_settings,
    platform_settings,
    roster_settings,
)
from roster_platform.ingest.warehouse import Warehouse

if TYPE_CHECKING:
    import dagster as dg

_PACKAGE = "roster-platform"
_SMALLEST_FREE_BYTES = 2 * 1024**3
_MANIFEST = Path(__file__).parents[1] / "dbt_project" / "target" / "manifest.json"


@dataclass(frozen=True)
class Finding:
    """What one check found; ``what`` also says what to do unless all is well."""

    state: Literal["ok", "note", "problem"]
    subject: str
    what: str


def diagnose() -> Iterator[Finding]:
    """Every check, one after the other; a problem in one does not stop the others."""
    yield from _versions()
    yield from _configuration()
    try:
        warehouse = Warehouse.from_settings()
    except ConfigurationError:
        return  # Told already.
    yield _answers("Roster", roster.check_access, roster_settings)
    yield _public_token()
    yield _answers("Auto Rosters", autorosters.check_access, autorosters_settings)
    yield _database(warehouse)
    yield _disk(warehouse)
    yield from _pending(warehouse)
    yield from _dagster()


def _versions() -> Iterator[Finding]:
    wrong = []
    for text in metadata.requires(_PACKAGE) or ():
        needed = Requirement(text)
        if needed.marker and not needed.marker.evaluate({"extra": ""}):
            continue
        try:
            found = metadata.version(needed.name)
        except metadata.PackageNotFoundError:
            wrong.append(f"{needed.name} is not installed")
            continue
        if not needed.specifier.contains(found, prereleases=True):
            wrong.append(f"{needed.name} {found} is not {needed.specifier}")
    told = ", ".join(
        f"{name} {metadata.version(name)}"
        for name in ("dagster", "dlt", "duckdb", "dbt-core")
    )
    if wrong:
        remedy = "Install again with `make install`."
        yield Finding("problem", "versions", f"{'; '.join(wrong)}. {remedy}")
    else:
        yield Finding("ok", "versions", told)
    if not _MANIFEST.exists():
        remedy = "definitions do not load without it: run `make manifest`."
        yield Finding("problem", "dbt manifest", f"It is missing, and {remedy}")


def _configuration() -> Iterator[Finding]:
    for name, read in {
        "configuration": lambda: Warehouse.from_settings(),
        "Roster settings": roster_settings,
        "Auto Rosters settings": lambda: autorosters_settings().configured_page_ids(),
        "alerts": alert_settings,
    }.items():
        try:
            read()
        except ConfigurationError as error:
            yield Finding("problem", name, str(error))
    try:
        settings = platform_settings()
    except ConfigurationError:
        return
    yield Finding(
        "ok",
        "configuration",
        f"destination {settings.destination}, data in {settings.data_path}",
    )


def _answers(
    name: str, check_access: Callable[[], None], settings: Callable[[], object]
) -> Finding:
    try:
        check_access()
    except ConfigurationError as error:
        # A team may use only one of the APIs.
        return Finding("note", name, str(error))
    except IngestError as error:
        return Finding("problem", name, str(error))
    return Finding("ok", name, f"{settings().base_url} answers, and takes the token")


def _public_token() -> Finding:
    try:
        roster_settings().require_public_access_token()
    except ConfigurationError as error:
        return Finding("note", "Roster clicks", str(error))
    return Finding(
        "ok", "Roster clicks", "a public token is set (not tried: it writes)"
    )


def _database(warehouse: Warehouse) -> Finding:
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
        rows = warehouse.table_rows("roster_data", "autorosters_data", "marts")
    except Exception as error:
        return Finding(
            "problem",
            "warehouse",
            f"{path} cannot be read ({type(error).__name__}). If a program holds it open "
            "(a notebook, a dlt or dbt command), close it; people read "
            f"{warehouse.data_path / 'published'} instead. If it is damaged, restore it "
            "from a backup (docs/runbook.md).",
        )
    return Finding(
        "ok", "warehouse", f"{len(rows)} tables, {sum(rows.values()):,} rows"
    )


def _server(warehouse: Warehouse) -> Finding:
    name = warehouse.settings.destination
    try:
        with warehouse.pipeline("doctor", "roster_data"):
            rows = warehouse.table_rows("roster_data", "autorosters_data", "marts")
    except IngestError as error:
        return Finding("problem", "warehouse", str(error))
    return Finding("ok", "warehouse", f"{name}: {len(rows)} tables")


def _disk(warehouse: Warehouse) -> Finding:
    folder = warehouse.data_path
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    path = warehouse.database_path
    # A publication is a copy, and a load works beside the file.
    needed = max(_SMALLEST_FREE_BYTES, 3 * path.stat().st_size if path.exists() else 0)
    told = f"{free / 1024**3:.1f} GiB are free"
    if not os.access(folder, os.W_OK):
        return Finding(
            "problem", "disk", f"{folder} cannot be written: check its owner."
        )
    if free < needed:
        return Finding(
            "problem",
            "disk",
            f"{told}; loads and publications want {needed / 1024**3:.1f}. Make room, or "
            "move ROSTER_PLATFORM__DATA_DIR.",
        )
    return Finding("ok", "disk", told)


def _pending(warehouse: Warehouse) -> Iterator[Finding]:
    files, clicks = len(outbox_files(warehouse)), waiting_clicks(warehouse)
    if files or clicks:
        yield Finding(
            "note",
            "clicks",
            f"{files} files in the outbox and {clicks} clicks without an answer wait: "
            "start clicks_outbox_sensor, or run `python -m roster_platform.ingest "
            "clicks`.",
        )
    if left := warehouse.dead_runs():
        yield Finding(
            "note", "loads", f"{left} were interrupted; the next load tidies up."
        )


def _dagster() -> Iterator[Finding]:
    import dagster as dg

    from roster_platform.lib.partitions import quarantined_pages, registered_pages

    home = os.environ.get("DAGSTER_HOME")
    if not home:
        yield Finding(
            "note",
            "Dagster",
            "DAGSTER_HOME is not set, so runs and schedules are forgotten with the "
            "process. Set it to an absolute folder that holds dagster.yaml.",
        )
        return
    if not (Path(home) / "dagster.yaml").exists():
        yield Finding(
            "problem",
            "Dagster",
            f"{home} has no dagster.yaml: copy the project's there (`make dev` does).",
        )
        return
    with dg.DagsterInstance.get() as instance:
        yield from _daemons(instance)
        registered = set(registered_pages(instance))
        resting = quarantined_pages(instance)
    with suppress(ConfigurationError):  # Told already.
        configured = set(autorosters_settings().configured_page_ids())
        if configured != registered:
            yield Finding(
                "note",
                "roster pages",
                f"{len(configured - registered)} configured pages are not registered, "
                f"{len(registered - configured)} registered ones not configured: start "
                "autorosters_pages_sensor.",
            )
    if resting:
        yield Finding(
            "note",
            "roster pages",
            f"{len(resting)} are in quarantine: {', '.join(sorted(resting)[:10])}. See "
            "why in the last failed run of autorosters_snapshot (docs/runbook.md).",
        )


def _daemons(instance: dg.DagsterInstance) -> Iterator[Finding]:
    needed = [s for s in instance.get_daemon_statuses().values() if s.required]
    if all(status.healthy for status in needed):
        yield Finding("ok", "Dagster", "its daemon runs")
    else:
        yield Finding(
            "note",
            "Dagster",
            "its daemon does not run, so nothing happens by itself: `make dev`, or "
            "`dagster-daemon run` beside the webserver.",
        )
