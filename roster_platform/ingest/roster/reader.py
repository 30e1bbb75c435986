"""One read of one endpoint of Roster: its pages, in order, and how the read ended.

By default every read is a full read, because no incremental filter is documented; per
endpoint, configuration may name an "updated after" parameter, or say that the API lists
newest first, and then a read stops at the first page it has seen entirely.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from itertools import count, pairwise
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from roster_platform import documents
from roster_platform.catalogue import Endpoint, Parent
from roster_platform.errors import BadResponseError, NotFoundError, ReadError
from roster_platform.ingest.reading import clock
from roster_platform.ingest.reading.log import KnownReads, Outcome
from roster_platform.ingest.reading.report import ReadReport
from roster_platform.ingest.roster.repeats import Repeats
from roster_platform.ingest.roster.requests import filters_of, paging_of, path_of
from roster_platform.ingest.settings import RosterSettings
from roster_platform.records.drift import (
    Drift,
    absent_fields,
    required_fields_missing,
    without_accepted,
)

if TYPE_CHECKING:
    from roster_platform.ingest.http.client import ApiClient
    from roster_platform.ingest.paging.declared import Paging
    from roster_platform.ingest.paging.page import Page, ReadEnd
    from roster_platform.records.record_parser import RecordParser, Records
    from roster_platform.records.table_builder import TableBuilder

_T = TypeVar("_T")
_MAX_PASSES = 3
_RECORDS_PER_BATCH = 20_000


class EndpointReader:
    """Reads the pages of one endpoint as configured, and knows what was seen."""

    def __init__(
        self,
        endpoint: Endpoint,
        settings: RosterSettings,
        client: ApiClient,
        report: ReadReport,
        full_read: bool,
        parent_ids: Sequence[str],
        known: KnownReads | None,
        parser: RecordParser,
        state: MutableMapping[str, Any],
    ) -> None:
        """``state`` is the resource's own, which the reader changes."""
        self._endpoint = endpoint
        self._parser = parser
        self._settings = settings
        self._client = client
        self._kept = client.kept
        self._report = report
        self._parent_ids = parent_ids
        self._met = Repeats(endpoint.table)
        self._state = state
        self._known_until = None if full_read else self._state.get("known_until")
        # A full read resets the cursor, so a future timestamp cannot block later reads.
        self._newest = self._known_until
        self._first_pages: dict[str, int] = (
            {} if full_read else self._state.get("first_pages", {})
        )
        self._totals: list[int] = []
        self._known = known or KnownReads()
        self.observed_at: datetime

    def batches(self) -> Iterator[list[bytes]]:
        """JSON lists of everything that may be new, in order, some pages at a time."""
        if self._endpoint.parent:
            yield from self._batches(self._pages_of_parents())
            return
        if not path_of(self._endpoint, self._settings):
            self._report.warn(
                "Roster publishes no path for this endpoint, so it is off and its table "
                "stays empty. If your account has one, set "
                "SOURCES__ROSTER_SOURCE__CONTACTS_PATH (for example v2/contacts)."
            )
            return
        try:
            yield from self._passes()
        except NotFoundError as error:
            if not self._endpoint.optional:
                raise
            self._report.warn(
                f"{error} The endpoint is optional, so the run continues."
            )

    def unseen(self, records: Records) -> Records:
        """The records that this read has not met yet."""
        from roster_platform.records.conversion.values import latest

        if self._endpoint.order_field:
            self._newest = latest(
                records.values(self._endpoint.order_field), self._newest
            )
        return self._met.unseen(records)

    def newest(self) -> list[Records]:
        """The newest of each record that came again and had changed."""
        return self._met.newest()

    def finish(self, builder: TableBuilder) -> list[Drift]:
        """Remember how far this read got; returns the declared fields that did not come."""
        if self._newest is not None:
            self._state["known_until"] = self._newest
        report, table = self._report, self._endpoint.table
        if dropped := sum(builder.dropped.values()):
            # A record without its key may be one that is known, and is not deleted.
            report.ended(
                Outcome.INCOMPLETE,
                f"{dropped:,} records came without their key "
                f"({', '.join(builder.dropped)}) and were left out, so nothing is marked "
                "as deleted",
            )
        if not report.is_complete:
            return required_fields_missing(table, builder.fields, self._state)
        return absent_fields(
            [table],
            builder.fields,
            self._state,
            accept=report.accept_fields,
            sources=builder.sources,
        )

    def noticed(self, builder: TableBuilder) -> list[Drift]:
        """Return what was not as declared in the records that were built."""
        accept = self._report.accept_fields
        return without_accepted(builder.drifts, self._state, accept=accept)

    def _passes(self) -> Iterator[list[bytes]]:
        stops_early = self._stops_early()
        for _ in range(_MAX_PASSES):
            try:
                end = yield from self._batches(self._one_pass(stops_early))
            except ReadError as error:
                if not (self._kept and self._kept.is_outdated_by(error)):
                    raise
                self._kept.forget()
                continue
            if end is None:
                proof = "it stopped at the first page that was known entirely"
                self._report.ended(Outcome.PARTIAL, proof)
                return
            self._report.announced = None if self._is_filtered() else end.announced
            if not self._has_moved(end):
                self._report.ended(self._outcome(end), end.proof)
                return
            # Records moved between pages while they were read: look again.
            if self._kept:
                self._kept.forget()
        # A total under a doubtful word is the pager's alone.
        assert end is not None
        announced = end.announced or (self._totals[-1] if self._totals else 0)
        self._report.ended(
            Outcome.INCOMPLETE,
            f"the API announces {announced:,} records but sent "
            f"{len(self._met):,} different ones in {_MAX_PASSES} reads; it was changing "
            "meanwhile, or the total is wrong. The next read tries again",
        )

    def _batches(
        self, pages: Generator[Page, None, _T]
    ) -> Generator[list[bytes], None, _T]:
        """The lists of several pages at a time: each batch costs dlt and Arrow the same."""
        batch: list[bytes] = []
        records, began = 0, time.monotonic()
        while True:
            try:
                page = next(pages)
            except StopIteration as stop:
                if records:
                    yield batch
                return stop.value
            batch.append(page.raw)
            records += page.count
            waited = time.monotonic() - began
            if records >= _RECORDS_PER_BATCH or (
                records and waited >= self._settings.land_every_seconds
            ):
                yield batch
                batch, records, began = [], 0, time.monotonic()

    def _has_moved(self, end: ReadEnd) -> bool:
        """Return whether records moved from page to page while they were read.

        One that leaves draws the next page's first onto a page that was read already, and
        the total falls; one that moves is sent twice, and another is missed.
        """
        has_shrunk = any(later < earlier for earlier, later in pairwise(self._totals))
        has_changed = len(set(self._totals)) > 1
        found = len(self._met) + self._met.without_key
        is_short = end.announced is not None and found < end.announced
        return has_shrunk or (is_short and (end.is_complete or has_changed))

    def _outcome(self, end: ReadEnd) -> Outcome:
        """Return what the read proves: everything, or only all of what it asked for.

        Configured parameters may be a filter; what was not sent may well be there.
        """
        if not end.is_complete:
            return Outcome.INCOMPLETE
        filters = filters_of(self._endpoint, self._settings)
        is_part = filters or self._is_filtered()
        # A record that moved since the interruption is missed, and no total says so.
        is_doubtful = self._kept and self._kept.used and end.announced is None
        return Outcome.PARTIAL if is_part or is_doubtful else Outcome.COMPLETE

    def _one_pass(self, stops_early: bool) -> Generator[Page, None, ReadEnd | None]:
        """The pages of one pass; returns its end, or None when it stopped early."""
        self._totals.clear()
        path = path_of(self._endpoint, self._settings)
        paging = self._paging(ramp_up=stops_early)
        pages = self._client.pages(path, self._params(), paging)
        for done in count(1):
            try:
                page = next(pages)
            except StopIteration as stop:
                self._note_first_page(stop.value)
                return stop.value
            self._note(page)
            yield page
            total = page.signs.total_pages
            self._report.progress(done, total.value if total else None, "pages")
            if stops_early and self._is_known(page):
                pages.close()
                return None
        raise AssertionError("counting never ends")

    def _pages_of_parents(self) -> Generator[Page, None, None]:
        parent = self._endpoint.parent
        assert parent is not None
        configured = self._settings.discount_rule_ids or []
        ids = list(dict.fromkeys(map(str, [*self._parent_ids, *configured])))
        template = path_of(self._endpoint, self._settings)
        reads = {
            template.replace(f"{{{parent.param}}}", _safe_segment(parent_id)): parent_id
            for parent_id in ids
        }
        params = self._params()
        # The first list goes alone: what it says of the first page holds for the others.
        each = self._client.pages_of_each(
            (path, params, self._paging()) for path in reads
        )
        ends: dict[str, ReadEnd] = {}
        for done, (path, result) in enumerate(each, start=1):
            if isinstance(result, NotFoundError):
                self._report.warn(f"{reads[path]} is gone ({result})")
                continue
            if isinstance(result, Exception):
                raise result
            pages, end = result
            ends[reads[path]] = end
            self._note_first_page(end)
            for page in pages:
                self._note(page)
                of_parent = {parent.field: reads[path]}
                records = [of_parent | record for record in page.records]
                yield replace(page, raw=documents.dumps(records))
            self._report.progress(done, len(reads), "parents")
        self._report.ended(*_end_of_parents(parent, ends))

    def _params(self) -> dict[str, Any]:
        name = self._endpoint.name
        params = {
            **self._endpoint.params,
            **self._settings.override(name, "params", {}),
        }
        if self._is_filtered():
            updated_after = self._settings.override(name, "updated_after_param")
            params[updated_after] = self._known_until
        return params

    def _is_filtered(self) -> bool:
        name = self._endpoint.name
        updated_after = self._settings.override(name, "updated_after_param")
        return bool(updated_after and self._known_until)

    def _stops_early(self) -> bool:
        newest_first = self._settings.override(
            self._endpoint.name, "newest_first", False
        )
        # The newest are on the first page, whichever that is.
        is_ready = self._known_until and self._paging().first_page_is_known
        return bool(newest_first and self._endpoint.order_field and is_ready)

    def _paging(self, *, ramp_up: bool = False) -> Paging:
        """Return the endpoint's paging, with the first page that an earlier read found."""
        paging = replace(self._configured_paging, ramp_up=ramp_up)
        found = self._first_pages.get(self._counted_at(paging))
        if paging.first_page_is_known or found is None:
            return paging
        return replace(paging, first_page=found, first_page_is_known=True)

    @cached_property
    def _configured_paging(self) -> Paging:
        return paging_of(self._endpoint, self._settings)

    def _counted_at(self, paging: Paging) -> str:
        path = path_of(self._endpoint, self._settings)
        return f"{self._settings.base_url}/{path}?{paging.page_param}"

    def _note_first_page(self, end: ReadEnd) -> None:
        """Remember which page is the first; of an end that was not proven, nothing."""
        if not end.is_complete:
            self._first_pages = {}
        elif end.first_page is not None:
            self._first_pages = {self._counted_at(self._paging()): end.first_page}
        self._state["first_pages"] = self._first_pages

    def _note(self, page: Page) -> None:
        self._report.requests += 1
        volatile = self._settings.volatile_fields
        self._report.saw(
            documents.digest(page.records, volatile) if volatile else page.digest
        )
        if not hasattr(self, "observed_at"):
            self.observed_at, finding = clock.observed_at(
                page.date,
                page.received_at,
                self._known.observed_at,
                self._settings.clock_tolerance_seconds,
            )
            self._report.observed_at = self.observed_at
            if finding:
                self._report.warn(finding)
        if page.signs.total_count is not None:
            self._totals.append(page.signs.total_count.value)

    def _is_known(self, page: Page) -> bool:
        from roster_platform.records.conversion.values import as_timestamp

        field = self._endpoint.order_field
        assert field is not None
        known = as_timestamp(self._known_until)
        self._parser.look_at(page.records)
        for record in page.records:
            value = self._parser.names.value(record, field)
            timestamp = as_timestamp(value)
            is_older = timestamp and known and timestamp < known
            if not (is_older or value is None):
                return False
        return True


def _end_of_parents(parent: Parent, ends: Mapping[str, ReadEnd]) -> tuple[Outcome, str]:
    """Return how the read of many small lists ended: complete when each of them did."""
    open_ends = {name: end for name, end in ends.items() if not end.is_complete}
    if open_ends:
        name, end = next(iter(open_ends.items()))
        return Outcome.INCOMPLETE, (
            f"{len(open_ends)} of {len(ends)} lists, of {parent.resource} {name} among "
            f"them: {end.proof}"
        )
    return Outcome.COMPLETE, f"the end of each of {len(ends)} lists was proven"


def _safe_segment(value: str) -> str:
    """An id as one segment of a path, so that it leads nowhere else.

    Raises BadResponseError for the two that would, even encoded: "." and "..".
    """
    if value in {"", ".", ".."}:
        raise BadResponseError(
            f"Roster returned a discount rule whose id is {value!r}, which cannot be asked "
            "for. Report it to the vendor; rows loaded earlier are kept."
        )
    return quote(value, safe="")
