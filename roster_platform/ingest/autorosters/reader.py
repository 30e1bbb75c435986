"""Reads pages by one endpoint: judges each answer, and sends the good ones on their way.

An answer is taken apart (``flatten``), completed where a part could not be read
(``known``), compared with what was known, and then written, left as it is, or rejected.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from roster_platform.errors import DriftError, HeldBackError, IngestError, NotFoundError
from roster_platform.ingest.autorosters.changes import (
    MemberChanges,
    changes_of,
    held_members,
    read_members,
)
from roster_platform.ingest.autorosters.flattening.flat import Flat, Rows
from roster_platform.ingest.autorosters.flattening.oddities import Finding
from roster_platform.ingest.autorosters.known import roles_of, titles_of, with_unread
from roster_platform.ingest.autorosters.objects import PageNames
from roster_platform.ingest.autorosters.report import PagesReport, PageSummary
from roster_platform.ingest.autorosters.tables import BY_NAME
from roster_platform.ingest.autorosters.writing import (
    Batch,
    Reading,
)
from roster_platform.ingest.mappings import source_mapping
from roster_platform.ingest.page_ids import WHERE_IT_IS, is_uuid
from roster_platform.ingest.reading import clock, drops
from roster_platform.ingest.reading.log import Outcome, Read
from roster_platform.records.drift import (
    Drift,
    absent_fields,
    required_fields_missing,
    without_accepted,
)

if TYPE_CHECKING:
    from roster_platform.ingest.http.client import ApiClient
    from roster_platform.ingest.reading.answers import Answer
    from roster_platform.ingest.settings import AutoRostersSettings

_PAGES_PER_BATCH = 200
_MOST_NAMED = 3
_LONGEST_PROOF = 1000


class PagesReader:
    """Reads pages by one endpoint: judges each answer, and batches the rows."""

    def __init__(
        self,
        reading: Reading,
        settings: AutoRostersSettings,
        report: PagesReport,
        state: MutableMapping[str, Any],
        appends: Callable[[], bool] = lambda: False,
    ) -> None:
        """``state`` is the resource's own, which the reader changes.

        ``appends`` says of each batch whether no row of its pages is there.
        """
        from roster_platform.records.table_builder import TableBuilder

        self._reading = reading
        self._settings = settings
        self._report = report
        self._state = state
        self._builders = {
            name: TableBuilder(
                BY_NAME[name],
                tombstones=True,
                volatile=settings.volatile_fields or (),
            )
            for name in reading.tables
        }
        self._batch = Batch(reading, self._builders, appends)
        self._mapping = source_mapping("autorosters")
        self._names = PageNames(self._mapping)

    def empty_tables(self) -> Iterator[Any]:
        """Every table without a row."""
        yield from self._batch.empty_tables()

    def pages(
        self, client: ApiClient, paths: Mapping[str, str]
    ) -> Iterator[Sequence[Any]]:
        """Ask for pages by path, and yield the batches that become full."""
        report, batch = self._report, self._batch
        began = time.monotonic()
        for done, (path, answer) in enumerate(client.get_each(paths), start=1):
            report.requests += 1
            self._add(paths[path], answer)
            report.progress(done, len(paths), "pages")
            waited = time.monotonic() - began
            if batch.pages >= _PAGES_PER_BATCH or (
                batch.pages and waited >= self._settings.land_every_seconds
            ):
                _compare(batch, report)
                yield list(batch.flush())
                began = time.monotonic()

    def rest(self) -> list[Any]:
        """Return what is left to write when every page was asked."""
        report = self._report
        report.read_from(
            self._names.sources(of_list="pages" not in self._reading.tables)
        )
        _compare(self._batch, report)
        items = list(self._batch.flush())
        shares = {n: s for b in self._builders.values() for n, s in b.coverage.items()}
        report.covered(shares, self._mapping.path)
        named = {
            page_id
            for pages in report.findings.values()
            for page_id in list(pages)[:_MOST_NAMED]
        }
        unnamed = (named | report.failed.keys()) - report.titles.keys()
        report.titles |= titles_of(report.query, unnamed & report.reads.keys())
        return items

    def drifts(self) -> list[Drift]:
        """All that was not as declared in the pages that were read."""
        report = self._report
        drifts = without_accepted(
            [d for builder in self._builders.values() for d in builder.drifts],
            self._state,
            accept=report.accept_fields,
        )
        drifts += [
            _as_drift(finding, pages, report)
            for finding, pages in report.findings.items()
        ]
        if not self._reading.of_whole_pages:
            return drifts
        tables = [BY_NAME[name] for name in self._reading.tables]
        if report.knows_every_page():
            drifts += absent_fields(
                *(tables, report.fields, self._state),
                accept=report.accept_fields,
                sources=report.sources,
            )
        else:
            for table in tables:
                drifts += required_fields_missing(table, report.fields, self._state)
        return drifts

    def _add(self, page_id: str, answer: Answer | IngestError) -> None:
        report = self._report
        report.failed.pop(page_id, None)
        try:
            if isinstance(answer, IngestError):
                raise _explained(page_id, answer)
            self._set_clock(answer)
            flat = self._reading.flatten(
                page_id,
                answer.body,
                self._names,
                lambda: roles_of(report.query, page_id),
                self._settings.volatile_fields or (),
            )
            rows = self._with_unread(page_id, flat)
        except IngestError as error:
            report.failed[page_id] = error
            self._log(page_id, Outcome.FAILED, str(error))
            return
        self._note(page_id, flat)
        summary = self._summary(page_id, flat, rows)
        if rejection := self._why_rejected(page_id, summary):
            report.failed[page_id] = rejection
            self._log(page_id, Outcome.REJECTED, str(rejection), summary.members)
            return
        self._accept(page_id, rows, summary)

    def _set_clock(self, answer: Answer) -> None:
        """Take the run's timestamp from the first answer.

        One for the whole run: what vanished is missed at the page's own last read.
        """
        if self._report.observed_at is None:
            self._report.observed_at, finding = clock.observed_at(
                answer.date,
                answer.received_at,
                self._report.earlier.last_at,
                self._settings.clock_tolerance_seconds,
            )
            if finding:
                self._report.warn(finding)

    def _with_unread(self, page_id: str, flat: Flat) -> Rows:
        """The rows of an answer, completed where a part of it could not be read."""
        report = self._report
        if not flat.unread_people and not flat.unread_lists:
            return flat.rows
        problems = "; ".join(
            f"{finding.table}.{finding.field}: {finding.problem}"
            for finding in flat.findings
            if finding.severity == "error"
        )
        if report.query is None or not self._reading.of_whole_pages:
            raise DriftError(
                f"A part of page {page_id} could not be read ({problems}), so nothing of "
                "it was loaded. The page keeps its last good rows; compare the API's "
                "answer with its documentation."
            )
        report.incomplete[page_id] = problems
        return with_unread(report.query, page_id, flat)

    def _note(self, page_id: str, flat: Flat) -> None:
        """Remember what came, and what was odd."""
        for table, sent in flat.sent.items():
            self._report.fields.setdefault(table, set()).update(sent)
        for finding, count in flat.findings.items():
            pages = self._report.findings.setdefault(finding, Counter())
            pages[page_id] = count
        for page in flat.rows.get("pages", ()):
            title = page.get("custom_title")
            if isinstance(title, str) and title.strip():
                self._report.titles[page_id] = title.strip()

    def _summary(self, page_id: str, flat: Flat, rows: Rows) -> PageSummary:
        people = rows.get("users") or rows.get("page_users") or []
        ranks = rows["ranks"] if "ranks" in rows else {row["rank"] for row in people}
        assert self._report.observed_at is not None
        return PageSummary(
            members=len({row["discord_id"] for row in people}),
            ranks=len(ranks),
            content_hash=flat.content_hash,
            observed_at=self._report.observed_at,
        )

    def _why_rejected(self, page_id: str, summary: PageSummary) -> HeldBackError | None:
        """The reason to reject an implausible drop; None once it is to be believed."""
        report, now = self._report, summary.members
        known = report.known.get(page_id)
        if known is None or not drops.is_implausible_drop(known.members, now):
            return None
        if page_id not in report.titles:
            report.titles |= titles_of(report.query, [page_id])
        name = report.page_name(page_id)
        is_agreed = drops.agrees(report.earlier.rejected.get(page_id), now)
        if report.confirm_drops or is_agreed:
            why = (
                "which was confirmed" if report.confirm_drops else "as two reads agree"
            )
            report.warn(
                f"page {name} has {now} members instead of {known.members}, {why}"
            )
            return None
        return HeldBackError(
            f"Auto Rosters returns {now} members on page {name}, which had "
            f"{known.members} at its last read. Losing over half of a page at once is "
            "rejected until a second read agrees, and the page keeps its last good rows. "
            "If it is true, read the page again; or accept it at once: materialize the "
            "page with the op config confirm_drops: true, or load it with "
            "`python -m roster_platform.ingest autorosters --page ID --confirm-drops`."
        )

    def _accept(self, page_id: str, rows: Rows, summary: PageSummary) -> None:
        report, known = self._report, self._report.known.get(page_id)
        if (
            known
            and not report.reload_unchanged
            and known.is_last_written
            and known.content_hash == summary.content_hash
        ):
            report.unchanged.add(page_id)
        else:
            self._batch.add(page_id, rows, summary.observed_at)
            report.rows += sum(map(len, rows.values()))
        report.loaded[page_id] = summary
        problems = report.incomplete.get(page_id)
        self._log(
            page_id,
            Outcome.INCOMPLETE if problems else Outcome.COMPLETE,
            problems or "the page is one answer, and came whole",
            summary.members,
        )

    def _log(
        self, page_id: str, outcome: Outcome, proof: str, members: int = 0
    ) -> None:
        """Add the read to the log; a page that is asked again has its last outcome."""
        report = self._report
        earlier = report.reads.get(page_id)
        has_answered = outcome is not Outcome.FAILED
        report.reads[page_id] = Read(
            endpoint=report.name,
            part=page_id,
            read_at=datetime.now(UTC),
            observed_at=report.observed_at if has_answered else None,
            outcome=outcome,
            proof=proof[:_LONGEST_PROOF],
            row_count=members,
            request_count=1 + (earlier.request_count if earlier else 0),
        )


def _explained(page_id: str, error: IngestError) -> IngestError:
    """The error of a page, which says so where its id looks like another part of it."""
    if isinstance(error, NotFoundError) and not is_uuid(page_id):
        error.args = (
            f"{error} '{page_id}' is not a UUID; it looks like the last part of the "
            f"page's public address. {WHERE_IT_IS}.",
        )
    return error


def load_row(page_id: str, summary: PageSummary) -> dict[str, Any]:
    """Return the row of ``page_loads`` of a good read."""
    return {
        "page_id": page_id,
        "observed_at": summary.observed_at,
        "outcome": "loaded",
        "content_hash": summary.content_hash,
        "member_count": summary.members,
        "rank_count": summary.ranks,
    }


def _as_drift(finding: Finding, pages: Mapping[str, int], report: PagesReport) -> Drift:
    """A finding of some pages as one of the read, which names the first of them."""
    named = ", ".join(map(report.page_name, list(pages)[:_MOST_NAMED]))
    if len(pages) > _MOST_NAMED:
        named += f" and {len(pages) - _MOST_NAMED} more"
    return Drift(
        finding.table,
        finding.field,
        f"{finding.problem}, on page {named}",
        sum(pages.values()),
        finding.severity,
    )


def _compare(batch: Batch, report: PagesReport) -> None:
    """Complete the summaries of the batch's changed pages by who joined and left."""
    pages = batch.changed_pages
    if report.query is None or not pages:
        return
    known = {page_id for page_id in pages if page_id in report.known}
    held = held_members(report.query, known) if known else {}
    read = read_members(batch.rows, known) if known else {}
    for page_id in pages:
        summary = report.loaded[page_id]
        changes = (
            changes_of(page_id, held, read)
            if page_id in known
            else MemberChanges(joined=summary.members, left=0, changed=0)
        )
        report.loaded[page_id] = replace(summary, changes=changes)
