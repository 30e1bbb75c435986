"""Findings on what is installed and configured."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

from roster_platform.doctor.finding import Finding
from roster_platform.errors import ConfigurationError
from roster_platform.ingest.settings import autorosters_settings, roster_settings
from roster_platform.ingest.unknown_settings import unknown_settings
from roster_platform.lib.alerting.channels import channels
from roster_platform.settings.platform import (
    alert_settings,
    digest_settings,
    platform_settings,
)
from roster_platform.warehouse.warehouse import Warehouse

PACKAGE = "roster-platform"
MANIFEST = Path(__file__).parents[2] / "dbt_project" / "target" / "manifest.json"


def versions() -> Iterator[Finding]:
    """Report packages of other versions than are needed, and a missing manifest."""
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


def configuration() -> Iterator[Finding]:
    """Report settings that cannot be used, and where the data is."""
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


def check_settings() -> Iterator[Finding]:
    """Report settings that nobody reads."""
    for sentence in unknown_settings():
        yield Finding("problem", "settings", sentence)
