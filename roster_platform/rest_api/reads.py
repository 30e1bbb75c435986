"""The reads of one declared API: which engine ran, and how they ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import dlt
from dlt.common.configuration.container import Container
from dlt.common.pipeline import PipelineContext

from roster_platform.errors import IncompleteReadError
from roster_platform.ingest.reading.log import raise_once_loaded

ENGINE_HINT = "x-engine"
REASON_HINT = "x-engine-reason"


@dataclass
class ResourceRead:
    """One resource in one run. ``engine`` is ``fast`` or ``dlt``, ``reason`` says why."""

    resource: str
    engine: str
    reason: str
    lands_incomplete: bool = False
    """Rows of an incomplete read can land without harm: they are merged."""
    requests: int = 0
    ahead: int = 0
    """Requests whose answer was under way before it was asked for."""
    as_records: str | None = None
    """Why dlt normalized the records one by one, if it did; tables need no reason."""
    pages: int = 0
    rows: int = 0
    complete: bool | None = True
    proof: str = ""
    warnings: list[str] = field(default_factory=list)
    _raises: bool = False

    @property
    def is_fast(self) -> bool:
        return self.engine == "fast"

    @property
    def what_landed(self) -> str:
        if self.lands_incomplete:
            return f"The {self.rows:,} records read are loaded, and nothing is deleted."
        return "Nothing of it was loaded, and rows loaded earlier are kept."

    def add_page(self, rows: int) -> None:
        """Count a page."""
        self.pages += 1
        self.rows += rows

    def ended(self, complete: bool | None, proof: str) -> bool:
        """Note how a walk through the pages ended; the worst of several counts.

        Returns whether that is a warning which is new.
        """
        order = {True: 0, None: 1, False: 2}
        if not self.proof or order[complete] > order[self.complete]:
            self.complete, self.proof = complete, proof
        if complete is not None or proof in self.warnings:
            return False
        self.warnings.append(proof)
        return True

    def is_incomplete(self, error: IncompleteReadError) -> None:
        """Make an incomplete read fail: at once, or after its rows have landed."""
        container = Container()
        is_active = container[PipelineContext].is_active()
        if not (self.lands_incomplete and is_active):
            raise error
        if not self._raises:
            self._raises = True
            raise_once_loaded(error)


def reads_of(source: dlt.sources.DltSource) -> Mapping[str, ResourceRead]:
    """Return the reads of a source that ``rest_api_source`` has made, by resource."""
    return getattr(source, "reads", {})


def engine_of(resource: Any) -> tuple[str, str]:
    """Return which engine reads a resource, and why (for any copy of it)."""
    hints = resource.compute_table_schema()
    return hints.get(ENGINE_HINT, "dlt"), hints.get(
        REASON_HINT, "a resource of dlt's own"
    )
