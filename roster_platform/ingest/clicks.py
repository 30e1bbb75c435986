"""The click outbox: clicks from files, sent to Roster, each exactly once in effect.

Files in ``<data_dir>/clicks/outbox`` (JSONL or CSV; write elsewhere and rename them
in), and rows of the table ``roster_data.clicks_outbox`` if somebody makes one, are taken
into a ledger, sent with the public token, and their answers loaded. Each
step is recorded before the next begins, so a kill at any time only means that a step
is repeated: taking in and loading repeat harmlessly, and a click whose answer never
came is sent again under the same ``Idempotency-Key``.
"""

from __future__ import annotations

import csv
import hashlib
import os
import re
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dlt
import orjson
from dlt.extract import DltSource
from filelock import FileLock

from roster_platform.ingest.catalogue import column_name
from roster_platform.ingest.errors import (
    AccessDeniedError,
    CredentialsError,
    IngestError,
    RateLimitError,
    RefusedError,
)
from roster_platform.ingest.report import ReadReport
from roster_platform.ingest.roster.endpoints import CLICKS, CLICKS_PATH
from roster_platform.ingest.roster.source import DATASET_NAME, PIPELINE_NAME
from roster_platform.ingest.settings import roster_settings
from roster_platform.ingest.warehouse import SCHEMA_CONTRACT, PipelineRun, Warehouse

if TYPE_CHECKING:
    from roster_platform.ingest.http import Answer, ApiClient

RUN_CONFIG = "run_config"
OUTBOX_TABLE = "clicks_outbox"
CLICK_FIELDS = ("referralId", "clickId", "url", "clickedAt")
_CLICKS_AT_A_TIME = 32
_SUFFIXES = {".jsonl", ".csv"}
_CLICK_ID = re.compile(r"[\x21-\x7e]{1,200}")
_STOPS_ALL = (CredentialsError, AccessDeniedError, RateLimitError)
_TOKEN_REMEDY = (
    "Create a Public token in Roster under Settings > Integrations > API Access and set "
    "SOURCES__ROSTER_SOURCE__PUBLIC_ACCESS_TOKEN. The unsent clicks wait in the ledger."
)
_REMEDIES = {
    400: "The click was set aside.",
    401: _TOKEN_REMEDY,
    403: _TOKEN_REMEDY,
    404: "Check SOURCES__ROSTER_SOURCE__BASE_URL.",
}
_TABLES = """
create table if not exists clicks (
    click_id text primary key, body text not null, file text not null,
    line integer not null, state text not null default 'pending',
    attempts integer not null default 0, resent integer not null default 0,
    sent_at text, status integer, response text
);
create table if not exists rejects (
    file text, line integer, reason text, content text,
    primary key (file, line, reason, content)
);
"""


@dataclass
class ClicksReport(ReadReport):
    """The result of one run over the outbox."""

    sent: int = 0
    resent: int = 0
    rejected: int = 0
    pending: int = 0


@dataclass(frozen=True)
class ClicksLoad:
    """The result of sending and loading clicks."""

    run: PipelineRun
    report: ClicksReport
    row_counts: Mapping[str, int]


@contextmanager
def load_clicks(
    clicks: Sequence[Mapping[str, Any]] = (), *, warehouse: Warehouse | None = None
) -> Iterator[ClicksLoad]:
    """Send what waits (and ``clicks``) and load the answers; the body runs after it.

    Raises an IngestError when sending had to stop; what was sent until then is loaded.
    """
    warehouse = warehouse or Warehouse.from_settings()
    folder = warehouse.data_path / "clicks"
    for name in ("outbox", "done", "rejected"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    report = ClicksReport("clicks")
    # One sender at a time: two would both find the same click unanswered.
    with (
        FileLock(folder / "ledger.lock"),
        closing(_open(folder)) as ledger,
        warehouse.pipeline(PIPELINE_NAME, DATASET_NAME) as run,
    ):
        _take_in(ledger, folder, RUN_CONFIG, enumerate(clicks, start=1), report)
        _take_in(ledger, folder, OUTBOX_TABLE, _table_rows(run), report)
        for path in outbox_files(warehouse):
            _take_in(ledger, folder, path.name, _lines(path), report)
            _archive(path, folder / "done")
        stopped: IngestError | None = None
        try:
            _send_waiting(ledger, folder, report)
        except IngestError as error:
            stopped = error
        report.pending = len(_in_state(ledger, "pending", "sending"))
        rows = _in_state(ledger, "sent")
        report.rows = len(rows)
        row_counts = run.load(_source(rows))
        with ledger:
            ledger.executemany(
                "update clicks set state = 'loaded' where click_id = ?",
                [(row["click_id"],) for row in rows],
            )
        if stopped:
            raise stopped
        yield ClicksLoad(run, report, row_counts)


def outbox_files(warehouse: Warehouse) -> list[Path]:
    """The files that wait in the outbox, by name."""
    outbox = warehouse.data_path / "clicks" / "outbox"
    return sorted(
        path
        for path in (outbox.iterdir() if outbox.is_dir() else ())
        if path.is_file() and path.suffix in _SUFFIXES and path.name[0] != "."
    )


def waiting_clicks(warehouse: Warehouse) -> int:
    """Clicks that were taken in and have no answer yet."""
    path = warehouse.data_path / "clicks" / "ledger.db"
    if not path.exists():
        return 0
    with closing(_open(path.parent)) as ledger:
        return len(_in_state(ledger, "pending", "sending"))


def validated_click(record: Any) -> tuple[str, dict[str, Any]]:
    """A click's id and its canonical body. Raises ValueError saying what is wrong."""
    if isinstance(record, ValueError):
        raise record
    if not isinstance(record, Mapping):
        raise ValueError("a click must be an object")
    body = {
        str(name): value for name, value in record.items() if value not in (None, "")
    }
    for name in ("referralId", "clickId"):
        value = body.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            body[name] = str(value)
    referral_id = body.get("referralId")
    if not isinstance(referral_id, str) or not referral_id.strip():
        raise ValueError("referralId is required")
    url = body.get("url")
    if url is not None and not (isinstance(url, str) and re.match("https?://.", url)):
        raise ValueError("url must be an http or https address")
    if "clickedAt" in body:
        try:
            datetime.fromisoformat(body["clickedAt"])
        except (TypeError, ValueError):
            raise ValueError("clickedAt must be an ISO 8601 time") from None
    click_id = body.get("clickId")
    if click_id is None:
        return hashlib.sha256(_json(body).encode()).hexdigest(), body
    if not isinstance(click_id, str) or not _CLICK_ID.fullmatch(click_id):
        raise ValueError("clickId must be 1 to 200 printable ASCII characters")
    return click_id, body


def _json(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def _open(folder: Path) -> sqlite3.Connection:
    ledger = sqlite3.connect(folder / "ledger.db")
    ledger.row_factory = sqlite3.Row
    ledger.execute("pragma journal_mode = wal")
    ledger.execute("pragma synchronous = full")
    ledger.executescript(_TABLES)
    return ledger


def _in_state(ledger: sqlite3.Connection, *states: str) -> list[sqlite3.Row]:
    marks = ", ".join("?" * len(states))
    query = f"select * from clicks where state in ({marks}) order by rowid"
    return ledger.execute(query, states).fetchall()


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


def _take_in(
    ledger: sqlite3.Connection,
    folder: Path,
    file: str,
    lines: Iterable[tuple[int, Any]],
    report: ClicksReport,
) -> None:
    with ledger:
        for number, record in lines:
            try:
                click_id, body = validated_click(record)
                ledger.execute(
                    "insert or ignore into clicks (click_id, body, file, line) "
                    "values (?, ?, ?, ?)",
                    (click_id, _json(body), file, number),
                )
                (known,) = ledger.execute(
                    "select body from clicks where click_id = ?", (click_id,)
                ).fetchone()
                if known != _json(body):
                    raise ValueError(f"clickId {click_id} belongs to another click")
            except (ValueError, TypeError) as error:
                _reject(ledger, file, number, str(error), record)
                report.rejected += 1
    _write_rejects(ledger, folder, file)


def _reject(
    ledger: sqlite3.Connection, file: str, line: int, reason: str, record: Any
) -> None:
    content = "" if isinstance(record, ValueError) else str(record)
    ledger.execute(
        "insert or ignore into rejects values (?, ?, ?, ?)",
        (file, line, reason, content),
    )


def _write_rejects(ledger: sqlite3.Connection, folder: Path, file: str) -> None:
    query = (
        "select line, reason, content from rejects where file = ? order by line, rowid"
    )
    rows = ledger.execute(query, (file,)).fetchall()
    if rows:
        arriving = folder / "rejected" / f".{file}.jsonl"
        arriving.write_text("".join(_json(dict(row)) + "\n" for row in rows))
        os.replace(arriving, folder / "rejected" / f"{file}.jsonl")


def _archive(path: Path, done: Path) -> None:
    target = done / path.name
    if target.exists() and target.read_bytes() != path.read_bytes():
        digest = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
        target = done / f"{path.stem}.{digest}{path.suffix}"
    os.replace(path, target)


def _send_waiting(
    ledger: sqlite3.Connection, folder: Path, report: ClicksReport
) -> None:
    """Send what has no answer, some at a time; raises what stopped it, answers noted."""
    waiting = _in_state(ledger, "pending", "sending")
    if not waiting:
        return
    settings = roster_settings()
    token = settings.require_public_access_token()
    headers = {"Authorization": f"Bearer {token}"}
    from roster_platform.ingest.http import ApiClient

    stopped: IngestError | None = None
    with ApiClient("Roster", settings, headers, token, _REMEDIES) as client:
        for start in range(0, len(waiting), _CLICKS_AT_A_TIME):
            rows = waiting[start : start + _CLICKS_AT_A_TIME]
            sent = report.sent
            error = _send(ledger, folder, client, rows, report)
            stopped = stopped or error
            # A click that fails alone does not hold up the others.
            if error and (report.sent == sent or isinstance(error, _STOPS_ALL)):
                break
            report.progress(start + len(rows), len(waiting), "clicks")
    if stopped:
        raise stopped


def _send(
    ledger: sqlite3.Connection,
    folder: Path,
    client: ApiClient,
    rows: Sequence[sqlite3.Row],
    report: ClicksReport,
) -> IngestError | None:
    """Send some clicks side by side; returns what kept one of them from an answer."""
    from roster_platform.ingest.http import Post

    tries: Counter[str] = Counter()
    # Noted before any of them leaves: what a kill leaves in this state may have arrived.
    with ledger:
        ledger.executemany(
            "update clicks set resent = resent or state = 'sending', state = 'sending' "
            "where click_id = ?",
            [(row["click_id"],) for row in rows],
        )
    posts = (
        Post(
            orjson.loads(row["body"]),
            {"Idempotency-Key": row["click_id"]},
            partial(tries.update, [row["click_id"]]),
        )
        for row in rows
    )
    stopped: IngestError | None = None
    with ledger:
        for row, outcome in zip(
            rows, client.post_each(CLICKS_PATH, posts), strict=True
        ):
            key = row["click_id"]
            report.requests += tries[key]
            stopped = _note(ledger, row, outcome, tries[key], report) or stopped
    for file in {row["file"] for row in rows}:
        _write_rejects(ledger, folder, file)
    return stopped


def _note(
    ledger: sqlite3.Connection,
    row: sqlite3.Row,
    outcome: Answer | IngestError,
    tries: int,
    report: ClicksReport,
) -> IngestError | None:
    """Write down what became of one click; returns what kept it from an answer."""
    key = row["click_id"]
    ledger.execute(
        "update clicks set attempts = attempts + ?, resent = resent or ? "
        "where click_id = ?",
        (tries, tries > 1, key),
    )
    if isinstance(outcome, RefusedError):
        ledger.execute(
            "update clicks set state = 'rejected' where click_id = ?", (key,)
        )
        _reject(ledger, row["file"], row["line"], str(outcome), row["body"])
        report.rejected += 1
        return None
    if isinstance(outcome, IngestError):
        # A refused token is an answer: nothing arrived.
        if isinstance(outcome, CredentialsError | AccessDeniedError):
            ledger.execute(
                "update clicks set state = 'pending' where click_id = ?", (key,)
            )
        return outcome
    ledger.execute(
        "update clicks set state = 'sent', sent_at = ?, status = ?, response = ? "
        "where click_id = ?",
        (outcome.date.isoformat(), outcome.status, _json(outcome.body), key),
    )
    report.sent += 1
    query = "select resent from clicks where click_id = ?"
    report.resent += ledger.execute(query, (key,)).fetchone()[0]
    return None


def _table_rows(run: PipelineRun) -> Iterator[tuple[int, Any]]:
    """The rows that somebody put into the table, which may not exist."""
    names = {column_name(name): name for name in CLICK_FIELDS}
    columns = sorted(run.columns(OUTBOX_TABLE) & names.keys())
    if not columns:
        return
    rows = run.query(f"select {', '.join(columns)} from {{table}}", OUTBOX_TABLE)
    for number, row in enumerate(rows, start=1):
        yield (
            number,
            {
                names[column]: value.isoformat()
                if isinstance(value, datetime)
                else value
                for column, value in zip(columns, row, strict=True)
            },
        )


def _source(rows: Sequence[sqlite3.Row]) -> DltSource:
    from roster_platform.ingest.tables import TableBuilder

    arrow = TableBuilder(CLICKS).build([_record(r) for r in rows], datetime.now(UTC))

    @dlt.source(name="roster_source", schema_contract=SCHEMA_CONTRACT)
    def source() -> Any:
        return dlt.resource(
            [arrow[CLICKS.name]],
            name=CLICKS.name,
            primary_key=[column_name(key) for key in CLICKS.primary_key],
            write_disposition={"disposition": "merge", "strategy": "delete-insert"},
        )

    return source()


def _record(row: sqlite3.Row) -> dict[str, Any]:
    body, response = orjson.loads(row["body"]), orjson.loads(row["response"])
    answered = response if isinstance(response, dict) else {}
    response_id = answered.get("id")
    return {
        "clickId": row["click_id"],
        "referralId": body["referralId"],
        "url": body.get("url"),
        "clickedAt": body.get("clickedAt") or answered.get("clickedAt"),
        "sentAt": row["sent_at"],
        "status": row["status"],
        "responseId": None if response_id is None else str(response_id),
        "response": response,
        "attempts": row["attempts"],
        "resent": bool(row["resent"]),
        "sourceFile": row["file"],
        "sourceLine": row["line"],
    }
