"""JSON is read and written exactly, where orjson alone would not."""

from __future__ import annotations

import json

import pytest

from roster_platform import documents


@pytest.mark.parametrize("padding", range(6))
@pytest.mark.parametrize("number", [2**63, 2**64, 2**70, -(2**64), 10**40])
def test_integers_are_exact_wherever_they_stand(padding: int, number: int) -> None:
    raw = b" " * padding + json.dumps({"id": number, "at": "1"}).encode()
    assert documents.loads(raw) == {"id": number, "at": "1"}
    assert json.loads(documents.dumps({"id": number})) == {"id": number}


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b'"cut \\ud83d"', "cut \\ud83d"),
        (b'"\\udc00\\ud83d tail"', "\\udc00\\ud83d tail"),
        (b'"\\ud83d\\ude00 whole, \\uD83D half"', "😀 whole, \\uD83D half"),
        (b'"\\\\ud83d \\ud83d \\n"', "\\ud83d \\ud83d \n"),
    ],
)
def test_half_a_character_becomes_its_escape(raw: bytes, text: str) -> None:
    assert documents.loads(raw) == text


@pytest.mark.parametrize(
    "raw",
    [b"", b"NaN", b"<html>", b'{"id": 99999999999999999999, "x": NaN}', b'"\xff"'],
)
def test_what_is_not_json_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        documents.loads(raw)


def test_deep_nesting_is_written() -> None:
    raw = b"[" * 500 + b"]" * 500
    assert documents.dumps(documents.loads(raw)) == raw


def test_keys_are_sorted_on_request_whatever_the_values() -> None:
    assert documents.dumps({"b": 2**70, "a": 1}, sort_keys=True).startswith(b'{"a"')
    assert documents.dumps({"b": 2, "a": 1}, sort_keys=True) == b'{"a":1,"b":2}'
