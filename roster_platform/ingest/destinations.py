"""The destinations: for each, dlt's side, dbt's side, and what has to be installed.

``ROSTER_PLATFORM__DESTINATION`` names one. Credentials are dlt's own
(``DESTINATION__POSTGRES__CREDENTIALS`` and so on); what dbt's profile needs is derived
from them, so nothing is typed twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dlt
from dlt.common.configuration import resolve_configuration
from dlt.common.configuration.exceptions import ConfigurationException
from dlt.common.exceptions import MissingDependencyException

from roster_platform.ingest.errors import ConfigurationError


@dataclass(frozen=True)
class Destination:
    """How one destination is reached.

    ``make`` gives dlt's destination for the local database file and further options of
    dlt's; ``dbt_environment`` the variables of ``dbt_project/profiles.yml``. ``extra`` is
    the optional dependency that brings its driver. ``is_one_file`` has one writing process
    at a time; with ``has_locks`` workers on many machines write side by side.
    """

    make: Callable[..., Any]
    dbt_environment: Callable[[], Mapping[str, str]] = dict
    credentials: str = "none are needed"
    extra: str | None = None
    is_one_file: bool = False
    has_locks: bool = False


def destination_of(name: str) -> Destination:
    """A destination by name. Raises ConfigurationError for an unknown one."""
    if name not in DESTINATIONS:
        raise ConfigurationError(
            f"ROSTER_PLATFORM__DESTINATION is {name!r}; it must be one of: "
            f"{', '.join(DESTINATIONS)}."
        )
    return DESTINATIONS[name]


def make_destination(name: str, database_path: Path, **options: Any) -> Any:
    """dlt's destination. Raises ConfigurationError when its driver is not installed."""
    destination = destination_of(name)
    try:
        return destination.make(database_path, **options)
    except (MissingDependencyException, ImportError):
        raise ConfigurationError(
            f"The driver of {name} is not installed. Install it with "
            f"`pip install -e '.[{destination.extra}]'`."
        ) from None


def missing_credentials(name: str) -> ConfigurationError:
    """The error that says where credentials of a destination are set."""
    return ConfigurationError(
        f"The credentials of {name} are missing or cannot be read. Set "
        f"DESTINATION__{name.upper()}__CREDENTIALS ({destination_of(name).credentials}), "
        f"or credentials under [destination.{name}] in .dlt/secrets.toml."
    )


def _postgres_environment() -> Mapping[str, str]:
    from dlt.destinations.impl.postgres.configuration import PostgresCredentials

    try:
        credentials = resolve_configuration(
            PostgresCredentials(), sections=("destination", "postgres", "credentials")
        )
    except ConfigurationException:
        raise missing_credentials("postgres") from None
    return {
        "ROSTER_PLATFORM__DBT_HOST": credentials.host,
        "ROSTER_PLATFORM__DBT_PORT": str(credentials.port),
        "ROSTER_PLATFORM__DBT_USER": credentials.username,
        "ROSTER_PLATFORM__DBT_DATABASE": credentials.database,
        # dbt keeps variables of this prefix out of its logs.
        "DBT_ENV_SECRET_PASSWORD": str(credentials.password or ""),
        # Days are days in UTC, whatever the server thinks.
        "PGTZ": "UTC",
    }


DESTINATIONS: Mapping[str, Destination] = {
    "duckdb": Destination(
        make=lambda path: dlt.destinations.duckdb(credentials=str(path)),
        is_one_file=True,
    ),
    "postgres": Destination(
        make=lambda _, **options: dlt.destinations.postgres(**options),
        dbt_environment=_postgres_environment,
        credentials="postgresql://user:password@host:5432/database",
        extra="postgres",
        has_locks=True,
    ),
}
