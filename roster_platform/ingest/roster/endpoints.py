"""Roster's read endpoints, as ``sources/roster.yaml`` declares them.

An undeclared field still lands, and a declared one that never comes is a finding: an error
where marts cannot do without it (``required``), nothing where a healthy account may lack
it (``optional``), a warning otherwise.
"""

from __future__ import annotations

from types import MappingProxyType

from roster_platform.sources import declaration

ENDPOINTS = declaration("roster").endpoints
API_DOCS_URL = declaration("roster").docs_url
BY_NAME = MappingProxyType({endpoint.name: endpoint for endpoint in ENDPOINTS})
