"""Taking the outbox in, sending it, and loading the answers."""

from __future__ import annotations

import csv
import hashlib
import os
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dlt
import orjson
from dlt.extract import DltSource
from filelock import FileLock

from roster_platform.catalogue import column_name
from roster_platform.errors import (
    AccessDeniedError,
    CredentialsError,
    IngestError,
    RateLimitError,
    RefusedError,
)
from roster_platform.ingest.outbox.captures import Capture, content_digest
from roster_platform.ingest.outbox.ledger import Ledger
from roster_platform.ingest.reading.report import ReadReport
from roster_platform.ingest.roster.source import DATASET_NAME, PIPELINE_NAME
from roster_platform.ingest.settings import RosterSettings, roster_settings
from roster_platform.warehouse.pipeline_run import PipelineRun
from roster_platform.warehouse.pipelines import SCHEMA_CONTRACT
from roster_platform.warehouse.warehouse import Warehouse

if TYPE_CHECKING:
    from roster_platform.ingest.http.client import ApiClient
    from roster_platform.ingest.reading.answers import Answer

RUN_CONFIG = "run_config"
_AT_A_TIME = 32
_SUFFIXES = {".jsonl", ".csv"}
_STOPS_ALL = (CredentialsError, AccessDeniedError, RateLimitError)
_TOKEN_REMEDY = (
    "Create a Public token in Roster under Settings > Integrations > API Access and set "
    "SOURCES__ROSTER_SOURCE__PUBLIC_ACCESS_TOKEN. What is unsent waits in the ledger."
)
_REMEDIES = {
    401: _TOKEN_REMEDY,
    403: _TOKEN_REMEDY,
    404: "Check SOURCES__ROSTER_SOURCE__BASE_URL, and of orders "
    "SOURCES__ROSTER_SOURCE__ORDER_CAPTURE_PATH.",
}


@dataclass
class OutboxReport(ReadReport):
    """The result of one run over an outbox."""

    sent: int = 0
    resent: int = 0
    rejected: int = 0
    pending: int = 0


@dataclass(frozen=True)
class OutboxLoad:
    """The result of sending an outbox and loading the answers."""

    run: PipelineRun
    report: OutboxReport
    row_counts: Mapping[str, int]


@contextmanager
def load_outbox(
    capture: Capture,
    records: Sequence[Mapping[str, Any]] = (),
    *,
    warehouse: Warehouse | None = None,
) -> Iterator[OutboxLoad]:
    """Send what waits (and ``records``) and load the answers; the body runs after it.

    Raises an IngestError when sending had to stop; what was sent until then is loaded.
    """
    warehouse = warehouse or Warehouse.from_settings()
    folder = _folder(warehouse, capture)
    for name in ("outbox", "done", "rejected"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    report = OutboxReport(capture.name)
    # One sender at a time: two would both find the same record unanswered.
    with (
        FileLock(folder / "ledger.lock"),
        Ledger.opened(folder) as ledger,
        warehouse.pipeline(PIPELINE_NAME, DATASET_NAME) as run,
    ):
        report.rejected += ledger.take_in(
            capture, RUN_CONFIG, enumerate(records, start=1)
        )
        report.rejected += ledger.take_in(
            capture, outbox_table(capture), _table_rows(run, capture)
        )
        for path in outbox_files(warehouse, capture):
            report.rejected += ledger.take_in(capture, path.name, _lines(path))
            _archive(path, folder / "done")
        stopped: IngestError | None = None
        try:
            _send_waiting(capture, ledger, report)
        except IngestError as error:
            stopped = error
        report.pending = len(ledger.waiting())
        rows = ledger.answered()
        report.rows = len(rows)
        row_counts = run.load(_source(capture, rows))
        ledger.loaded(rows, [content_digest(orjson.loads(r["body"])) for r in rows])
        kept = timedelta(days=warehouse.settings.keep_sent_days)
        ledger.forget(datetime.now(UTC) - kept)
        if stopped:
            raise stopped
        yield OutboxLoad(run, report, row_counts)


def outbox_table(capture: Capture) -> str:
    """The name of the table whose rows are sent as well."""
    return f"{capture.name}_outbox"


def outbox_files(warehouse: Warehouse, capture: Capture) -> list[Path]:
    """The files that wait in the outbox, by name."""
    outbox = _folder(warehouse, capture) / "outbox"
    return sorted(
        path
        for path in (outbox.iterdir() if outbox.is_dir() else ())
        if path.is_file() and path.suffix in _SUFFIXES and path.name[0] != "."
    )


def waiting_records(warehouse: Warehouse, capture: Capture) -> int:
    """The number of records that were taken in and have no answer yet."""
    folder = _folder(warehouse, capture)
    if not (folder / "ledger.db").exists():
        return 0
    with Ledger.opened(folder) as ledger:
        return len(ledger.waiting())


def _folder(warehouse: Warehouse, capture: Capture) -> Path:
    return warehouse.data_path / capture.name


def _lines(path: Path) -> Iterator[tuple[int, Any]]:
    """Each record with its line number; what cannot be read as its ValueError."""
    if path.suffix == ".csv":
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            reader = csv.DictReader(file)
            for row in reader:
                wrong = ValueError("the line has more values than the header")
                yield reader.line_num, wrong if None in row else row
        return
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                try:
                    yield number, orjson.loads(line)
                except ValueError:
                    yield number, ValueError("the line is not JSON")


def _archive(path: Path, done: Path) -> None:
    target = done / path.name
    if target.exists() and target.read_bytes() != path.read_bytes():
        digest = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
        target = done / f"{path.stem}.{digest}{path.suffix}"
    os.replace(path, target)


def _send_waiting(capture: Capture, ledger: Ledger, report: OutboxReport) -> None:
    """Send what has no answer, some at a time; raises what stopped it, answers noted."""
    waiting = ledger.waiting()
    if not waiting:
        return
    settings = roster_settings()
    token = settings.require_public_access_token()
    headers = {"Authorization": f"Bearer {token}"}
    remedies = {400: f"The {capture.noun} was set aside.", **_REMEDIES}
    from roster_platform.ingest.http.client import ApiClient

    stopped: IngestError | None = None
    with ApiClient("Roster", settings, headers, token, remedies) as client:
        send = _Sender(capture, settings, client, ledger, report)
        for start in range(0, len(waiting), _AT_A_TIME):
            rows = waiting[start : start + _AT_A_TIME]
            sent = report.sent
            error = send(rows)
            stopped = stopped or error
            # A record that fails alone does not hold up the others.
            if error and (report.sent == sent or isinstance(error, _STOPS_ALL)):
                break
            report.progress(start + len(rows), len(waiting), f"{capture.noun}s")
    if stopped:
        raise stopped


@dataclass(frozen=True)
class _Sender:
    """Sends some records side by side, and writes down what became of each."""

    capture: Capture
    settings: RosterSettings
    client: ApiClient
    ledger: Ledger
    report: OutboxReport

    def __call__(self, rows: Sequence[sqlite3.Row]) -> IngestError | None:
        """Return what kept one of them from an answer."""
        from roster_platform.ingest.http.requests import Post

        tries: Counter[str] = Counter()
        self.ledger.leaving(rows)
        posts = (
            Post(
                orjson.loads(row["body"]),
                {"Idempotency-Key": row["key"]},
                partial(tries.update, [row["key"]]),
            )
            for row in rows
        )
        outcomes = self.client.post_each(self.capture.path(self.settings), posts)
        stopped: IngestError | None = None
        with self.ledger.noting():
            for row, outcome in zip(rows, outcomes, strict=True):
                self.report.requests += tries[row["key"]]
                self.ledger.tried(row["key"], tries[row["key"]])
                stopped = self._note(row, outcome) or stopped
        for file in {row["file"] for row in rows}:
            self.ledger.write_rejects(file)
        return stopped

    def _note(
        self, row: sqlite3.Row, outcome: Answer | IngestError
    ) -> IngestError | None:
        key = row["key"]
        if isinstance(outcome, RefusedError):
            self.ledger.refused(row, str(outcome))
            self.report.rejected += 1
            return None
        if isinstance(outcome, IngestError):
            # A refused token is an answer: nothing arrived.
            if isinstance(outcome, CredentialsError | AccessDeniedError):
                self.ledger.not_arrived(key)
            return outcome
        self.report.sent += 1
        self.report.resent += self.ledger.accepted(
            key, outcome.date, outcome.status, outcome.body
        )
        return None


def _table_rows(run: PipelineRun, capture: Capture) -> Iterator[tuple[int, Any]]:
    """The rows that somebody put into the table, which may not exist."""
    table = outbox_table(capture)
    names = {column_name(name): name for name in capture.fields}
    columns = sorted(run.columns(table) & names.keys())
    if not columns:
        return
    rows = run.query(f"select {', '.join(columns)} from {{table}}", table)
    for number, row in enumerate(rows, start=1):
        yield (
            number,
            {
                names[column]: value.isoformat() if isinstance(value, date) else value
                for column, value in zip(columns, row, strict=True)
            },
        )


def _source(capture: Capture, rows: Sequence[sqlite3.Row]) -> DltSource:
    from roster_platform.records.table_builder import TableBuilder

    table = capture.table
    records = [_record(capture, row) for row in rows]
    arrow = TableBuilder(table).build(records, datetime.now(UTC))

    @dlt.source(name="roster_source", schema_contract=SCHEMA_CONTRACT)
    def source() -> Any:
        return dlt.resource(
            [arrow[table.name]],
            name=table.name,
            primary_key=[column_name(key) for key in table.primary_key],
            write_disposition={"disposition": "merge", "strategy": "delete-insert"},
        )

    return source()


def _record(capture: Capture, row: sqlite3.Row) -> dict[str, Any]:
    body, response = orjson.loads(row["body"]), orjson.loads(row["response"])
    answered = response if isinstance(response, dict) else {}
    response_id = answered.get("id")
    return {
        **{name: answered.get(name) for name in capture.answered},
        **{name: body[name] for name in capture.fields if name in body},
        capture.id_field: row["key"],
        "sentAt": row["sent_at"],
        "status": row["status"],
        "responseId": None if response_id is None else str(response_id),
        "response": response,
        "attempts": row["attempts"],
        "resent": bool(row["resent"]),
        "sourceFile": row["file"],
        "sourceLine": row["line"],
    }
