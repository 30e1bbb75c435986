"""The server around the world: starting, stopping, limits, faults, overlays."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from roster_platform.sandbox import SandboxError, running_sandbox


def test_the_environment_points_here(sandbox):
    state = sandbox.get("state")
    ids = ",".join(f'"{page}"' for page in state["page_ids"])
    assert sandbox.environment == {
        "SOURCES__ROSTER_SOURCE__ACCESS_TOKEN": "sandbox-private-token",
        "SOURCES__ROSTER_SOURCE__PUBLIC_ACCESS_TOKEN": "sandbox-public-token",
        "SOURCES__ROSTER_SOURCE__BASE_URL": sandbox.url,
        "SOURCES__AUTOROSTERS_SOURCE__API_KEY": "sandbox-api-key",
        "SOURCES__AUTOROSTERS_SOURCE__BASE_URL": f"{sandbox.url}/api",
        "SOURCES__AUTOROSTERS_SOURCE__PAGE_IDS": f"[{ids}]",
        "SOURCES__AUTOROSTERS_SOURCE__REQUESTS_PER_MINUTE": "60000",
        "SOURCES__ROSTER_SOURCE__CLOCK_TOLERANCE_SECONDS": "1e10",
        "SOURCES__AUTOROSTERS_SOURCE__CLOCK_TOLERANCE_SECONDS": "1e10",
        "SOURCES__ROSTER_SOURCE__CONTACTS_PATH": "v2/contacts",
    }
    assert len(state["page_ids"]) == 6
    assert state["foreign_page_ids"]


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_the_command_says_when_it_is_ready_and_stops_cleanly(tmp_path, stop):
    env_file = tmp_path / "sandbox.env"
    command = [sys.executable, "-m", "roster_platform.sandbox", "serve"]
    command += ["--orders", "20", "--pages", "2", "--members", "3"]
    with subprocess.Popen(
        [*command, "--env-file", str(env_file)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        ready = process.stdout.readline()
        assert ready.startswith("sandbox ready at http://127.0.0.1:")
        url = ready.split()[-1]
        settings = [process.stdout.readline() for _ in range(12)]
        process.send_signal(stop)
        _, errors = process.communicate(timeout=10)
    assert process.returncode == 0
    assert errors == ""
    assert f"  export SOURCES__AUTOROSTERS_SOURCE__BASE_URL={url}/api\n" in settings
    assert "as of" in settings[-1]
    lines = env_file.read_text().splitlines()
    assert f"SOURCES__ROSTER_SOURCE__BASE_URL={url}" in lines
    assert '"' not in env_file.read_text()


def test_a_server_that_cannot_start_says_why():
    with (
        pytest.raises(SandboxError, match="must not be negative"),
        running_sandbox(orders=-1),
    ):
        pass


def test_too_many_requests_are_429_with_retry_after(start):
    client = start(requests_per_minute=3)
    answers = [client.ask("/v2/programs") for _ in range(5)]
    assert [answer.status for answer in answers] == [200, 200, 200, 429, 429]
    assert 0 < int(answers[-1].headers["retry-after"]) <= 61
    page = client.sandbox.get("state")["page_ids"][0]
    assert client.ask(f"/api/roster/{page}").status == 200
    client.sandbox.post("settings", {"requests_per_minute": 0})
    assert client.ask("/v2/programs").status == 200


def test_the_clock_can_be_made_to_stand_still(start):
    client = start()
    client.sandbox.post("settings", {"clock_stands_still": True})
    assert client.ask("/v2/programs").headers["date"].endswith("06:00:00 GMT")
    client.sandbox.advance(1)
    assert client.ask("/v2/programs").headers["date"].endswith("06:00:00 GMT")


def test_faults_hit_what_they_match_and_then_go(start):
    client = start()
    client.sandbox.fault("/v2/orders", status=503, times=2, body="<h1>Bad</h1>")
    client.sandbox.fault(
        "/v2/events", status=429, headers={"Retry-After": 2}, query={"page": "2"}
    )
    answers = [client.ask("/v2/orders") for _ in range(3)]
    assert [answer.status for answer in answers] == [503, 503, 200]
    assert answers[0].body == b"<h1>Bad</h1>"
    assert answers[0].headers["date"]
    assert client.ask("/v2/events?page=1").status == 200
    limited = client.ask("/v2/events?page=2")
    assert (limited.status, limited.headers["retry-after"]) == (429, "2")
    client.sandbox.fault("/v2/programs", delay_ms=150)
    began = time.monotonic()
    assert client.ask("/v2/programs").status == 200
    assert time.monotonic() - began > 0.14
    client.sandbox.fault("/v2", status=500, times=-1)
    assert client.ask("/v2/webhooks").status == 500
    client.sandbox.delete("/admin/faults")
    assert client.ask("/v2/webhooks").status == 200
    counts = client.sandbox.get("requests")["paths"]
    assert counts["GET /v2/orders"] == {"200": 1, "503": 2}
    with pytest.raises(SandboxError, match="400"):
        client.sandbox.post("faults", {"match": "/v2", "sttus": 500})


def test_a_page_can_be_emptied_revoked_and_restored(start):
    client = start()
    page = client.sandbox.get("state")["page_ids"][1]
    full = client.ask(f"/api/roster/{page}").body
    user = full["ranks"][0]["users"][0]["discord_id"]
    client.sandbox.post("pages", {"page_id": page, "action": "clear"})
    empty = client.ask(f"/api/roster/{page}").body
    assert [rank["role_id"] for rank in empty["ranks"]] == [
        rank["role_id"] for rank in full["ranks"]
    ]
    assert not any(rank["users"] for rank in empty["ranks"])
    assert client.ask(f"/api/roster/{page}/users").body == []
    assert client.ask(f"/api/roster/{page}/{user}").status == 404
    client.sandbox.post("pages", {"page_id": page, "action": "revoke"})
    assert client.ask(f"/api/roster/{page}").status == 403
    client.sandbox.post("pages", {"page_id": page, "action": "restore"})
    assert client.ask(f"/api/roster/{page}").body == full


def test_latency_is_waited_in_parallel_and_traffic_is_counted(start):
    client = start(latency_ms=60)
    began = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(client.ask, [f"/v2/orders?page={n}" for n in range(1, 9)])
        )
    took = time.monotonic() - began
    assert {answer.status for answer in answers} == {200}
    assert 0.06 <= took < 0.45
    assert client.sandbox.get("requests")["max_in_flight"] > 1
    assert client.sandbox.get("served")["orders"] == 600
