"""Nobody is let in, and no secret gets out."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import traceback
import zlib
from pathlib import Path
from typing import Any

import pytest

from roster_platform import errors
from roster_platform.ingest.page_ids import is_safe
from roster_platform.sandbox import running_sandbox
from tests.deployment import ROOT, Deployment
from tests.doors import listening
from tests.faults.platform import KEY, TOKEN, LocalPlatform
from tests.faults.rude_server import Asked, Raw, response, rude_server

PUBLIC_TOKEN = "canary-public-token-77de"
CANARIES = (TOKEN, KEY, PUBLIC_TOKEN)
GOOD = {"ranks": [{"role_id": "1", "users": [{"discord_id": "1"}]}]}

ATOMS = [
    *("../", "..", "%2e%2e/", "..%2f", "/etc/passwd", "\\..\\", "'", '"', "';--", "`"),
    *(
        "' or 1=1 --",
        "; drop table users; --",
        "$(touch pwned)",
        "{page_id}",
        "%s",
        "*",
    ),
    *(
        "\0",
        "\n",
        "\r\nX-Evil: 1",
        "💥",
        "名",
        "\u202e",
        " ",
        "?x=1",
        "#",
        "@evil.example",
    ),
    *(
        "//evil.example/",
        "http://evil.example/",
        "x" * 10_000,
        "\x7f",
        "&page=2",
        "null",
    ),
]


def hostile(count: int) -> list[str]:
    """Different hostile values, from single atoms to mixtures."""
    pick = random.Random(5)
    values = dict.fromkeys(ATOMS)
    while len(values) < count:
        values["".join(pick.choices([*ATOMS, "page", "1"], k=pick.randrange(2, 5)))] = (
            None
        )
    return list(values)[:count]


def files_outside(platform: LocalPlatform) -> set[Path]:
    return set(platform.folder.parent.iterdir()) | set(ROOT.iterdir())


def test_hostile_page_ids_are_refused_by_name(platform, tries) -> None:
    ids = [v for v in hostile(260) if not is_safe(v.strip())][:200]
    tries("Hostile names")(len(ids))
    assert len(ids) == 200
    before = files_outside(platform) | {platform.folder, platform.folder.parent / "dlt"}
    with rude_server(lambda asked: GOOD) as api:
        platform.reads(api.url)
        report = platform.load_pages([*ids, "good"])
        assert [asked.path for asked in api.asked] == ["/roster/good"]
    assert set(report.loaded) == {"good"}
    # Named by their beginnings, which some have in common.
    assert len(report.failed) > 150
    assert all("not an Auto Rosters page id" in str(e) for e in report.failed.values())
    assert files_outside(platform) <= before


def test_hostile_ids_in_records_are_values_and_nothing_else(platform, tries) -> None:
    values = [value for value in hostile(200) if value != ".."]
    tries("Hostile names")(len(values))
    records = [{"id": v, "discountRuleId": v, v or "x": v} for v in values]
    asked_lines: list[str] = []

    def answer(asked: Asked) -> Any:
        asked_lines.append(asked.target)
        if "discount-rules" in asked.path:
            return {"data": []}
        return {"data": records, "pagination": {"totalCount": len(records)}}

    before = files_outside(platform) | {platform.folder, platform.folder.parent / "dlt"}
    with rude_server(answer) as api:
        platform.reads(api.url, page_size=500)
        platform.load("discount_codes_lookup")
        found = platform.query(
            "select id, discount_rule_id from roster_data.discount_codes_lookup"
        )
        held = sorted(map(platform.held, values))
        assert sorted(found) == [(value, value) for value in held]
        del asked_lines[:]
        platform.load("discount_codes_by_rule")
        assert all("x-evil" not in asked.headers for asked in api.asked)
    # Of the first list page 0 is asked for, too: nothing proves that 1 is the first.
    assert sum("page=1&" in line for line in asked_lines) == len(values)
    for line in asked_lines:
        path = line.split("?")[0]
        _, version, rules, value, codes = path.split("/")
        assert (version, rules, codes) == ("v2", "discount-rules", "discount-codes")
        assert value.replace("%", "").replace("-", "").replace("_", "")
        assert value not in {".", ".."}
    assert files_outside(platform) <= before


@pytest.mark.parametrize("rule", ["..", "."])
def test_an_id_that_climbs_is_not_asked_for(rule, platform, tries) -> None:
    tries("Hostile names")()
    records = [{"id": "1", "discountRuleId": rule}]
    with rude_server(lambda asked: {"data": records}) as api:
        platform.reads(api.url)
        platform.load("discount_codes_lookup")
        before = len(api.asked)
        with pytest.raises(errors.BadResponseError, match="cannot be asked for"):
            platform.load("discount_codes_by_rule")
        assert len(api.asked) == before


ECHOES = {
    **{
        f"status {status}": lambda said, status=status: response(
            json.dumps({"error": f"bad {said}", "message": said}).encode(),
            f"{status} No",
        )
        for status in (400, 401, 403, 404, 418, 422, 429, 500, 503)
    },
    "reason": lambda said: response(b"{}", f"403 {said}"),
    "content type": lambda said: response(b"<html>", content_type=f"text/{said}"),
    "nested error": lambda said: response(
        json.dumps({"error": {"headers": {"Authorization": said}}}).encode(), "403 No"
    ),
    "redirect": lambda said: response(b"", "302 Found", Location=f"/x?token={said}"),
    "next link": lambda said: response(
        json.dumps({"data": [{}], "next": f"http://{said}.evil/"}).encode()
    ),
    "broken header": lambda said: f"HTTP/1.1 200 OK\r\n{said}\r\n\r\n".encode(),
    "other page": lambda said: response(
        json.dumps({"page_id": said, "ranks": []}).encode()
    ),
    "gzip garbage": lambda said: response(said.encode(), Content_Encoding="gzip"),
    "bad retry": lambda said: response(b"{}", "429 No", Retry_After=said),
}

SHORT_ECHOES = ("status 401", "content type", "next link", "broken header")


@pytest.mark.parametrize("echo", ECHOES)
def test_what_an_api_echoes_is_struck_from_messages(
    echo, platform, tries, scale, capfd, caplog
) -> None:
    if scale == 1 and echo not in SHORT_ECHOES:
        pytest.skip("the short form tries a few echoes")
    tries("Secrets")(2)
    caplog.set_level("DEBUG")

    def answer(asked: Asked) -> Raw:
        said = asked.headers.get("x-api-key") or asked.headers["authorization"][7:]
        return Raw(ECHOES[echo](said))

    with rude_server(answer) as api:
        platform.reads(api.url, max_attempts=1, max_wait_seconds=0.1)
        with pytest.raises(errors.IngestError) as raised:
            platform.load("orders")
        report = platform.load_pages(["page"])
    (failure,) = report.failed.values()
    told = [
        *(str(raised.value), str(failure), report.failure_summary()),
        *traceback.format_exception(raised.value),
        *traceback.format_exception(failure),
        *(caplog.text, *capfd.readouterr()),
    ]
    assert [canary for canary in CANARIES if canary in "".join(told)] == []
    kept = [p for p in platform.folder.parent.rglob("*") if p.is_file()]
    assert [
        (path, canary)
        for path in kept
        for canary in CANARIES
        if canary.encode() in path.read_bytes()
    ] == []


def test_a_whole_deployment_keeps_its_secrets_while_the_api_shouts_them(
    tmp_path, tries, scale
) -> None:
    """Standard output, compute logs, events, metadata, dlt's state, dbt's target."""

    if scale == 1:
        pytest.skip("tests/test_failures.py does a part of it in the short form")

    def answer(asked: Asked) -> Raw:
        said = asked.headers.get("x-api-key") or asked.headers["authorization"][7:]
        echo = list(ECHOES.values())[len(api.asked) % len(ECHOES)]
        return Raw(echo(said))

    with rude_server(answer) as api:
        deployment = Deployment(
            tmp_path / "data",
            {
                "SOURCES__ROSTER_SOURCE__BASE_URL": api.url,
                "SOURCES__ROSTER_SOURCE__ACCESS_TOKEN": TOKEN,
                "SOURCES__ROSTER_SOURCE__PUBLIC_ACCESS_TOKEN": PUBLIC_TOKEN,
                "SOURCES__AUTOROSTERS_SOURCE__BASE_URL": api.url,
                "SOURCES__AUTOROSTERS_SOURCE__API_KEY": KEY,
                "SOURCES__AUTOROSTERS_SOURCE__PAGE_IDS": '["one", "two"]',
                "SOURCES__ROSTER_SOURCE__MAX_ATTEMPTS": "1",
                "SOURCES__AUTOROSTERS_SOURCE__MAX_ATTEMPTS": "1",
                "SOURCES__AUTOROSTERS_SOURCE__REQUESTS_PER_MINUTE": "100000",
            },
        )
        outbox = deployment.folder / "clicks" / "outbox"
        outbox.mkdir(parents=True)
        (outbox / "one.jsonl").write_text('{"referralId": "a"}\n')
        outputs = [
            deployment.register().stdout,
            deployment.materialize("group:roster").stdout,
            deployment.materialize(
                "group:autorosters", "--partition-range", "one...two"
            ).stdout,
            deployment.run("roster_platform.ingest", "clicks").stdout,
            deployment.run("roster_platform.cli", "doctor").stdout,
        ]
        tries("Secrets")(len(api.asked))
        assert len(api.asked) > 10
    assert [canary for canary in CANARIES for out in outputs if canary in out] == []
    assert deployment.files_that_contain(*CANARIES) == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed_with_a_token(
    status, platform, tries, scale
) -> None:
    if scale == 1 and status != 307:
        pytest.skip("the short form tries one kind of redirect")
    tries("Secrets")(2)
    with rude_server(lambda asked: {"data": []}) as other:
        moved = Raw(response(b"", f"{status} Moved", Location=f"{other.url}/x"))
        with rude_server(lambda asked: moved) as api:
            platform.reads(api.url)
            with pytest.raises(errors.BadResponseError, match="redirect"):
                platform.load("orders")
            assert platform.load_pages(["page"]).failed.keys() == {"page"}
        assert other.asked == []


BOMB = """
import pathlib, re, sys
from roster_platform.errors import BadResponseError
from roster_platform.ingest.http.client import ApiClient
from roster_platform.ingest.settings import ClientSettings

settings = ClientSettings(base_url=sys.argv[1])
with ApiClient("Test API", settings, {}, "token", {}) as client:
    try:
        client.get("bomb")
    except BadResponseError as error:
        print(error)
status = pathlib.Path("/proc/self/status").read_text()
print(re.search(r"VmHWM:\\s+(\\d+) kB", status)[1])
"""


def bomb(megabytes: int) -> bytes:
    """Zeros, gzipped a thousand to one; every block stands for ten million."""
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    block = squeeze.compress(bytes(10_000_000)) + squeeze.flush(zlib.Z_FULL_FLUSH)
    return b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + block * (megabytes // 10)


@pytest.mark.parametrize("kind", ["bomb", "long", "endless"])
def test_an_oversized_answer_is_cut_off_in_bounded_memory(kind, tries) -> None:
    tries("Oversized answers")()
    body = {
        "bomb": lambda: response(bomb(4_000), Content_Encoding="gzip"),
        "long": lambda: response(b"[" + b" " * 200_000_000),
        # Told to be longer than what comes, as an answer that never ends.
        "endless": lambda: response(b"[" + b" " * 100_000_000, length=10**15),
    }[kind]()
    with rude_server(lambda asked: Raw(body)) as api:
        done = subprocess.run(
            [sys.executable, "-c", BOMB, api.url],
            cwd=ROOT,
            capture_output=True,
            text=True,
        )
        assert len(api.asked) == 1
    said, peak = done.stdout.strip().split("\n")
    assert "more than 67,108,864 bytes, so the answer was cut off" in said
    assert int(peak) < 500 * 1024


def test_the_largest_allowed_answer_is_read(platform, tries) -> None:
    tries("Oversized answers")()
    record = {"orderId": "a", "firstName": "x" * 900_000}
    with rude_server(lambda asked: {"data": [record]}) as api:
        platform.reads(api.url, max_response_bytes=1_000_000)
        assert platform.load("orders").rows == 1
        platform.reads(api.url, max_response_bytes=900_000)
        with pytest.raises(errors.BadResponseError, match="max_response_bytes"):
            platform.load("orders")


def test_the_sandbox_listens_on_this_machine_only(tries) -> None:
    tries("Listening ports")()
    with running_sandbox(orders=1, pages=1, members=1):
        assert listening() == {"127.0.0.1"}
