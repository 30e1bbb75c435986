"""Auto Rosters' pages as a dlt source, and many pages' way into the warehouse in one go.

All pages of a run share one pool of requests and one load. A page's load replaces that
page, table by table (merge on ``page_id``; a table the page no longer fills gets a
tombstone). A page that fails is reported and keeps its last good rows; the others load.
A page that did not change costs a request and one row of ``page_loads``; one that lost
most of its members at once is held back until somebody confirms it. A page that is no
longer configured is retired: a row of ``page_loads`` says so, and history closes there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import dlt
from dlt.extract import DltResource, DltSource

from roster_platform.ingest import documents
from roster_platform.ingest.autorosters.changes import (
    NO_CHANGES,
    MemberChanges,
    Query,
    changes_of,
    held_members,
    read_members,
)
from roster_platform.ingest.autorosters.tables import BY_NAME
from roster_platform.ingest.catalogue import DELETED_HINTS
from roster_platform.ingest.drift import lost_fields
from roster_platform.ingest.errors import (
    AccessDeniedError,
    BadResponseError,
    ConfigurationError,
    CredentialsError,
    DriftError,
    HeldBackError,
    IngestError,
    NotFoundError,
    UnreachableError,
)
from roster_platform.ingest.report import ReadReport
from roster_platform.ingest.settings import autorosters_settings, validated_page_ids
from roster_platform.ingest.warehouse import SCHEMA_CONTRACT, PipelineRun, Warehouse

if TYPE_CHECKING:
    import pyarrow as pa

    from roster_platform.ingest.http import Answer, ApiClient
    from roster_platform.ingest.tables import TableBuilder

PIPELINE_NAME = "autorosters_pipeline"
DATASET_NAME = "autorosters_data"
PAGE_TABLES = (
    "pages",
    "ranks",
    "users",
    "user_certifications",
    "user_subdivisions",
    "page_loads",
)

_REMEDIES: Mapping[int, str] = {
    400: "Check the page id.",
    401: "The API key is wrong or was revoked: create one in your Auto Rosters account "
    "and set SOURCES__AUTOROSTERS_SOURCE__API_KEY.",
    403: "API access needs a premium subscription, and a key reads only the pages of the "
    "account that made it: check the subscription, and whose page this is.",
    404: "Check the page id in SOURCES__AUTOROSTERS_SOURCE__PAGE_IDS; the page may have "
    "been deleted.",
}
_PAGES_PER_BATCH = 200
_SMALLEST_GUARDED_PAGE = 10
_SMALLEST_PLAUSIBLE_SHARE = 0.5

Rows = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True)
class PageSummary:
    """What one good read of one page held."""

    members: int
    ranks: int
    content_hash: str
    observed_at: datetime
    changes: MemberChanges = NO_CHANGES


@dataclass(frozen=True)
class KnownPage:
    """What the last good read of a page held; nothing, when it was retired since."""

    members: int
    content_hash: str | None
    read_at: datetime


@dataclass
class PagesReport(ReadReport):
    """The outcome of every page of a run: its summary, or why it failed.

    ``known`` is what earlier runs loaded: a page with the same content is left as it is,
    unless ``reload_unchanged``, and an implausible drop is held back.
    """

    loaded: dict[str, PageSummary] = field(default_factory=dict)
    unchanged: set[str] = field(default_factory=set)
    failed: dict[str, IngestError] = field(default_factory=dict)
    known: Mapping[str, KnownPage] = field(default_factory=dict)
    reload_unchanged: bool = False
    confirm_drops: bool = False
    fields: dict[str, set[str]] = field(default_factory=dict)
    """The fields that came, by table."""
    query: Query | None = None
    """Reads the warehouse, to tell who joined and left; nobody is told without."""

    def failure_summary(self) -> str:
        """The failed pages by name and reason, one a line."""
        return "\n".join(f"- {page}: {error}" for page, error in self.failed.items())

    @property
    def data_version(self) -> str:
        """Equal to that of the run before when no page, read or not, has changed."""
        held = {page: known.content_hash for page, known in self.known.items()}
        held |= {page: summary.content_hash for page, summary in self.loaded.items()}
        return _content_hash(held)

    def knows_every_page(self) -> bool:
        """Whether this run read every page that any run has."""
        active = {page for page, known in self.known.items() if known.content_hash}
        return bool(self.loaded) and self.loaded.keys() >= active

    def may_pass(self, page_id: str) -> bool:
        """Whether a page failed, others did not, and asking it again may help."""
        error = self.failed.get(page_id)
        return bool(self.loaded) and isinstance(
            error, UnreachableError | BadResponseError
        )

    def refused(self) -> dict[str, IngestError]:
        """Failed pages that the API will refuse again, until a person acts.

        A key that is refused for every page is not the pages' fault.
        """
        lasting: tuple[type[IngestError], ...] = (AccessDeniedError, NotFoundError)
        if self.loaded:
            lasting += (CredentialsError,)
        return {
            page: error
            for page, error in self.failed.items()
            if isinstance(error, lasting)
        }


@dataclass(frozen=True)
class PagesLoad:
    """What loading pages did: the run, its report, rows now in each table."""

    run: PipelineRun
    source: DltSource
    report: PagesReport
    row_counts: Mapping[str, int]


@contextmanager
def load_pages(
    page_ids: Sequence[str],
    *,
    warehouse: Warehouse | None = None,
    reload_unchanged: bool = False,
    confirm_drops: bool = False,
    accept_fields: bool = False,
) -> Iterator[PagesLoad]:
    """Load roster pages, all in one run; the body runs once the good ones are loaded.

    ``reload_unchanged`` writes pages that did not change too; ``confirm_drops`` accepts
    that a page lost most of its members, ``accept_fields`` that a field is sent no
    longer. Failed pages are in the report, with their
    reasons. Raises an IngestError when the credentials are missing or malformed settings
    stop the whole run.
    """
    report = PagesReport(
        "pages",
        reload_unchanged=reload_unchanged,
        confirm_drops=confirm_drops,
        accept_fields=accept_fields,
    )
    with _load(report, page_ids, warehouse) as loaded:
        yield loaded


@contextmanager
def load_page_users(
    page_ids: Sequence[str],
    *,
    warehouse: Warehouse | None = None,
    reload_unchanged: bool = False,
    confirm_drops: bool = False,
    accept_fields: bool = False,
) -> Iterator[PagesLoad]:
    """Load the API's flat user list of each page, all in one run (see load_pages)."""
    report = PagesReport(
        "page_users",
        reload_unchanged=reload_unchanged,
        confirm_drops=confirm_drops,
        accept_fields=accept_fields,
    )
    with _load(report, page_ids, warehouse) as loaded:
        yield loaded


@contextmanager
def load_user(
    page_id: str, discord_id: str, *, warehouse: Warehouse | None = None
) -> Iterator[PagesLoad]:
    """Refresh one member of one page in ``page_users``, between two page reads.

    Raises NotFoundError when the page or the user does not exist.
    """
    validated_page_ids([page_id, discord_id])
    report = PagesReport("user")
    with _load(report, [page_id], warehouse, discord_id=discord_id) as loaded:
        for error in loaded.report.failed.values():
            raise error
        yield loaded


@contextmanager
def _load(
    report: PagesReport,
    page_ids: Sequence[str],
    warehouse: Warehouse | None,
    *,
    discord_id: str | None = None,
) -> Iterator[PagesLoad]:
    warehouse = warehouse or Warehouse.from_settings()
    autorosters_settings().require_api_key()
    page_ids = _safe_page_ids(page_ids, report)
    source = autorosters_source(
        page_ids, report.name, discord_id=discord_id, report=report
    )
    with warehouse.pipeline(PIPELINE_NAME, DATASET_NAME) as run:
        if report.name == "pages":
            report.known = _known_pages(run)
            report.query = run.query
        elif report.name == "page_users":
            report.known = _known_lists(run)
        row_counts = run.load(source, parts=page_ids)
        if discord_id is None:
            _count_members(run, report)
        report.done()
        yield PagesLoad(run, source, report, row_counts)


def _count_members(run: PipelineRun, report: PagesReport) -> None:
    """The members of the pages that were read, as the API lists and the table holds."""
    held = dict(
        run.query(
            "select page_id, count(distinct discord_id) from {table} group by page_id",
            table="users" if report.name == "pages" else report.name,
        )
    )
    report.announced = sum(summary.members for summary in report.loaded.values())
    report.held = sum(held.get(page_id, 0) for page_id in report.loaded)


def _safe_page_ids(page_ids: Sequence[str], report: PagesReport) -> list[str]:
    """The page ids that are ones; any other is a failed page of the report.

    Raises ConfigurationError when there is no other.
    """
    safe = []
    for page_id in page_ids:
        try:
            safe.extend(validated_page_ids([page_id]))
        except ConfigurationError as error:
            report.failed[repr(page_id)[:82]] = error
    if report.failed and not safe:
        raise next(iter(report.failed.values()))
    return safe


def check_access() -> None:
    """Ask Auto Rosters for the flat user list of the first configured page, once.

    Raises an IngestError that says what to do; also when no page is configured.
    """
    from roster_platform.ingest.http import ApiClient

    settings = autorosters_settings()
    settings.max_attempts = 1
    key = settings.require_api_key()
    page_ids = settings.configured_page_ids()
    if not page_ids:
        raise ConfigurationError(
            "No roster page is configured. List page ids in "
            "SOURCES__AUTOROSTERS_SOURCE__PAGE_IDS (a JSON list or a comma list)."
        )
    headers = {"X-API-Key": key}
    with ApiClient("Auto Rosters", settings, headers, key, _REMEDIES) as client:
        client.get(_READINGS["page_users"].path.format(page_id=page_ids[0]))


def retire_pages(
    page_ids: Sequence[str], *, warehouse: Warehouse | None = None, purge: bool = False
) -> None:
    """Record that pages are no longer read; who was on them is history from then on.

    Their rows stay as they are, or are deleted with ``purge``; ``page_loads`` always
    stays. The moment is right after the last read of any page, on the API's clock. Pages
    that were never read, or are retired already, are left alone. Raises
    ConfigurationError for an id that is not one.
    """
    warehouse = warehouse or Warehouse.from_settings()
    page_ids = validated_page_ids(page_ids)
    with warehouse.pipeline(PIPELINE_NAME, DATASET_NAME) as run:
        known = _known_pages(run)
        leaving = [p for p in page_ids if p in known and known[p].content_hash]
        if not leaving:
            return
        ((last_read_at,),) = run.query(
            "select max(observed_at) from {table}", table="page_loads"
        )
        moment = last_read_at.astimezone(UTC) + timedelta(seconds=1)
        for reading in ("pages", "page_users") if purge else ("pages",):
            source = _retirement(_READINGS[reading], leaving, moment, purge=purge)
            run.load(source, parts=leaving)


def _retirement(
    reading: _Reading, page_ids: Sequence[str], moment: datetime, *, purge: bool
) -> DltSource:
    def rows() -> Iterator[Any]:
        from roster_platform.ingest.tables import TableBuilder

        builders = {
            name: TableBuilder(BY_NAME[name], tombstones=True)
            for name in reading.tables
        }
        for name, builder in builders.items():
            yield _routed(reading, name, builder.build([], moment)[name])
        batch = _Batch(reading, builders)
        for page_id in page_ids:
            leaving: Rows = {name: [] for name in reading.tables if purge}
            if "page_loads" in reading.tables:
                leaving["page_loads"] = [
                    {
                        "page_id": page_id,
                        "observed_at": moment.isoformat(),
                        "outcome": "retired",
                        "member_count": 0,
                        "rank_count": 0,
                    }
                ]
            batch.add(page_id, leaving, moment)
        yield from batch.flush()

    @dlt.source(name="autorosters_source", schema_contract=SCHEMA_CONTRACT)
    def source() -> Iterable[DltResource]:
        leading = reading.tables[0]
        yield dlt.resource(rows, name=leading, **_write_hints(reading, leading))

    return source()


def _known_pages(run: PipelineRun) -> dict[str, KnownPage]:
    last_loads = run.query(
        "select loads.page_id, loads.member_count, loads.content_hash, "
        "loads.observed_at "
        "from {table} as loads inner join ("
        "select page_id, max(observed_at) as observed_at from {table} group by page_id"
        ") as last_loads on loads.page_id = last_loads.page_id "
        "and loads.observed_at = last_loads.observed_at",
        table="page_loads",
    )
    return {page_id: KnownPage(*last_load) for page_id, *last_load in last_loads}


def _known_lists(run: PipelineRun) -> dict[str, KnownPage]:
    # A member that was refreshed by itself has no hash, and the list's is not known then.
    lists = run.query(
        "select page_id, count(distinct discord_id), "
        "case when count(list_hash) = count(*) then min(list_hash) end, "
        "max(_observed_at) "
        "from {table} group by page_id",
        table="page_users",
        needs=["list_hash"],
    )
    return {page_id: KnownPage(*last_list) for page_id, *last_list in lists}


def autorosters_source(
    page_ids: Sequence[str] | None = None,
    *kinds: str,
    discord_id: str | None = None,
    report: PagesReport | None = None,
) -> DltSource:
    """Auto Rosters as a dlt source: ``pages`` and ``page_users`` by default.

    ``page_ids`` defaults to the configured ones. Nothing is read, not even
    configuration, before the pipeline extracts. Without a ``report`` of the caller's
    own, the first page that fails is raised when all pages were read.
    """

    @dlt.source(name="autorosters_source", schema_contract=SCHEMA_CONTRACT)
    def source() -> Iterable[DltResource]:
        for kind in kinds or ("pages", "page_users"):
            reading = _READINGS[kind]
            yield dlt.resource(
                _read(reading, page_ids, discord_id, report),
                name=reading.tables[0],
                **_write_hints(reading, reading.tables[0]),
            )

    return source()


@dataclass(frozen=True)
class _Reading:
    """How one of the three endpoints is asked, flattened and written."""

    path: str
    tables: tuple[str, ...]
    flatten: Callable[[str, Any, datetime], tuple[Rows, PageSummary]]
    merge_key: tuple[str, ...]
    of_whole_pages: bool = True

    def key_of(self, table: str) -> tuple[str, ...]:
        """The columns by which a load replaces rows of one of the tables."""
        return BY_NAME[table].primary_key if table == "page_loads" else self.merge_key


def _read(
    reading: _Reading,
    page_ids: Sequence[str] | None,
    discord_id: str | None,
    given_report: PagesReport | None,
) -> Callable[[], Iterator[Any]]:
    def read() -> Iterator[Any]:
        # Imported when read, so that loading definitions pays for neither.
        from roster_platform.ingest.http import ApiClient
        from roster_platform.ingest.tables import TableBuilder

        settings = autorosters_settings()
        key = settings.require_api_key()
        ids = (
            settings.configured_page_ids()
            if page_ids is None
            else validated_page_ids(page_ids)
        )
        report = given_report or PagesReport(reading.tables[0])
        builders = {
            name: TableBuilder(BY_NAME[name], tombstones=True)
            for name in reading.tables
        }
        # A run in which every page fails still creates its tables.
        for name, builder in builders.items():
            yield _routed(reading, name, builder.build([], datetime.now(UTC))[name])
        paths = {
            reading.path.format(page_id=page_id, discord_id=discord_id): page_id
            for page_id in ids
        }
        with ApiClient(
            "Auto Rosters", settings, {"X-API-Key": key}, key, _REMEDIES
        ) as client:
            batch = _Batch(reading, builders)
            yield from _read_pages(client, paths, batch, report)
            # What failed for a passing reason gets another chance when all were asked.
            again = {
                path: page for path, page in paths.items() if report.may_pass(page)
            }
            yield from _read_pages(client, again, batch, report)
            _compare(batch, report)
            yield from batch.flush()
        report.drifts = [drift for b in builders.values() for drift in b.drifts]
        if reading.of_whole_pages and report.knows_every_page():
            state = dlt.current.resource_state(reading.tables[0])
            report.drifts += lost_fields(
                state, report.fields, accept=report.accept_fields
            )
        if given_report is None:
            for error in report.failed.values():
                raise error

    return read


def _read_pages(
    client: ApiClient, paths: Mapping[str, str], batch: _Batch, report: PagesReport
) -> Iterator[Any]:
    """Ask for pages by path, and yield the batches that become full."""
    for done, (path, answer) in enumerate(client.get_each(paths), start=1):
        report.requests += 1
        _add_page(batch, report, paths[path], answer)
        report.progress(done, len(paths), "pages")
        if batch.pages >= _PAGES_PER_BATCH:
            _compare(batch, report)
            yield from batch.flush()


def _add_page(
    batch: _Batch,
    report: PagesReport,
    page_id: str,
    answer: Answer | IngestError,
) -> None:
    report.failed.pop(page_id, None)
    if isinstance(answer, IngestError):
        report.failed[page_id] = answer
        return
    # One moment for the whole run: what vanished is missed at the page's own last read.
    report.observed_at = report.observed_at or answer.date
    try:
        rows, summary = batch.reading.flatten(page_id, answer.body, report.observed_at)
    except IngestError as error:
        report.failed[page_id] = error
        return
    for name, records in rows.items():
        report.fields.setdefault(name, set()).update(*records)
    known = report.known.get(page_id)
    if (
        known
        and not report.confirm_drops
        and _is_implausible_drop(known.members, summary.members)
    ):
        report.failed[page_id] = _held_back(page_id, known, summary)
        return
    if (
        known
        and not report.reload_unchanged
        and known.content_hash == summary.content_hash
    ):
        report.unchanged.add(page_id)
        rows = {name: rows[name] for name in rows if name == "page_loads"}
    batch.add(page_id, rows, summary.observed_at)
    report.rows += sum(map(len, rows.values()))
    report.loaded[page_id] = summary


def _compare(batch: _Batch, report: PagesReport) -> None:
    """Complete the summaries of the batch's changed pages by who joined and left."""
    pages = batch.changed_pages
    if report.query is None or not pages:
        return
    known = {page_id for page_id in pages if page_id in report.known}
    held = held_members(report.query, known) if known else {}
    read = read_members(batch.rows, known)
    for page_id in pages:
        summary = report.loaded[page_id]
        changes = (
            changes_of(page_id, held, read)
            if page_id in known
            else MemberChanges(joined=summary.members, left=0, changed=0)
        )
        report.loaded[page_id] = replace(summary, changes=changes)


def _is_implausible_drop(before: int, now: int) -> bool:
    return before >= _SMALLEST_GUARDED_PAGE and now < before * _SMALLEST_PLAUSIBLE_SHARE


def _held_back(page_id: str, known: KnownPage, summary: PageSummary) -> HeldBackError:
    return HeldBackError(
        f"Auto Rosters lists {summary.members} members on page {page_id}, which had "
        f"{known.members} at its last read. Losing over half of a page at once is held "
        "back, and the page keeps its last good rows. If it is true, materialize the "
        "page with the op config confirm_drops: true, or load it with "
        "`python -m roster_platform.ingest autorosters --page ID --confirm-drops`."
    )


class _Batch:
    """Rows of some pages, on their way to one Arrow table each."""

    def __init__(self, reading: _Reading, builders: Mapping[str, TableBuilder]) -> None:
        self.reading = reading
        self._builders = builders
        self._clear()

    def _clear(self) -> None:
        self.pages = 0
        self.changed_pages: list[str] = []
        self.rows: Rows = {name: [] for name in self.reading.tables}
        self._emptied: dict[str, list[str]] = {name: [] for name in self.reading.tables}
        self._observed_at: datetime | None = None

    def add(self, page_id: str, rows: Rows, observed_at: datetime) -> None:
        self.pages += 1
        if "users" in rows:
            self.changed_pages.append(page_id)
        self._observed_at = self._observed_at or observed_at
        for name, rows_of_table in rows.items():
            self.rows[name].extend(rows_of_table)
            if not rows_of_table:
                self._emptied[name].append(page_id)

    def flush(self) -> Iterator[Any]:
        from roster_platform.ingest.tables import tombstone_rows

        if self._observed_at is None:
            return
        for name in self.reading.tables:
            built = self._builders[name].build(self.rows[name], self._observed_at)
            parts = [built[name]] if self.rows[name] else []
            if self._emptied[name]:
                parts.append(
                    tombstone_rows(
                        BY_NAME[name], "page_id", self._emptied[name], self._observed_at
                    )
                )
            for part in parts:
                yield _routed(self.reading, name, part)
        self._clear()


def _routed(reading: _Reading, name: str, arrow: pa.Table) -> Any:
    if name == reading.tables[0]:
        return arrow
    hints = dlt.mark.make_hints(table_name=name, **_write_hints(reading, name))
    return dlt.mark.with_hints(arrow, hints, create_table_variant=True)


def _write_hints(reading: _Reading, table: str) -> dict[str, Any]:
    return {
        "write_disposition": {
            "disposition": "merge",
            "strategy": "delete-insert",
            "deduplicated": True,
        },
        "primary_key": (),
        "merge_key": list(reading.key_of(table)),
        "columns": DELETED_HINTS,
    }


def _flatten_page(
    page_id: str, body: Any, observed_at: datetime
) -> tuple[Rows, PageSummary]:
    """One hierarchical page as rows of the page tables, repeats dropped."""
    if not isinstance(body, dict) or not isinstance(body.get("ranks"), list):
        raise BadResponseError(
            f"Auto Rosters answered page {page_id} without its list of ranks. The page "
            "keeps its last good rows."
        )
    told = body.get("page_id")
    if told is not None and str(told).lower() != page_id.lower():
        raise BadResponseError(
            f"Auto Rosters answered page {page_id} with another page. Nothing of it was "
            "loaded; the page keeps its last good rows."
        )
    users: dict[tuple[str, str], dict[str, Any]] = {}
    certifications: dict[tuple[str, str], dict[str, Any]] = {}
    subdivisions: dict[tuple[str, str], dict[str, Any]] = {}
    ranks: dict[str, dict[str, Any]] = {}
    for position, rank in enumerate(body["ranks"]):
        role_id = _key(rank, "role_id", page_id, "a rank")
        ranks.setdefault(role_id, {**rank, "page_id": page_id, "position": position})
        ranks[role_id].pop("users", None)
        of_rank = {
            "page_id": page_id,
            "role_id": role_id,
            "is_command": rank.get("is_command"),
        }
        for user in _listed(rank, "users", page_id):
            discord_id = _key(user, "discord_id", page_id, "a user")
            row = {**user, **of_rank}
            for name in _listed(row, "certifications", page_id):
                certifications[discord_id, str(name)] = {
                    "page_id": page_id,
                    "discord_id": discord_id,
                    "certification": str(name),
                }
            for name in _listed(row, "subdivisions", page_id):
                subdivisions[discord_id, str(name)] = {
                    "page_id": page_id,
                    "discord_id": discord_id,
                    "subdivision": str(name),
                }
            row.pop("certifications", None)
            row.pop("subdivisions", None)
            users.setdefault((role_id, discord_id), row)
    page = {**body, "page_id": page_id}
    del page["ranks"]
    members = len({discord_id for _, discord_id in users})
    summary = PageSummary(members, len(ranks), _content_hash(body), observed_at)
    load = {
        "page_id": page_id,
        "observed_at": observed_at.isoformat(),
        "outcome": "loaded",
        "content_hash": summary.content_hash,
        "member_count": members,
        "rank_count": len(ranks),
    }
    return {
        "pages": [page],
        "ranks": list(ranks.values()),
        "users": list(users.values()),
        "user_certifications": list(certifications.values()),
        "user_subdivisions": list(subdivisions.values()),
        "page_loads": [load],
    }, summary


def _flatten_page_users(
    page_id: str, body: Any, observed_at: datetime
) -> tuple[Rows, PageSummary]:
    """The flat user list of one page (a bare JSON array) as rows of page_users."""
    if not isinstance(body, list):
        raise BadResponseError(
            f"Auto Rosters answered the user list of page {page_id} with something that "
            "is not a list. The page keeps its last good rows."
        )
    content_hash = _content_hash(body)
    users: dict[tuple[str, str], dict[str, Any]] = {}
    for user in body:
        discord_id = _key(user, "discord_id", page_id, "a user")
        rank = _key(user, "rank", page_id, "a user")
        row = {**user, "page_id": page_id, "list_hash": content_hash}
        users.setdefault((discord_id, rank), row)
    members = len({discord_id for discord_id, _ in users})
    ranks = len({rank for _, rank in users})
    return {"page_users": list(users.values())}, PageSummary(
        members, ranks, content_hash, observed_at
    )


def _flatten_user(
    page_id: str, body: Any, observed_at: datetime
) -> tuple[Rows, PageSummary]:
    rows, summary = _flatten_page_users(page_id, [body], observed_at)
    for row in rows["page_users"]:
        row["list_hash"] = None
    return rows, summary


def _key(value: Any, name: str, page_id: str, what: str) -> str:
    found = value.get(name) if isinstance(value, dict) else None
    if found is None or found == "":
        raise DriftError(
            f"{what.capitalize()} of page {page_id} came without its {name}, so it "
            "cannot be told apart. The page keeps its last good rows; compare the "
            "API's answer with its documentation."
        )
    return str(found)


def _listed(record: Mapping[str, Any], name: str, page_id: str) -> list[Any]:
    """A list inside a record; absent, it is empty. Raises DriftError for anything else."""
    found = record.get(name)
    if found is None:
        return []
    if not isinstance(found, list):
        raise DriftError(
            f"The {name} on page {page_id} came as something that is not a list. The "
            "page keeps its last good rows; compare the API's answer with its "
            "documentation."
        )
    return found


def _content_hash(body: Any) -> str:
    return hashlib.sha256(documents.dumps(body, sort_keys=True)).hexdigest()


_READINGS: Mapping[str, _Reading] = {
    "pages": _Reading(
        path="roster/{page_id}",
        tables=PAGE_TABLES,
        flatten=_flatten_page,
        merge_key=("page_id",),
    ),
    "page_users": _Reading(
        path="roster/{page_id}/users",
        tables=("page_users",),
        flatten=_flatten_page_users,
        merge_key=("page_id",),
    ),
    "user": _Reading(
        path="roster/{page_id}/{discord_id}",
        tables=("page_users",),
        flatten=_flatten_user,
        merge_key=("page_id", "discord_id"),
        of_whole_pages=False,
    ),
}
