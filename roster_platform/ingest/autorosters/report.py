"""The outcome of a run over roster pages, page by page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from roster_platform.errors import (
    AccessDeniedError,
    BadResponseError,
    CredentialsError,
    IngestError,
    NotFoundError,
    UnreachableError,
)
from roster_platform.ingest.autorosters.changes import NO_CHANGES, MemberChanges
from roster_platform.ingest.autorosters.flattening.flat import hash_of
from roster_platform.ingest.autorosters.flattening.oddities import Finding
from roster_platform.ingest.autorosters.known import EarlierReads, KnownPage, Query
from roster_platform.ingest.reading.log import Outcome, Read
from roster_platform.ingest.reading.report import ReadReport

_LONGEST_TITLE = 80
_MOST_NAMED = 10


@dataclass(frozen=True)
class PageSummary:
    """The content of one good read of one page."""

    members: int
    ranks: int
    content_hash: str
    observed_at: datetime
    changes: MemberChanges = NO_CHANGES


@dataclass
class PagesReport(ReadReport):
    """The outcome of every page of a run: its summary, or why it failed.

    ``earlier`` is what earlier runs loaded: a page with the same content is left as it is,
    unless ``reload_unchanged``, and an implausible drop is rejected.
    """

    loaded: dict[str, PageSummary] = field(default_factory=dict)
    unchanged: set[str] = field(default_factory=set)
    failed: dict[str, IngestError] = field(default_factory=dict)
    incomplete: dict[str, str] = field(default_factory=dict)
    """Loaded pages of which a part could not be read, and which part."""
    earlier: EarlierReads = field(default_factory=EarlierReads)
    reload_unchanged: bool = False
    confirm_drops: bool = False
    fields: dict[str, set[str]] = field(default_factory=dict)
    """The fields that came, by table."""
    findings: dict[Finding, Counter[str]] = field(default_factory=dict)
    """What was odd in the answers, with how often on which page."""
    reads: dict[str, Read] = field(default_factory=dict)
    """The read of each page, as the log of reads has it."""
    titles: dict[str, str] = field(default_factory=dict)
    """The titles of pages, as far as they are known."""
    query: Query | None = None
    """Reads the warehouse, to see who joined and left; unknown without."""

    @property
    def known(self) -> Mapping[str, KnownPage]:
        """The last good read of each page, of any run before this one."""
        return self.earlier.pages

    def title_of(self, page_id: str) -> str:
        """A page's title as it fits into a message; empty where it is not known."""
        # Anybody may have written the title.
        return " ".join(self.titles.get(page_id, "").split())[:_LONGEST_TITLE]

    def page_name(self, page_id: str) -> str:
        """A page by its title and id."""
        title = self.title_of(page_id)
        return f"{title} ({page_id})" if title else page_id

    def judge(self) -> None:
        """Say how the read of all pages that loaded ended."""
        if self.incomplete:
            named = [
                f"{self.page_name(p)}: {why}" for p, why in self.incomplete.items()
            ]
            self.ended(
                Outcome.INCOMPLETE,
                f"a part of {len(named)} pages could not be read, and what they had there "
                f"is kept: {'; '.join(named[:_MOST_NAMED])}",
            )
        elif self.loaded:
            self.ended(Outcome.COMPLETE, "each page is one answer, and came whole")

    def failure_summary(self) -> str:
        """The failed pages by name and reason, one a line."""
        return "\n".join(
            f"- {self.page_name(page)}: {error}" for page, error in self.failed.items()
        )

    @property
    def data_version(self) -> str:
        """Equal to that of the run before when no page, read or not, has changed."""
        held = {page: known.content_hash for page, known in self.known.items()}
        held |= {page: summary.content_hash for page, summary in self.loaded.items()}
        return hash_of(held)

    def knows_every_page(self) -> bool:
        """Return whether this run read every page that any run has."""
        active = {page for page, known in self.known.items() if known.content_hash}
        return bool(self.loaded) and self.loaded.keys() >= active

    def may_pass(self, page_id: str) -> bool:
        """Return whether a page failed, others did not, and asking it again may help."""
        error = self.failed.get(page_id)
        return bool(self.loaded) and isinstance(
            error, UnreachableError | BadResponseError
        )

    def refused(self) -> dict[str, IngestError]:
        """Failed pages that the API will refuse again, until a person acts.

        A key that is refused for every page is not the pages' fault.
        """
        lasting: tuple[type[IngestError], ...] = (NotFoundError,)
        if self.loaded:
            lasting += (AccessDeniedError, CredentialsError)
        return {
            page: error
            for page, error in self.failed.items()
            if isinstance(error, lasting)
        }
