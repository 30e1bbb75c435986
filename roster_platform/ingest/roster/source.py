"""Roster's endpoints as dlt resources, and one endpoint's way into the warehouse.

A read asks for the pages of an endpoint side by side, turns each page into typed Arrow
tables, and merges on the record's id. By default every read is a full read, because no
incremental filter is documented; per endpoint, configuration may name an
"updated after" parameter, or say that the API lists newest first, and then a read stops
at the first page it has seen entirely.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import dlt
from dlt.extract import DltResource, DltSource

from roster_platform.ingest import documents
from roster_platform.ingest.catalogue import (
    DELETED_HINTS,
    Endpoint,
    child_table_name,
    column_name,
)
from roster_platform.ingest.drift import lost_fields
from roster_platform.ingest.errors import BadResponseError, NotFoundError
from roster_platform.ingest.report import Drift, ReadReport
from roster_platform.ingest.roster.deletions import mark_deleted, rows_listed
from roster_platform.ingest.roster.endpoints import BY_NAME, ENDPOINTS
from roster_platform.ingest.settings import RosterSettings, roster_settings
from roster_platform.ingest.warehouse import SCHEMA_CONTRACT, PipelineRun, Warehouse

if TYPE_CHECKING:
    import pyarrow as pa
    from dlt.sources.rest_api import RESTAPIConfig

    from roster_platform.ingest.http import ApiClient, Page, Paging
    from roster_platform.ingest.records import Values
    from roster_platform.ingest.tables import Records

PIPELINE_NAME = "roster_pipeline"
DATASET_NAME = "roster_data"

_REMEDIES: Mapping[int, str] = {
    401: "The access token is wrong or was revoked: create a Private token in Roster "
    "under Settings > Integrations > API Access and set "
    "SOURCES__ROSTER_SOURCE__ACCESS_TOKEN.",
    403: "The token may not read this endpoint. Public tokens only capture clicks and "
    "orders; reading needs a Private token (Settings > Integrations > API Access) in "
    "SOURCES__ROSTER_SOURCE__ACCESS_TOKEN.",
    404: "Check SOURCES__ROSTER_SOURCE__BASE_URL and the endpoint's path.",
}
_MAX_PASSES = 3
_RECORDS_PER_BATCH = 20_000


@dataclass(frozen=True)
class EndpointLoad:
    """What loading one endpoint did: the run, its report, rows now in each table."""

    run: PipelineRun
    resource: DltResource
    report: ReadReport
    row_counts: Mapping[str, int]


@contextmanager
def load_endpoint(
    name: str,
    *,
    warehouse: Warehouse | None = None,
    full_read: bool = False,
    confirm_drops: bool = False,
    accept_fields: bool = False,
) -> Iterator[EndpointLoad]:
    """Load one Roster endpoint into the warehouse; the body runs once it is loaded.

    ``full_read`` ignores what is known and reads everything. What a complete read misses
    is marked as deleted; with ``confirm_drops`` even if that is most of the table.
    ``accept_fields`` stops telling of fields that are sent no longer.
    Raises an IngestError that names the endpoint and the remedy; rows loaded earlier
    are then kept.
    """
    endpoint = BY_NAME[name]
    warehouse = warehouse or Warehouse.from_settings()
    settings = roster_settings()
    settings.require_access_token()
    report = ReadReport(name, accept_fields=accept_fields)
    with warehouse.pipeline(PIPELINE_NAME, DATASET_NAME) as run:
        rule_ids: Sequence[str] = ()
        if endpoint.parent:
            field = column_name(endpoint.parent.field)
            rule_ids = [
                rule_id
                for (rule_id,) in run.query(
                    f"select distinct {field} from {{table}} "
                    f"where {field} is not null order by {field}",
                    table=endpoint.parent.resource,
                )
            ]
        source = roster_source(
            name, parent_ids=rule_ids, full_read=full_read, report=report
        )
        row_counts = run.load(source, parts=[name])
        if endpoint.table.soft_deletes:
            if report.is_complete and report.observed_at:
                report.deleted = mark_deleted(
                    run, name, report.observed_at, confirm_drops=confirm_drops
                )
                report.saw(f"{report.deleted} deleted".encode())
            report.held = rows_listed(run, name)
        else:
            report.held = row_counts[name]
        report.done()
        yield EndpointLoad(run, source.resources[name], report, row_counts)


def roster_source(
    *names: str,
    parent_ids: Sequence[str] = (),
    full_read: bool = False,
    report: ReadReport | None = None,
) -> DltSource:
    """Roster's endpoints as a dlt source; all that are configured by default.

    Nothing is read, not even configuration, before the pipeline extracts.
    ``parent_ids`` are the discount rules to read beside the configured ones.
    """
    chosen = [BY_NAME[name] for name in names] or [
        e for e in ENDPOINTS if not e.optional
    ]

    @dlt.source(name="roster_source", schema_contract=SCHEMA_CONTRACT)
    def source() -> Iterable[DltResource]:
        for endpoint in chosen:
            yield _resource(
                endpoint, parent_ids, full_read, report or ReadReport(endpoint.name)
            )

    return source()


def check_access() -> None:
    """Ask Roster for one record, once. Raises an IngestError that says what to do."""
    from roster_platform.ingest.http import ApiClient

    settings = roster_settings()
    settings.max_attempts = 1
    token = settings.require_access_token()
    endpoint = ENDPOINTS[0]
    headers = {"Authorization": f"Bearer {token}"}
    with ApiClient("Roster", settings, headers, token, _REMEDIES) as client:
        client.get(_path(endpoint, settings), {settings.page_size_param: 1})


def rest_api_config(settings: RosterSettings, *names: str) -> RESTAPIConfig:
    """The catalogue as dlt's declarative ``rest_api`` configuration.

    What a plain dlt script would run: pages one by one, nested lists as dlt's own child
    tables. Optional endpoints are left out unless named.
    """
    chosen = [BY_NAME[name] for name in names] or [
        e for e in ENDPOINTS if not e.optional
    ]
    resources: list[Any] = []
    for endpoint in chosen:
        path = _path(endpoint, settings)
        if endpoint.parent:
            parent = endpoint.parent
            path = path.replace(
                f"{{{parent.param}}}", f"{{resources.{parent.resource}.{parent.field}}}"
            )
        resources.append(
            {
                "name": endpoint.name,
                "primary_key": list(endpoint.table.primary_key),
                "write_disposition": "merge",
                "endpoint": {
                    "path": path,
                    "data_selector": endpoint.data_selector,
                    "params": {settings.page_size_param: settings.page_size},
                    "paginator": {
                        "type": "page_number",
                        "base_page": settings.first_page,
                        "page_param": settings.page_param,
                        "total_path": "pagination.totalPages",
                    },
                },
            }
        )
    return {
        "client": {
            "base_url": settings.base_url,
            "auth": {"type": "bearer", "token": settings.require_access_token()},
        },
        "resources": resources,
    }


def _resource(
    endpoint: Endpoint, parent_ids: Sequence[str], full_read: bool, report: ReadReport
) -> DltResource:
    table = endpoint.table

    def read() -> Iterator[Any]:
        # Imported when read, so that loading definitions pays for neither.
        from roster_platform.ingest.http import ApiClient
        from roster_platform.ingest.tables import TableBuilder

        settings = roster_settings()
        token = settings.require_access_token()
        headers = {"Authorization": f"Bearer {token}"}
        builder = TableBuilder(table)
        # An empty read still creates its tables.
        for name, arrow in builder.build([], datetime.now(UTC)).items():
            yield _routed(endpoint, name, arrow)
        with ApiClient("Roster", settings, headers, token, _REMEDIES) as client:
            reader = _Reader(endpoint, settings, client, report, full_read, parent_ids)
            for batch in reader.batches():
                records = reader.unseen(builder.parser.parse(batch))
                report.rows += len(records)
                for name, arrow in builder.build(records, reader.observed_at).items():
                    yield _routed(endpoint, name, arrow)
            lost = reader.finish(builder.fields)
        report.drifts = builder.drifts + lost

    return dlt.resource(
        read,
        name=endpoint.name,
        primary_key=[column_name(key) for key in table.primary_key],
        write_disposition={
            "disposition": "merge",
            "strategy": "delete-insert",
            "deduplicated": True,
        },
    )


def _batches(pages: Iterable[Page]) -> Iterator[list[bytes]]:
    """The lists of several pages at a time: what dlt and Arrow do costs by the batch."""
    batch: list[bytes] = []
    records = 0
    for page in pages:
        batch.append(page.raw)
        records += page.count
        if records >= _RECORDS_PER_BATCH:
            yield batch
            batch, records = [], 0
    if records:
        yield batch


def _routed(endpoint: Endpoint, name: str, arrow: pa.Table) -> Any:
    """Send an Arrow table to its raw table, with the hints of a child table."""
    for child in endpoint.table.children:
        if name == child_table_name(endpoint.table, child):
            hints = dlt.mark.make_hints(
                table_name=name,
                write_disposition={"disposition": "merge", "strategy": "delete-insert"},
                primary_key=(),
                merge_key=column_name(child.parent_key),
                columns=DELETED_HINTS,
            )
            return dlt.mark.with_hints(arrow, hints, create_table_variant=True)
    return arrow


def _path(endpoint: Endpoint, settings: RosterSettings) -> str:
    """The endpoint's path; empty for an optional endpoint that is not configured."""
    path = settings.override(endpoint.name, "path", endpoint.path)
    if endpoint.optional:
        path = settings.contacts_path or path
    return str(path).lstrip("/")


class _Reader:
    """Reads the pages of one endpoint as configured, and knows what was seen."""

    def __init__(
        self,
        endpoint: Endpoint,
        settings: RosterSettings,
        client: ApiClient,
        report: ReadReport,
        full_read: bool,
        parent_ids: Sequence[str],
    ) -> None:
        self._endpoint = endpoint
        self._settings = settings
        self._client = client
        self._report = report
        self._parent_ids = parent_ids
        self._seen: set[Any] = set()
        self._state = dlt.current.resource_state(endpoint.name)
        self._known_until = None if full_read else self._state.get("known_until")
        # A full read forgets a moment that lay in the future, by mistake of a record.
        self._newest = self._known_until
        self._full_read = full_read
        self._total: int | None = None
        self._totals: list[int] = []
        self.observed_at: datetime

    def batches(self) -> Iterator[list[bytes]]:
        """JSON lists of everything that may be new, in order, some pages at a time."""
        if self._endpoint.parent:
            yield from _batches(self._pages_of_parents())
            return
        if not _path(self._endpoint, self._settings):
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
            self._report.warn(f"{error} The endpoint is optional, so the run goes on.")

    def unseen(self, records: Records) -> Records:
        """The records that this read has not met yet."""
        if self._endpoint.order_field:
            newest = _latest(records.values(self._endpoint.order_field))
            self._newest = max(newest, self._newest or "") or None
        columns = [
            values.to_pylist() if hasattr(values, "to_pylist") else values
            for values in map(records.values, self._endpoint.table.primary_key)
        ]
        fresh = []
        for key in columns[0] if len(columns) == 1 else zip(*columns, strict=True):
            if not isinstance(key, str) and key is not None:
                # As it lands: 7 and "7" are one key, and a list has no hash.
                key = documents.dumps(key).decode()
            # A record without a key is nobody's repeat.
            fresh.append(key is None or key not in self._seen)
            self._seen.add(key)
        self._seen.discard(None)
        return records if all(fresh) else records.filter(fresh)

    def finish(self, fields: Mapping[str, set[str]]) -> list[Drift]:
        """Remember how far this read got, and which fields came; returns the lost ones.

        dlt commits it with the load.
        """
        if self._newest is not None:
            self._state["known_until"] = self._newest
        if not self._report.is_complete:
            return []
        if self._report.announced is None:
            self._report.announced = len(self._seen)
        return lost_fields(self._state, fields, accept=self._report.accept_fields)

    def _passes(self) -> Iterator[list[bytes]]:
        stops_early = self._stops_early()
        for _ in range(_MAX_PASSES):
            yield from _batches(self._one_pass(stops_early))
            if stops_early or self._total is None or self._has_seen_all():
                self._report.is_complete = self._is_everything(stops_early)
                return
            # Records moved between pages while they were read: look again.
        self._report.warn(
            f"the API announces {self._total} records but listed {len(self._seen)} in "
            f"{_MAX_PASSES} reads; it was changing meanwhile, or the total is wrong"
        )

    def _has_seen_all(self) -> bool:
        """Whether as many records came as there are, and none left while they came.

        One that leaves draws the next page's first onto a page read already.
        """
        has_shrunk = any(later < earlier for earlier, later in pairwise(self._totals))
        return not has_shrunk and len(self._seen) >= (self._total or 0)

    def _is_everything(self, stops_early: bool) -> bool:
        """Whether what was not listed is not there: the API says how much there is.

        Where it does not, only a read of everything that was asked for counts. Configured
        parameters may be a filter, and then what was not listed may well be there.
        """
        has_own_params = self._settings.override(self._endpoint.name, "params")
        if stops_early or has_own_params or self._is_filtered():
            return False
        return self._total is not None or self._full_read

    def _one_pass(self, stops_early: bool) -> Iterator[Page]:
        self._totals.clear()
        path = _path(self._endpoint, self._settings)
        paging = self._paging(ramp_up=stops_early)
        pages = self._client.pages(path, self._params(), paging)
        for done, page in enumerate(pages, start=1):
            self._note(page)
            yield page
            self._report.progress(done, page.info.total_pages, "pages")
            if stops_early and self._is_known(page):
                pages.close()
                return

    def _pages_of_parents(self) -> Iterator[Page]:
        parent = self._endpoint.parent
        assert parent is not None
        configured = self._settings.discount_rule_ids or []
        ids = list(dict.fromkeys(map(str, [*self._parent_ids, *configured])))
        template = _path(self._endpoint, self._settings)
        reads = {
            template.replace(f"{{{parent.param}}}", _safe_segment(parent_id)): parent_id
            for parent_id in ids
        }
        paging = self._paging()
        each = self._client.pages_of_each((path, paging) for path in reads)
        for done, (path, result) in enumerate(each, start=1):
            if isinstance(result, NotFoundError):
                self._report.warn(f"{reads[path]} is gone ({result})")
                continue
            if isinstance(result, Exception):
                raise result
            for page in result:
                self._note(page)
                of_parent = {parent.field: reads[path]}
                records = [of_parent | record for record in page.records]
                yield replace(page, raw=documents.dumps(records))
            self._report.progress(done, len(reads), "parents")
        self._report.is_complete = self._full_read

    def _paging(self, *, ramp_up: bool = False) -> Paging:
        from roster_platform.ingest.http import Paging

        settings = self._settings
        return Paging(
            data_selector=self._endpoint.data_selector,
            page_param=settings.page_param,
            page_size_param=settings.page_size_param,
            first_page=settings.first_page,
            page_size=settings.override(
                self._endpoint.name, "page_size", settings.page_size
            ),
            cursor_param=settings.cursor_param,
            max_pages=settings.max_pages,
            ramp_up=ramp_up,
        )

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
        return bool(newest_first and self._endpoint.order_field and self._known_until)

    def _note(self, page: Page) -> None:
        self._report.requests += 1
        self._report.saw(page.digest)
        if not hasattr(self, "observed_at"):
            self.observed_at = page.date
            self._report.observed_at = page.date
        if page.info.total_count is not None:
            self._total = page.info.total_count
            self._totals.append(self._total)
            if not self._endpoint.parent and not self._is_filtered():
                self._report.announced = self._total

    def _is_known(self, page: Page) -> bool:
        field = self._endpoint.order_field
        assert field is not None
        known = self._known_until or ""
        return all(str(record.get(field) or "") < known for record in page.records)


def _latest(moments: Values) -> str:
    """The latest of some moments as the API writes them; empty when there is none."""
    import pyarrow.compute as pc

    if hasattr(moments, "to_pylist"):
        return pc.max(moments).as_py() or ""
    return max((str(moment or "") for moment in moments), default="")


def _safe_segment(value: str) -> str:
    """An id as one segment of a path, so that it leads nowhere else.

    Raises BadResponseError for the two that would, even encoded: "." and "..".
    """
    if value in {"", ".", ".."}:
        raise BadResponseError(
            f"Roster lists a discount rule whose id is {value!r}, which cannot be asked "
            "for. Report it to the vendor; rows loaded earlier are kept."
        )
    return quote(value, safe="")
