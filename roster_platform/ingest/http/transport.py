"""Requests of one API on their way: paced, patient, and guarded.

A pace (``requests_per_minute``) and every ``Retry-After`` hold for all requests of the
process to that API, or of all workers (``gate``), not only for the one that was refused.
Redirects are never followed, and messages never carry a credential.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from typing import Self
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import tenacity

from roster_platform.errors import (
    BadResponseError,
    CredentialsError,
    IngestError,
    RateLimitError,
    UnreachableError,
)
from roster_platform.ingest.http.loop import BackgroundLoop
from roster_platform.ingest.http.requests import Request
from roster_platform.ingest.http.responses import Responses, TemporaryError, date_of
from roster_platform.ingest.pacing.concurrency import Slots
from roster_platform.ingest.pacing.pauses import is_refusal, pause_asked
from roster_platform.ingest.pacing.rate_limit import gate_of
from roster_platform.ingest.reading.answers import Answer
from roster_platform.ingest.settings import ClientSettings
from roster_platform.settings.platform import platform_settings

_MAX_REFUSALS = 50


class Transport:
    """Sends the requests of one API; use it as a context manager.

    ``name`` is what messages call the API, ``headers`` carry the credentials,
    ``secret`` is the credential itself (so that it can be struck from messages) and
    ``remedies`` maps a status (401, 403, 404) to the sentence that says what to do.
    """

    def __init__(
        self,
        name: str,
        settings: ClientSettings,
        headers: Mapping[str, str],
        secret: str,
        remedies: Mapping[int, str],
    ) -> None:
        self._name = name
        self._settings = settings
        self._headers = {"Accept": "application/json", **headers}
        self._secret = secret
        self._responses = Responses(name, settings.max_attempts, remedies, self._struck)
        self._base_url = settings.base_url.rstrip("/") + "/"
        self._gate = gate_of(self._base_url, secret, platform_settings().rate_limit_url)
        self._interval = (
            60.0 / settings.requests_per_minute if settings.requests_per_minute else 0.0
        )
        self._refused: CredentialsError | None = None

    def __enter__(self) -> Self:
        self._loop = BackgroundLoop()
        self._loop.run(self._open())
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._loop.run(self._session.close())
        self._loop.run(self._gate.disconnect())
        self._loop.stop()

    async def _open(self) -> None:
        timeout = self._settings.timeout_seconds
        self._slots = Slots(self._settings.concurrency)
        self._session = aiohttp.ClientSession(
            headers=self._headers,
            timeout=aiohttp.ClientTimeout(
                total=10 * timeout, sock_connect=timeout, sock_read=timeout
            ),
            connector=aiohttp.TCPConnector(limit=self._settings.concurrency),
            proxy=proxy_of(self._base_url),
        )

    async def _ask(self, request: Request) -> Answer:
        retrying = tenacity.AsyncRetrying(
            stop=tenacity.stop_after_attempt(self._settings.max_attempts),
            wait=tenacity.wait_random_exponential(multiplier=0.25, max=8),
            retry=tenacity.retry_if_exception_type(TemporaryError),
            reraise=True,
        )
        try:
            async with self._slots.one():
                return await retrying(self._ask_once, request)
        except TemporaryError as failure:
            # Without its cause, which may quote what the server sent.
            raise self._redacted(failure.error) from None
        except IngestError as error:
            raise self._redacted(error) from None

    def _redacted(self, error: IngestError) -> IngestError:
        error.args = (self._struck(str(error)), *error.args[1:])
        return error

    def _struck(self, text: str) -> str:
        """A text without the credential, wherever in an answer it may come from."""
        if not self._secret:
            return text
        return re.sub(re.escape(self._secret), "***", text, flags=re.IGNORECASE)

    async def _ask_once(self, request: Request) -> Answer:
        path = request.path
        waited = 0.0
        for _ in range(_MAX_REFUSALS):
            if self._refused is not None:
                raise self._refused
            await self._wait_for_turn(path)
            volley, sent_at = self._slots.volley, time.monotonic()
            response, raw = await self._send(request)
            pause = self._pause_asked(response, raw, waited)
            if pause is None:
                self._slots.answered(volley, time.monotonic() - sent_at)
                return self._answer(request, response, raw)
            self._slots.refused(volley)
            await self._gate.close_for(pause)
            waited += pause
            if waited > self._settings.max_wait_seconds:
                raise self._rate_limited(path, pause)
        raise self._rate_limited(path, self._settings.max_wait_seconds)

    def _answer(
        self, request: Request, response: aiohttp.ClientResponse, raw: bytes
    ) -> Answer:
        try:
            return self._responses.answer(request, response, raw)
        except CredentialsError as refusal:
            # Nothing is asked again after that.
            self._refused = refusal
            raise

    async def _wait_for_turn(self, path: str) -> None:
        while True:
            closed_for = await self._gate.closed_for()
            if closed_for > self._settings.max_wait_seconds:
                raise self._rate_limited(path, closed_for)
            if (wait := await self._gate.reserve(self._interval)) > 0:
                await asyncio.sleep(wait)
            # Another request may have been told to pause meanwhile.
            if await self._gate.closed_for() <= 0:
                return

    async def _send(self, request: Request) -> tuple[aiohttp.ClientResponse, bytes]:
        path = request.path
        url = path if urlsplit(path).scheme else self._base_url + path.lstrip("/")
        request.before_send()
        try:
            async with self._session.request(
                request.method,
                url,
                params={name: str(value) for name, value in request.params.items()},
                data=request.body,
                headers=request.headers,
                allow_redirects=False,
            ) as response:
                return response, await self._body(path, response)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise TemporaryError(
                UnreachableError(
                    f"{self._name} could not be read at /{path} "
                    f"({type(error).__name__}) after {self._settings.max_attempts} tries "
                    f"to {urlsplit(self._base_url).netloc}. Check the base URL and the "
                    "network, then run again; rows loaded earlier are kept."
                )
            ) from error

    async def _body(self, path: str, response: aiohttp.ClientResponse) -> bytes:
        """The decoded body; one beyond the limit is cut off, however small it came."""
        limit = self._settings.max_response_bytes
        chunks, size = [], 0
        async for chunk in response.content.iter_any():
            chunks.append(chunk)
            size += len(chunk)
            if size > limit:
                raise BadResponseError(
                    f"{self._name} answered /{path} with more than {limit:,} bytes, so "
                    "the answer was cut off. Rows loaded earlier are kept. Ask for "
                    "smaller pages (page_size), or raise max_response_bytes for this "
                    "source if answers of that size are expected."
                )
        return b"".join(chunks)

    def _pause_asked(
        self, response: aiohttp.ClientResponse, raw: bytes, waited: float
    ) -> float | None:
        if not is_refusal(response.status, response.headers):
            return None
        asked = pause_asked(response.headers, raw, date_of(response))
        return asked if asked is not None else max(1.0, waited)

    def _rate_limited(self, path: str, pause: float) -> RateLimitError:
        return RateLimitError(
            f"{self._name} limits requests and asked at /{path} to be left alone for "
            f"{pause:.0f} s, longer than the {self._settings.max_wait_seconds:.0f} s a "
            "worker waits. The run is to be tried again after that; lower "
            "requests_per_minute for this source if it happens often.",
            retry_after=pause,
        )


def proxy_of(url: str) -> str | None:
    """The proxy that the environment names for an address.

    aiohttp's own ``trust_env`` would also look into .netrc, for every request, for other
    credentials than ours.
    """
    parts = urlsplit(url)
    if proxy_bypass(parts.netloc):
        return None
    return getproxies().get(parts.scheme)
