"""``roster-platform doctor``: find what is wrong with an installation, and what to do.

It changes nothing, asks each API for one cheap answer, and prints no secret.
"""

from __future__ import annotations

import os
import shutil
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from packaging.requirements import Requirement

from roster_platform.ingest import autorosters, roster
from roster_platform.ingest.errors import (
    ConfigurationError,
    IngestError,
)
from roster_platform.ingest.off import (
    missing_credentials,
    was_loaded,
    why_switched_off,
)
from roster_platform.ingest.outbox.captures import CAPTURES
from roster_platform.ingest.outbox.send import outbox_files, waiting_records
from roster_platform.ingest.page_ids import as_known
from roster_platform.ingest.roster.endpoints import BY_NAME as ENDPOINTS_BY_NAME
from roster_platform.ingest.settings import (
    ClientSettings,
    alert_settings,
    autorosters_settings,
    digest_settings,
    platform_settings,
    roster_settings,
)
from roster_platform.ingest.unknown_settings import unknown_settings
from roster_platform.ingest.warehouse import Warehouse
from roster_platform.lib.channels import channels

if TYPE_CHECKING:
    import dagster as dg

PACKAGE = "roster-platform"
_SMALLEST_FREE_BYTES = 2 * 1024**3
_MOST_SHOWN = 3
MANIFEST = Path(__file__).parents[1] / "dbt_project" / "target" / "manifest.json"


@dataclass(frozen=True)
class Finding:
    """The finding of one check; ``what`` also says what to do about a problem."""

    state: Literal["ok", "note", "problem"]
    subject: str
    what: str


def diagnose(*, check_mappings: bool = False) -> Iterator[Finding]:
    """Every check, one after the other; a problem in one does not stop the others.

    A problem that several find, such as a file that cannot be read, comes once.
    ``check_mappings`` probes the APIs as well, which takes minutes and some of their rate
    limit, so it is only done when asked for.
    """
    problems = set()
    for finding in _findings(check_mappings):
        if finding.state == "problem":
            if finding.what in problems:
                continue
            problems.add(finding.what)
        yield finding


def _findings(check_mappings: bool) -> Iterator[Finding]:
    yield from guarded("versions", _versions)
    yield from guarded("configuration", _configuration)
    yield from guarded("settings", check_settings)
    try:
        warehouse = Warehouse.from_settings()
    except Exception:
        return  # Told already.
    for subject, source, check_access in (
        ("Roster", "roster", roster.check_access),
        ("Auto Rosters", "autorosters", autorosters.check_access),
    ):
        answers = partial(_answers, subject, source, check_access, warehouse)
        yield from guarded(subject, answers)
        if check_mappings:
            yield from guarded(f"{subject} mapping", partial(_mapping, subject, source))
    yield from guarded("keys", _no_key)
    yield from guarded("outbox", _public_token)
    yield from guarded("endpoints", _switched_off)
    yield from guarded("warehouse", partial(_database, warehouse))
    yield from guarded("disk", partial(_disk, warehouse))
    yield from guarded("pending work", partial(_pending, warehouse))
    yield from guarded("schedules", _schedules)
    yield from guarded("Dagster", _dagster)


def guarded(
    subject: str, check: Callable[[], Finding | Iterable[Finding]]
) -> Iterator[Finding]:
    """The findings of a check; an error that it did not expect is a finding as well."""
    try:
        found = check()
        yield from [found] if isinstance(found, Finding) else found
    except IngestError as error:
        yield Finding("problem", subject, str(error))
    except Exception as error:
        # Its text may quote a secret; its name and place do not.
        place = traceback.extract_tb(error.__traceback__)[-1]
        yield Finding(
            "problem",
            subject,
            f"It could not be checked: {type(error).__name__} in "
            f"{Path(place.filename).name}, line {place.lineno}. The other checks "
            "continued; please report it.",
        )


def check_settings() -> Iterator[Finding]:
    for sentence in unknown_settings():
        yield Finding("problem", "settings", sentence)


def _schedules() -> Iterator[Finding]:
    from roster_platform.lib.automation import schedule_problems
    from roster_platform.lib.cadences import endpoint_problems

    for problem in dict.fromkeys([*schedule_problems(), *endpoint_problems()]):
        yield Finding("problem", "schedules", problem)


def _versions() -> Iterator[Finding]:
    wrong = []
    for text in metadata.requires(PACKAGE) or ():
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
    if not MANIFEST.exists():
        remedy = "definitions do not load without it: run `make manifest`."
        yield Finding("problem", "dbt manifest", f"It is missing, and {remedy}")


def _configuration() -> Iterator[Finding]:
    for name, read in {
        "configuration": lambda: Warehouse.from_settings(),
        "Roster settings": roster_settings,
        "Auto Rosters settings": lambda: autorosters_settings().configured_page_ids(),
        "alerts": lambda: channels(alert_settings()),
        "digest": lambda: channels(digest_settings()),
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


_SETTINGS: Mapping[str, Callable[[], ClientSettings]] = {
    "roster": roster_settings,
    "autorosters": autorosters_settings,
}
_RESOURCES: Mapping[str, Iterable[str]] = {
    "roster": (*ENDPOINTS_BY_NAME, *CAPTURES),
    "autorosters": ("pages", "page_users"),
}


def _answers(
    name: str, source: str, check_access: Callable[[], None], warehouse: Warehouse
) -> Finding:
    if off := why_switched_off(source):
        return Finding("note", name, off)
    try:
        if missing := missing_credentials(source):
            return _without_credentials(name, source, missing, warehouse)
        check_access()
    except IngestError as error:
        return Finding("problem", name, str(error))
    base_url = _SETTINGS[source]().base_url
    return Finding("ok", name, f"{base_url} answers, and takes the token")


def _no_key() -> Iterator[Finding]:
    if all(
        why_switched_off(source) or missing_credentials(source) for source in _SETTINGS
    ):
        yield Finding(
            "problem",
            "keys",
            "No API has a key yet, so there is nothing to read. Paste the key of one into "
            ".dlt/secrets.toml (docs/connecting.md, step 3).",
        )


def _mapping(name: str, source: str) -> Finding:
    from roster_platform.ingest.probe import differences

    subject = f"{name} mapping"
    if off := why_switched_off(source) or missing_credentials(source):
        return Finding("note", subject, f"not checked: {off}")
    found = differences(source)
    if not found:
        return Finding("ok", subject, "it fits what the API sends")
    more = f" and {len(found) - _MOST_SHOWN} more" if len(found) > _MOST_SHOWN else ""
    return Finding(
        "problem",
        subject,
        f"{'; '.join(found[:_MOST_SHOWN])}{more}. Run `roster-platform probe {source}` to "
        "write it down.",
    )


def _without_credentials(
    name: str, source: str, missing: str, warehouse: Warehouse
) -> Finding:
    """A team may use only one of the APIs; once it was loaded, every read fails."""
    if not warehouse.is_being_written() and was_loaded(source, warehouse):
        remedy = f"set `enabled: false` in mappings/{source}.yaml if it is not used"
        return Finding(
            "problem",
            name,
            f"{missing} It was loaded before, so its reads fail; {remedy}.",
        )
    return Finding("note", name, f"off: {missing}")


def _switched_off() -> Iterator[Finding]:
    for source, resources in _RESOURCES.items():
        off = [name for name in resources if why_switched_off(source, name)]
        if off and not why_switched_off(source):
            what = (
                f"off by `enabled: false` in mappings/{source}.yaml: {', '.join(off)}"
            )
            yield Finding("note", f"{source} endpoints", what)


def _public_token() -> Iterator[Finding]:
    try:
        roster_settings().require_public_access_token()
    except ConfigurationError as error:
        # Whoever has no Roster sends nothing to it.
        if not missing_credentials("roster"):
            yield Finding("note", "outbox", str(error))
        return
    yield Finding("ok", "outbox", "a public token is set (not tried: it writes)")


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
            "from a backup (docs/operations.md).",
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


def _pending(warehouse: Warehouse) -> Iterator[Finding]:
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


def _dagster() -> Iterator[Finding]:
    import dagster as dg

    from roster_platform.lib.partitions import (
        page_name,
        quarantined_pages,
        registered_pages,
    )

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
        was_used = bool(registered or instance.get_runs_count())
        resting = sorted(quarantined_pages(instance))
        named = ", ".join(page_name(instance, page) for page in resting[:10])
    with suppress(ConfigurationError):  # Told already.
        configured = set(
            as_known(autorosters_settings().configured_page_ids(), registered)
        )
        if was_used and configured != registered:
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
            f"{len(resting)} are in quarantine: {named}. See "
            "why in the last failed run of autorosters_snapshot (docs/operations.md).",
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
            "`dagster-daemon run` next to the webserver.",
        )
