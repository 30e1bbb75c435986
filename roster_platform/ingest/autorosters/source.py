"""Auto Rosters' pages as a dlt source."""

from __future__ import annotations

from collections.abc import (
    Callable,
    Iterable,
    Iterator,
    Mapping,
    MutableMapping,
    Sequence,
)
from typing import TYPE_CHECKING, Any

import dlt
from dlt.extract import DltResource, DltSource

from roster_platform.errors import NoPageError
from roster_platform.ingest.autorosters.report import PagesReport
from roster_platform.ingest.autorosters.writing import READINGS, Reading, write_hints
from roster_platform.ingest.page_ids import SETTING
from roster_platform.ingest.page_ids import page_ids as the_page_ids
from roster_platform.ingest.reading.log import reads_item
from roster_platform.ingest.settings import AutoRostersSettings, autorosters_settings
from roster_platform.warehouse.pipelines import SCHEMA_CONTRACT

if TYPE_CHECKING:
    from roster_platform.ingest.http.client import ApiClient
    from roster_platform.ingest.reading.kept_answers import KeptAnswers

SOURCE_NAME = "autorosters_source"
PIPELINE_NAME = "autorosters_pipeline"
DATASET_NAME = "autorosters_data"
_PAGES_CHECKED = 5

_REMEDIES: Mapping[int, str] = {
    400: "Check the page id.",
    401: "The API key is wrong or was revoked: create one in your Auto Rosters account "
    "and set api_key under [sources.autorosters_source] in .dlt/secrets.toml "
    "(SOURCES__AUTOROSTERS_SOURCE__API_KEY).",
    403: "API access needs a premium subscription, and a key reads only the pages of the "
    "account that made it: check the subscription, and whose page this is.",
    404: f"Check the page's id in {SETTING}; the page may have been deleted.",
}


def autorosters_client(
    settings: AutoRostersSettings, kept: KeptAnswers | None = None
) -> ApiClient:
    """A client with the API key. Raises ConfigurationError when there is none."""
    from roster_platform.ingest.http.client import ApiClient

    key = settings.require_api_key()
    headers = {"X-API-Key": key}
    return ApiClient("Auto Rosters", settings, headers, key, _REMEDIES, kept)


def check_access() -> None:
    """Ask Auto Rosters for the flat user lists of the first configured pages, once.

    Raises an IngestError that says what to do; also when no page is configured.
    """
    settings = autorosters_settings()
    settings.max_attempts = 1
    client = autorosters_client(settings)
    page_ids = settings.configured_page_ids()
    if not page_ids:
        raise NoPageError(
            f"There is a key, and no roster page to read. List the pages' ids in {SETTING}."
        )
    with client:
        for page_id in page_ids[:_PAGES_CHECKED]:
            client.get(READINGS["page_users"].path.format(page_id=page_id))


def autorosters_source(page_ids: Sequence[str] | None = None, *kinds: str) -> DltSource:
    """Auto Rosters as a dlt source: ``pages`` and ``page_users`` by default.

    ``page_ids`` defaults to the configured ones. Nothing is read, not even
    configuration, before the pipeline extracts. The first page that fails is raised when
    all pages were read.
    """

    @dlt.source(name=SOURCE_NAME, schema_contract=SCHEMA_CONTRACT)
    def source() -> Iterable[DltResource]:
        for kind in kinds or ("pages", "page_users"):
            yield _resource(READINGS[kind], _read(READINGS[kind], page_ids))

    return source()


def read_items(
    reading: Reading,
    page_ids: Sequence[str],
    settings: AutoRostersSettings,
    report: PagesReport,
    state: MutableMapping[str, Any],
    discord_id: str | None = None,
    kept: KeptAnswers | None = None,
    appends: Callable[[], bool] = lambda: False,
) -> Iterator[Sequence[Any]]:
    """Read pages; yields batches of rows of those that changed, as dlt takes them.

    What was ``kept`` of a read that was interrupted is not asked again. ``state`` is what
    the resource remembers from read to read, and is changed; ``report`` is filled.
    ``appends`` says of each batch whether no row of its pages is there.
    """
    # Imported when read, so that loading definitions does not pay for it.
    from roster_platform.ingest.autorosters.reader import PagesReader

    reader = PagesReader(reading, settings, report, state, appends)
    paths = paths_of(reading, page_ids, discord_id)
    with autorosters_client(settings, kept) as client:
        yield from reader.pages(client, paths)
        # What failed for a passing reason gets another chance when all were asked.
        again = {path: page for path, page in paths.items() if report.may_pass(page)}
        yield from reader.pages(client, again)
        if rest := reader.rest():
            yield rest
    report.drifts = reader.drifts()


def paths_of(
    reading: Reading, page_ids: Iterable[str], discord_id: str | None = None
) -> Mapping[str, str]:
    """The path of each page's request, with the page's id."""
    return {
        reading.path.format(page_id=page_id, discord_id=discord_id): page_id
        for page_id in page_ids
    }


def empty_tables(
    reading: Reading, settings: AutoRostersSettings, *, appends: bool = False
) -> Iterator[Any]:
    """Yield every table that pages fill without a row, so that it is made."""
    from roster_platform.ingest.autorosters.reader import PagesReader

    report = PagesReport(reading.tables[0])
    reader = PagesReader(reading, settings, report, {}, lambda: appends)
    yield from reader.empty_tables()
    if reading.of_whole_pages:
        yield reads_item([])


def source_of(
    reading: Reading, items: Callable[[], Iterator[Any]], *, appends: bool = False
) -> DltSource:
    """Return what was read of pages as a source that loads it.

    It ``appends`` where the tables have no row that another could replace.
    """

    @dlt.source(name=SOURCE_NAME, schema_contract=SCHEMA_CONTRACT)
    def source() -> DltResource:
        return _resource(reading, items, appends=appends)

    return source()


def _resource(
    reading: Reading, items: Callable[[], Iterator[Any]], *, appends: bool = False
) -> DltResource:
    leading = reading.tables[0]
    hints = write_hints(reading, leading, appends=appends)
    return dlt.resource(items, name=leading, **hints)


def _read(
    reading: Reading, page_ids: Sequence[str] | None
) -> Callable[[], Iterator[Any]]:
    def read() -> Iterator[Any]:
        settings = autorosters_settings()
        ids = (
            settings.configured_page_ids()
            if page_ids is None
            else the_page_ids(page_ids)
        )
        report = PagesReport(reading.tables[0])
        # A run in which every page fails still creates its tables.
        yield from empty_tables(reading, settings)
        state = dlt.current.resource_state(reading.tables[0])
        for batch in read_items(reading, ids, settings, report, state):
            yield from batch
        if reading.of_whole_pages and report.reads:
            yield reads_item(list(report.reads.values()))
        for error in report.failed.values():
            raise error

    return read
