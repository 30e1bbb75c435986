"""What people are told of problems, as a webhook or a mail server receives it."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import dagster as dg
import pytest
from starlette.responses import Response

from roster_platform.defs.alerts.sensor import alerts
from roster_platform.lib.alerting.alerts import (
    ASK_QUARANTINED,
    FAILED_PAGES,
    READ_PAGES,
)
from roster_platform.lib.partitions import quarantine, release
from tests.local_api import LocalApi, local_api

SETTING = "ROSTER_PLATFORM__ALERTS__"
CANARY = "canary-token-of-roster"


class Told:
    """An instance, the sensor's cursor, and what the webhook received."""

    def __init__(self, instance: dg.DagsterInstance, api: LocalApi) -> None:
        self.instance = instance
        self.cursor: str | None = None
        self._api = api
        self._read = 0

    def tick(self) -> str:
        """Evaluate the sensor once; returns the reason it gives."""
        with dg.build_sensor_context(
            instance=self.instance, cursor=self.cursor
        ) as context:
            reason = alerts(context)
            self.cursor = context.cursor
        assert isinstance(reason, dg.SkipReason)
        return str(reason.skip_message)

    def news(self) -> list[dict[str, Any]]:
        """The bodies received since the last time."""
        bodies = self._api.bodies[self._read :]
        self._read += len(bodies)
        return [json.loads(body) for body in bodies]

    def text(self) -> str:
        """The text of the one message received since the last time."""
        (body,) = self.news()
        return body["text"]

    def run(
        self, name: str, does: Callable[[], object], tags: dict[str, str] | None = None
    ) -> None:
        """A job of one operation of this name."""

        @dg.op(name=name)
        def operation() -> None:
            does()

        @dg.job(name=f"job_of_{name}")
        def job() -> None:
            operation()

        job.execute_in_process(instance=self.instance, raise_on_error=False, tags=tags)


PAGE_RANGE = [f"dagster/asset_partition_range_{end}" for end in ("start", "end")]


@pytest.fixture
def told(monkeypatch) -> Iterator[Told]:
    """A webhook that listens, and a sensor that had its first tick."""
    with dg.instance_for_test() as instance, local_api(lambda _: {}) as api:
        monkeypatch.setenv(f"{SETTING}WEBHOOK_URL", f"{api.url}/hook")
        made = Told(instance, api)
        assert "from now on" in made.tick()
        yield made


def fails(reason: str) -> Callable[[], object]:
    def does() -> None:
        raise dg.Failure(reason)

    return does


def fails_pages(**pages: str) -> Callable[[], object]:
    def does() -> None:
        raise dg.Failure("pages failed", metadata={FAILED_PAGES: pages})

    return does


def works() -> None:
    """Nothing goes wrong."""


def test_nobody_is_told_until_somebody_is_named(monkeypatch) -> None:
    monkeypatch.delenv(f"{SETTING}WEBHOOK_URL", raising=False)
    with (
        dg.instance_for_test() as instance,
        dg.build_sensor_context(instance) as context,
    ):
        assert "No channel is configured" in str(alerts(context).skip_message)


def test_a_failed_operation_is_told_once_and_its_recovery_too(told) -> None:
    told.run("roster__orders", fails("Roster refused /v2/orders with status 403."))
    told.tick()
    (body,) = told.news()
    run = told.instance.get_runs(limit=1)[0]
    assert "🔴 operation roster__orders: Roster refused /v2/orders" in body["text"]
    assert f"http://127.0.0.1:3000/runs/{run.run_id}" in body["text"]
    assert body["findings"] == [
        {
            "subject": "operation roster__orders",
            "reason": "Roster refused /v2/orders with status 403.",
            "run_id": run.run_id,
            "is_over": False,
        }
    ]
    told.run("roster__orders", fails("Roster refused /v2/orders with status 403."))
    assert told.tick() == "Nothing new to report."
    told.run("roster__orders", works)
    told.tick()
    assert "🟢 operation roster__orders: resolved" in told.text()
    told.run("roster__orders", works)
    told.tick()
    assert told.news() == []


def test_findings_of_a_tick_come_in_one_message(told) -> None:
    told.run("one", fails("first"))
    told.run("two", fails("second"))
    told.run("three", works)
    told.tick()
    text = told.text()
    assert "2 new problem(s)" in text
    assert "operation one: first" in text
    assert "operation two: second" in text


def _checked(told: Told, *, passed: bool, severity: dg.AssetCheckSeverity) -> None:
    @dg.asset
    def orders() -> None: ...

    @dg.asset_check(asset=orders)
    def total_is_kept() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(
            passed=passed, severity=severity, description="3 orders are missing"
        )

    dg.materialize(
        [orders, total_is_kept], instance=told.instance, raise_on_error=False
    )


@pytest.mark.parametrize(
    ("severity", "word"),
    [(dg.AssetCheckSeverity.ERROR, "failed"), (dg.AssetCheckSeverity.WARN, "warns")],
)
def test_a_check_is_told_and_its_recovery_too(told, severity, word) -> None:
    for _ in range(2):
        _checked(told, passed=False, severity=severity)
    told.tick()
    text = told.text()
    assert f"check total_is_kept of orders: {word}: 3 orders are missing" in text
    assert text.count("total_is_kept") == 1
    _checked(told, passed=True, severity=severity)
    told.tick()
    assert "🟢 check total_is_kept of orders: resolved" in told.text()


def test_failed_pages_are_told_by_name_each_once(told) -> None:
    told.instance.report_runless_asset_event(
        dg.AssetMaterialization(
            ["autorosters", "pages"], partition="b", metadata={"title": "Harbor City"}
        )
    )
    told.run(READ_PAGES, fails_pages(a="refused with status 403", b="rejected"))
    told.tick()
    text = told.text()
    assert "roster page a: refused with status 403" in text
    assert "roster page Harbor City (b): rejected" in text
    assert "operation" not in text
    told.run(READ_PAGES, fails_pages(b="rejected", c="is not a list"))
    told.tick()
    text = told.text()
    assert "roster page c: is not a list" in text
    assert "🟢 roster page a: resolved" in text
    assert "roster page Harbor City" not in text
    told.run(READ_PAGES, works, tags={"dagster/partition": "b"})
    told.tick()
    assert "🟢 roster page Harbor City (b): resolved" in told.text()
    # A backfill of one page is a range.
    told.run(READ_PAGES, works, tags=dict.fromkeys(PAGE_RANGE, "c"))
    told.tick()
    assert "🟢 roster page c: resolved" in told.text()


def test_a_page_in_quarantine_is_over_when_it_is_released(told) -> None:
    quarantine(told.instance, ["a"])
    told.run(READ_PAGES, fails_pages(a="refused with status 403"))
    told.tick()
    assert "roster page a" in told.text()
    told.run(READ_PAGES, works)
    told.run(ASK_QUARANTINED, works)
    told.tick()
    assert told.news() == []
    release(told.instance, ["a"])
    told.run(ASK_QUARANTINED, works)
    told.tick()
    assert "🟢 roster page a: resolved" in told.text()


def test_what_a_channel_did_not_take_is_told_at_the_next_tick(monkeypatch) -> None:
    answers = [503, 200]
    with (
        dg.instance_for_test() as instance,
        local_api(lambda _: Response(status_code=answers.pop(0))) as broken,
        local_api(lambda _: {}) as whole,
    ):
        monkeypatch.setenv(f"{SETTING}WEBHOOK_URL", f"{broken.url}/hook")
        monkeypatch.setenv(f"{SETTING}SLACK_WEBHOOK_URL", f"{whole.url}/services/T0/x")
        told = Told(instance, broken)
        told.tick()
        told.run("one", fails("broken"))
        assert "webhook answered with status 503; 1 finding(s) wait" in told.tick()
        assert "webhook received 1" in told.tick()
        assert [body["findings"][0]["reason"] for body in told.news()] == ["broken"] * 2
        assert len(whole.bodies) == 1


def test_a_dead_webhook_stops_no_tick_and_loses_nothing(told, monkeypatch) -> None:
    url = "http://127.0.0.1:9/secret-path"
    monkeypatch.setenv(f"{SETTING}WEBHOOK_URL", url)
    told.run("one", fails("broken"))
    reason = told.tick()
    assert "webhook is not reached" in reason
    assert "secret-path" not in reason
    assert '"subject": "operation one"' in str(told.cursor)


@pytest.mark.parametrize(
    ("channel", "field"), [("SLACK", "text"), ("DISCORD", "content")]
)
def test_slack_and_discord_get_their_own_form(channel, field, monkeypatch) -> None:
    with dg.instance_for_test() as instance, local_api(lambda _: {}) as api:
        monkeypatch.setenv(f"{SETTING}{channel}_WEBHOOK_URL", f"{api.url}/hook")
        monkeypatch.setenv(f"{SETTING}UI_URL", "https://dagster.example/")
        told = Told(instance, api)
        told.tick()
        for number in range(30):
            told.run(f"op_{number}", fails("x" * 1000))
        told.tick()
        (body,) = told.news()
        assert set(body) - {"allowed_mentions"} == {field}
        assert body[field].startswith("Roster Platform: 30 new problem(s)")
        assert "https://dagster.example/runs/" in body[field]
        assert len(body[field]) <= 2000 or channel == "SLACK"


@pytest.mark.parametrize(
    ("channel", "field"), [("SLACK", "text"), ("DISCORD", "content")]
)
def test_what_an_api_wrote_calls_nobody_together(channel, field, monkeypatch) -> None:
    with dg.instance_for_test() as instance, local_api(lambda _: {}) as api:
        monkeypatch.setenv(f"{SETTING}{channel}_WEBHOOK_URL", f"{api.url}/hook")
        told = Told(instance, api)
        told.tick()
        told.run("one", fails("the page @everyone <!channel>"))
        told.tick()
        (body,) = told.news()
        called = "@everyone" if channel == "DISCORD" else "<!channel>"
        assert "the page" in body[field]
        assert called not in body[field]


def test_secrets_and_personal_data_stay_out(told, monkeypatch) -> None:
    monkeypatch.setenv("SOURCES__ROSTER_SOURCE__ACCESS_TOKEN", CANARY)
    told.run("one", fails(f"The server said {CANARY} of ada@example.com"))
    told.tick()
    (body,) = told.news()
    text = json.dumps(body, ensure_ascii=False)
    assert CANARY not in text
    assert "ada@example.com" not in text
    assert "The server said *** of ***@***" in body["text"]
    assert "The server said *** of ***@***" in body["findings"][0]["reason"]


@contextmanager
def mail_server() -> Iterator[tuple[int, list[str]]]:
    """An SMTP server on a free port, and the messages it took."""
    received: list[str] = []

    class Session(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 here\r\n")
            while line := self.rfile.readline():
                verb = line.split()[0].upper() if line.split() else b""
                if verb == b"DATA":
                    self.wfile.write(b"354 go on\r\n")
                    lines = iter(self.rfile.readline, b".\r\n")
                    received.append(b"".join(lines).decode())
                self.wfile.write(b"221 bye\r\n" if verb == b"QUIT" else b"250 ok\r\n")
                if verb == b"QUIT":
                    return

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Session) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1], received
        server.shutdown()


def test_an_alert_arrives_by_e_mail(monkeypatch) -> None:
    with dg.instance_for_test() as instance, mail_server() as (port, received):
        monkeypatch.setenv(f"{SETTING}EMAIL_TO", "ops@example.com")
        monkeypatch.setenv(f"{SETTING}SMTP_URL", f"smtp://127.0.0.1:{port}")
        with local_api(lambda _: {}) as api:
            told = Told(instance, api)
            told.tick()
            told.run("one", fails("broken"))
            assert told.tick() == "email received 1 finding(s)"
    (mail,) = received
    assert "To: ops@example.com" in mail
    assert "Subject: Roster Platform: 1 new problem(s)" in mail
