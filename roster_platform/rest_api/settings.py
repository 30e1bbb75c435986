"""Limits of a declared API: ``[sources.<name>]``, as for every other API."""

from __future__ import annotations

from typing import Literal

from dlt.common.configuration import configspec, resolve_configuration
from dlt.common.configuration.exceptions import ConfigurationException

from roster_platform.errors import ConfigurationError
from roster_platform.ingest.settings import ClientSettings, check_limits


@configspec
class RestApiSettings(ClientSettings):
    """Settings of one declared API; ``base_url`` replaces the declared one."""

    engine: Literal["fast", "dlt"] = "fast"
    """``dlt`` reads by dlt's own session, one request at a time."""
    max_pages: int = 100_000
    """A read that needs more pages than this ends in an error."""


def rest_api_settings(name: str, base_url: str) -> RestApiSettings:
    """Read ``sources.<name>``. Raises ConfigurationError."""
    section = f"sources.{name}"
    try:
        settings = resolve_configuration(RestApiSettings(), sections=("sources", name))
    except ConfigurationException as error:
        # dlt's own text can quote the value it could not read, which may be a secret.
        field = getattr(error, "field_name", None) or "a setting"
        raise ConfigurationError(
            f"{field} under [{section}] cannot be read ({type(error).__name__}). Check "
            "its type in the environment, .dlt/config.toml and .dlt/secrets.toml."
        ) from None
    settings.base_url = settings.base_url or base_url
    check_limits(settings, section, "max_pages")
    return settings
