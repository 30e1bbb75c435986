"""What was found out about one endpoint, and why it could not be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from roster_platform.errors import (
    AccessDeniedError,
    BadResponseError,
    CredentialsError,
    IngestError,
    NotFoundError,
    PagingError,
    RateLimitError,
    RefusedError,
    UnreachableError,
)

_REASONS: Mapping[type[IngestError], str] = {
    CredentialsError: "status 401: the token is wrong or was revoked",
    AccessDeniedError: "status 403: the token may not read it, or the plan lacks it",
    NotFoundError: "status 404: there is no such path",
    RefusedError: "status 400 or 422: the request is refused",
    RateLimitError: "status 429: too many requests; lower requests_per_minute, or "
    "try again later",
    UnreachableError: "no usable answer (network, time-out or status 5xx)",
    BadResponseError: "an answer that is not JSON, or an error in it",
    PagingError: "paging that does not end",
}


@dataclass
class Asked:
    """The shape of an endpoint's answer, without any value that could be shown.

    ``paginator`` is what a mapping has to say, None where the API is recognised without.
    ``open`` are questions that the answers leave open.
    """

    path: str
    id: str | None = None
    """What stands in the path for its parent, and is not to be shown."""
    requests: int = 0
    refused: str | None = None
    is_gone: bool = False
    """It does not exist, or the token may not read it: asking again does not help."""
    selector: str | None = None
    params: dict[str, Any] = field(default_factory=dict)
    """What has to be sent with each request, as a document says."""
    paginator: Mapping[str, Any] | str | None = None
    paging: str = ""
    proofs: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)
    cap: int | None = None
    rate_limits: dict[str, str] = field(default_factory=dict)
    records: list[Mapping[str, Any]] = field(default_factory=list)
    bodies: list[Any] = field(default_factory=list)


def reason_of(error: IngestError) -> str:
    """Return why a request failed, in words that quote nothing of the answer."""
    return next(
        (said for kind, said in _REASONS.items() if type(error) is kind),
        type(error).__name__,
    )
