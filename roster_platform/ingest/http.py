"""One HTTP client for both APIs: concurrent, paced, patient, and guarded.

dlt's own ``RESTClient`` reads one page after the other; with 50 ms of latency that is
five times slower than reading pages side by side. This client keeps dlt's vocabulary
(paths, params, data selector) and adds what was measured to be missing:

* pages are fetched concurrently once the first one tells how many there are, and are
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
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    Mapping,
)
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import Any, TypeVar
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import msgspec
import tenacity

from roster_platform.ingest import documents
from roster_platform.ingest.errors import (
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
from roster_platform.ingest.gate import gate_of
from roster_platform.ingest.settings import ClientSettings, platform_settings
from roster_platform.ingest.slots import Slots

_T = TypeVar("_T")
_MAX_REFUSALS = 50
_LONGEST_PAUSE_SECONDS = 86_400.0
_LOST_IN_A_ROW = 20
_MAX_EMPTY_PAGES = 20
_EXCERPT_CHARS = 200
# Answers that may wait to be handed over, for each request in flight.
_READ_AHEAD = 8


class _Object(msgspec.Struct):
    """Any JSON object."""


# JSON taken apart no further than asked for: parts stay the bytes they came in.
_PARTS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_OBJECTS = msgspec.json.Decoder(list[_Object])


@dataclass(frozen=True)
class Answer:
    """A JSON answer, and the API's clock when it was sent (UTC)."""

    raw: bytes
    date: datetime
    status: int = 200

    @cached_property
    def body(self) -> Any:
        return documents.loads(self.raw)


@dataclass(frozen=True)
class PageInfo:
    """What an answer tells about the pages after it; None where it tells nothing."""

    total_pages: int | None = None
    total_count: int | None = None
    page_size: int | None = None
    has_more: bool | None = None
    cursor: str | None = None
    next_url: str | None = None


@dataclass(frozen=True)
class Page:
    """One page of records, in the order the API sent them.

    ``raw`` is their JSON list, ``count`` its length and ``digest`` that of its bytes: the
    same bytes are the same content.
    """

    number: int
    raw: bytes
    count: int
    digest: bytes
    info: PageInfo
    date: datetime

    @cached_property
    def records(self) -> list[dict[str, Any]]:
        return documents.loads(self.raw)


@dataclass(frozen=True)
class Paging:
    """How an endpoint is asked for its pages; every name is configuration."""

    data_selector: str
    page_param: str = "page"
    page_size_param: str = "pageSize"
    first_page: int = 1
    page_size: int = 100
    cursor_param: str = "pageToken"
    max_pages: int = 100_000
    ramp_up: bool = False
    """Start with one page in flight and grow: for reads that usually stop early."""


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
        self._remedies = remedies
        self._base_url = settings.base_url.rstrip("/") + "/"
        self._gate = gate_of(self._base_url, secret, platform_settings().rate_limit_url)
        self._interval = (
            60.0 / settings.requests_per_minute if settings.requests_per_minute else 0.0
        )
        self._refused: IngestError | None = None

    def __enter__(self) -> ApiClient:
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
                answer = await self._ask(_Request("GET", path, before_send=give_up))
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
    ) -> Iterator[Page]:
        """Read every page of an endpoint, in order; stop iterating to stop early.

        Raises PagingError when paging repeats itself, does not end within
        ``max_pages`` or leads to another host, and any other IngestError.
        """
        return self._iterate(self._pages(path, params, paging))

    def pages_of_each(
        self, reads: Iterable[tuple[str, Paging]]
    ) -> Iterator[tuple[str, list[Page] | IngestError]]:
        """Read all pages of many small endpoints, several endpoints at a time."""

        async def attempt(
            path: str, paging: Paging
        ) -> tuple[str, list[Page] | IngestError]:
            try:
                return path, [page async for page in self._pages(path, {}, paging)]
            except IngestError as error:
                return path, error

        calls = (
            lambda path=path, paging=paging: attempt(path, paging)
            for path, paging in reads
        )
        return self._iterate(_in_order(calls, self._window(alone_first=True)))

    def _iterate(self, source: AsyncIterator[_T]) -> Iterator[_T]:
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
    ) -> AsyncIterator[Page]:
        guard = _LoopGuard(self._name, path, paging.max_pages)

        async def fetch(number: int) -> Page:
            query = {
                **params,
                paging.page_param: number,
                paging.page_size_param: paging.page_size,
            }
            return self._page(path, number, await self._get(path, query), paging)

        page = await fetch(paging.first_page)
        guard.see(page)
        yield page

        if page.info.cursor or page.info.next_url:
            async for linked in self._follow(path, params, page, paging):
                guard.see(linked)
                yield linked
            return

        last = self._last_page(page, paging)
        if last is not None:
            guard.allow(last - paging.first_page + 1)
            calls = (
                lambda number=number: fetch(number)
                for number in range(paging.first_page + 1, last + 1)
            )
            window = self._window(ramp_up=paging.ramp_up)
            rest = _in_order(calls, window)
            try:
                async for page in rest:
                    guard.see(page)
                    yield page
            finally:
                await rest.aclose()

        # Past the announced end, or with nothing announced: go on while pages are full.
        while self._expects_more(page, paging):
            is_full = page.count == (page.info.page_size or paging.page_size)
            page = await fetch(page.number + 1)
            if not is_full and guard.has_seen(page):
                # It was the last, or all there is: some APIs send it again.
                return
            guard.see(page)
            yield page

    async def _follow(
        self, path: str, params: Mapping[str, Any], page: Page, paging: Paging
    ) -> AsyncIterator[Page]:
        seen: set[str] = set()
        while link := page.info.next_url or page.info.cursor:
            if link in seen:
                raise PagingError(
                    f"{self._name} sent the same next-page cursor twice for /{path}, so "
                    "the read would never end. Nothing was loaded; report it to the "
                    "vendor, and try again later."
                )
            seen.add(link)
            if page.info.next_url:
                answer = await self._get(self._same_host(path, link), {})
            else:
                query = {
                    **params,
                    paging.cursor_param: link,
                    paging.page_size_param: paging.page_size,
                }
                answer = await self._get(path, query)
            page = self._page(path, page.number + 1, answer, paging)
            yield page

    def _same_host(self, path: str, link: str) -> str:
        target, base = urlsplit(link), urlsplit(self._base_url)
        if target.netloc and (target.scheme, target.netloc) != (
            base.scheme,
            base.netloc,
        ):
            raise PagingError(
                f"{self._name} answered /{path} with a next-page link to another host "
                f"({self._struck(str(target.hostname))}). It was not followed, because "
                "the token would go there too. Nothing was loaded."
            )
        return link

    def _page(self, path: str, number: int, answer: Answer, paging: Paging) -> Page:
        """The page in an answer, its records left as the bytes they came in."""
        selector = paging.data_selector
        try:
            parts = _PARTS.decode(answer.raw)
            raw = bytes(parts.pop(selector))
            info = _page_info(
                {name: documents.loads(part) for name, part in parts.items()}
            )
        except (msgspec.ValidationError, KeyError):
            raw, info = answer.raw, PageInfo()
        try:
            count = len(_OBJECTS.decode(raw))
        except msgspec.ValidationError:
            raise BadResponseError(
                f"{self._name} answered /{path} without the list of records expected "
                f"under '{selector}'. Its rows loaded earlier are kept. If the API "
                "changed, the endpoint's data selector must follow."
            ) from None
        digest = hashlib.blake2b(raw, digest_size=16).digest()
        return Page(number, raw, count, digest, info, answer.date)

    def _last_page(self, page: Page, paging: Paging) -> int | None:
        info = page.info
        if info.total_pages is not None:
            return paging.first_page + info.total_pages - 1
        if info.total_count is not None and page.count:
            size = info.page_size or page.count
            return paging.first_page + -(-info.total_count // size) - 1
        return None

    def _expects_more(self, page: Page, paging: Paging) -> bool:
        info = page.info
        if info.has_more is not None:
            return info.has_more
        if page.count >= (info.page_size or paging.page_size):
            return True
        # Where nothing is announced, a short page may stand in the middle.
        is_announced = info.total_pages is not None or info.total_count is not None
        is_first = page.number == paging.first_page
        return bool(page.count) and not is_announced and not is_first

    async def _get(self, path: str, params: Mapping[str, Any]) -> Answer:
        return await self._ask(_Request("GET", path, params))

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
            pause = self._pause_asked(response, waited)
            if pause is None:
                self._slots.answered(volley, time.monotonic() - sent_at)
                return self._answer(path, response, raw)
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
        self, response: aiohttp.ClientResponse, waited: float
    ) -> float | None:
        header = response.headers.get("Retry-After")
        if response.status != 429 and not (response.status == 503 and header):
            return None
        asked = _seconds(header, _date(response))
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
        self, path: str, response: aiohttp.ClientResponse, raw: bytes
    ) -> Answer:
        status = response.status
        if 200 <= status < 300:
            try:
                return Answer(documents.checked(raw), _date(response), status)
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
                    "their side; run again later, rows loaded earlier are kept."
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
        error = kind(
            f"{self._name} refused /{path} with status {status}{said}. {remedy} "
            "Rows loaded earlier are kept."
        )
        if isinstance(error, CredentialsError):
            self._refused = error
        raise error

    def _excerpt(self, raw: bytes) -> str:
        """What the API said, for a message: short, and without the token."""
        try:
            body = documents.loads(raw)
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

        async def wait() -> _T:
            return await awaitable

        future = asyncio.run_coroutine_threadsafe(wait(), self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class _LoopGuard:
    """Ends a read that repeats pages or grows past its cap."""

    def __init__(self, api: str, path: str, max_pages: int) -> None:
        self._api, self._path, self._max_pages = api, path, max_pages
        self._seen: set[bytes] = set()
        self._pages = 0
        self._empty = 0

    def allow(self, pages: int) -> None:
        if pages > self._max_pages:
            raise PagingError(
                f"{self._api} announces {pages} pages at /{self._path}, more than the "
                f"cap of {self._max_pages}. Nothing was loaded; raise max_pages for "
                "this source if that many are expected."
            )

    def has_seen(self, page: Page) -> bool:
        return bool(page.count) and page.digest in self._seen

    def see(self, page: Page) -> None:
        self._pages += 1
        self.allow(self._pages)
        if not page.count:
            self._see_empty(page)
            return
        self._empty = 0
        if self.has_seen(page):
            raise PagingError(
                f"{self._api} sent the same page twice at /{self._path} (page "
                f"{page.number}), so it may be ignoring the paging parameters. Nothing "
                "was loaded; check page_param and page_size_param for this source."
            )
        self._seen.add(page.digest)

    def _see_empty(self, page: Page) -> None:
        self._empty += 1
        is_announced = page.info.total_pages is not None
        if self._empty > _MAX_EMPTY_PAGES and not is_announced:
            raise PagingError(
                f"{self._api} sent {self._empty} empty pages in a row at /{self._path} "
                "and says that more follow. Nothing was loaded; report it to the vendor, "
                "and try again later."
            )


async def _in_order(
    calls: Iterable[Callable[[], Awaitable[_T]]], window: Callable[[int], int]
) -> AsyncIterator[_T]:
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


def _page_info(body: Mapping[str, Any]) -> PageInfo:
    told = body.get("pagination")
    told = {**body, **told} if isinstance(told, dict) else body

    def first(*names: str, kind: type) -> Any:
        for name in names:
            value = told.get(name)
            if isinstance(value, kind) and not (
                kind is int and isinstance(value, bool)
            ):
                return value
        return None

    return PageInfo(
        total_pages=first("totalPages", "total_pages", kind=int),
        total_count=first("totalCount", "total_count", kind=int),
        page_size=first("pageSize", "page_size", kind=int) or None,
        has_more=first("hasMore", "has_more", kind=bool),
        cursor=first("nextPageToken", "nextCursor", "next_cursor", kind=str) or None,
        next_url=first("nextUrl", "nextPageUrl", "next", kind=str) or None,
    )


def _date(response: aiohttp.ClientResponse) -> datetime:
    """The API's clock; ours when it tells none."""
    try:
        date = parsedate_to_datetime(response.headers["Date"])
    except (KeyError, ValueError):
        return datetime.now(UTC)
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def _seconds(retry_after: str | None, now: datetime) -> float | None:
    """Retry-After as seconds: it is a number, or an HTTP date by the API's clock.

    A day at most: no API means more, and "inf" is a number too.
    """
    if retry_after is None:
        return None
    try:
        asked = float(retry_after)
    except ValueError:
        try:
            asked = (parsedate_to_datetime(retry_after) - now).total_seconds()
        except (ValueError, TypeError):
            return None
    return min(max(0.0, asked), _LONGEST_PAUSE_SECONDS)
