"""A client of one API for single documents, many at a time."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from roster_platform import documents
from roster_platform.errors import IngestError, UnreachableError
from roster_platform.ingest.http.loop import in_order
from roster_platform.ingest.http.requests import Post, Request
from roster_platform.ingest.http.transport import Transport
from roster_platform.ingest.reading.answers import Answer
from roster_platform.ingest.reading.kept_answers import KeptAnswers
from roster_platform.ingest.settings import ClientSettings

_T = TypeVar("_T")
_LOST_IN_A_ROW = 20
# Answers that may wait to be handed over, for each request in flight.
_READ_AHEAD = 8


class DocumentClient(Transport):
    """Reads and sends documents; see Transport for what it is made of.

    What was ``kept`` of a read that was interrupted is not asked again.
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
        super().__init__(name, settings, headers, secret, remedies)
        self.kept = kept

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
            request = Request(
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
        return self._iterate(in_order(calls, self._window(alone_first=True)))

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
                answer = await self._read(Request("GET", path, before_send=give_up))
            except IngestError as error:
                in_vain += isinstance(error, UnreachableError)
                return path, error
            in_vain = 0
            return path, answer

        # The first one goes alone: a refused key then costs one request, not a window.
        calls = (lambda path=path: attempt(path) for path in paths)
        return self._iterate(in_order(calls, self._window(alone_first=True)))

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

    async def _get(
        self, path: str, params: Mapping[str, Any], *, of_list: bool = False
    ) -> Answer:
        return await self._read(Request("GET", path, params), of_list=of_list)

    async def _read(self, request: Request, *, of_list: bool = False) -> Answer:
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

    def _given_up(self, path: str) -> UnreachableError:
        return UnreachableError(
            f"{self._name} was not asked for /{path}, because {_LOST_IN_A_ROW} requests "
            "in a row had got no usable answer. It seems to be down: run again later, "
            "rows loaded earlier are kept."
        )
