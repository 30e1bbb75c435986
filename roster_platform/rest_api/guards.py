"""Guards that hold for every API, and what is said when one of them holds."""

from __future__ import annotations

import re
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from dlt.sources.helpers.rest_client.paginators import BasePaginator
from requests import HTTPError, PreparedRequest, Request, Response, Session
from requests.exceptions import InvalidHeader

from roster_platform.errors import (
    BadResponseError,
    ConfigurationError,
    IncompleteReadError,
    IngestError,
    PagingError,
    ReadError,
)
from roster_platform.ingest.reading.answers import Answer
from roster_platform.rest_api.ahead import Ahead
from roster_platform.rest_api.completeness import DLTS_PAGINATORS, Reading
from roster_platform.rest_api.reads import ResourceRead
from roster_platform.rest_api.wire import Wire, origin

_REMEDIES = {
    401: "Check the credentials of this source.",
    403: "The credentials are known but may not read this.",
    404: "Check the path of the endpoint.",
}


class StatusError(HTTPError, ReadError):
    """The API refused a request; dlt's own error, with what to do about it."""

    def __init__(self, message: str, response: Response | None) -> None:
        super().__init__(message, response=response)
        status = response.status_code if response is not None else 0
        self.permanent = 400 <= status < 500 and status not in (408, 425, 429)


@dataclass
class Walk:
    """One walk through the pages of an endpoint."""

    reading: Reading
    paginator: BasePaginator | None
    ahead: Ahead[Answer] | None = None
    predicts: bool = True
    asked: set[str] = field(default_factory=set)
    origin: tuple[str, str, int | None] | None = None
    answered: tuple[Request, Response] | None = None
    selector: Any = None
    requests: int = 0

    def sent_ahead(
        self, asked: str, children: Ahead[Answer] | None
    ) -> Future[Answer] | None:
        """Return the request asked for, if it was sent; else stop guessing."""
        for plan in (self.ahead, children):
            if plan and (future := plan.take(asked)):
                return future
        if self.ahead:
            # A wrong guess: dlt's paginator goes another way.
            self.ahead.cancel()
            self.ahead, self.predicts = None, False
        return None


class Guards:
    """The guards of one resource's read."""

    def __init__(self, wire: Wire, read: ResourceRead) -> None:
        self._wire = wire
        self._read = read

    def check(self, walk: Walk, request: Request, asked: str) -> None:
        """Refuse to go to another host, in circles, or on for ever."""
        url = str(request.url or "")
        here = origin(url)
        walk.origin = walk.origin or here
        if here != walk.origin:
            raise PagingError(self.other_host(url, "a next-page link"))
        name, most = self._read.resource, self._wire.settings.max_pages
        if asked in walk.asked and type(walk.paginator) in DLTS_PAGINATORS:
            raise PagingError(
                f"{self._wire.name} leads from a page of {name!r} back to one that was "
                "read already, so the read would never end. Nothing was loaded; check the "
                "paginator of the endpoint, or report it to the vendor."
            )
        walk.asked.add(asked)
        if walk.requests >= most:
            raise PagingError(
                f"{self._wire.name} has more than {most:,} pages of {name!r}. Nothing was "
                "loaded; raise max_pages for this source if that many are expected."
            )

    def check_size(self, response: Response) -> None:
        """Raise BadResponseError for an answer larger than is allowed."""
        limit = self._wire.settings.max_response_bytes
        if len(response.content) > limit:
            raise BadResponseError(
                f"{self._wire.name} answered with more than {limit:,} bytes. Ask for "
                "smaller pages, or raise max_response_bytes for this source."
            )

    def other_host(self, url: str, what: str) -> str:
        """Return why a redirect or link to another host was not followed."""
        host = self._wire.secrets.strike(str(origin(url)[1]))
        return (
            f"{self._wire.name} answered with {what} to another host ({host}) at the "
            f"resource {self._read.resource!r}. It was not followed, because credentials "
            "would go there too. Nothing was loaded; check base_url."
        )

    def prepared(self, session: Session, request: Request) -> PreparedRequest:
        """Prepare a request. Raises ConfigurationError for a header that is not one."""
        try:
            prepared = session.prepare_request(request)
        except InvalidHeader:
            # requests quotes the value.
            raise self._unsendable() from None
        for value in prepared.headers.values():
            text = value.decode("latin-1") if isinstance(value, bytes) else value
            if text != text.strip() or re.search(r"[\r\n\0]", text):
                raise self._unsendable()
        return prepared

    def _unsendable(self) -> ConfigurationError:
        """The error of a header that cannot be sent; it does not quote the value."""
        return ConfigurationError(
            f"A header for {self._wire.name} cannot be sent, because its value has a line "
            "break, or starts or ends with a space. Check the credentials and the headers "
            f"of the resource {self._read.resource!r}."
        )

    def incomplete(self, proof: str) -> IncompleteReadError:
        """The error of a read that is not complete."""
        return IncompleteReadError(
            f"The read of {self._read.resource!r} from {self._wire.name} is not complete: "
            f"{self._wire.secrets.strike(proof)}. {self._read.what_landed} Declare how the "
            "API pages, in dlt's words (paginator: type, total_path, has_more_path, "
            "cursor_path, next_url_path, …), or `paginator: single_page` if one answer "
            "has everything."
        )

    def refused(self, error: HTTPError) -> Exception:
        """Return an error of dlt's with what to do about it."""
        if isinstance(error, IngestError):
            return error
        response = error.response
        status = response.status_code if response is not None else 0
        remedy = _REMEDIES.get(status, "Check the declaration of this endpoint.")
        text = self._wire.secrets.strike(str(error))
        return StatusError(
            f"{text}\n{self._wire.name} refused the resource {self._read.resource!r}. "
            f"{remedy} Rows loaded earlier are kept.",
            response,
        )
