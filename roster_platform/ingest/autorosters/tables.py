"""The raw tables of an Auto Rosters page: those that ``sources/autorosters.yaml`` declares.

``page_loads`` is the platform's own: one row per page and read, because the API itself has
no history.
"""

from __future__ import annotations

from types import MappingProxyType

from roster_platform.catalogue import Column, Table
from roster_platform.sources import declaration

API_DOCS_URL = declaration("autorosters").docs_url
ENDPOINTS = MappingProxyType(
    {endpoint.name: endpoint for endpoint in declaration("autorosters").endpoints}
)
_PAGE_LOADS = Table(
    name="page_loads",
    description="One successful read of one page, or its retirement.",
    primary_key=("page_id", "observed_at"),
    versions=False,
    columns={
        "page_id": ENDPOINTS["pages"].table.columns["page_id"],
        "observed_at": Column(
            "timestamp",
            "When the page was read: by the API's clock unless that is ahead of "
            "ours, and always later than at the read before.",
        ),
        "outcome": Column(
            "text",
            "loaded; or retired, when the page is no longer configured and nothing "
            "was read.",
        ),
        "content_hash": Column("text", "SHA-256 of the page's content."),
        "member_count": Column("bigint", "Distinct members on the page."),
        "rank_count": Column("bigint", "Ranks on the page."),
    },
)
*_OF_PAGES, _PAGE_USERS = declaration("autorosters").tables
TABLES = (*_OF_PAGES, _PAGE_LOADS, _PAGE_USERS)
BY_NAME = MappingProxyType({table.name: table for table in TABLES})
