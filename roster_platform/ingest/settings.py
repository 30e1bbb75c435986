"""Where configuration is read and validated, once.

Configuration is dlt's own: environment variables, ``.dlt/secrets.toml``,
``.dlt/config.toml`` and vault providers, under ``sources.roster_source``,
``sources.autorosters_source`` and ``roster_platform``. Nothing is read at import.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

from dlt.common.configuration import configspec, resolve_configuration
from dlt.common.configuration.exceptions import ConfigurationException
from dlt.common.configuration.specs import BaseConfiguration
from dlt.common.configuration.specs.base_configuration import is_secret_hint
from dlt.common.typing import TSecretStrValue

from roster_platform.ingest.errors import ConfigurationError

PAGE_ID_PATTERN = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LOOPBACK_HOSTS = {"127.0.0.1", "::1", "localhost"}


@configspec
class PlatformSettings(BaseConfiguration):
    """Where data goes: ``ROSTER_PLATFORM__DESTINATION`` and ``…__DATA_DIR``."""

    destination: str = "duckdb"
    data_dir: str = "data"
    timezone: str = "UTC"
    """Time zone of the schedules below (they run once someone starts them)."""
    roster_incremental_cron: str = "7 * * * *"
    roster_full_read_cron: str = "17 3 * * *"
    autorosters_snapshot_cron: str = "37 4 * * *"
    autorosters_quarantine_cron: str = "23 */4 * * *"
    models_cron: str = "47 5 * * *"
    executor: Literal["in_process", "multiprocess", "celery", "kubernetes"] = (
        "in_process"
    )
    """Where the operations of a run are executed (see docs/deployment.md)."""
    pages_per_run: int | None = None
    """Most roster pages that one run reads; runs of a range are split, for many workers."""
    rate_limit_url: TSecretStrValue | None = None
    """A Redis server that keeps the pace of all workers together; each its own without."""
    retired_pages: Literal["keep", "purge"] = "keep"
    """What becomes of the rows of a page that is no longer configured."""
    hash_pii: bool = False
    """Show e-mails, names and handles in the marts as hashes under ``pii_key``."""
    pii_key: TSecretStrValue | None = None

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
        return Path(self.data_dir).expanduser().absolute()


@configspec
class AlertSettings(BaseConfiguration):
    """Who is told of problems (``roster_platform.alerts``); nobody by default."""

    slack_webhook_url: TSecretStrValue | None = None
    discord_webhook_url: TSecretStrValue | None = None
    webhook_url: TSecretStrValue | None = None
    """Gets ``{"text": ..., "findings": [...]}`` as JSON."""
    email_to: str | None = None
    email_from: str | None = None
    smtp_url: TSecretStrValue | None = None
    """``smtp://user:password@host:587`` (STARTTLS) or ``smtps://...``."""
    ui_url: str = "http://127.0.0.1:3000"
    """Where the Dagster UI is, for links to runs."""


@configspec
class ClientSettings(BaseConfiguration):
    """How hard one API is asked, and how patient the client is."""

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
    cursor_param: str = "pageToken"
    max_pages: int = 100_000
    """A read that needs more pages than this ends in an error."""
    endpoints: dict[str, Any] | None = None
    """Per-resource overrides: ``path``, ``params``, ``page_size``, ``newest_first``,
    ``updated_after_param``."""
    discount_rule_ids: list[str] | None = None
    """Rules to read beside those the lookup names."""
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
            )
        return str(self.access_token)

    def require_public_access_token(self) -> str:
        """The public token, or a ConfigurationError that says how to set one."""
        if not self.public_access_token:
            raise ConfigurationError(
                "Roster has no public access token, so no click can be sent. Create a "
                "Public token in Roster under Settings > Integrations > API Access and "
                "set SOURCES__ROSTER_SOURCE__PUBLIC_ACCESS_TOKEN, or "
                "public_access_token under [sources.roster_source] in "
                ".dlt/secrets.toml."
            )
        return str(self.public_access_token)

    def override(self, resource: str, name: str, default: Any = None) -> Any:
        """The configured value of one setting of one resource."""
        return ((self.endpoints or {}).get(resource) or {}).get(name, default)


@configspec
class AutoRostersSettings(ClientSettings):
    """Auto Rosters (``sources.autorosters_source``)."""

    base_url: str = "https://autorosters.com/api"
    api_key: TSecretStrValue | None = None
    page_ids: Any | None = None
    """Roster pages to load: a list, a JSON list or a comma list of page ids."""

    def require_api_key(self) -> str:
        """The API key, or a ConfigurationError that says how to set one."""
        if not self.api_key:
            raise ConfigurationError(
                "Auto Rosters has no API key, so no roster page can be read. Create a key "
                "in your (premium) Auto Rosters account and set "
                "SOURCES__AUTOROSTERS_SOURCE__API_KEY, or api_key under "
                "[sources.autorosters_source] in .dlt/secrets.toml."
            )
        return str(self.api_key)

    def configured_page_ids(self) -> list[str]:
        """The configured page ids, validated, without repeats, in their order."""
        return validated_page_ids(_as_list(self.page_ids))


def platform_settings() -> PlatformSettings:
    """Read ``roster_platform`` settings. Raises ConfigurationError."""
    settings = _resolve(PlatformSettings(), ("roster_platform",))
    if settings.pages_per_run is not None and settings.pages_per_run <= 0:
        raise ConfigurationError(
            "ROSTER_PLATFORM__PAGES_PER_RUN must be above 0, or left out for one run."
        )
    return settings


def roster_settings() -> RosterSettings:
    """Read ``sources.roster_source`` settings. Raises ConfigurationError."""
    return _resolve(RosterSettings(), ("sources", "roster_source"))


def autorosters_settings() -> AutoRostersSettings:
    """Read ``sources.autorosters_source`` settings. Raises ConfigurationError."""
    return _resolve(AutoRostersSettings(), ("sources", "autorosters_source"))


def alert_settings() -> AlertSettings:
    """Read ``roster_platform.alerts`` settings. Raises ConfigurationError."""
    return _resolve(AlertSettings(), ("roster_platform", "alerts"))


def configured_secrets() -> list[str]:
    """The value of every secret that is set, to keep them out of texts."""
    groups = (
        platform_settings(),
        alert_settings(),
        roster_settings(),
        autorosters_settings(),
    )
    return [
        str(value)
        for settings in groups
        for name, hint in settings.get_resolvable_fields().items()
        if is_secret_hint(hint) and (value := getattr(settings, name))
    ]


def validated_page_ids(page_ids: Sequence[str]) -> list[str]:
    """Page ids that are safe in a URL, a path and SQL; repeats dropped.

    Raises ConfigurationError naming the first id that is not a UUID or
    ``[A-Za-z0-9_-]{1,64}``.
    """
    for page_id in page_ids:
        if not PAGE_ID_PATTERN.fullmatch(page_id):
            raise ConfigurationError(
                f"{page_id[:80]!r} is not an Auto Rosters page id. Page ids are UUIDs, or "
                "1 to 64 letters, digits, '_' and '-'. Correct "
                "SOURCES__AUTOROSTERS_SOURCE__PAGE_IDS (a JSON list or a comma list)."
            )
    return list(dict.fromkeys(page_ids))


_Settings = TypeVar("_Settings", bound=BaseConfiguration)


def _resolve(spec: _Settings, sections: tuple[str, ...]) -> _Settings:
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
    if isinstance(settings, ClientSettings):
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
    for name in (
        "concurrency",
        "timeout_seconds",
        "max_attempts",
        "max_response_bytes",
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
