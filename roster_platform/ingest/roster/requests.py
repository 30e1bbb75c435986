"""Roster's client, and each endpoint's path and paging as configured."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from roster_platform.catalogue import Endpoint
from roster_platform.ingest.mappings import source_mapping
from roster_platform.ingest.settings import RosterSettings
from roster_platform.ingest.signs.words import PAGE_SIZE

if TYPE_CHECKING:
    from roster_platform.ingest.http.client import ApiClient
    from roster_platform.ingest.paging.declared import Paging
    from roster_platform.ingest.reading.kept_answers import KeptAnswers

_REMEDIES: Mapping[int, str] = {
    401: "The access token is wrong or was revoked: create a Private token in Roster "
    "under Settings > Integrations > API Access and set "
    "SOURCES__ROSTER_SOURCE__ACCESS_TOKEN.",
    403: "The token may not read this endpoint. Public tokens only capture clicks and "
    "orders; reading needs a Private token (Settings > Integrations > API Access) in "
    "SOURCES__ROSTER_SOURCE__ACCESS_TOKEN.",
    404: "Check SOURCES__ROSTER_SOURCE__BASE_URL and the endpoint's path.",
}


def roster_client(
    settings: RosterSettings, kept: KeptAnswers | None = None
) -> ApiClient:
    """A client with the private token. Raises ConfigurationError when there is none."""
    from roster_platform.ingest.http.client import ApiClient

    token = settings.require_access_token()
    headers = {"Authorization": f"Bearer {token}"}
    return ApiClient("Roster", settings, headers, token, _REMEDIES, kept)


def path_of(endpoint: Endpoint, settings: RosterSettings) -> str:
    """The endpoint's path; empty for an optional endpoint that is not configured."""
    path = settings.override(endpoint.name, "path", endpoint.path)
    if endpoint.optional:
        path = settings.contacts_path or path
    return str(path).lstrip("/")


def paging_of(endpoint: Endpoint, settings: RosterSettings) -> Paging:
    """How the endpoint is asked for its pages.

    A page size among its ``params``, as dlt's configurations have it, is the page size.
    """
    from roster_platform.ingest.paging.declared import Paging, with_paginator

    name = endpoint.name
    size_param, size = _page_size(settings.override(name, "params", {}))
    paging = Paging(
        data_selector=settings.override(name, "data_selector", endpoint.data_selector),
        page_param=settings.page_param,
        page_size_param=size_param or settings.page_size_param,
        first_page=settings.first_page,
        first_page_is_known=settings.first_page != 1,
        page_size=settings.override(name, "page_size", size or settings.page_size),
        cursor_param=settings.cursor_param,
        max_pages=settings.max_pages,
        setting=f"resource '{name}' in {source_mapping('roster').path}",
    )
    return with_paginator(paging, settings.override(name, "paginator", "auto"))


def filters_of(endpoint: Endpoint, settings: RosterSettings) -> Mapping[str, Any]:
    """The configured parameters that may leave records out: a page size does not."""
    params = settings.override(endpoint.name, "params", {}) or {}
    size_param, _ = _page_size(params)
    return {name: value for name, value in params.items() if name != size_param}


def _page_size(params: Mapping[str, Any]) -> tuple[str | None, int | None]:
    """The parameter that has the page size, and its value."""
    for name, value in params.items():
        word = re.sub(r"[^a-z]", "", name.casefold())
        if word in PAGE_SIZE and str(value).isdigit():
            return name, int(value)
    return None, None
