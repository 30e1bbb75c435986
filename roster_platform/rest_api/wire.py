"""dlt's prepared requests over our client, and its answers as ``requests.Response``.

dlt's authentication works on a ``requests.PreparedRequest``; its paginators, hooks and
``response_actions`` on a ``requests.Response``. Both are kept; what carries them is the
client of the other sources: concurrent, paced, patient with ``Retry-After``, bounded.
"""

from __future__ import annotations

import json
import os
import re
import ssl
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.client import responses as reasons
from io import BytesIO
from typing import Any
from urllib.parse import urljoin, urlsplit

import aiohttp
import orjson
import requests
from requests.structures import CaseInsensitiveDict
from requests.utils import get_encoding_from_headers
from yarl import URL

from roster_platform import documents
from roster_platform.errors import (
    BadResponseError,
    IngestError,
    PagingError,
    UnreachableError,
)
from roster_platform.ingest.http.requests import Request
from roster_platform.ingest.http.responses import TemporaryError, date_of
from roster_platform.ingest.http.transport import Transport
from roster_platform.ingest.reading.answers import Answer
from roster_platform.rest_api.secrets import Secrets
from roster_platform.rest_api.settings import RestApiSettings

_MOST_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)
# aiohttp sets these itself, for the connection and the body that it sends.
_OWN_HEADERS = ("host", "connection", "content-length", "accept-encoding")


@dataclass(frozen=True)
class Handling:
    """Answers that an endpoint's ``response_actions`` handle themselves.

    ``statuses`` are not tried again; a successful answer need not be JSON where a hook of
    the user may make it so.
    """

    statuses: frozenset[int] = frozenset()
    has_actions: bool = False

    @classmethod
    def of(cls, actions: list[Any] | None) -> Handling:
        """Return what an endpoint's ``response_actions`` ask for."""
        statuses = {
            action["status_code"]
            for action in actions or ()
            if isinstance(action, dict) and isinstance(action.get("status_code"), int)
        }
        return cls(frozenset(statuses), bool(actions))


@dataclass(frozen=True)
class _WireRequest(Request):
    url: str = ""
    handling: Handling = field(default_factory=Handling)


class _Received:
    """An answer, with the request it answers."""

    def __init__(self, response: aiohttp.ClientResponse, request: _WireRequest) -> None:
        self.request = request
        self.status = response.status
        self.headers = response.headers
        self.content_type = response.content_type


class _WireClient(Transport):
    """Our client, for requests as dlt prepared them, and answers of any status."""

    def __init__(self, name: str, settings: RestApiSettings, secrets: Secrets) -> None:
        super().__init__(name, settings, {}, secrets.account, {})
        self._secrets = secrets
        self._ssl = _certificates() or True

    def _struck(self, text: str) -> str:
        return self._secrets.strike(text)

    def submit(
        self, prepared: requests.PreparedRequest, handling: Handling
    ) -> Future[Answer]:
        """Send a request, and follow redirects of the same server."""
        return self._loop.submit(self._follow(prepared, handling))

    async def _follow(
        self, prepared: requests.PreparedRequest, handling: Handling
    ) -> Answer:
        body: Any = prepared.body
        headers = {
            name: _text(value)
            for name, value in prepared.headers.items()
            if name.lower() not in _OWN_HEADERS
        }
        url = prepared.url or ""
        for _ in range(_MOST_REDIRECTS + 1):
            request = _WireRequest(
                prepared.method or "GET",
                urlsplit(url).path.lstrip("/"),
                body=body.encode() if isinstance(body, str) else body,
                headers=headers,
                url=url,
                handling=handling,
            )
            answer = await self._ask(request)
            if answer.status not in _REDIRECTS or request.method != "GET":
                return answer
            location = next(
                (v for k, v in answer.headers.items() if k.lower() == "location"), ""
            )
            target = urljoin(url, location)
            if not location or origin(target) != origin(url):
                raise PagingError(
                    f"{self._name} answered /{request.path} with a redirect to another "
                    f"host ({self._struck(str(urlsplit(target).hostname))}). It was not "
                    "followed, because credentials would go there too. Correct base_url "
                    "if the API has moved."
                )
            url = target
        raise PagingError(
            f"{self._name} redirected /{request.path} more than {_MOST_REDIRECTS} times. "
            "Correct the path of the endpoint; nothing was loaded."
        )

    async def _send(self, request: Request) -> tuple[Any, bytes]:
        assert isinstance(request, _WireRequest)
        try:
            async with self._session.request(
                request.method,
                # dlt's encoding is kept, as signatures may depend on it.
                URL(request.url, encoded=True),
                data=request.body,
                headers=request.headers,
                allow_redirects=False,
                ssl=self._ssl,
                skip_auto_headers=("Content-Type", "User-Agent"),
            ) as response:
                body = await self._body(request.path, response)
                return _Received(response, request), body
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise TemporaryError(
                UnreachableError(
                    f"{self._name} could not be read at /{request.path} "
                    f"({type(error).__name__}) after {self._settings.max_attempts} tries "
                    f"to {urlsplit(request.url).hostname}. Check base_url and the "
                    "network, then run again; rows loaded earlier are kept."
                )
            ) from error

    def _pause_asked(self, response: Any, raw: bytes, waited: float) -> float | None:
        if response.status in response.request.handling.statuses:
            return None
        return super()._pause_asked(response, raw, waited)

    def _answer(self, request: Request, response: Any, raw: bytes) -> Answer:
        assert isinstance(request, _WireRequest)
        path, status, handling = request.path, response.status, request.handling
        headers = _joined(response)
        if status == 204 and not raw and not handling.has_actions:
            raw = b"null"
        answer = Answer(raw, date_of(response), status, headers, request.url)
        if status in handling.statuses:
            return answer
        if status in (408, 425) or status >= 500:
            raise TemporaryError(
                _StatusAfterTries(
                    f"{self._name} failed at /{path} with status {status}"
                    f"{self._responses.excerpt(raw)}, {self._settings.max_attempts} "
                    "times in a row. The fault is on their side; run again later, "
                    "rows loaded earlier are kept.",
                    answer,
                )
            )
        if not 200 <= status < 300 or handling.has_actions:
            return answer
        if (document := _json_in(raw, headers)) is None:
            raise TemporaryError(
                BadResponseError(
                    f"{self._name} answered /{path} with something that is not JSON "
                    f"({response.content_type}, {len(raw)} bytes). A proxy or an "
                    "outage page may be in between; rows loaded earlier are kept."
                )
            )
        # An error in a 200 is looked for where the list of records is known.
        return replace(answer, raw=document)


class _StatusAfterTries(UnreachableError):
    """The last answer of an API that kept failing, for hooks that handle it."""

    def __init__(self, message: str, answer: Answer) -> None:
        super().__init__(message)
        self.answer = answer


class Wire:
    """The connection to one API, open while anything reads from it."""

    def __init__(self, name: str, settings: RestApiSettings, secrets: Secrets) -> None:
        self.name = name
        self.settings = settings
        self.secrets = secrets
        self._lock = threading.Lock()
        self._users = 0
        self._client: _WireClient | None = None

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Keep the connection open; several readers may, at the same time."""
        with self._lock:
            if not self._users:
                client = _WireClient(self.name, self.settings, self.secrets)
                self._client = client.__enter__()
            self._users += 1
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                if not self._users and self._client is not None:
                    self._client.__exit__(None, None, None)
                    self._client = None

    def submit(
        self, prepared: requests.PreparedRequest, handling: Handling
    ) -> Future[Answer]:
        """Send a request and return at once."""
        assert self._client is not None, "the wire is closed"
        return self._client.submit(prepared, handling)

    def received(
        self,
        future: Future[Answer],
        prepared: requests.PreparedRequest,
        handling: Handling,
    ) -> WireResponse:
        """Wait for an answer. Raises an IngestError."""
        try:
            return WireResponse.of(future.result(), prepared)
        except _StatusAfterTries as failure:
            if handling.has_actions:
                return WireResponse.of(failure.answer, prepared)
            raise UnreachableError(str(failure)) from None
        except IngestError:
            raise
        except BaseException:
            future.cancel()
            raise


# An integer of more than 64 bits, which orjson reads as a rounded number.
_LONG_NUMBER = re.compile(rb"[:,\[\s]-?[0-9]{19}")


class WireResponse(requests.Response):
    """A ``requests.Response`` over bytes; its JSON is decoded once after the hooks."""

    keeps_json: bool

    @classmethod
    def of(cls, answer: Answer, prepared: requests.PreparedRequest) -> WireResponse:
        """Make a response of an answer."""
        response = cls()
        response.status_code = answer.status
        response.reason = reasons.get(answer.status, "")
        response.headers = CaseInsensitiveDict(answer.headers)
        response.encoding = get_encoding_from_headers(response.headers)
        response.url = answer.url
        response.request = prepared
        response.raw = BytesIO(answer.raw)
        response._content = answer.raw
        response._content_consumed = True
        response.keeps_json = False
        return response

    def json(self, **kwargs: Any) -> Any:
        """Decode the body as ``requests`` does."""
        if kwargs or not self.keeps_json:
            return super().json(**kwargs)
        # A hook may replace the body later, as dlt documents.
        if self.__dict__.get("_json_of") is not self._content:
            self._json, self._json_of = self._decoded(), self._content
        return self._json

    def _decoded(self) -> Any:
        """The same by a faster decoder, where that gives the same."""
        body = self._content
        is_utf8 = (self.encoding or "utf-8").lower() in ("utf-8", "utf8")
        if is_utf8 and isinstance(body, bytes) and not _LONG_NUMBER.search(body):
            try:
                return orjson.loads(body)
            except orjson.JSONDecodeError:
                # Others are more patient, or say what is wrong.
                pass
        return super().json()


def origin(url: str) -> tuple[str, str, int | None]:
    """Return the scheme, host and port of an address."""
    parts = urlsplit(url)
    default = {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, (parts.hostname or "").lower(), parts.port or default


def _certificates() -> ssl.SSLContext | None:
    """The certificates that the environment names for ``requests``, if any."""
    for variable in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        if path := os.environ.get(variable):
            if os.path.isdir(path):
                return ssl.create_default_context(capath=path)
            return ssl.create_default_context(cafile=path)
    return None


def _joined(response: Any) -> Mapping[str, str]:
    """Headers; one that came several times as one, as HTTP defines it."""
    names = dict.fromkeys(response.headers)
    return {name: ", ".join(response.headers.getall(name)) for name in names}


def _json_in(raw: bytes, headers: Mapping[str, str]) -> bytes | None:
    """A document that can be decoded; None for what is no JSON in any way.

    ``requests``, and so dlt, also takes NaN and other encodings.
    """
    try:
        return documents.checked(raw)
    except ValueError:
        pass
    try:
        encoding = get_encoding_from_headers(CaseInsensitiveDict(headers))
        json.loads(raw.decode(encoding or "utf-8"))
    except (ValueError, LookupError):
        return None
    return raw


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value
