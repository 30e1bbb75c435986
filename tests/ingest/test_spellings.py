"""What people paste and servers spell: one function each, whatever the spelling."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from roster_platform.errors import ConfigurationError
from roster_platform.ingest.encodings import as_utf8
from roster_platform.ingest.pacing.pauses import is_refusal, pause_asked
from roster_platform.ingest.page_ids import as_known, page_id, page_ids
from roster_platform.records.keys import comparing_key
from roster_platform.settings.credentials import checked, trimmed

PAGE = "3f2a0c1e-8b7d-4c55-9e10-2f6d8a1b4c70"
NOW = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "pasted",
    [
        PAGE.upper(),
        PAGE.replace("-", ""),
        f"{{{PAGE.upper()}}}",
        f'"{PAGE}"',
        f"\u201c{PAGE}\u201d",
        f"\u00a0{PAGE}\u200b\n",
        f"\ufeff{PAGE}",
        f"urn:uuid:{PAGE}",
        f"https://autorosters.com/api/roster/{PAGE}/users?x=1",
        f"autorosters.com/api/roster/{PAGE}/",
        f"www.autorosters.com/api/roster/{PAGE.upper()}",
    ],
)
def test_a_page_id_has_one_spelling(pasted) -> None:
    assert page_id(pasted) == PAGE
    assert page_ids([PAGE, pasted]) == [PAGE]


def test_an_address_without_an_id_says_what_its_end_is() -> None:
    with pytest.raises(ConfigurationError, match="'harbor-pd', is the page's own name"):
        page_id("https://autorosters.com/r/harbor-pd")
    other = PAGE.replace("3", "4")
    with pytest.raises(ConfigurationError, match="address of a page"):
        page_id(f"https://autorosters.com/{PAGE}/{other}")


def test_a_page_that_is_known_in_capitals_stays_that_page() -> None:
    assert as_known([PAGE, "b"], [PAGE.upper(), "not/an id"]) == [PAGE.upper(), "b"]
    assert as_known([PAGE], [PAGE.upper(), PAGE]) == [PAGE]


EMAIL = "zo\u00e9@example.com"


@pytest.mark.parametrize(
    ("kind", "spelt", "key"),
    [
        *(
            ("email", spelt, EMAIL)
            for spelt in (
                unicodedata.normalize("NFD", EMAIL),
                f"\t{EMAIL}\r\n",
                f"\u00a0{EMAIL.upper()}\u3000",
                "zo\u00e9\u200b@example\u00ad.com\u2060",
                f"\ufeff{EMAIL}",
                f"<mailto:{EMAIL}>",
                "zo\u00e9\uff20example.com",
                "zo\u00e9 @example.com",
            )
        ),
        ("email", "zo\u00e9+shop@example.com", "zo\u00e9+shop@example.com"),
        ("email", "\u200b\u00a0", ""),
        ("email", None, None),
        ("code", "\u2003Anna\u00a010\n", "anna 10"),
        ("code", "\uff21\uff2e\uff2e\uff21", "anna"),
        ("code", "re\u0301sume\u0301", "r\u00e9sum\u00e9"),
        *(
            ("handle", spelt, "ada")
            for spelt in ("@Ada", "ada#1234", "ADA #0", "\u200f@ ada#0001", "Ada\t")
        ),
        ("handle", "ada#12345", "ada#12345"),
        ("handle", "ada.l_", "ada.l_"),
        *(
            ("currency", spelt, "USD")
            for spelt in ("usd ", " USD", "U\u200bSD", "\uff55sd\u00a0", "usd\n")
        ),
    ],
)
def test_odd_spellings_have_one_key(kind, spelt, key) -> None:
    assert comparing_key(pa.array([spelt], pa.string()), kind).to_pylist() == [key]


def test_a_secret_is_trimmed_of_what_nobody_sees() -> None:
    for pasted in ("tok\n", "\ufefftok\r\n", "\u200btok\u00a0", " tok "):
        assert checked(pasted, "access_token") == trimmed(pasted) == "tok"


@pytest.mark.parametrize(
    ("pasted", "complaint"),
    [
        ('"tok-9"', "quotes"),
        ("\u201ctok-9\u201d", "quotes"),
        ("'tok-9", "quotes"),
        ("Bearer tok-9", "'Bearer'"),
        ("bearer\ttok-9", "'bearer'"),
        ("X-API-Key: tok-9", "header"),
        ("tok\r\n-9", "character 4 is white space"),
        ("tok\x00-9", "character 4 is a control"),
        ("tok\u00e9-9", "ASCII"),
    ],
)
def test_a_secret_that_is_none_is_explained_without_it(pasted, complaint) -> None:
    with pytest.raises(ConfigurationError, match=complaint) as raised:
        checked(pasted, "api_key under [here]")
    assert str(raised.value).startswith("api_key under [here] ")
    assert "tok" not in str(raised.value).replace("token", "")


@pytest.mark.parametrize(
    ("headers", "body", "seconds"),
    [
        ({"Retry-After": "7"}, b"", 7),
        ({"Retry-After": "Fri, 01 May 2026 00:00:09 GMT"}, b"", 9),
        ({"Retry-After": "1"}, b'{"retry_after": 4.5}', 4.5),
        ({}, b'{"retry_after": 4.5, "global": false}', 4.5),
        ({}, b'{"error": {"retry_after": "2.25"}}', 2.25),
        ({}, b'{"retry_after_ms": 1500}', 1.5),
        ({"X-RateLimit-Reset-After": "4.5"}, b"", 4.5),
        ({"RateLimit-Reset": "12"}, b"", 12),
        ({"RateLimit": "limit=100, remaining=0, reset=5"}, b"", 5),
        ({"RateLimit": '"default";r=0;t=8'}, b"", 8),
        ({"X-RateLimit-Reset": str(int(NOW.timestamp()) + 30)}, b"", 30),
        ({"X-RateLimit-Reset": str(int(NOW.timestamp()) * 1000 + 5000)}, b"", 5),
        # What is said for this refusal comes before the window of the limit.
        ({"Retry-After": "2", "RateLimit-Reset": "3000"}, b"", 2),
        ({"X-RateLimit-Reset": "3000", "X-RateLimit-Remaining": "7"}, b"", None),
        ({"X-RateLimit-Reset": str(int(NOW.timestamp()) - 30)}, b"", 0),
        ({"Retry-After": "inf"}, b"", 86_400),
        ({"Retry-After": "soon"}, b'{"retry_after": true}', None),
        ({}, b"<html>", None),
    ],
)
def test_a_pause_is_found_wherever_it_is_said(headers, body, seconds) -> None:
    asked = pause_asked(headers, body, NOW)
    assert asked == (seconds if seconds is None else pytest.approx(seconds))


def test_only_refusals_ask_for_a_pause() -> None:
    assert is_refusal(429, {})
    assert is_refusal(503, {"Retry-After": "1"})
    assert not is_refusal(503, {})
    assert not is_refusal(200, {"Retry-After": "1", "RateLimit-Reset": "1"})


@pytest.mark.parametrize(
    ("encoding", "content_type"),
    [
        ("utf-8-sig", None),
        ("utf-16", "application/json"),
        ("utf-32", None),
        ("utf-16-le", "application/json; charset=UTF-16LE"),
        ("latin-1", 'application/json; charset="ISO-8859-1"'),
        ("cp1252", "text/plain;charset=windows-1252"),
        ("utf-8", "application/json; charset=no-such"),
        ("utf-8", "application/json"),
    ],
)
def test_a_body_is_read_in_any_declared_charset(encoding, content_type) -> None:
    body = '{"name": "Zo\u00e9"}'
    assert as_utf8(body.encode(encoding), content_type) == body.encode()
