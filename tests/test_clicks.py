"""Clicks dropped into the outbox reach Roster once, and what is wrong is explained."""

from __future__ import annotations

import json
import random
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import duckdb
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from roster_platform.sandbox import Sandbox, running_sandbox
from tests.deployment import ROOT, Deployment
from tests.local_api import local_api

TOKEN = "SOURCES__ROSTER_SOURCE__PUBLIC_ACCESS_TOKEN"
SEND = ("roster_platform.ingest", "clicks")


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox(orders=5, pages=1, members=2) as running:
        yield running


@pytest.fixture
def deployment(sandbox: Sandbox, tmp_path: Path) -> Deployment:
    made = Deployment(tmp_path / "data", sandbox.environment)
    (made.folder / "clicks" / "outbox").mkdir(parents=True)
    return made


def received(deployment: Deployment) -> list[str]:
    base = deployment.environment["SOURCES__ROSTER_SOURCE__BASE_URL"]
    with urllib.request.urlopen(f"{base}/admin/clicks") as answer:
        return sorted(c["referralId"] for c in json.load(answer)["clicks"])


def drop(deployment: Deployment, name: str, text: str) -> None:
    (deployment.folder / "clicks" / "outbox" / name).write_text(text)


def test_files_are_sent_once_and_bad_lines_are_explained(
    deployment: Deployment,
) -> None:
    lines = '{"referralId": "a"}\nnope\n{"referralId": "a"}\n{"url": "https://x.y"}\n'
    table = "clickId,referralId,url\nc-1,b,https://shop.example/\nc-2,c,ftp://x\n"
    for _ in range(2):
        drop(deployment, "one.jsonl", lines)
        drop(deployment, "two.csv", table)
        done = deployment.run(*SEND)
        assert done.returncode == 0, done.stdout[-3000:]
    assert received(deployment) == ["a", "b"]
    clicks = deployment.folder / "clicks"
    assert sorted(p.name for p in (clicks / "done").iterdir()) == [
        "one.jsonl",
        "two.csv",
    ]
    rejected = (clicks / "rejected" / "one.jsonl.jsonl").read_text().splitlines()
    assert [(r["line"], r["reason"]) for r in map(json.loads, rejected)] == [
        (2, "the line is not JSON"),
        (4, "referralId is required"),
    ]
    sql = "select referral_id, status, attempts, resent from roster_data.clicks"
    assert sorted(deployment.query(sql)) == [("a", 201, 1, False), ("b", 201, 1, False)]


@pytest.mark.parametrize("token", [None, "wrong-but-still-secret-token"])
def test_without_a_good_token_clicks_wait(
    deployment: Deployment, token: str | None
) -> None:
    drop(deployment, "one.jsonl", '{"referralId": "a"}\n')
    failed = deployment.run(*SEND, **{TOKEN: token})
    assert failed.returncode == 1
    assert TOKEN in failed.stdout
    assert "wrong-but" not in failed.stdout
    ledger = sqlite3.connect(deployment.folder / "clicks" / "ledger.db")
    assert ledger.execute("select state from records").fetchall() == [("pending",)]
    assert deployment.run(*SEND).returncode == 0
    assert received(deployment) == ["a"]


def test_an_answer_that_never_came_is_asked_for_again_under_the_same_key(
    sandbox: Sandbox, deployment: Deployment
) -> None:
    sandbox.fault("/v2/public/clicks", status=503, times=2)
    drop(deployment, "one.jsonl", '{"referralId": "a"}\n')
    done = deployment.run(*SEND)
    assert done.returncode == 0, done.stdout
    assert received(deployment) == ["a"]
    sql = "select attempts, resent from roster_data.clicks"
    assert deployment.query(sql) == [(3, True)]


@pytest.mark.parametrize("status", [400, 422])
def test_a_click_the_api_refuses_is_set_aside_and_the_others_arrive(
    sandbox: Sandbox, deployment: Deployment, status: int
) -> None:
    sandbox.fault("/v2/public/clicks", status=status, body={"error": "Unknown id"})
    drop(deployment, "one.jsonl", '{"referralId": "a"}\n{"referralId": "b"}\n')
    done = deployment.run(*SEND)
    assert done.returncode == 0, done.stdout
    assert received(deployment) == ["b"]
    rejects = deployment.folder / "clicks" / "rejected" / "one.jsonl.jsonl"
    (reject,) = map(json.loads, rejects.read_text().splitlines())
    assert reject["line"] == 1
    assert f"with status {status} (“Unknown id”). The click was set" in reject["reason"]
    # It is not tried again.
    assert deployment.run(*SEND).returncode == 0
    assert received(deployment) == ["b"]


@pytest.mark.parametrize(
    ("status", "said", "most_requests"),
    # The first window at most, and of a refused token the first click alone.
    [
        (401, TOKEN, 1),
        (403, TOKEN, 32),
        (404, "BASE_URL", 32),
        (500, "5 times in a row", 32 * 5),
    ],
)
def test_while_the_api_fails_clicks_wait_and_nothing_is_lost(
    sandbox: Sandbox, deployment: Deployment, status: int, said: str, most_requests: int
) -> None:
    sandbox.fault("/v2/public/clicks", status=status, times=-1, body={"error": "No"})
    clicks = [{"referralId": f"ref-{number}"} for number in range(40)]
    drop(deployment, "one.jsonl", "".join(json.dumps(c) + "\n" for c in clicks))
    failed = deployment.run(*SEND)
    assert failed.returncode == 1
    assert said in failed.stdout
    asked = sandbox.get("requests")["paths"]["POST /v2/public/clicks"][str(status)]
    assert 1 <= asked <= most_requests
    assert received(deployment) == []
    sandbox.delete("/admin/faults")
    assert deployment.run(*SEND).returncode == 0
    assert received(deployment) == sorted(click["referralId"] for click in clicks)


def test_one_click_that_always_fails_holds_up_no_other(deployment: Deployment) -> None:
    def handler(request: Request) -> Response:
        body = json.loads(api.bodies[-1])
        sent = body["referralId"]
        return JSONResponse({"id": sent}, 500 if sent == "ref-0" else 201)

    clicks = [{"referralId": f"ref-{number}"} for number in range(100)]
    drop(deployment, "one.jsonl", "".join(json.dumps(c) + "\n" for c in clicks))
    with local_api(handler) as api:
        failed = deployment.run(
            *SEND,
            SOURCES__ROSTER_SOURCE__BASE_URL=api.url,
            SOURCES__ROSTER_SOURCE__CONCURRENCY="1",
        )
    assert failed.returncode == 1
    assert deployment.value("select count(*) from roster_data.clicks") == 99


def test_rows_of_a_table_are_sent_too_each_once(deployment: Deployment) -> None:
    with duckdb.connect(str(deployment.folder / "roster.duckdb")) as database:
        database.execute("create schema roster_data")
        database.execute(
            "create table roster_data.clicks_outbox as select * from (values "
            "('a', timestamptz '2026-03-01 10:00:00+00'), ('b', null), (null, null)"
            ") as clicks (referral_id, clicked_at)"
        )
    for _ in range(2):
        done = deployment.run(*SEND)
        assert done.returncode == 0, done.stdout
    assert received(deployment) == ["a", "b"]
    rejects = deployment.folder / "clicks" / "rejected" / "clicks_outbox.jsonl"
    (reject,) = map(json.loads, rejects.read_text().splitlines())
    assert (reject["line"], reject["reason"]) == (3, "referralId is required")


def test_killed_again_and_again_each_click_is_sent_once_in_effect(
    sandbox: Sandbox, deployment: Deployment, tries, is_long
) -> None:
    referrals = [f"ref-{number}" for number in range(1000)]
    sandbox.fault("/v2/public/clicks", delay_ms=200, times=-1)
    for part in range(4):
        clicks = [json.dumps({"referralId": r}) for r in referrals[part::4]]
        drop(deployment, f"{part}.jsonl", "\n".join([*clicks, "nonsense"]))
    moments = random.Random(7)
    planned = 20 if is_long else 6
    kills = 0
    for _ in range(planned):
        process = subprocess.Popen(
            [sys.executable, "-m", *SEND],
            cwd=ROOT,
            env=deployment.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(moments.uniform(0.8, 2.2))
        process.send_signal(signal.SIGKILL)
        kills += process.wait() == -signal.SIGKILL
    assert kills == planned
    tries("Killed in the outbox")(kills)
    sandbox.delete("/admin/faults")

    done = deployment.run(*SEND)

    assert done.returncode == 0, done.stdout
    assert received(deployment) == sorted(referrals)
    loaded = deployment.query("select referral_id from roster_data.clicks")
    assert sorted(loaded) == sorted((referral,) for referral in referrals)
    with sqlite3.connect(deployment.folder / "clicks" / "ledger.db") as ledger:
        assert ledger.execute("select distinct state from records").fetchall() == [
            ("loaded",)
        ]
        assert ledger.execute("select count(*) from records").fetchone() == (1000,)
    for part in range(4):
        rejects = deployment.folder / "clicks" / "rejected" / f"{part}.jsonl.jsonl"
        (reject,) = map(json.loads, rejects.read_text().splitlines())
        assert (reject["line"], reject["reason"]) == (251, "the line is not JSON")


def test_clicks_come_by_run_config_too_and_belong_to_their_member(
    deployment: Deployment,
) -> None:
    assert deployment.run("roster_platform.ingest", "roster", "events").returncode == 0
    contact, referral = deployment.query(
        "select contact_id, referral_id from roster_data.events "
        "where referral_id is not null order by 1 limit 1"
    )[0]
    clicks = {"clicks": [{"referralId": referral}, {"url": "https://no.referral"}]}
    config = {"ops": {"roster__clicks": {"config": clicks}}}
    selection = ("roster/clicks", "--config-json", json.dumps(config))
    done = deployment.materialize(*selection)
    assert done.returncode == 0, done.stdout[-3000:]
    assert received(deployment) == [referral]
    done = deployment.materialize(
        '(+key:"marts/fct_clicks" or +key:"marts/dim_members") '
        "and not group:roster and not group:autorosters"
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert deployment.query(
        """
        select members.source_id
        from marts.fct_clicks as clicks
        inner join marts.dim_members as members using (member_key)
        """
    ) == [(contact,)]


def test_the_sensor_asks_once_for_the_same_files(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    from roster_platform.defs.outbox.captures import outbox

    (clicks_outbox_sensor, _) = outbox().sensors or ()
    monkeypatch.setenv("ROSTER_PLATFORM__DATA_DIR", str(deployment.folder))
    with dg.build_sensor_context() as context:
        assert isinstance(clicks_outbox_sensor(context), dg.SkipReason)
        drop(deployment, "one.jsonl", '{"referralId": "a"}\n')
        first, again = clicks_outbox_sensor(context), clicks_outbox_sensor(context)
        assert first.run_key == again.run_key
        drop(deployment, "two.csv", "referralId\nb\n")
        assert clicks_outbox_sensor(context).run_key != first.run_key
