"""Settings of the platform itself: ``roster_platform`` and the sections below it.

Configuration is dlt's own: environment variables, ``.dlt/secrets.toml``,
``.dlt/config.toml`` and vault providers. Nothing is read at import.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dlt.common.configuration import configspec
from dlt.common.configuration.specs import BaseConfiguration
from dlt.common.typing import TSecretStrValue

from roster_platform.errors import ConfigurationError
from roster_platform.settings.configuration import absolute, resolved
from roster_platform.settings.plain_path import checked_data_folder


@configspec
class PlatformSettings(BaseConfiguration):
    """The platform's settings, such as ``ROSTER_PLATFORM__DESTINATION``."""

    destination: str = "duckdb"
    data_dir: str = "data"
    mappings_dir: str = "mappings"
    """Folder of what a user found out about the APIs (see ``mappings``)."""
    timezone: str = "UTC"
    """Time zone of the schedules below (they run once someone starts them)."""
    roster_incremental_cron: str = "7 * * * *"
    roster_full_read_cron: str = "17 3 * * *"
    autorosters_snapshot_cron: str = "37 4 * * *"
    autorosters_quarantine_cron: str = "23 */4 * * *"
    models_cron: str = "47 5 * * *"
    digest_cron: str = "11 8 * * 1"
    mapping_checks_cron: str = "7 6 * * 1"
    retention_cron: str = "27 2 * * *"
    keep_runs_days: int = 90
    """How long Dagster's runs are kept, once the schedule retention_daily is started."""
    keep_sent_days: int = 730
    """How long the outbox knows what was sent, and keeps its files; what comes again
    later is sent again."""
    keep_lake_days: int = 7
    """How long the earlier states of a lake, and the files that they need, stay."""
    executor: Literal["in_process", "multiprocess", "celery", "kubernetes"] = (
        "in_process"
    )
    """Where the operations of a run are executed (see docs/deployment.md)."""
    pages_per_run: int | None = None
    """Most roster pages that one run reads; runs of a range are split, for many workers."""
    rate_limit_url: TSecretStrValue | None = None
    """Redis URL for a rate limit that all workers share; unset, each limits itself."""
    retired_pages: Literal["keep", "purge"] = "keep"
    """What becomes of the rows of a page that is no longer configured."""
    hash_pii: bool = False
    """Show e-mails, names and handles in the marts as hashes under ``pii_key``."""
    pii_key: TSecretStrValue | None = None
    reporting_timezone: str = "UTC"
    """The time zone whose days the marts count in, such as ``America/New_York``."""
    fiscal_year_first_month: int = 1
    """The month, 1 to 12, in which fiscal years begin in ``dim_dates``."""

    def require_pii_key(self) -> str:
        """The key, or a ConfigurationError that says how to set one."""
        if not self.pii_key:
            raise ConfigurationError(
                "Personal data is to be hashed (ROSTER_PLATFORM__HASH_PII), but there is "
                "no key for it. Make one, e.g. with `openssl rand -hex 32`, and set "
                "ROSTER_PLATFORM__PII_KEY, or pii_key under [roster_platform] in "
                ".dlt/secrets.toml. Keep it: with another key every hash changes."
            )
        return str(self.pii_key)

    @property
    def data_path(self) -> Path:
        """The absolute folder of all local state."""
        return absolute(self.data_dir)

    @property
    def mappings_path(self) -> Path:
        """The absolute folder of the mappings."""
        return absolute(self.mappings_dir)


@configspec
class ChannelSettings(BaseConfiguration):
    """Where messages go; nowhere by default."""

    slack_webhook_url: TSecretStrValue | None = None
    discord_webhook_url: TSecretStrValue | None = None
    webhook_url: TSecretStrValue | None = None
    """Gets JSON: ``text``, and ``findings`` (alerts) or ``digest`` next to it."""
    email_to: str | None = None
    email_from: str | None = None
    smtp_url: TSecretStrValue | None = None
    """``smtp://user:password@host:587`` (STARTTLS) or ``smtps://...``."""
    apprise_urls: TSecretStrValue | None = None
    """Addresses of other services in Apprise's form, with spaces or commas between them."""


@configspec
class AlertSettings(ChannelSettings):
    """Who receives alerts (``roster_platform.alerts``); nobody by default."""

    ui_url: str = "http://127.0.0.1:3000"
    """Where the Dagster UI is, for links to runs."""


@configspec
class DigestSettings(ChannelSettings):
    """Who receives the weekly digest (``roster_platform.digest``); nobody by default."""

    programs: list[str] | None = None
    """Names or ids of the programs in the digest; all by default."""
    pages: list[str] | None = None
    """Titles or ids of the roster pages in the digest; all by default."""
    names: bool = True
    """Name people; without, the digest has counts only."""


@configspec
class DashboardSettings(BaseConfiguration):
    """The dashboard (``roster_platform.dashboard``)."""

    password: TSecretStrValue | None = None
    """Asked for before anything is shown; without, nothing is asked."""


def platform_settings() -> PlatformSettings:
    """Read ``roster_platform`` settings. Raises ConfigurationError."""
    settings = resolved(PlatformSettings(), ("roster_platform",))
    if settings.pages_per_run is not None and settings.pages_per_run <= 0:
        raise ConfigurationError(
            "ROSTER_PLATFORM__PAGES_PER_RUN must be above 0, or left out for one run."
        )
    try:
        ZoneInfo(settings.reporting_timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ConfigurationError(
            "ROSTER_PLATFORM__REPORTING_TIMEZONE is the name of a time zone, such as "
            f"Europe/Berlin; there is no '{settings.reporting_timezone}'."
        ) from None
    if not 1 <= settings.fiscal_year_first_month <= 12:
        raise ConfigurationError(
            "ROSTER_PLATFORM__FISCAL_YEAR_FIRST_MONTH is a month: 1 to 12, not "
            f"{settings.fiscal_year_first_month}."
        )
    checked_data_folder(settings.data_path)
    return settings


def alert_settings() -> AlertSettings:
    """Read ``roster_platform.alerts`` settings. Raises ConfigurationError."""
    return resolved(AlertSettings(), ("roster_platform", "alerts"))


def digest_settings() -> DigestSettings:
    """Read ``roster_platform.digest`` settings. Raises ConfigurationError."""
    return resolved(DigestSettings(), ("roster_platform", "digest"))


def dashboard_settings() -> DashboardSettings:
    """Read ``roster_platform.dashboard`` settings. Raises ConfigurationError."""
    return resolved(DashboardSettings(), ("roster_platform", "dashboard"))
