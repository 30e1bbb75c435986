"""The weekly digest, as webhooks, a mail server and a person at a terminal receive it."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest
from starlette.responses import Response

from roster_platform.cli import main
from roster_platform.dashboard.published import PublishedFile
from roster_platform.defs.digest.weekly import digest, digest_schedule
from roster_platform.digest.numbers import digest_of, last_full_week
from roster_platform.digest.send import send
from roster_platform.digest.text import digest_text
from roster_platform.errors import ConfigurationError
from tests.forks import ROOT, run_module
from tests.local_api import LocalApi, local_api
from tests.published_marts import publish_rows
from tests.test_alerts import mail_server

SETTING = "ROSTER_PLATFORM__DIGEST__"
MONDAY = date(2026, 3, 9)
READ = "2026-03-16 06:00:00+00"
EVIL = "@everyone *Ada* <@1> [x](http://evil)\nPs: `hi`"


def days(first: date, count: int) -> Iterator[date]:
    for place in range(count):
        yield date.fromordinal(first.toordinal() + place)


def program_day(day: str, currency: str | None, **numbers: Any) -> dict[str, Any]:
    return {
        "program_key": "p",
        "date_day": day,
        "currency": currency,
        "unknown_order_count": 0,
        "unknown_amount_order_count": 0,
        "unknown_commission_order_count": 0,
        **numbers,
    }


def page_days() -> list[dict[str, Any]]:
    quiet = dict.fromkeys(
        (
            *("joined_count", "left_count", "promoted_count", "demoted_count"),
            *("transferred_in_count", "transferred_out_count"),
        ),
        0,
    )
    rows = [
        {
            "page_key": "g",
            "date_day": day,
            "headcount": 3,
            "hours_gained": 2,
            **quiet,
        }
        for day in days(date(2026, 3, 2), 14)
    ]
    rows[8] |= {"joined_count": 1, "headcount": 4}
    rows[1] |= {"left_count": 2}
    return rows


def world() -> dict[str, list[dict[str, Any]]]:
    """One program and one page, read in full; the week of 9 March and the one before."""
    members = [
        {"member_key": "a", "source_id": "1", "full_name": "Ada"},
        {"member_key": "b", "source_id": "2", "full_name": None},
        {"member_key": "c", "source_id": "3", "full_name": EVIL},
    ]
    hours = [
        # By day: a gained 1 and b gained 1 from 2 March on; both were first read before.
        {"page_key": "g", "member_key": key, "date_day": day, "hours_gained": gained}
        for key in ("a", "b")
        for day, gained in [
            (date(2026, 3, 1), None),
            *((day, 1) for day in days(date(2026, 3, 2), 14)),
        ]
    ]
    return {
        "rpt_data_freshness": [
            {"source_system": "roster", "subject": "orders", "last_read_at": READ},
            {"source_system": "roster", "subject": "events", "last_read_at": READ},
            {"source_system": "autorosters", "subject": "pages", "last_read_at": READ},
        ],
        "dim_programs": [
            {"program_key": "p", "program_id": "prog_1", "program_name": "Athletes"}
        ],
        "dim_members": members,
        "rpt_program_members_daily": [
            {
                "program_key": "p",
                "date_day": day,
                "active_member_count": 10 + place,
                "joined_count": 1,
                "left_count": 0,
            }
            for place, day in enumerate(days(date(2026, 3, 2), 14))
        ],
        "rpt_program_daily": [
            program_day(
                "2026-03-10",
                "USD",
                order_count=2,
                link_revenue=150,
                commission_amount=15,
            ),
            program_day(
                "2026-03-03", "USD", order_count=1, code_revenue=50, commission_amount=5
            ),
            program_day(
                "2026-03-11",
                "EUR",
                order_count=1,
                unknown_amount_order_count=1,
                unknown_commission_order_count=1,
            ),
        ],
        "fct_orders": [
            {
                "program_key": "p",
                "member_key": "a",
                "date_day": "2026-03-10",
                "order_currency": "USD",
                "attribution_type": "referred",
                "net_amount": 150,
            }
        ],
        "fct_events": [
            {
                "program_key": "p",
                "event_type": "reward.paid",
                "date_day": "2026-03-04",
                "event_currency": "USD",
                "event_amount": 7.5,
            }
        ],
        "dim_roster_pages": [
            {
                "page_key": "g",
                "page_id": "page-1",
                "page_title": "Harbor PD",
                "is_retired": False,
                "page_last_read_at": READ,
            }
        ],
        "dim_ranks": [{"rank_key": "r", "rank_name": "Officer"}],
        "rpt_page_daily": page_days(),
        "fct_roster_changes": [
            {
                "page_key": "g",
                "member_key": "c",
                "rank_key": "r",
                "change_type": "joined",
                "date_day": "2026-03-10",
                "changed_at": "2026-03-10 06:00:00+00",
            }
        ],
        "fct_patrol_hours": hours,
        "rpt_activity_status": [
            {
                "page_key": "g",
                "member_key": key,
                "rank_key": "r",
                "required_hours": required,
            }
            # In 14 of 30 days each gained 14 hours.
            for key, required in (("a", 29), ("b", 31), ("c", 10))
        ],
    }


@pytest.fixture
def data(tmp_path, monkeypatch) -> Path:
    """A published file of ``world``, and no channel yet."""
    publish_rows(tmp_path, world())
    monkeypatch.setenv("ROSTER_PLATFORM__DATA_DIR", str(tmp_path))
    return tmp_path


def text_of(folder: Path, rows: dict[str, list[dict[str, Any]]]) -> str:
    return digest_text(digest_of(PublishedFile(publish_rows(folder, rows)), MONDAY))


def test_the_week_is_compared_with_the_week_before(tmp_path) -> None:
    lines = text_of(tmp_path, world()).splitlines()
    assert lines[0] == (
        "Roster Platform: the week from 9 March 2026 to 15 March 2026 (UTC)"
    )
    expected = [
        "Program Athletes",
        "Joined 7 (7), left 0 (0), active members 23 (16)",
        "Orders 3 (1)",
        # The one order in EUR has no known amount, which is not 0.00 EUR.
        "Referral revenue: not known (0.00 EUR), 150.00 USD (50.00 USD)",
        "Commission: not known (0.00 EUR), 15.00 USD (5.00 USD)",
        "Paid out: 0.00 USD (7.50 USD)",
        "Top members: Ada 150.00 USD",
        "Roster page Harbor PD",
        "Members 3 (3)",
        "Joined 1 (0): @everyone *Ada* <@1> [x](http:\u200b//evil) Ps: `hi` (Officer)",
        "Left 0 (2)",
        "Promoted 0 (0)",
        "Patrol hours 14.0 (14.0)",
        # b has 14 of 31 * 14 / 30, and had 7 of 31 * 7 / 30. Of c no hours are known.
        "Below the hours of their rank in 30 days at least 1 (at least 1): "
        "2 14.0 of 31.0 h",
        "Most hours: 2 7.0 h, Ada 7.0 h",
    ]
    assert [line for line in lines[2:] if line] == expected


def test_days_of_leave_require_no_hours(tmp_path) -> None:
    rows = world()
    rows["fct_leaves_of_absence"] = [
        # Of 14 days 7 are left to b, of which 31 * 7 / 30 hours are required: 7.2 of 14.
        {"page_key": None, "member_key": "b", "first_day": "2026-03-09"},
        # What is not known of c does not matter on the last day, but did a week before.
        {
            "page_key": "g",
            "member_key": "c",
            "first_day": "2026-03-15",
            "last_day": "2026-03-15",
        },
        {"page_key": "another", "member_key": "a", "first_day": "2026-03-01"},
    ]
    assert "Below the hours of their rank in 30 days 0 (at least 1)\n" in text_of(
        tmp_path, rows
    )


@pytest.mark.parametrize("missing", ["orders", "events"])
def test_what_is_not_known_is_never_zero(tmp_path, missing) -> None:
    rows = world()
    for table in ("rpt_program_members_daily", "rpt_program_daily", "fct_orders"):
        rows[table] = []
    rows["fct_events"] = []
    rows["rpt_incomplete_inputs"] = [
        {"source_system": "roster", "input_name": missing, "reason": "refused"}
    ]
    text = text_of(tmp_path, rows)
    assert f"Not fully known: {missing}." in text
    if missing == "orders":
        assert "Orders not known (not known)" in text
        assert "Referral revenue: not known" in text
        assert "Joined 0 (0)" in text
    else:
        assert "Joined not known (not known), left not known (not known)" in text
        assert "Paid out: not known" in text
        assert "Orders 0 (0)" in text


def test_a_page_that_was_not_read_to_the_end_of_the_week_says_so(tmp_path) -> None:
    rows = world()
    rows["dim_roster_pages"][0]["page_last_read_at"] = "2026-03-11 06:00:00+00"
    for row in rows["rpt_page_daily"][10:]:
        row |= dict.fromkeys((n for n in row if n.endswith("_count")), None)
        row["hours_gained"] = None
    page = text_of(tmp_path, rows).partition("Harbor PD")[2]
    assert "Joined at least 1 (0)" in page
    assert "Promoted not known (0)" in page
    assert "Last read on 11 March 2026" in page


def test_a_page_seen_for_the_first_time_has_no_movement(tmp_path) -> None:
    rows = world()
    rows["rpt_page_daily"] = [
        {"page_key": "g", "date_day": "2026-03-15", "headcount": 3}
    ]
    page = text_of(tmp_path, rows).partition("Harbor PD")[2]
    assert "Members 3 (not known)" in page
    assert "Joined, left, promoted and patrol hours: not known" in page


def test_a_quiet_page_takes_one_line(tmp_path) -> None:
    rows = world()
    for table in ("fct_patrol_hours", "rpt_activity_status", "fct_roster_changes"):
        rows[table] = []
    for row in rows["rpt_page_daily"]:
        row |= {"joined_count": 0, "left_count": 0, "hours_gained": 0}
    assert "\nNothing changed: Harbor PD" in text_of(tmp_path, rows)


@pytest.mark.parametrize(
    ("last_read", "monday"),
    [
        (date(2026, 3, 15), date(2026, 3, 2)),  # a Sunday: its week is not over
        (date(2026, 3, 16), date(2026, 3, 9)),
        (date(2026, 3, 22), date(2026, 3, 9)),
    ],
)
def test_the_week_is_the_last_that_was_over(last_read, monday) -> None:
    assert last_full_week(last_read) == monday


def test_the_preview_sends_nothing_and_says_that_it_is_off(data, capsys) -> None:
    assert main(["digest"]) == 0
    shown = capsys.readouterr()
    assert "Program Athletes" in shown.out
    assert "digest is off" in shown.err
    assert "[roster_platform.digest]" in shown.err
    assert not (data / "digest").exists()
    assert main(["digest", "--send"]) == 1
    assert "digest is off" in capsys.readouterr().err
    with (
        dg.instance_for_test() as instance,
        dg.build_schedule_context(instance) as context,
    ):
        skipped = digest_schedule(context)
    assert isinstance(skipped, dg.SkipReason)
    assert "digest is off" in str(skipped.skip_message)


def test_without_a_published_file_it_says_what_to_run(
    tmp_path, monkeypatch, capsys
) -> None:
    monkeypatch.setenv("ROSTER_PLATFORM__DATA_DIR", str(tmp_path))
    assert main(["digest"]) == 1
    assert "Materialize the asset published/marts" in capsys.readouterr().err


@contextmanager
def webhook(
    monkeypatch, setting: str = "WEBHOOK_URL", answers: list[int] | None = None
) -> Iterator[LocalApi]:
    """A server behind a setting, which answers with the given statuses, then 204."""
    left = list(answers or [])

    def answer(_: object) -> Response:
        return Response(
            status_code=left.pop(0) if left else 204, headers={"Retry-After": "0"}
        )

    with local_api(answer) as api:
        monkeypatch.setenv(f"{SETTING}{setting}", f"{api.url}/hook")
        yield api


def bodies(api: LocalApi) -> list[dict[str, Any]]:
    return [json.loads(body) for body in api.bodies]


def test_a_week_is_sent_once(data, monkeypatch, capsys) -> None:
    with webhook(monkeypatch) as api:
        for said in ("webhook: sent 1 message.", "webhook: sent before, so not sent"):
            assert main(["digest", "--send"]) == 0
            assert said in capsys.readouterr().out
        (body,) = bodies(api)
        assert body["text"].startswith("Roster Platform: the week from 9 March 2026")
        amounts = body["digest"]["programs"][0]["amounts"]
        assert amounts["commission"]["EUR"]["value"] is None
        assert float(amounts["commission"]["USD"]["value"]) == 15
        # Another publication of the same week is no reason to send it again.
        publish_rows(data, {**world(), "fct_events": []})
        assert send()[1][0].already_sent == 1
        # The next week is.
        later = world()
        for row in later["rpt_data_freshness"]:
            row["last_read_at"] = "2026-03-23 06:00:00+00"
        publish_rows(data, later)
        assert send()[0] == date(2026, 3, 16)
        assert len(api.bodies) == 2
    with sqlite3.connect(data / "digest" / "outbox.db") as outbox:
        assert outbox.execute("select text from parts").fetchall() == [(None,), (None,)]


def test_a_long_digest_goes_to_discord_in_parts_between_lines(
    data, monkeypatch
) -> None:
    rows = world()
    rows["dim_programs"] = [
        {
            "program_key": f"p{n}",
            "program_id": f"{n}",
            "program_name": f"P {n} " + "😀" * 40,
        }
        for n in range(30)
    ]
    rows["rpt_program_daily"] = [
        {**row, "program_key": f"p{n}"}
        for n in range(30)
        for row in rows["rpt_program_daily"]
    ]
    publish_rows(data, rows)
    with webhook(monkeypatch, "DISCORD_WEBHOOK_URL", [204, 429, 429]) as api:
        assert send()[1][0].is_done
        contents = list(dict.fromkeys(body["content"] for body in bodies(api)))
        assert len(api.bodies) == len(contents) + 2
    assert len(contents) > 3
    assert all(len(c.encode("utf-16-le")) // 2 <= 2000 for c in contents)
    assert contents[0].startswith(f"(1/{len(contents)})\n")
    lines = [line for content in contents for line in content.splitlines()[1:]]
    assert [line for line in lines if line.startswith("Orders")] == [
        "Orders 3 (1)"
    ] * 30


@pytest.mark.parametrize(
    ("setting", "field"),
    [("DISCORD_WEBHOOK_URL", "content"), ("SLACK_WEBHOOK_URL", "text")],
)
def test_names_mention_nobody_and_format_nothing(
    data, monkeypatch, setting, field
) -> None:
    with webhook(monkeypatch, setting) as api:
        assert send()[1][0].is_done
        (body,) = bodies(api)
    text = body[field]
    assert "http://evil" not in text
    assert "<@1>" not in text
    if field == "content":
        assert body["allowed_mentions"] == {"parse": []}
        assert "@everyone" not in text
        assert r"\*Ada\*" in text
        assert r"\`hi\`" in text


def test_it_arrives_by_e_mail(data, monkeypatch) -> None:
    with mail_server() as (port, received):
        monkeypatch.setenv(f"{SETTING}EMAIL_TO", "staff@example.com")
        monkeypatch.setenv(f"{SETTING}SMTP_URL", f"smtp://127.0.0.1:{port}")
        assert send()[1][0].sent == 1
        assert send()[1][0].sent == 0
    (mail,) = received
    assert "Subject: Roster Platform: the week from 9 March" in mail.replace(
        "\r\n ", " "
    )


def test_apprise_reaches_other_services(data, monkeypatch) -> None:
    with local_api(lambda _: {}) as api:
        address = api.url.replace("http", "json")
        monkeypatch.setenv(f"{SETTING}APPRISE_URLS", f"{address}/a, {address}/b")
        deliveries = send()[1]
        assert [d.channel for d in deliveries] == ["apprise 1", "apprise 2"]
        assert all(d.sent == 1 for d in deliveries)
        assert [path for path, _ in api.requests] == ["/a", "/b"]
        assert "Program Athletes" in bodies(api)[0]["message"]
    monkeypatch.setenv(f"{SETTING}APPRISE_URLS", "nonsense://secret-path")
    with pytest.raises(ConfigurationError, match="Address 1 of apprise_urls") as caught:
        send()
    assert "secret-path" not in str(caught.value)


@pytest.mark.parametrize("status", [302, 404, 503])
def test_what_a_channel_refused_is_sent_by_the_next_run(
    data, monkeypatch, capsys, status
) -> None:
    with webhook(monkeypatch, answers=[status]) as api:
        assert main(["digest", "--send"]) == 1
        assert f"answered with status {status}. 1 message not sent" in (
            capsys.readouterr().out
        )
        assert main(["digest", "--send"]) == 0
        assert len(api.bodies) == 2


def test_one_channel_that_fails_does_not_stop_the_others(data, monkeypatch) -> None:
    monkeypatch.setenv(f"{SETTING}SLACK_WEBHOOK_URL", "http://127.0.0.1:9/secret-path")
    with webhook(monkeypatch) as api:
        by_name = {delivery.channel: delivery for delivery in send()[1]}
        assert by_name["webhook"].sent == 1
        assert by_name["slack"].waiting == 1
        assert "secret-path" not in str(by_name["slack"])
        send()
        assert len(api.bodies) == 1


@contextmanager
def silent_server() -> Iterator[tuple[str, list[bytes]]]:
    """A server that reads a request and closes the connection without an answer."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    heard.append(connection.recv(65536))

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/hook", heard
        server.shutdown(socket.SHUT_RDWR)


def test_without_an_answer_it_is_not_sent_again_until_somebody_asks(
    data, monkeypatch, capsys
) -> None:
    with silent_server() as (url, heard):
        monkeypatch.setenv(f"{SETTING}WEBHOOK_URL", url)
        for _ in range(2):
            assert main(["digest", "--send"]) == 1
            assert "may or may not have arrived" in capsys.readouterr().out
        assert len(heard) == 1
        assert main(["digest", "--send", "--again"]) == 1
        assert len(heard) == 2


def start_sending(data: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "roster_platform.cli", "digest", "--send"],
        cwd=ROOT,
        env={**os.environ, "ROSTER_PLATFORM__DATA_DIR": str(data)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_a_kill_between_sending_and_noting_sends_nothing_twice(
    data, monkeypatch, capsys
) -> None:
    """The message has arrived; the process dies before it can write that down."""
    killed = threading.Event()
    processes: list[subprocess.Popen[str]] = []

    def kill_sender(_: object) -> dict[str, Any]:
        if not killed.is_set():
            while not processes:
                time.sleep(0.01)
            processes[0].send_signal(signal.SIGKILL)
            processes[0].wait()
            killed.set()
        return {}

    with local_api(kill_sender) as api:
        monkeypatch.setenv(f"{SETTING}WEBHOOK_URL", f"{api.url}/hook")
        processes.append(start_sending(data))
        assert killed.wait(60)
        processes[0].communicate()
        assert main(["digest", "--send"]) == 1
        assert "may or may not have arrived" in capsys.readouterr().out
        assert len(api.bodies) == 1
        assert main(["digest", "--send", "--again"]) == 0
        assert len(api.bodies) == 2


def test_two_processes_at_once_send_it_once(data, monkeypatch) -> None:
    def slow(_: object) -> dict[str, Any]:
        time.sleep(0.5)
        return {}

    with local_api(slow) as api:
        environment = {**os.environ, f"{SETTING}WEBHOOK_URL": f"{api.url}/hook"}
        command = ("roster_platform.cli", "digest", "--send")
        with ThreadPoolExecutor(2) as threads:
            both = [
                threads.submit(run_module, *command, environment=environment)
                for _ in range(2)
            ]
        done = [one.result() for one in both]
        assert [one.returncode for one in done] == [0, 0], done
        assert len(api.bodies) == 1
    said = [one.stdout for one in done]
    assert sum("sent 1 message" in text for text in said) == 1
    assert sum("sent before" in text for text in said) == 1


def test_the_job_sends_it_and_its_rerun_does_not(data, monkeypatch) -> None:
    with webhook(monkeypatch) as api:
        for _ in range(2):
            assert digest.execute_in_process().success
        assert len(api.bodies) == 1
    with silent_server() as (url, heard):
        monkeypatch.setenv(f"{SETTING}WEBHOOK_URL", url)
        result = digest.execute_in_process(raise_on_error=False)
        assert not result.success
        assert len(heard) == 1


def test_only_the_named_programs_and_no_people(data, monkeypatch, capsys) -> None:
    monkeypatch.setenv(f"{SETTING}PAGES", "[]")
    monkeypatch.setenv(f"{SETTING}PROGRAMS", '["prog_1"]')
    monkeypatch.setenv(f"{SETTING}NAMES", "false")
    assert main(["digest"]) == 0
    out = capsys.readouterr().out
    assert "Program Athletes" in out
    assert "Harbor PD" not in out
    assert "Ada" not in out
    monkeypatch.setenv(f"{SETTING}PROGRAMS", '["Atletes"]')
    assert main(["digest"]) == 1
    assert "names 'Atletes', which is not one of the published programs" in (
        capsys.readouterr().err
    )


def test_no_secret_leaves_in_a_digest(data, monkeypatch) -> None:
    canary = "canary-token-of-roster"
    monkeypatch.setenv("SOURCES__ROSTER_SOURCE__ACCESS_TOKEN", canary)
    rows = world()
    rows["dim_programs"][0]["program_name"] = f"{canary} ada@example.com"
    publish_rows(data, rows)
    with webhook(monkeypatch) as api:
        send()
        assert canary not in json.dumps(bodies(api))
        assert "ada@example.com" not in json.dumps(bodies(api))


def test_every_number_comes_out_of_a_real_deployment(worlds, tmp_path) -> None:
    """The queries fit the models, and agree with the reports where both say it."""
    from tests.worlds import world as sandbox_world

    with sandbox_world() as sandbox:
        deployment = worlds.next_days(tmp_path, sandbox)
    published = PublishedFile(deployment.folder / "published")
    last_day = published.last_day()
    week = digest_of(published, last_full_week(last_day))
    assert len(week.programs) == 5
    assert len(week.pages) == 5
    # As of the last read, the requirement is that of rpt_activity_status.
    monday = date.fromordinal(last_day.toordinal() - 6)
    now = digest_of(published, monday)
    below = {
        page.source_id: page.counts["below their hours"].value for page in now.pages
    }
    path = str(deployment.folder / "published" / "roster.duckdb")
    with duckdb.connect(path, read_only=True) as database:
        expected = database.sql(
            "select page_id, case when bool_and(activity_status = 'Unknown') then null "
            "else count(*) filter (activity_status in ('Critical', 'Warning', 'At Risk'))"
            " end from marts.rpt_activity_status join marts.dim_roster_pages using "
            "(page_key) group by page_id"
        ).fetchall()
    assert below == dict(expected)
    assert digest_text(now)
