"""Odd servers, pastes and places, each as one real command against a server of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from roster_platform.ingest.__main__ import main
from tests.deployment import Deployment
from tests.local_api import LocalApi, local_api

PAGE = "3f2a0c1e-8b7d-4c55-9e10-2f6d8a1b4c70"
ROSTER = "SOURCES__ROSTER_SOURCE__"
AUTOROSTERS = "SOURCES__AUTOROSTERS_SOURCE__"


class Server:
    """What the API answers, which a test may change while it runs."""

    def __init__(self) -> None:
        self.answer: Callable[[Request], object] = lambda request: {"data": []}

    def __call__(self, request: Request) -> object:
        return self.answer(request)


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[Server, LocalApi]]:
    answers = Server()
    with local_api(answers) as api:
        yield answers, api


@pytest.fixture
def answers(server) -> Server:
    server[1].requests.clear()
    return server[0]


@pytest.fixture
def deployment(server, tmp_path, monkeypatch) -> Deployment:
    made = Deployment(
        tmp_path,
        {
            f"{ROSTER}BASE_URL": server[1].url,
            f"{ROSTER}ACCESS_TOKEN": "private-token",
            f"{ROSTER}PUBLIC_ACCESS_TOKEN": "public-token",
            f"{AUTOROSTERS}BASE_URL": server[1].url,
            f"{AUTOROSTERS}API_KEY": "private-token",
            f"{AUTOROSTERS}PAGE_IDS": PAGE,
            f"{AUTOROSTERS}REQUESTS_PER_MINUTE": "6000",
        },
    )
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    return made


@pytest.fixture
def ingest(deployment, capsys, monkeypatch) -> Callable[..., tuple[int, str]]:
    """The command ``python -m roster_platform.ingest``: its status, and what it says.

    The records of these tests have few of the fields.
    """

    def run(*arguments: str, **environment: str) -> tuple[int, str]:
        if arguments != ("clicks",):
            arguments = (*arguments, "--accept-fields")
        with monkeypatch.context() as patched:
            for name, value in environment.items():
                patched.setenv(name, value)
            status = main(arguments)
        said = capsys.readouterr()
        return status, said.out + said.err

    return run


def order(number: int, **fields: object) -> dict[str, object]:
    return {
        "orderId": str(number),
        "createdAt": "2026-05-01T10:00:00Z",
        "totalPrice": "5.00",
        "subtotalPrice": "5.00",
        "currency": "USD",
        **fields,
    }


def listed(*records: object) -> dict[str, object]:
    return {"data": records, "pagination": {"totalCount": len(records)}}


def page_with(*members: str, **fields: object) -> dict[str, object]:
    users = [{"discord_id": member, "name": f"n{member}"} for member in members]
    rank = {"rank_name": "Chief", "role_id": "9", "is_command": True, "users": users}
    return {"page_id": PAGE, "custom_title": "Harbor", "ranks": [rank], **fields}


def test_a_click_that_was_taken_is_sent_once(
    answers, server, deployment, ingest
) -> None:
    outbox = deployment.folder / "clicks" / "outbox"
    outbox.mkdir(parents=True)
    taken = [
        Response(status_code=204),
        Response(status_code=202),
        Response(status_code=200),
        Response("OK", media_type="text/plain"),
        Response("<p>thanks</p>", media_type="text/html"),
    ]
    for number, answer in enumerate(taken):
        answers.answer = lambda request, answer=answer: answer
        click = {"referralId": "ann", "clickId": str(number)}
        (outbox / f"{number}.jsonl").write_text(json.dumps(click))
        status, said = ingest("clicks")
        assert status == 0, said
    ingest("clicks")
    assert len(server[1].requests) == len(taken)
    found = deployment.query("select status from roster_data.clicks order by click_id")
    assert [status for (status,) in found] == [204, 202, 200, 200, 200]


def test_empty_lists_are_empty_in_every_form(answers, deployment, ingest) -> None:
    for empty in (
        {"result": None, "pagination": {"totalCount": 0}},
        Response(status_code=204),
        Response(" null\n", media_type="application/json"),
    ):
        answers.answer = lambda request, empty=empty: empty
        status, said = ingest("roster", "programs")
        assert status == 0, said
        assert "read 0 rows" in said
    answers.answer = lambda request: (
        Response(status_code=204)
        if request.url.path.endswith("users")
        else {"page_id": PAGE, "ranks": None}
    )
    status, said = ingest("autorosters")
    assert status == 0, said


def test_a_pause_of_a_body_is_kept(answers, server, deployment, ingest) -> None:
    asked: list[float] = []

    def answer(request: Request) -> object:
        asked.append(time.monotonic())
        if len(asked) == 1:
            return JSONResponse({"retry_after": 1.4}, 429)
        return listed(order(1))

    answers.answer = answer
    status, said = ingest("roster", "orders")
    assert status == 0, said
    assert asked[1] - asked[0] >= 1.4


def test_any_charset_and_byte_order_mark_is_read(answers, deployment, ingest) -> None:
    body = json.dumps(listed(order(1, firstName="Zo\u00e9")), ensure_ascii=False)
    for raw, declared in (
        (body.encode("utf-8-sig"), "application/json"),
        (body.encode("utf-16"), "application/json"),
        (body.encode("latin-1"), "application/json; charset=iso-8859-1"),
    ):
        answers.answer = lambda request, raw=raw, declared=declared: Response(
            raw, headers={"Content-Type": declared}
        )
        status, said = ingest("roster", "orders")
        assert status == 0, said
        names = deployment.query("select first_name from roster_data.orders")
        assert names == [("Zo\u00e9",)]


def test_of_records_that_come_twice_the_newer_counts(
    answers, deployment, ingest
) -> None:
    lines = [{"sku": "new", "quantity": 1}]
    first = [
        order(1, status="paid"),
        order(2, status="newer", updatedAt="2026-05-03T00:00:00Z"),
        order(3, status="paid", lineItems=[{"sku": "old", "quantity": 2}]),
    ]
    second = [
        order(1, status="refunded"),
        order(2, status="older", updatedAt="2026-05-02T00:00:00Z"),
        order(3, status="paid", lineItems=lines),
        order(4, status="first"),
        order(4, status="second"),
    ]

    def answer(request: Request) -> object:
        pages = {"1": first, "2": second}
        records = pages.get(request.query_params["page"], [])
        return {"data": records, "pagination": {"totalPages": 2, "totalCount": 4}}

    answers.answer = answer
    for _ in range(2):
        status, said = ingest("roster", "orders")
        assert status == 0, said
        assert deployment.query(
            "select order_id, status from roster_data.orders order by order_id"
        ) == [("1", "refunded"), ("2", "newer"), ("3", "paid"), ("4", "second")]
        items = deployment.query(
            "select sku from roster_data.orders__line_items where sku is not null"
        )
        assert items == [("new",)]


def test_volatile_fields_leave_a_page_unchanged(answers, deployment, ingest) -> None:
    stamps = iter(range(100))
    answers.answer = lambda request: (
        [{"discord_id": "1", "rank": "Chief", "generated_at": next(stamps)}]
        if request.url.path.endswith("users")
        else page_with("1", generated_at=next(stamps))
    )
    hashes = "select count(distinct content_hash) from autorosters_data.page_loads"
    volatile = {f"{AUTOROSTERS}VOLATILE_FIELDS": '["generated_at"]'}
    for _ in range(2):
        status, said = ingest("autorosters", **volatile)
        assert status == 0, said
    assert deployment.value(hashes) == 1
    assert "page_users: read 0 rows" in said
    ingest("autorosters")
    assert deployment.value(hashes) == 2


def test_one_page_in_any_spelling_is_one_page(
    answers, server, deployment, ingest
) -> None:
    answers.answer = lambda request: (
        [] if request.url.path.endswith("users") else page_with("1", "2")
    )
    pasted = f"{PAGE}, {PAGE.upper()}, https://autorosters.com/api/roster/{PAGE}"
    for written in (pasted, f"{{{PAGE.upper()}}}"):
        status, said = ingest("autorosters", **{f"{AUTOROSTERS}PAGE_IDS": written})
        assert status == 0, said
        users = "select page_id, count(*) from autorosters_data.users group by 1"
        assert deployment.query(users) == [(PAGE, 2)]
    # A warehouse of an older version knows the page in capitals: it stays one page.
    with duckdb.connect(str(deployment.folder / "roster.duckdb")) as database:
        for table in ("users", "ranks", "pages", "page_loads"):
            database.execute(
                f"update autorosters_data.{table} set page_id = upper(page_id)"
            )
    status, said = ingest("autorosters")
    assert status == 0, said
    assert deployment.query(users) == [(PAGE.upper(), 2)]


def test_a_slug_in_place_of_an_id_is_explained(answers, deployment, ingest) -> None:
    answers.answer = lambda request: JSONResponse(
        {"error": "Roster page not found"}, 404
    )
    status, said = ingest("autorosters", "--page", "harbor-pd")
    assert status == 1
    assert "'harbor-pd' is not a UUID; it looks like the last part" in said


def test_a_pasted_token_works_or_is_explained(
    answers, server, deployment, ingest
) -> None:
    sent: list[str] = []

    def answer(request: Request) -> object:
        sent.append(request.headers["Authorization"])
        return listed(order(1))

    answers.answer = answer
    reads = ("roster", "orders")
    status, said = ingest(
        *reads, **{f"{ROSTER}ACCESS_TOKEN": "\ufeffprivate-token\r\n"}
    )
    assert status == 0, said
    assert set(sent) == {"Bearer private-token"}
    sent.clear()
    for pasted in (
        "\u201cprivate-token\u201d",
        "Bearer private-token",
        "private\ntoken",
    ):
        status, said = ingest(*reads, **{f"{ROSTER}ACCESS_TOKEN": pasted})
        assert status == 1
        assert "SOURCES__ROSTER_SOURCE__ACCESS_TOKEN) is not a token" in said
        assert "warehouse" not in said
        doctor = deployment.run(
            "roster_platform.cli", "doctor", **{f"{ROSTER}ACCESS_TOKEN": pasted}
        )
        assert doctor.returncode == 1
        assert "Traceback" not in doctor.stdout
        assert "private" not in doctor.stdout.replace("a Private", "")
    assert sent == []


def test_a_command_works_from_any_folder_and_with_any_name(
    answers, deployment, tmp_path
) -> None:
    """Real interpreters, because a forked command starts in the checkout's folder."""
    answers.answer = lambda request: listed(order(1, lineItems=[{"sku": "s"}]))
    folder = tmp_path / "O'Brien's 100%20 #1 [\u00fc]"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    foreign = {"DBT_TARGET": "prod", "DBT_PROFILE": "theirs"}
    environment = {
        **deployment.environment,
        **foreign,
        "ROSTER_PLATFORM__DATA_DIR": str(folder),
        "TMPDIR": str(tmp_path),
    }
    environment.pop("RUNTIME__DLTHUB_TELEMETRY", None)
    for command in (
        ("roster_platform.ingest", "roster", "orders", "--accept-fields"),
        ("roster_platform.ingest", "roster", "orders"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=elsewhere,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert os.listdir(elsewhere) == []
    # Nothing of a load is left among the temporary files.
    assert not list(Path(tmp_path).glob("roster-platform-*/*/runs/*/*"))
    stored = Deployment(folder, foreign)
    built = stored.run("roster_platform.cli", "dbt", "run", "-s", "stg_roster__orders")
    assert built.returncode == 0, built.stdout
    assert stored.value("select count(*) from staging.stg_roster__orders") == 1


def test_settings_that_cannot_be_read_are_a_finding_of_doctor(
    deployment, tmp_path
) -> None:
    (tmp_path / ".dlt").mkdir()
    secrets = tmp_path / ".dlt" / "secrets.toml"
    secrets.write_text("[sources.roster_source]\naccess_token = private-token\n")
    done = deployment.run(
        "roster_platform.cli", "doctor", DLT_PROJECT_DIR=str(tmp_path), COLUMNS="1000"
    )
    assert done.returncode == 1
    assert f"{secrets} cannot be read as TOML: Invalid value (at line 2" in done.stdout
    assert "Traceback" not in done.stdout
    assert "private-token" not in done.stdout


def test_one_bad_cron_leaves_the_code_location_up(deployment) -> None:
    listing = deployment.run(
        *("dagster", "schedule", "list", "-m", "roster_platform.definitions"),
        ROSTER_PLATFORM__MODELS_CRON="every hour",
        ROSTER_PLATFORM__TIMEZONE="Europe/Berlin",
    )
    assert listing.returncode == 0, listing.stdout
    assert "Schedule: roster_incremental" in listing.stdout
    assert "'every hour' is not a cron (ROSTER_PLATFORM__MODELS_CRON" in listing.stdout
