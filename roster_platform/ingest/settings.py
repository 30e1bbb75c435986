"""Settings of the two APIs: ``sources.roster_source``, ``sources.autorosters_source``.

Nothing is read at import.
"""

from __future__ import annotations

import json
from typing import Any, TypeVar
from urllib.parse import urlsplit

from dlt.common.configuration import configspec
from dlt.common.configuration.specs import BaseConfiguration
from dlt.common.configuration.specs.base_configuration import is_secret_hint
from dlt.common.typing import TSecretStrValue

from roster_platform.errors import ConfigurationError
from roster_platform.ingest.mappings import source_mapping
from roster_platform.ingest.page_ids import page_ids
from roster_platform.settings.configuration import resolved
from roster_platform.settings.credentials import checked, trimmed
from roster_platform.settings.platform import (
    alert_settings,
    dashboard_settings,
    digest_settings,
    platform_settings,
)
from roster_platform.sources import declaration

_LOOPBACK_HOSTS = {"127.0.0.1", "::1", "localhost"}


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
class ReadSettings(ClientSettings):
    """One API's client, and what becomes of reads that take long."""

    resume_within_minutes: float = 60.0
    """What a read that was interrupted got is not asked again for so long; 0: at once."""
    land_every_seconds: float = 180.0
    """A read that takes longer lands what it has every so many seconds."""


@configspec
class RosterSettings(ReadSettings):
    """Roster (``sources.roster_source``)."""

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
class AutoRostersSettings(ReadSettings):
    """Auto Rosters (``sources.autorosters_source``)."""

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


def roster_settings() -> RosterSettings:
    """Read ``sources.roster_source`` settings. Raises ConfigurationError.

    ``endpoints`` has what ``mappings/roster.yaml`` says as well; what the environment or
    ``.dlt/config.toml`` says comes before it.
    """
    settings = _resolved_client(RosterSettings(), "roster_source")
    settings.endpoints = {
        name: {**words, **((settings.endpoints or {}).get(name) or {})}
        for name, words in source_mapping("roster").endpoints.items()
    } or settings.endpoints
    return settings


def autorosters_settings() -> AutoRostersSettings:
    """Read ``sources.autorosters_source`` settings. Raises ConfigurationError."""
    return _resolved_client(AutoRostersSettings(), "autorosters_source")


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


_Client = TypeVar("_Client", bound=ReadSettings)


def _resolved_client(spec: _Client, source: str) -> _Client:
    settings = resolved(spec, ("sources", source))
    declared = declaration(source.removesuffix("_source")).plain["client"]["base_url"]
    settings.base_url = trimmed(settings.base_url) or declared
    _check_client(settings, f"sources.{source}")
    return settings


def _check_client(settings: ReadSettings, section: str) -> None:
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
        "clock_tolerance_seconds",
        "resume_within_minutes",
        "land_every_seconds",
    ):
        if getattr(settings, name) < 0:
            raise ConfigurationError(f"{name} under [{section}] must not be below 0.")
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
