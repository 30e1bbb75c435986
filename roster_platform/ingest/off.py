"""Endpoints that are off: switched off, or of an API that has no credentials yet.

A team may use only one of the two APIs. What is off is not read, is no failure, and says
so. Credentials that get lost once rows were loaded are an error, which the read raises.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from roster_platform.errors import ConfigurationError
from roster_platform.ingest.autorosters import DATASET_NAME as AUTOROSTERS_DATASET
from roster_platform.ingest.autorosters.tables import BY_NAME as AUTOROSTERS_TABLES
from roster_platform.ingest.mappings import is_enabled
from roster_platform.ingest.roster import DATASET_NAME as ROSTER_DATASET
from roster_platform.ingest.roster.endpoints import BY_NAME as ROSTER_ENDPOINTS
from roster_platform.ingest.settings import autorosters_settings, roster_settings
from roster_platform.warehouse.information_schema import quoted, tables_of
from roster_platform.warehouse.warehouse import Warehouse


@dataclass(frozen=True)
class _Api:
    """An API's credentials and the place of its rows."""

    settings: Callable[[], Any]
    credential: str
    require: Callable[[Any], str]
    dataset: str
    tables: frozenset[str]


_APIS: Mapping[str, _Api] = {
    "roster": _Api(
        roster_settings,
        "access_token",
        lambda settings: settings.require_access_token(),
        ROSTER_DATASET,
        frozenset(ROSTER_ENDPOINTS),
    ),
    "autorosters": _Api(
        autorosters_settings,
        "api_key",
        lambda settings: settings.require_api_key(),
        AUTOROSTERS_DATASET,
        frozenset(AUTOROSTERS_TABLES),
    ),
}


DATASETS: Mapping[str, str] = {name: api.dataset for name, api in _APIS.items()}
"""The dataset of each API."""


def why_off(source: str, resource: str | None, warehouse: Warehouse) -> str | None:
    """Return why an endpoint, or a whole API, is not read; None when it is.

    Raises an IngestError when the settings or the warehouse cannot be read.
    """
    if reason := why_switched_off(source, resource):
        return reason
    missing = missing_credentials(source)
    if missing is None or was_loaded(source, warehouse):
        return None
    return f"off: {missing}"


def why_switched_off(source: str, resource: str | None = None) -> str | None:
    """Return what switches an API, or one endpoint of it, off; None when nothing does."""
    if is_enabled(source, resource):
        return None
    return f"off: it is switched off by `enabled: false` in mappings/{source}.yaml."


def missing_credentials(source: str) -> str | None:
    """Return what is missing, and how to set it; None when the credentials are set.

    Raises ConfigurationError when the settings cannot be read.
    """
    api = _APIS[source]
    settings = api.settings()
    if getattr(settings, api.credential):
        return None
    try:
        api.require(settings)
    except ConfigurationError as error:
        return str(error)
    return None


def was_loaded(source: str, warehouse: Warehouse) -> bool:
    """Return whether the warehouse has rows of an API. Raises an IngestError."""
    if warehouse.settings.destination == "duckdb" and (
        not warehouse.database_path.exists()
    ):
        return False
    api = _APIS[source]
    with warehouse.opening():
        warehouse.prepare()
        with warehouse.sql() as client:
            return any(
                client.execute_sql(
                    f"select 1 from {quoted(client, schema, table)} limit 1"
                )
                for schema, table in tables_of(client, api.dataset)
                if table in api.tables
            )
