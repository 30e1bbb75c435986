"""The platform in this process, on a folder of its own, reading APIs a test breaks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from roster_platform.ingest.autorosters import load_pages
from roster_platform.ingest.autorosters.report import PagesReport
from roster_platform.ingest.reading.report import ReadReport
from roster_platform.ingest.roster import load_endpoint
from roster_platform.warehouse.warehouse import Warehouse

TOKEN = "canary-private-token-5c1f"
KEY = "canary-api-key-93ab"


@dataclass(frozen=True)
class LocalPlatform:
    """A warehouse, and loads into it from wherever ``reads`` points."""

    folder: Path
    environment: pytest.MonkeyPatch

    @property
    def warehouse(self) -> Warehouse:
        return Warehouse.from_settings()

    def reads(self, url: str, **settings: object) -> None:
        """Point both APIs at ``url``, unpaced; keywords are settings of both clients."""
        for source in ("ROSTER", "AUTOROSTERS"):
            settings = {"base_url": url, "requests_per_minute": 1e6, **settings}
            for name, value in settings.items():
                self.environment.setenv(
                    f"SOURCES__{source}_SOURCE__{name.upper()}", str(value)
                )

    def load(self, endpoint: str, **options: Any) -> ReadReport:
        with load_endpoint(endpoint, warehouse=self.warehouse, **options) as loaded:
            return loaded.report

    def load_pages(self, page_ids: Sequence[str], **options: Any) -> PagesReport:
        with load_pages(page_ids, warehouse=self.warehouse, **options) as loaded:
            return loaded.report

    def held(self, text: str) -> str | None:
        """A text as this destination holds it."""
        if self.warehouse.settings.destination != "postgres":
            return text
        return text.replace("\0", "\\u0000") or None

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect() as database:
            database.execute("set TimeZone = 'UTC'")
            for statement in self.warehouse.attach_statements("warehouse"):
                database.execute(statement)
            database.execute("use warehouse")
            return database.sql(sql).fetchall()
