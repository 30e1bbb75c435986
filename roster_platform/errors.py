"""Errors of reading an API, worded so that a person can act on them.

Every message is one paragraph: what failed, at which endpoint or page, and what to do.
None of them ever carries a token; ``http.ApiClient`` redacts what servers echo.
"""

from __future__ import annotations

from collections.abc import Iterator


class IngestError(Exception):
    """Base of every error this package raises on purpose."""

    permanent = False
    """True when trying again cannot help until a person changes something."""


class ConfigurationError(IngestError):
    """A setting is missing or malformed."""

    permanent = True


class NoPageError(ConfigurationError):
    """No roster page is configured, so there is none to read."""


class ReadError(IngestError):
    """The API could not be read, or what it sent cannot be trusted."""


class CredentialsError(ReadError):
    """The API refused the token (401)."""

    permanent = True


class AccessDeniedError(ReadError):
    """The token is known but may not read this (403)."""

    permanent = True


class NotFoundError(ReadError):
    """The endpoint, page or user does not exist (404)."""

    permanent = True


class RateLimitError(ReadError):
    """The API asks for a longer pause than a worker should sleep through.

    ``retry_after`` is the number of seconds to leave the API alone.
    """

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class UnreachableError(ReadError):
    """No usable answer after every retry: network down, time-outs, 5xx.

    ``status`` is that of the last answer; None if there was no answer.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class BadResponseError(ReadError):
    """An answer that is not what the endpoint is documented to send."""


class RefusedError(BadResponseError):
    """The API says that this one request is wrong (400, 422); the next may be right."""


class PagingError(ReadError):
    """Paging does not end, repeats itself, or leads to another host."""

    permanent = True


class IncompleteReadError(ReadError):
    """More exists than was read; the rows that were read are loaded."""

    permanent = True


class HeldBackError(ReadError):
    """The answer would delete most of what is known; a person must confirm it."""

    permanent = True


class DriftError(ReadError):
    """A declared key is missing, so that records cannot be distinguished."""

    permanent = True


class WarehouseError(IngestError):
    """The warehouse could not be reached, read or written."""


def causes(failure: BaseException) -> Iterator[BaseException]:
    """Yield an error, what it comes from, and so on."""
    error: BaseException | None = failure
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
