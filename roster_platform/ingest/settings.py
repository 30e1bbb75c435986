"""Reading and validation of the configuration, in one place.

Configuration is dlt's own: environment variables, ``.dlt/secrets.toml``,
``.dlt/config.toml`` and vault providers, under ``sources.roster_source``,
``sources.autorosters_source`` and ``roster_platform``. Nothing is read at import.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

from dlt.common.configuration import configspec, resolve_configuration
from dlt.common.configuration.exceptions import ConfigurationException
from dlt.common.configuration.specs import BaseConfiguration
from dlt.common.configuration.specs.base_configuration import is_secret_hint
from dlt.common.typing import TSecretStrValue

from roster_platform.ingest import configuration
from roster_platform.ingest.credentials import checked, trimmed
from roster_platform.ingest.errors import ConfigurationError
from roster_platform.ingest.mappings import source_mapping
from roster_platform.ingest.page_ids import page_ids
from roster_platform.ingest.plain_path import checked_data_folder

_LOOPBACK_HOSTS = {"127.0.0.1", "::1", "localhost"}


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
        return configuration.absolute(self.data_dir)

    @property
    def mappings_path(self) -> Path:
        """The absolute folder of the mappings."""
        return configuration.absolute(self.mappings_dir)


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


@configspec
class ClientSettings(BaseConfiguration):
    """The limits and the patience of one API's client."""

    base_url: str = ""
    concurrency: int = 8
    """Requests in flight at the same time."""
    requests_per_minute: float | None = None
    """Client-side rate limit; none by default."""
    timeout_seconds: float = 30.0
    """Longest wait for one answer."""
    max_attempts: int = 5
    """Tries of one request that fails for a temporary reason."""
    max_wait_seconds: float = 30.0
    """Longest pause slept through here; a longer Retry-After is raised."""
    max_response_bytes: int = 64 * 2**20
    """Largest answer read, when decoded; a larger one is an error."""
    volatile_fields: list[str] | None = None
    """Fields that change with every answer and say nothing, such as ``generated_at``: what
    differs in them alone is unchanged."""
    clock_tolerance_seconds: float = 600.0
    """How far the API's clock may be ahead of ours before ours is used instead."""


@configspec
class RosterSettings(ClientSettings):
    """Roster (``sources.roster_source``)."""

    base_url: str = "https://api.getroster.com"
    access_token: TSecretStrValue | None = None
    public_access_token: TSecretStrValue | None = None
    page_param: str = "page"
    page_size_param: str = "pageSize"
    first_page: int = 1
    page_size: int = 100
    cursor_param: str | None = None
    """Sends a cursor back; by default it is named as the answer names the cursor."""
    max_pages: int = 100_000
    """A read that needs more pages than this ends in an error."""
    endpoints: dict[str, Any] | None = None
    """Per-resource overrides: ``path``, ``data_selector``, ``paginator``, ``params``,
    ``page_size``, ``newest_first``, ``updated_after_param``, ``cron``."""
    discount_rule_ids: list[str] | None = None
    """Rules to read next to those that the lookup names."""
    order_capture_path: str = "v2/public/orders"
    """Where orders of the outbox are sent; documented without its path."""
    contacts_path: str | None = None
    """Path of a contacts endpoint, e.g. ``v2/contacts``; none is published."""

    def require_access_token(self) -> str:
        """The private token, or a ConfigurationError that says how to set one."""
        if not self.access_token:
            raise ConfigurationError(
                "Roster has no access token, so its endpoints cannot be read. Create a "
                "Private token in Roster under Settings > Integrations > API Access and "
                "set SOURCES__ROSTER_SOURCE__ACCESS_TOKEN, or access_token under "
                "[sources.roster_source] in .dlt/secrets.toml."
                + _misspelled("access_token")
            )
        return checked(
            str(self.access_token),
            "access_token under [sources.roster_source] "
            "(SOURCES__ROSTER_SOURCE__ACCESS_TOKEN)",
        )

    def require_public_access_token(self) -> str:
        """The public token, or a ConfigurationError that says how to set one."""
        if not self.public_access_token:
            raise ConfigurationError(
                "Roster has no public access token, so nothing can be sent. Create a "
                "Public token in Roster under Settings > Integrations > API Access and "
                "set SOURCES__ROSTER_SOURCE__PUBLIC_ACCESS_TOKEN, or "
                "public_access_token under [sources.roster_source] in "
                ".dlt/secrets.toml." + _misspelled("public_access_token")
            )
        return checked(
            str(self.public_access_token),
            "public_access_token under [sources.roster_source] "
            "(SOURCES__ROSTER_SOURCE__PUBLIC_ACCESS_TOKEN)",
        )

    def override(self, resource: str, name: str, default: Any = None) -> Any:
        """The configured value of one setting of one resource."""
        return ((self.endpoints or {}).get(resource) or {}).get(name, default)


@configspec
class AutoRostersSettings(ClientSettings):
    """Auto Rosters (``sources.autorosters_source``)."""

    base_url: str = "https://autorosters.com/api"
    concurrency: int = 4
    requests_per_minute: float | None = 50.0
    """None is published; keys of neighbours have 9 to 50."""
    api_key: TSecretStrValue | None = None
    page_ids: Any | None = None
    """Roster pages to load: a list, a JSON list or a comma list of page ids."""
    endpoints: dict[str, Any] | None = None
    """A ``cron`` of its own for ``pages`` or ``page_users``."""

    def require_api_key(self) -> str:
        """The API key, or a ConfigurationError that says how to set one."""
        if not self.api_key:
            raise ConfigurationError(
                "Auto Rosters has no API key, so no roster page can be read. Create a key "
                "in your (premium) Auto Rosters account and set "
                "SOURCES__AUTOROSTERS_SOURCE__API_KEY, or api_key under "
                "[sources.autorosters_source] in .dlt/secrets.toml."
                + _misspelled("api_key")
            )
        return checked(
            str(self.api_key),
            "api_key under [sources.autorosters_source] "
            "(SOURCES__AUTOROSTERS_SOURCE__API_KEY)",
        )

    def configured_page_ids(self) -> list[str]:
        """The configured page ids, validated, without repeats, in their order."""
        return page_ids(_as_list(self.page_ids))


def platform_settings() -> PlatformSettings:
    """Read ``roster_platform`` settings. Raises ConfigurationError."""
    settings = resolved(PlatformSettings(), ("roster_platform",))
    if settings.pages_per_run is not None and settings.pages_per_run <= 0:
        raise ConfigurationError(
            "ROSTER_PLATFORM__PAGES_PER_RUN must be above 0, or left out for one run."
        )
    checked_data_folder(settings.data_path)
    return settings


def roster_settings() -> RosterSettings:
    """Read ``sources.roster_source`` settings. Raises ConfigurationError.

    ``endpoints`` has what ``mappings/roster.yaml`` says as well; what the environment or
    ``.dlt/config.toml`` says comes before it.
    """
    settings = resolved(RosterSettings(), ("sources", "roster_source"))
    settings.endpoints = {
        name: {**words, **((settings.endpoints or {}).get(name) or {})}
        for name, words in source_mapping("roster").endpoints.items()
    } or settings.endpoints
    return settings


def autorosters_settings() -> AutoRostersSettings:
    """Read ``sources.autorosters_source`` settings. Raises ConfigurationError."""
    return resolved(AutoRostersSettings(), ("sources", "autorosters_source"))


def alert_settings() -> AlertSettings:
    """Read ``roster_platform.alerts`` settings. Raises ConfigurationError."""
    return resolved(AlertSettings(), ("roster_platform", "alerts"))


def digest_settings() -> DigestSettings:
    """Read ``roster_platform.digest`` settings. Raises ConfigurationError."""
    return resolved(DigestSettings(), ("roster_platform", "digest"))


def dashboard_settings() -> DashboardSettings:
    """Read ``roster_platform.dashboard`` settings. Raises ConfigurationError."""
    return resolved(DashboardSettings(), ("roster_platform", "dashboard"))


def configured_secrets() -> list[str]:
    """The value of every secret that is set, to keep them out of texts."""
    groups = (
        platform_settings(),
        alert_settings(),
        digest_settings(),
        dashboard_settings(),
        roster_settings(),
        autorosters_settings(),
    )
    return [
        str(value)
        for settings in groups
        for name, hint in settings.get_resolvable_fields().items()
        if is_secret_hint(hint) and (value := getattr(settings, name))
    ]


def _misspelled(name: str) -> str:
    """Return where a setting seems to be meant, and is misspelled."""
    from roster_platform.ingest.unknown_settings import unknown_settings

    meant = (f"'{name}'?", f"__{name.upper()}?")
    return "".join(f" {one}" for one in unknown_settings() if one.endswith(meant))


_Settings = TypeVar("_Settings", bound=BaseConfiguration)


def resolved(spec: _Settings, sections: tuple[str, ...]) -> _Settings:
    """Read the settings of a section. Raises ConfigurationError."""
    configuration.prepare()
    try:
        settings = resolve_configuration(spec, sections=sections)
    except ConfigurationException as error:
        # dlt's own text can quote the value it could not read, which may be a secret.
        field = getattr(error, "field_name", None) or "a setting"
        raise ConfigurationError(
            f"{field} under [{'.'.join(sections)}] cannot be read "
            f"({type(error).__name__}). Check its type in the environment, "
            ".dlt/config.toml and .dlt/secrets.toml."
        ) from None
    for name, hint in settings.get_resolvable_fields().items():
        # The key of hashes stays as it is: with another every hash changes.
        if is_secret_hint(hint) and name != "pii_key" and (getattr(settings, name)):
            setattr(settings, name, trimmed(str(getattr(settings, name))) or None)
    if isinstance(settings, ClientSettings):
        settings.base_url = trimmed(settings.base_url)
        _check_client(settings, ".".join(sections))
    return settings


def _check_client(settings: ClientSettings, section: str) -> None:
    url = urlsplit(settings.base_url)
    if url.scheme not in {"http", "https"} or not url.hostname:
        raise ConfigurationError(
            f"base_url under [{section}] must be an http(s) address, "
            f"not {settings.base_url!r}."
        )
    if url.scheme == "http" and url.hostname not in _LOOPBACK_HOSTS:
        raise ConfigurationError(
            f"base_url under [{section}] would send the token in clear text to "
            f"{url.hostname}. Use https; plain http is accepted on this machine only."
        )
    if settings.clock_tolerance_seconds < 0:
        raise ConfigurationError(
            f"clock_tolerance_seconds under [{section}] must not be below 0."
        )
    check_limits(settings, section)


def check_limits(settings: ClientSettings, section: str, *more: str) -> None:
    """Raise ConfigurationError for a limit that is not above 0; ``more`` names others."""
    for name in (
        "concurrency",
        "timeout_seconds",
        "max_attempts",
        "max_response_bytes",
        *more,
    ):
        if getattr(settings, name) <= 0:
            raise ConfigurationError(f"{name} under [{section}] must be above 0.")
    if settings.requests_per_minute is not None and settings.requests_per_minute <= 0:
        raise ConfigurationError(
            f"requests_per_minute under [{section}] must be above 0, or left out."
        )


def _as_list(value: Any) -> list[str]:
    if value is None or value == "":
        return []
    if isinstance(value, str):
        text = value.strip()
        if text.startswith("["):
            try:
                value = json.loads(text)
            except ValueError:
                raise ConfigurationError(
                    "SOURCES__AUTOROSTERS_SOURCE__PAGE_IDS looks like a JSON list but "
                    'cannot be read as one. Write ["id", "id"] or id,id.'
                ) from None
        else:
            value = text.split(",")
    if not isinstance(value, (list, tuple)):
        raise ConfigurationError(
            "page_ids under [sources.autorosters_source] must be a list of page ids."
        )
    return [str(item).strip() for item in value if str(item).strip()]
