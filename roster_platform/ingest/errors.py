"""What can go wrong while reading an API, said so that a person can act on it.

Every message is one paragraph: what failed, at which endpoint or page, and what to do.
None of them ever carries a token; ``http.ApiClient`` redacts what servers echo.
"""

from __future__ import annotations


class IngestError(Exception):
    """Base of every error this package raises on purpose."""

    permanent = False
    """True when trying again cannot help until a person changes something."""


class ConfigurationError(IngestError):
    """A setting is missing or malformed."""

    permanent = True


class CredentialsError(IngestError):
    """The API refused the token (401)."""

    permanent = True


class AccessDeniedError(IngestError):
    """The token is known but may not read this (403)."""

    permanent = True


class NotFoundError(IngestError):
    """The endpoint, page or user does not exist (404)."""

    permanent = True


class RateLimitError(IngestError):
    """The API asks for a longer pause than a worker should sleep through.

    ``retry_after`` is the number of seconds to leave the API alone.
    """

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class UnreachableError(IngestError):
    """No usable answer after every retry: network down, time-outs, 5xx."""


class BadResponseError(IngestError):
    """An answer that is not what the endpoint is documented to send."""


class RefusedError(BadResponseError):
    """The API says that this one request is wrong (400, 422); the next may be right."""


class PagingError(IngestError):
    """Paging does not end, repeats itself, or leads to another host."""

    permanent = True


class HeldBackError(IngestError):
    """What came would wipe out most of what is known; a person must confirm it."""

    permanent = True


class DriftError(IngestError):
    """A declared key is missing, so that records cannot be told apart."""

    permanent = True


class WarehouseError(IngestError):
    """The warehouse could not be reached, read or written."""
