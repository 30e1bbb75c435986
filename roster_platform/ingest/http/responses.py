"""What a response means: an answer, or the error that says what to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import aiohttp

from roster_platform import documents
from roster_platform.errors import (
    AccessDeniedError,
    BadResponseError,
    CredentialsError,
    IngestError,
    NotFoundError,
    RefusedError,
    UnreachableError,
)
from roster_platform.ingest.encodings import as_utf8
from roster_platform.ingest.http.requests import Request
from roster_platform.ingest.reading.answers import Answer
from roster_platform.ingest.signs.errors import error_in, may_say_error

_EXCERPT_CHARS = 200


class TemporaryError(Exception):
    """Worth another try; carries the error to raise when tries run out."""

    def __init__(self, error: IngestError) -> None:
        super().__init__(str(error))
        self.error = error


class Responses:
    """Turns the responses of one API into answers."""

    def __init__(
        self,
        name: str,
        max_attempts: int,
        remedies: Mapping[int, str],
        strike: Callable[[str], str],
    ) -> None:
        """``strike`` takes the credential out of a text."""
        self._name = name
        self._max_attempts = max_attempts
        self._remedies = remedies
        self._strike = strike

    def answer(
        self, request: Request, response: aiohttp.ClientResponse, raw: bytes
    ) -> Answer:
        """Return the answer; raises an IngestError, or TemporaryError for a passing one."""
        path, status = request.path, response.status
        is_read = request.method == "GET"
        if 200 <= status < 300:
            try:
                document = document_of(raw, response, is_read=is_read)
            except ValueError as error:
                raise TemporaryError(
                    BadResponseError(
                        f"{self._name} answered /{path} with something that is not JSON "
                        f"({response.content_type}, {len(raw)} bytes). A proxy or an "
                        "outage page may be in between; rows loaded earlier are kept."
                    )
                ) from error
            answer = Answer(
                document,
                date_of(response),
                status,
                dict(response.headers),
                str(response.url),
            )
            if is_read:
                self._check_success(path, answer)
            return answer
        said = self.excerpt(raw)
        if 300 <= status < 400:
            raise BadResponseError(
                f"{self._name} answered /{path} with a redirect ({status}). Redirects "
                "are not followed, so that the token stays with the API; correct the "
                "base URL if the API has moved."
            )
        if status in (408, 425) or status >= 500:
            raise TemporaryError(
                UnreachableError(
                    f"{self._name} failed at /{path} with status {status}{said}, "
                    f"{self._max_attempts} times in a row. The fault is on "
                    "their side; run again later, rows loaded earlier are kept.",
                    status,
                )
            )
        kind = {
            **dict.fromkeys((400, 409, 413, 422), RefusedError),
            401: CredentialsError,
            403: AccessDeniedError,
            404: NotFoundError,
        }.get(status, BadResponseError)
        remedy = self._remedies.get(
            400 if kind is RefusedError else status,
            "Check the settings of this source.",
        )
        raise kind(
            f"{self._name} refused /{path} with status {status}{said}. {remedy} "
            "Rows loaded earlier are kept."
        )

    def excerpt(self, raw: bytes) -> str:
        """Return what the API said, for a message: short, and without the token."""
        try:
            body = documents.loads(as_utf8(raw, None))
            text = str(body.get("error") or body.get("message") or "")
        except (ValueError, AttributeError):
            return ""
        text = " ".join(self._strike(text).split())
        return f" (“{text[:_EXCERPT_CHARS]}”)" if text else ""

    def _check_success(self, path: str, answer: Answer) -> None:
        """Raise for a 200 with an error in it, where an empty list means nothing."""
        named = {
            name: documents.loads(part)
            for name, part in answer.parts.items()
            if may_say_error(name)
        }
        if error := error_in(named):
            said = " ".join(self._strike(error).split())[:_EXCERPT_CHARS]
            raise TemporaryError(
                BadResponseError(
                    f"{self._name} answered /{path} with status {answer.status} and an "
                    f"error in it (“{said}”). Nothing of it was loaded, and rows loaded "
                    "earlier are kept; run again later, or report it to the vendor."
                )
            )


def document_of(
    raw: bytes, response: aiohttp.ClientResponse, *, is_read: bool
) -> bytes:
    """The JSON of an answer that says yes; ``null`` where it says no more than that.

    What was written was written, whatever the body is; what was read has to be JSON.
    Raises ValueError when it is not.
    """
    if response.status == 204:
        return b"null"
    try:
        return documents.checked(as_utf8(raw, response.headers.get("Content-Type")))
    except ValueError:
        if is_read:
            raise
        return b"null"


def date_of(response: aiohttp.ClientResponse) -> datetime:
    """Return the API's clock, or ours where the answer has no date."""
    try:
        date = parsedate_to_datetime(response.headers["Date"])
    except (KeyError, ValueError):
        return datetime.now(UTC)
    return date if date.tzinfo else date.replace(tzinfo=UTC)
