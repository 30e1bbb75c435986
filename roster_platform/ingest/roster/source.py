"""Roster's endpoints as dlt resources.

A read asks for the pages of an endpoint side by side, turns each page into typed Arrow
tables, and merges on the record's id (see ``reader`` for what is read).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, MutableMapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import dlt
from dlt.extract import DltResource, DltSource

from roster_platform.catalogue import (
    DELETED,
    DELETED_HINTS,
    Endpoint,
    child_table_name,
    column_name,
)
from roster_platform.errors import DriftError, IncompleteReadError
from roster_platform.ingest.history.versions_tables import VersionsTables
from roster_platform.ingest.mappings import source_mapping, where_to_declare
from roster_platform.ingest.reading.log import (
    KnownReads,
    Outcome,
    raise_once_loaded,
    reads_item,
)
from roster_platform.ingest.reading.report import ReadReport
from roster_platform.ingest.roster.endpoints import BY_NAME, ENDPOINTS
from roster_platform.ingest.roster.reader import EndpointReader
from roster_platform.ingest.roster.requests import path_of, roster_client
from roster_platform.ingest.settings import RosterSettings, roster_settings
from roster_platform.warehouse.pipelines import SCHEMA_CONTRACT

if TYPE_CHECKING:
    import pyarrow as pa
    from dlt.common.schema.typing import TDeleteInsertStrategyDict
    from dlt.sources.rest_api import RESTAPIConfig

    from roster_platform.ingest.history.held_records import HeldRecords
    from roster_platform.ingest.reading.kept_answers import KeptAnswers

SOURCE_NAME = "roster_source"
PIPELINE_NAME = "roster_pipeline"
DATASET_NAME = "roster_data"


def roster_source(
    *names: str, parent_ids: Sequence[str] = (), full_read: bool = False
) -> DltSource:
    """Roster's endpoints as a dlt source; all that are configured by default.

    Nothing is read, not even configuration, before the pipeline extracts.
    ``parent_ids`` are the discount rules to read as well as the configured ones.
    ``pipeline.run`` raises IncompleteReadError once the rows of an incomplete read have
    landed.
    """
    chosen = [BY_NAME[name] for name in names] or [
        e for e in ENDPOINTS if not e.optional
    ]

    @dlt.source(name=SOURCE_NAME, schema_contract=SCHEMA_CONTRACT)
    def source() -> Iterable[DltResource]:
        for endpoint in chosen:
            yield _resource(endpoint, parent_ids, full_read)

    return source()


def check_access() -> None:
    """Ask Roster for one record, once. Raises an IngestError that says what to do."""
    settings = roster_settings()
    settings.max_attempts = 1
    endpoint = ENDPOINTS[0]
    with roster_client(settings) as client:
        client.get(path_of(endpoint, settings), {settings.page_size_param: 1})


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
        path = path_of(endpoint, settings)
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


def read_items(
    endpoint: Endpoint,
    settings: RosterSettings,
    state: MutableMapping[str, Any],
    report: ReadReport,
    *,
    parent_ids: Sequence[str] = (),
    full_read: bool = False,
    known: KnownReads | None = None,
    held: HeldRecords | None = None,
    kept: KeptAnswers | None = None,
    appends: Callable[[], bool] = lambda: False,
) -> Iterator[Sequence[Any]]:
    """Read an endpoint to its end; yields batches of rows, as dlt takes them.

    Records that are ``held`` as they came are left out, and what was ``kept`` of a read
    that was interrupted is not asked again. ``state`` is what the resource remembers from
    read to read, and is changed; ``report`` is filled. ``appends`` says of each batch
    whether it is loaded into tables without a row.
    """
    # Imported when read, so that loading definitions does not pay for it.
    from roster_platform.records.table_builder import TableBuilder

    mapping = source_mapping("roster")
    table = mapping.applied(endpoint.table)
    builder = TableBuilder(
        table,
        given=[endpoint.parent.field] if endpoint.parent else (),
        volatile=settings.volatile_fields or (),
    )
    versions = VersionsTables(table)
    with roster_client(settings, kept) as client:
        reader = EndpointReader(
            *(endpoint, settings, client, report, full_read, parent_ids, known),
            *(builder.parser, state),
        )
        for batch in reader.batches():
            records = reader.unseen(builder.parser.parse(batch))
            report.rows += len(records)
            try:
                tables = builder.build(records, reader.observed_at)
            except DriftError as error:
                raise DriftError(f"{error} {where_to_declare('roster')}") from None
            if held is not None:
                tables = held.unwritten(table, tables)
            if tables:
                yield [
                    item
                    for name, arrow in tables.items()
                    for item in (
                        _routed(endpoint, name, arrow, appends=appends()),
                        *versions.item(name, arrow),
                    )
                ]
        report.read_from(builder.sources)
        report.covered(builder.coverage, mapping.path)
        absent = reader.finish(builder)
        report.newer = [
            _routed(endpoint, name, arrow)
            for records in reader.newest()
            for name, arrow in builder.build(records, reader.observed_at).items()
        ]
    report.drifts = reader.noticed(builder) + absent


def empty_tables(
    endpoint: Endpoint, settings: RosterSettings, *, appends: bool = False
) -> Iterator[Any]:
    """Yield every table of an endpoint without a row, so that it is made."""
    from roster_platform.records.table_builder import TableBuilder

    table = source_mapping("roster").applied(endpoint.table)
    builder = TableBuilder(table, volatile=settings.volatile_fields or ())
    versions = VersionsTables(table)
    for name, arrow in builder.build([], datetime.now(UTC)).items():
        yield _routed(endpoint, name, arrow, appends=appends)
        yield from versions.item(name, arrow)


def source_of(
    endpoint: Endpoint, items: Callable[[], Iterator[Any]], *, appends: bool = False
) -> DltSource:
    """Return what was read of an endpoint as a source that loads it.

    It ``appends`` where the tables have no row that another could replace.
    """

    @dlt.source(name=SOURCE_NAME, schema_contract=SCHEMA_CONTRACT)
    def source() -> DltResource:
        return _loaded(endpoint, items, appends=appends)

    return source()


def _resource(
    endpoint: Endpoint, parent_ids: Sequence[str], full_read: bool
) -> DltResource:
    def read() -> Iterator[Any]:
        report = ReadReport(endpoint.name)
        settings = roster_settings()
        yield from empty_tables(endpoint, settings)
        state = dlt.current.resource_state(endpoint.name)
        for batch in read_items(
            *(endpoint, settings, state, report),
            parent_ids=parent_ids,
            full_read=full_read,
        ):
            yield from batch
        if report.newer:
            report.warn(
                "records came twice in this read, and those that came first are "
                "loaded; `python -m roster_platform.ingest roster` takes the newer"
            )
        if report.outcome is not None:
            yield reads_item([report.as_read()])
        if report.outcome is Outcome.INCOMPLETE:
            raise_once_loaded(IncompleteReadError(f"{endpoint.name}: {report.proof}"))

    return _loaded(endpoint, read)


_MERGED: TDeleteInsertStrategyDict = {
    "disposition": "merge",
    "strategy": "delete-insert",
}


def _loaded(endpoint: Endpoint, data: Any, *, appends: bool = False) -> DltResource:
    """The resource of an endpoint: its rows replace those with the same key."""
    merged: TDeleteInsertStrategyDict = {**_MERGED, "deduplicated": True}
    return dlt.resource(
        data,
        name=endpoint.name,
        primary_key=[column_name(key) for key in endpoint.table.primary_key],
        write_disposition="append" if appends else merged,
    )


def _is_a_row(arrow: pa.Table) -> Any:
    import pyarrow.compute as pc

    return pc.invert(arrow.column(DELETED))


def _routed(
    endpoint: Endpoint, name: str, arrow: pa.Table, *, appends: bool = False
) -> Any:
    """Send an Arrow table to its raw table, with the hints of a child table."""
    for child in endpoint.table.children:
        if name == child_table_name(endpoint.table, child):
            if appends:
                # An empty list deletes what was there before, which is nothing.
                arrow = arrow.filter(_is_a_row(arrow))
            hints = dlt.mark.make_hints(
                table_name=name,
                write_disposition="append" if appends else _MERGED,
                primary_key=(),
                merge_key=column_name(child.parent_key),
                columns={} if appends else DELETED_HINTS,
            )
            return dlt.mark.with_hints(arrow, hints, create_table_variant=True)
    return arrow
