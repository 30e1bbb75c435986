"""The timestamps that most of Roster's records have."""

from __future__ import annotations

from dataclasses import replace

from roster_platform.catalogue import Column

CREATED = Column("timestamp", "When the record was created (UTC).")
CREATED_REQUIRED = replace(CREATED, required=True)
UPDATED = Column("timestamp", "When the record last changed (UTC).")
