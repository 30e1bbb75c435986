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
import pytest

from roster_platform.sandbox import Sandbox, running_sandbox
from tests.deployment import ROOT, Deployment

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
    assert ledger.execute("select state from clicks").fetchall() == [("pending",)]
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


def test_killed_again_and_again_each_click_is_sent_once_in_effect(
    sandbox: Sandbox, deployment: Deployment
) -> None:
    referrals = [f"ref-{number}" for number in range(200)]
    sandbox.fault("/v2/public/clicks", delay_ms=15, times=-1)
    for part in range(4):
        clicks = ({"referralId": r} for r in referrals[part::4])
        drop(deployment, f"{part}.jsonl", "".join(json.dumps(c) + "\n" for c in clicks))
    moments = random.Random(7)
    for _ in range(8):
        process = subprocess.Popen(
            [sys.executable, "-m", *SEND],
            cwd=ROOT,
            env=deployment.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(moments.uniform(1.0, 3.5))
        process.send_signal(signal.SIGKILL)
        process.wait()
    sandbox.delete("/admin/faults")

    done = deployment.run(*SEND)

    assert done.returncode == 0, done.stdout
    assert received(deployment) == sorted(referrals)
    loaded = deployment.query("select referral_id from roster_data.clicks")
    assert sorted(loaded) == sorted((referral,) for referral in referrals)
    with sqlite3.connect(deployment.folder / "clicks" / "ledger.db") as ledger:
        assert ledger.execute("select distinct state from clicks").fetchall() == [
            ("loaded",)
        ]


def test_clicks_come_by_run_config_too_and_belong_to_their_member(
    deployment: Deployment,
) -> None:
    assert deployment.run("roster_platform.ingest", "roster").returncode == 0
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
    layers = ("seeds", "staging", "intermediate", "snapshots", "marts")
    done = deployment.materialize(",".join(f"group:{layer}" for layer in layers))
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
    from roster_platform.defs.clicks.outbox import clicks_outbox_sensor

    monkeypatch.setenv("ROSTER_PLATFORM__DATA_DIR", str(deployment.folder))
    with dg.build_sensor_context() as context:
        assert isinstance(clicks_outbox_sensor(context), dg.SkipReason)
        drop(deployment, "one.jsonl", '{"referralId": "a"}\n')
        first, again = clicks_outbox_sensor(context), clicks_outbox_sensor(context)
        assert first.run_key == again.run_key
        drop(deployment, "two.csv", "referralId\nb\n")
        assert clicks_outbox_sensor(context).run_key != first.run_key
