"""One HTTP client for both APIs: concurrent, paced, patient, and guarded.

dlt's own ``RESTClient`` reads one page after the other; with 50 ms of latency that is
five times slower than reading pages side by side. This client keeps dlt's vocabulary
(paths, params, data selector) and adds what was measured to be missing:

* pages are fetched concurrently once the first one says how many there are, and are
  handed over in order while the next ones are on their way;
* a pace (``requests_per_minute``) and every ``Retry-After`` hold for all requests of the
  process to that API, or of all workers (``gate``), not only for the one that was refused;
* paging always ends: repeated pages, endless cursors and foreign hosts are errors;
* redirects are never followed, and messages never carry a token.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import threading
import time
from collections import deque
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Generator,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any, Self, TypeVar
from urllib.parse import urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import msgspec
import tenacity
from dlt.common import jsonpath

from roster_platform import documents
from roster_platform.errors import (
    AccessDeniedError,
    BadResponseError,
    CredentialsError,
    IngestError,
    NotFoundError,
    PagingError,
    RateLimitError,
    ReadError,
    RefusedError,
    UnreachableError,
)
from roster_platform.ingest.encodings import as_utf8
from roster_platform.ingest.pacing.concurrency import Slots
from roster_platform.ingest.pacing.pauses import is_refusal, pause_asked
from roster_platform.ingest.pacing.rate_limit import gate_of
from roster_platform.ingest.paging import Ask, Page, Pager, Paging, ReadEnd
from roster_platform.ingest.reading.answers import Answer, parts_of
from roster_platform.ingest.reading.kept_answers import KeptAnswers
from roster_platform.ingest.settings import ClientSettings
from roster_platform.ingest.signs.errors import error_in, may_say_error
from roster_platform.ingest.signs.names import same_name
from roster_platform.ingest.signs.page_signs import Around
from roster_platform.ingest.signs.reading import signs_of
from roster_platform.settings.platform import platform_settings

_T = TypeVar("_T")
_MAX_REFUSALS = 50
_LOST_IN_A_ROW = 20
_EXCERPT_CHARS = 200
# Answers that may wait to be handed over, for each request in flight.
_READ_AHEAD = 8


class _Object(msgspec.Struct):
    """Any JSON object."""


_OBJECTS = msgspec.json.Decoder(list[_Object])
_NO_RECORDS = (b"", b"null")


@dataclass(frozen=True)
class Post:
    """One document to send; ``before_send`` runs before each try leaves."""

    body: Any
    headers: Mapping[str, str]
    before_send: Callable[[], None]


@dataclass(frozen=True)
class _Request:
    """One request as it leaves, however often it has to be tried."""

    method: str
    path: str
    params: Mapping[str, Any] = field(default_factory=dict)
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    before_send: Callable[[], None] = lambda: None


class _TemporaryError(Exception):
    """Worth another try; carries the error to raise when tries run out."""

    def __init__(self, error: IngestError) -> None:
        super().__init__(str(error))
        self.error = error


class ApiClient:
    """A client of one API; use it as a context manager.

    ``name`` is what messages call the API, ``headers`` carry the credentials,
    ``secret`` is the credential itself (so that it can be struck from messages) and
    ``remedies`` maps a status (401, 403, 404) to the sentence that says what to do. What
    was ``kept`` of a read that was interrupted is not asked again.
    """

    def __init__(
        self,
        name: str,
        settings: ClientSettings,
        headers: Mapping[str, str],
        secret: str,
        remedies: Mapping[int, str],
        kept: KeptAnswers | None = None,
    ) -> None:
        self._name = name
        self._settings = settings
        self._headers = {"Accept": "application/json", **headers}
        self._secret = secret
        self._remedies = remedies
        self._base_url = settings.base_url.rstrip("/") + "/"
        self._gate = gate_of(self._base_url, secret, platform_settings().rate_limit_url)
        self._interval = (
            60.0 / settings.requests_per_minute if settings.requests_per_minute else 0.0
        )
        self._refused: IngestError | None = None
        self.kept = kept

    def __enter__(self) -> Self:
        self._loop = _BackgroundLoop()
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
            proxy=_proxy_of(self._base_url),
        )

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> Answer:
        """GET one JSON document. Raises an IngestError."""
        return self._loop.run(self._get(path, params or {}))

    def post_each(
        self, path: str, posts: Iterable[Post]
    ) -> Iterator[Answer | IngestError]:
        """POST JSON documents concurrently; the outcomes come in order.

        Each is retried as a GET is, so its headers must carry what makes the API take a
        repeat for the same request.
        """

        async def attempt(post: Post) -> Answer | IngestError:
            request = _Request(
                "POST",
                path,
                body=documents.dumps(post.body),
                headers={"Content-Type": "application/json", **post.headers},
                before_send=post.before_send,
            )
            try:
                return await self._ask(request)
            except IngestError as error:
                return error

        calls = (lambda post=post: attempt(post) for post in posts)
        # The first one goes alone: a refused token then costs one request, not a window.
        return self._iterate(_in_order(calls, self._window(alone_first=True)))

    def get_each(
        self, paths: Iterable[str]
    ) -> Iterator[tuple[str, Answer | IngestError]]:
        """GET many documents concurrently; one that fails is handed over as its error.

        Refused credentials, a long Retry-After and an API that is down concern all of
        them: once one path met those, or 20 in a row got no answer, the rest are not
        asked.
        """

        in_vain = 0

        async def attempt(path: str) -> tuple[str, Answer | IngestError]:
            nonlocal in_vain

            def give_up() -> None:
                if in_vain >= _LOST_IN_A_ROW:
                    raise self._given_up(path)

            try:
                answer = await self._read(_Request("GET", path, before_send=give_up))
            except IngestError as error:
                in_vain += isinstance(error, UnreachableError)
                return path, error
            in_vain = 0
            return path, answer

        # The first one goes alone: a refused key then costs one request, not a window.
        calls = (lambda path=path: attempt(path) for path in paths)
        return self._iterate(_in_order(calls, self._window(alone_first=True)))

    def pages(
        self, path: str, params: Mapping[str, Any], paging: Paging
    ) -> Generator[Page, None, ReadEnd]:
        """Read every page of an endpoint, in order; stop iterating to stop early.

        Returns how the read ended, and whether that was proven. Raises PagingError when
        paging does not end within ``max_pages`` or leads to another host, and any other
        IngestError.
        """
        for page in self._iterate(self._pages(path, params, paging)):
            if isinstance(page, ReadEnd):
                return page
            yield page
        raise AssertionError("a read ends with its end")

    def pages_of_each(
        self, reads: Iterable[tuple[str, Mapping[str, Any], Paging]]
    ) -> Iterator[tuple[str, tuple[list[Page], ReadEnd] | IngestError]]:
        """Read all pages of many small endpoints, several endpoints at a time."""

        async def attempt(
            path: str, params: Mapping[str, Any], paging: Paging
        ) -> tuple[str, tuple[list[Page], ReadEnd] | IngestError]:
            pages: list[Page] = []
            try:
                async for page in self._pages(path, params, paging):
                    if isinstance(page, ReadEnd):
                        return path, (pages, page)
                    pages.append(page)
            except IngestError as error:
                return path, error
            raise AssertionError("a read ends with its end")

        calls = (
            lambda path=path, params=params, paging=paging: attempt(
                path, params, paging
            )
            for path, params, paging in reads
        )
        return self._iterate(_in_order(calls, self._window(alone_first=True)))

    def _iterate(self, source: AsyncGenerator[_T, None]) -> Iterator[_T]:
        try:
            while True:
                try:
                    yield self._loop.run(anext(source))
                except StopAsyncIteration:
                    return
        finally:
            self._loop.run(source.aclose())

    def _window(self, *, alone_first: bool = False, ramp_up: bool = False):
        """How many requests may be under way after so many answers were handed over."""
        widest = _READ_AHEAD * self._settings.concurrency

        def window(handed_over: int) -> int:
            if ramp_up:
                return min(widest, handed_over + 1)
            if alone_first and handed_over == 0:
                return 1
            return widest

        return window

    async def _pages(
        self, path: str, params: Mapping[str, Any], paging: Paging
    ) -> AsyncGenerator[Page | ReadEnd, None]:
        """The pages, and at last how the read ended."""
        pager = Pager(self._name, path, paging)
        window = self._window(ramp_up=paging.ramp_up)
        followed = self._base_url

        async def fetch(ask: Ask) -> tuple[Ask, Answer]:
            if ask.url is None:
                asked = {**params, **ask.params}
                return ask, await self._get(path, asked, of_list=True)
            url = self.same_host(path, followed, ask.url)
            return ask, await self._get(url, {}, of_list=True)

        asks: Sequence[Ask] = [pager.first()]
        while asks:
            answers = _in_order((partial(fetch, ask) for ask in asks), window)
            try:
                async for ask, answer in answers:
                    followed = answer.url
                    page = self._page(path, ask.number, answer, paging)
                    if pager.see(page):
                        yield page
                    if pager.is_over:
                        break
            finally:
                await answers.aclose()
            asks = pager.upcoming()
        if before := pager.page_before():
            try:
                _, answer = await fetch(before)
                page = self._page(path, before.number, answer, paging)
            except ReadError as error:
                pager.refused_before(error)
            else:
                if pager.see_before(page):
                    yield page
        yield pager.end()

    def same_host(self, path: str, answered: str, link: str) -> str:
        """A link as an address; raises PagingError for one to another host."""
        target, base = urlsplit(urljoin(answered, link)), urlsplit(self._base_url)
        if (target.scheme, target.netloc) != (base.scheme, base.netloc):
            raise PagingError(
                f"{self._name} answered /{path} with a next-page link to another host "
                f"({self._struck(str(target.hostname))}). It was not followed, because "
                "the token would go there too. Nothing was loaded."
            )
        return target.geturl()

    def _page(self, path: str, number: int, answer: Answer, paging: Paging) -> Page:
        """The page in an answer, its records left as the bytes they came in."""
        selector = paging.data_selector
        try:
            raw, around = selected(answer, selector)
            count = len(_OBJECTS.decode(raw))
        except (msgspec.ValidationError, KeyError):
            found = ", ".join(_lists_in(answer.body)) or "no list at all"
            raise BadResponseError(
                f"{self._name} answered /{path} without the list of records expected "
                f"under '{selector}' (it has: {found}). Its rows loaded earlier are "
                f"kept. Set the endpoint's data_selector: {paging.setting}."
            ) from None
        signs = signs_of(
            around, answer.headers, count, paging.page_size, paging.declared
        )
        return Page(number, raw, count, signs, answer.date, answer.received_at)

    async def _get(
        self, path: str, params: Mapping[str, Any], *, of_list: bool = False
    ) -> Answer:
        return await self._read(_Request("GET", path, params), of_list=of_list)

    async def _read(self, request: _Request, *, of_list: bool = False) -> Answer:
        """The answer to a GET, unless it is kept; of pages ``of_list`` in their order."""
        if self.kept is None:
            return await self._ask(request)
        params = sorted((name, str(value)) for name, value in request.params.items())
        asked = [self._base_url, request.path, params, self._secret]
        key = hashlib.sha256(documents.dumps(asked)).digest()
        is_unjudged = self.kept.is_unjudged
        if not is_unjudged and (answer := self.kept.answer(key)):
            return answer
        answer = await self._ask(request)
        if is_unjudged:
            volatile = self._settings.volatile_fields or ()
            self.kept.judge(key, answer, of_list=of_list, volatile=volatile)
        if not self._has_secret(answer):
            self.kept.keep(key, request.path, answer)
        return answer

    def _has_secret(self, answer: Answer) -> bool:
        """Return whether an answer may hold a credential: ours, or a cookie."""
        secret = self._secret.encode()
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return (
            "set-cookie" in headers
            or secret in answer.raw
            or any(self._secret in value for value in headers.values())
        )

    async def _ask(self, request: _Request) -> Answer:
        retrying = tenacity.AsyncRetrying(
            stop=tenacity.stop_after_attempt(self._settings.max_attempts),
            wait=tenacity.wait_random_exponential(multiplier=0.25, max=8),
            retry=tenacity.retry_if_exception_type(_TemporaryError),
            reraise=True,
        )
        try:
            async with self._slots.one():
                return await retrying(self._ask_once, request)
        except _TemporaryError as failure:
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

    async def _ask_once(self, request: _Request) -> Answer:
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
                answer = self._answer(request, response, raw)
                if request.method == "GET":
                    self._check_success(path, answer)
                return answer
            self._slots.refused(volley)
            await self._gate.close_for(pause)
            waited += pause
            if waited > self._settings.max_wait_seconds:
                raise self._rate_limited(path, pause)
        raise self._rate_limited(path, self._settings.max_wait_seconds)

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

    async def _send(self, request: _Request) -> tuple[aiohttp.ClientResponse, bytes]:
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
            raise _TemporaryError(
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

    def _given_up(self, path: str) -> UnreachableError:
        return UnreachableError(
            f"{self._name} was not asked for /{path}, because {_LOST_IN_A_ROW} requests "
            "in a row had got no usable answer. It seems to be down: run again later, "
            "rows loaded earlier are kept."
        )

    def _pause_asked(
        self, response: aiohttp.ClientResponse, raw: bytes, waited: float
    ) -> float | None:
        if not is_refusal(response.status, response.headers):
            return None
        asked = pause_asked(response.headers, raw, _date(response))
        return asked if asked is not None else max(1.0, waited)

    def _rate_limited(self, path: str, pause: float) -> RateLimitError:
        return RateLimitError(
            f"{self._name} limits requests and asked at /{path} to be left alone for "
            f"{pause:.0f} s, longer than the {self._settings.max_wait_seconds:.0f} s a "
            "worker waits. The run is to be tried again after that; lower "
            "requests_per_minute for this source if it happens often.",
            retry_after=pause,
        )

    def _answer(
        self, request: _Request, response: aiohttp.ClientResponse, raw: bytes
    ) -> Answer:
        path, status = request.path, response.status
        if 200 <= status < 300:
            try:
                return Answer(
                    _document(raw, response, is_read=request.method == "GET"),
                    _date(response),
                    status,
                    dict(response.headers),
                    str(response.url),
                )
            except ValueError as error:
                raise _TemporaryError(
                    BadResponseError(
                        f"{self._name} answered /{path} with something that is not JSON "
                        f"({response.content_type}, {len(raw)} bytes). A proxy or an "
                        "outage page may be in between; rows loaded earlier are kept."
                    )
                ) from error
        said = self._excerpt(raw)
        if 300 <= status < 400:
            raise BadResponseError(
                f"{self._name} answered /{path} with a redirect ({status}). Redirects "
                "are not followed, so that the token stays with the API; correct the "
                "base URL if the API has moved."
            )
        if status in (408, 425) or status >= 500:
            raise _TemporaryError(
                UnreachableError(
                    f"{self._name} failed at /{path} with status {status}{said}, "
                    f"{self._settings.max_attempts} times in a row. The fault is on "
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
        refusal = kind(
            f"{self._name} refused /{path} with status {status}{said}. {remedy} "
            "Rows loaded earlier are kept."
        )
        if isinstance(refusal, CredentialsError):
            self._refused = refusal
        raise refusal

    def _check_success(self, path: str, answer: Answer) -> None:
        """Raise for a 200 with an error in it, where an empty list means nothing."""
        named = {
            name: documents.loads(part)
            for name, part in answer.parts.items()
            if may_say_error(name)
        }
        if error := error_in(named):
            said = " ".join(self._struck(error).split())[:_EXCERPT_CHARS]
            raise _TemporaryError(
                BadResponseError(
                    f"{self._name} answered /{path} with status {answer.status} and an "
                    f"error in it (“{said}”). Nothing of it was loaded, and rows loaded "
                    "earlier are kept; run again later, or report it to the vendor."
                )
            )

    def _excerpt(self, raw: bytes) -> str:
        """Return what the API said, for a message: short, and without the token."""
        try:
            body = documents.loads(as_utf8(raw, None))
            text = str(body.get("error") or body.get("message") or "")
        except (ValueError, AttributeError):
            return ""
        text = " ".join(self._struck(text).split())
        return f" (“{text[:_EXCERPT_CHARS]}”)" if text else ""


class _BackgroundLoop:
    """An event loop in a thread of its own, which works on while the caller does.

    The thread is a daemon: whatever interrupts the caller, the process can end.
    """

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, awaitable: Awaitable[_T]) -> _T:
        """Run to completion; an interrupt of the caller cancels it."""

        future = self.submit(awaitable)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def submit(self, awaitable: Awaitable[_T]) -> Future[_T]:
        """Start and return at once; cancelling the future cancels the work."""

        async def wait() -> _T:
            return await awaitable

        return asyncio.run_coroutine_threadsafe(wait(), self._loop)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _in_order(
    calls: Iterable[Callable[[], Awaitable[_T]]], window: Callable[[int], int]
) -> AsyncGenerator[_T, None]:
    """Run calls concurrently, hand their results over in order, hold a bounded few."""
    pending: deque[asyncio.Future[_T]] = deque()
    source = iter(calls)
    handed_over, exhausted = 0, False
    try:
        while True:
            while not exhausted and len(pending) < window(handed_over):
                call = next(source, None)
                if call is None:
                    exhausted = True
                else:
                    pending.append(asyncio.ensure_future(call()))
            if not pending:
                return
            result = await pending.popleft()
            handed_over += 1
            yield result
    finally:
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)


def _proxy_of(url: str) -> str | None:
    """The proxy that the environment names for an address.

    aiohttp's own ``trust_env`` would also look into .netrc, for every request, for other
    credentials than ours.
    """
    parts = urlsplit(url)
    if proxy_bypass(parts.netloc):
        return None
    return getproxies().get(parts.scheme)


def selected(answer: Answer, selector: str) -> tuple[bytes, list[Around]]:
    """The list of records as bytes, and the objects around it, decoded.

    ``selector`` is a JSONPath; plain ones (``result.items``) leave the records undecoded.
    Raises KeyError or msgspec.ValidationError where it leads to nothing.
    """
    if answer.raw.strip() in _NO_RECORDS:
        # No content is an empty list.
        return b"[]", []
    if answer.raw.lstrip()[:1] == b"[":
        # A bare list needs no selector.
        return answer.raw, []
    keys = selector.removeprefix("$").removeprefix(".").split(".")
    if not all(re.fullmatch(r"[\w@ -]+", key) for key in keys):
        matches = jsonpath.find_values(selector, answer.body)
        if not matches:
            raise KeyError(selector)
        one_list = len(matches) == 1 and isinstance(matches[0], list)
        raw = documents.dumps(matches[0] if one_list else matches)
        return raw, [("", answer.body)]
    raw, parts = answer.raw, dict(answer.parts)
    around: list[tuple[str, Mapping[str, Any]]] = []
    for depth, key in enumerate(keys):
        name = same_name(key, parts)
        raw = parts.pop(name)
        about = {other: documents.loads(part) for other, part in parts.items()}
        around.append((".".join(keys[:depth]), about))
        parts = dict(parts_of(raw))
    return (b"[]" if raw == b"null" else raw), around


def _lists_in(body: Any, path: str = "", depth: int = 3) -> list[str]:
    """The paths of the lists of objects in an answer, for a message."""
    if isinstance(body, list):
        is_records = body and isinstance(body[0], dict)
        return [f"'{path or '$'}' ({len(body)})"] if is_records else []
    if not isinstance(body, dict) or not depth:
        return []
    return [
        found
        for key, value in body.items()
        for found in _lists_in(value, f"{path}.{key}" if path else key, depth - 1)
    ][:5]


def _document(raw: bytes, response: aiohttp.ClientResponse, *, is_read: bool) -> bytes:
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


def _date(response: aiohttp.ClientResponse) -> datetime:
    """Return the API's clock, or ours where the answer has no date."""
    try:
        date = parsedate_to_datetime(response.headers["Date"])
    except (KeyError, ValueError):
        return datetime.now(UTC)
    return date if date.tzinfo else date.replace(tzinfo=UTC)
