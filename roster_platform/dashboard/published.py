"""The published file, as the dashboard, the report and the digest read it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from roster_platform.errors import IngestError

Rows = list[dict[str, Any]]


def parameters(sql: str) -> set[str]:
    """The names of the parameters that a query has."""
    return set(re.findall(r"\$(\w+)", sql))


class NothingPublishedError(Exception):
    """There is no published file yet, or it has no rows; the text says what to run."""


class OtherVersionError(IngestError):
    """The published file lacks what a query asks for; the text says what to run."""


class PublishedFile:
    """The published file, opened again for each query, so that it is never in the way."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._database = folder / "roster.duckdb"

    def query(self, sql: str, values: Mapping[str, Any] | None = None) -> Rows:
        """The rows of a query, timestamps in UTC.

        Raises NothingPublishedError, or OtherVersionError for a file that another version
        of the platform has published.
        """
        if not self._database.exists():
            raise NothingPublishedError(
                f"{self._database} is not there yet. Materialize the asset "
                "published/marts (or run `make demo`), then open this page again."
            )
        with duckdb.connect(str(self._database), read_only=True) as database:
            database.execute("set TimeZone = 'UTC'")
            given = {name: values[name] for name in parameters(sql)} if values else {}
            try:
                result = database.execute(sql, given)
            except (duckdb.BinderException, duckdb.CatalogException) as error:
                raise OtherVersionError(
                    f"{self._database} was published by another version of the platform "
                    f"({str(error).splitlines()[0]}). Build and publish again: "
                    "`roster-platform dbt build`, then `roster-platform publish`, or "
                    "materialize the models in Dagster."
                ) from error
            names = [column[0] for column in result.description]
            return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    def last_day(self) -> date:
        """The last day on which an API was read. Raises NothingPublishedError."""
        ((day,),) = [
            tuple(row.values())
            for row in self.query(
                "select cast(max(last_read_at) as date) from marts.rpt_data_freshness"
            )
        ]
        if day is None:
            raise NothingPublishedError(
                "The published marts are empty: no API was loaded. `make doctor` says why. "
                "To load, run `make load`, or materialize the groups roster and "
                "autorosters in Dagster."
            )
        return day

    def published_at(self) -> str:
        """When the file was published (UTC, to the minute)."""
        return str(self._manifest()["published_at"])[:16].replace("T", " ")

    def exports(self) -> dict[str, dict[str, int]]:
        """The exported reports: rows, sheets, and texts shortened in XLSX."""
        return dict(self._manifest().get("exports", {}))

    def _manifest(self) -> dict[str, Any]:
        return dict(json.loads((self.folder / "manifest.json").read_text()))
