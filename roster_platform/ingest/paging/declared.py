"""The paging of an endpoint, declared in the words of dlt's ``rest_api``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from roster_platform.errors import ConfigurationError
from roster_platform.ingest.signs.page_signs import DeclaredPaths

PagingType = Literal[
    "auto",
    "page_number",
    "offset",
    "cursor",
    "header_cursor",
    "json_link",
    "header_link",
    "single_page",
]


@dataclass(frozen=True)
class Paging:
    """The paging of an endpoint; every name is configuration.

    ``declared`` has the paths of dlt's words (``total_path`` and the like); ``maximum`` is
    dlt's ``maximum_page`` or ``maximum_offset``, which is exclusive. ``setting`` says in
    messages where a person declares the paging of this endpoint.
    """

    data_selector: str
    type: PagingType = "auto"
    page_param: str = "page"
    page_size_param: str = "pageSize"
    first_page: int = 1
    first_page_is_known: bool = False
    """Declared, or found out by an earlier read; else it is looked at (``last_look``)."""
    page_size: int = 100
    offset_param: str = "offset"
    limit_param: str = "limit"
    cursor_param: str | None = None
    declared: DeclaredPaths = field(default_factory=DeclaredPaths)
    maximum: int | None = None
    max_pages: int = 100_000
    ramp_up: bool = False
    """Start with one page in flight and grow: for reads that usually stop early."""
    setting: str = "the endpoint's paginator"


def with_paginator(paging: Paging, paginator: str | Mapping[str, Any]) -> Paging:
    """Return the paging as a paginator of dlt's ``rest_api`` configuration declares it.

    Raises ConfigurationError for a type or a word that is not one of dlt's.
    """
    words = {"type": paginator} if isinstance(paginator, str) else dict(paginator)
    kind = words.pop("type", "auto")
    if kind not in _WORDS:
        raise ConfigurationError(
            f"There is no paginator '{kind}' ({paging.setting}). Choose from: "
            f"{', '.join(_WORDS)}."
        )
    changes: dict[str, Any] = {"type": kind}
    declared: dict[str, Any] = {}
    for word, value in words.items():
        name = _WORDS[kind].get(word)
        if name is None:
            raise ConfigurationError(
                f"The paginator '{kind}' has no '{word}' ({paging.setting}). It has: "
                f"{', '.join(_WORDS[kind]) or 'nothing to set'}."
            )
        if word == "total_path" and value is None:
            declared["no_totals"] = True
        elif name.startswith("declared."):
            declared[name.removeprefix("declared.")] = value
        else:
            changes[name] = value
            if name == "first_page":
                changes["first_page_is_known"] = True
    return replace(paging, **changes, declared=DeclaredPaths(**declared))


_HAS_MORE = {"has_more_path": "declared.has_more"}
_WORDS: Mapping[str, Mapping[str, str]] = {
    "auto": {},
    "single_page": {},
    "page_number": {
        "base_page": "first_page",
        "page_param": "page_param",
        "total_path": "declared.total_pages",
        "maximum_page": "maximum",
        **_HAS_MORE,
    },
    "offset": {
        "limit": "page_size",
        "offset_param": "offset_param",
        "limit_param": "limit_param",
        "total_path": "declared.total_count",
        "maximum_offset": "maximum",
        **_HAS_MORE,
    },
    "cursor": {
        "cursor_path": "declared.cursor",
        "cursor_param": "cursor_param",
        **_HAS_MORE,
    },
    "header_cursor": {
        "cursor_key": "declared.cursor_header",
        "cursor_param": "cursor_param",
    },
    "json_link": {"next_url_path": "declared.next_url"},
    "header_link": {"links_next_key": "declared.link_header"},
}
"""The words of each paginator, and the field of Paging that each sets."""
