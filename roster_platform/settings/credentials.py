"""Tokens and keys as they are pasted: trimmed, or explained, and never quoted.

A secret comes from a file with a line end, a form with a blank, a chat with typographic
quotes, a cURL command with ``Bearer``. What is certain is corrected; what is not is an
error that names the setting, before any request is made.
"""

from __future__ import annotations

import re

from roster_platform.errors import ConfigurationError
from roster_platform.spelling import QUOTES, visible

_HEADER = re.compile(r"(authorization|x-api-key)\s*:", re.IGNORECASE)
_SCHEME = re.compile(r"(bearer|token|basic)\s", re.IGNORECASE)


def trimmed(secret: str) -> str:
    """Return a secret without what pasting adds around it, and nobody sees."""
    return visible(secret)


def checked(secret: str, setting: str) -> str:
    """Return a secret that can be sent as a header.

    ``setting`` says where it is set. Raises ConfigurationError that says what is wrong
    with it, without the secret.
    """
    secret = trimmed(secret)
    if problem := _problem_of(secret):
        raise ConfigurationError(
            f"{setting} is not a token as it stands: {problem}. Nothing was asked with "
            "it; paste the token alone."
        )
    return secret


def _problem_of(secret: str) -> str | None:
    if secret[:1] in QUOTES or secret[-1:] in QUOTES:
        return "it has quotes around it, which are taken for a part of it"
    if _HEADER.match(secret):
        return "it begins with the name of a header"
    if scheme := _SCHEME.match(secret):
        return f"it begins with {scheme[1]!r}, which is added when it is sent"
    for place, character in enumerate(secret, start=1):
        if character.isspace():
            return f"its character {place} is white space, of two lines or two words"
        if not character.isprintable():
            return f"its character {place} is a control character (a broken paste)"
        if not character.isascii():
            return f"its character {place} is not one that a token can have (not ASCII)"
    return None
