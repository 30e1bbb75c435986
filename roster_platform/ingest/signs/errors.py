"""Errors in answers whose status (200) reports success."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from roster_platform.ingest.signs import words
from roster_platform.ingest.signs.values import number, truth, word

_ERROR_WORDS = words.ERRORS | words.HAS_ERROR | words.IS_SUCCESS | words.STATUS


def error_in(body: Any) -> str | None:
    """Return what a 200 says went wrong: ``error``, ``success: false``, ``status: 503``.

    They count at the top of the answer, and in an object there that is about the answer
    (``meta``); an empty list or a null is no error. Where several words say it, an error
    comes before a flag.
    """
    if not isinstance(body, Mapping):
        return None
    by_word = {word(key): (key, value) for key, value in body.items()}
    said = [by_word[name] for name in sorted(by_word.keys() & words.ERRORS)]
    said = [(key, value) for key, value in said if _is_error(value)]
    flags = [
        by_word[name]
        for name in sorted(by_word.keys() & (_ERROR_WORDS - words.ERRORS))
        if _says_error(name, by_word[name][1])
    ]
    for key, value in said:
        return f"{key}: {_excerpt(value)}"
    for key, value in flags:
        return f"{key}: {str(value).lower()}"
    for key, value in body.items():
        about = isinstance(value, Mapping) and word(key) in words.ABOUT_ANSWER
        if about and (error := error_in(value)):
            return f"{key}.{error}"
    return None


def may_say_error(name: str) -> bool:
    """Return whether ``error_in`` looks at the member of this name."""
    return word(name) in _ERROR_WORDS | words.ABOUT_ANSWER


def _says_error(said: str, value: Any) -> bool:
    """Return whether a flag or a status says that the answer is an error."""
    if said in words.IS_SUCCESS:
        return truth(value) is False
    if said in words.HAS_ERROR:
        return truth(value) is True
    status = number(value)
    if status is not None:
        return 400 <= status < 600
    return isinstance(value, str) and word(value) in words.STATUS_OF_ERROR


def _is_error(value: Any) -> bool:
    if isinstance(value, str):
        return value.strip().strip("0").lower() not in {
            *("", "none", "null", "false", "no", "ok", "success"),
            *("no error", "no errors"),
        }
    return bool(value)


def _excerpt(value: Any) -> str:
    if isinstance(value, Mapping):
        for key in ("message", "detail", "title", "description", "code"):
            if value.get(key):
                return str(value[key])
    if isinstance(value, list):
        return _excerpt(value[0])
    return str(value)
