"""Clicks dropped into the outbox reach Roster once, and what is wrong is explained."""

from __future__ import annotations

import json
import sqlite3
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from roster_platform.sandbox import Sandbox, running_sandbox
from tests.deployment import Deployment

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
