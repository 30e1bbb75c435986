"""dlt's ``RESTClient`` with its loop as it is, and our guards and requests around it.

``paginate`` runs dlt's own loop on a copy of the client, so paginators, hooks, selectors
and the order of pages stay dlt's. Added are: requests sent ahead (``ahead``), the
transport (``wire``), and the guards that hold for every API: no endless paging, no other
host, no secret in a message, no incomplete read that looks complete.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any
from urllib.parse import urljoin

from dlt.sources.helpers.rest_client import RESTClient
from dlt.sources.helpers.rest_client.exceptions import IgnoreResponseException
from dlt.sources.helpers.rest_client.paginators import BasePaginator
from requests import HTTPError, Request, Response
from requests.hooks import dispatch_hook

from roster_platform.errors import (
    BadResponseError,
    PagingError,
)
from roster_platform.ingest.reading.answers import Answer
from roster_platform.rest_api.ahead import Ahead, copied, fingerprint, next_pages
from roster_platform.rest_api.completeness import (
    Reading,
    counts_records,
)
from roster_platform.rest_api.guards import Guards, Walk
from roster_platform.rest_api.reads import ResourceRead
from roster_platform.rest_api.wire import Handling, Wire, WireResponse, origin

logger = logging.getLogger(__name__)

_READ_AHEAD = 4


class GuardedClient(RESTClient):
    """The client of one resource; see the module."""

    _walk: Walk
    _children: Ahead[Answer] | None = None

    def __init__(
        self,
        *,
        wire: Wire,
        read: ResourceRead,
        actions: list[Any] | None,
        single_page: bool,
        **arguments: Any,
    ) -> None:
        super().__init__(**arguments)
        self._wire = wire
        self._read = read
        self._guards = Guards(wire, read)
        self._handling = Handling.of(actions)
        # A hook of the user may leave out records that the API counts.
        self._counts = not any(
            callable(action) or not isinstance(action.get("action"), str)
            for action in actions or ()
        )
        self._single_page = single_page

    def paginate(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
        """As dlt's. Raises an IngestError where dlt would continue or stay silent."""
        selector = kwargs.get("data_selector") or self.data_selector
        paginator = kwargs.get("paginator") or self.paginator
        reading = Reading(self._single_page, self._counts and counts_records(selector))
        copied_self = copy.copy(self)
        copied_self._walk = walk = Walk(reading, paginator, selector=selector)
        with self._wire.opened():
            try:
                yield from copied_self._pages(*args, **kwargs)
            except GeneratorExit:
                raise
            except HTTPError as error:
                self._wire.secrets.strike_all(error)
                raise self._guards.refused(error) from None
            except BaseException as error:
                self._wire.secrets.strike_all(error)
                raise
            finally:
                if walk.ahead:
                    walk.ahead.cancel()

    @contextmanager
    def expecting(self, requests: Iterator[Request]) -> Iterator[GuardedClient]:
        """A client that sends some requests ahead, once another was answered."""
        if not self._read.is_fast:
            yield self
            return
        with self._wire.opened():
            client = copy.copy(self)
            client._children = Ahead(requests, self._start, self._window)
            try:
                yield client
            finally:
                client._children.cancel()

    def first_request(
        self, child: Any, method: Any, hooks: Any, paginator: BasePaginator | None
    ) -> Request:
        """The request with which dlt's loop begins; ``child`` is dlt's."""
        request = self._create_request(
            path_or_url=child.path,
            method=method,
            headers=child.headers,
            params=child.params,
            json=child.json,
            data=child.data,
            auth=self.auth,
            hooks=hooks or {"response": []},
        )
        paginator = paginator or copy.deepcopy(self.paginator)
        if paginator:
            paginator.init_request(request)
        return request

    @property
    def _window(self) -> int:
        return _READ_AHEAD * self._wire.settings.concurrency

    def _pages(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
        walk, reading = self._walk, self._walk.reading
        for page in super().paginate(*args, **kwargs):
            response = getattr(page, "response", None)
            if response is None or walk.answered is None:
                # A client that somebody has patched.
                yield page
                continue
            walk.paginator = reading.paginator = page.paginator
            if reading.is_repeated(page):
                break
            request, _ = walk.answered
            try:
                signs = reading.see(request, response, walk.selector, list(page))
            except BadResponseError as error:
                raise BadResponseError(
                    f"{self._wire.name} {error}, at the resource {self._read.resource!r}. "
                    "Nothing of this read was loaded, and rows loaded earlier are kept; "
                    "run again later, or report it to the vendor."
                ) from None
            self._read.add_page(len(page))
            yield page
            # Only now, as a consumer may have had enough.
            if self._read.is_fast and walk.predicts and walk.ahead is None:
                upcoming = next_pages(
                    page.request,
                    page.paginator,
                    response,
                    signs,
                    (reading.pages, reading.rows),
                )
                walk.ahead = Ahead(upcoming, self._start, self._window)
                walk.ahead.top_up()
                if not walk.ahead.is_under_way:
                    # A link that says nothing yet may say it on the next page.
                    walk.ahead = None
        complete, proof = reading.end()
        if self._read.ended(complete, proof):
            logger.warning("%s: %s", self._read.resource, proof)
        if complete is False:
            self._read.is_incomplete(self._guards.incomplete(proof))

    def _send_request(self, request: Request, **kwargs: Any) -> Response:
        walk = getattr(self, "_walk", None)
        if walk is None:
            return super()._send_request(request, **kwargs)
        asked = fingerprint(request)
        self._guards.check(walk, request, asked)
        walk.requests += 1
        try:
            response = self._response(walk, request, asked, kwargs)
        except IgnoreResponseException:
            walk.reading.ignored = True
            raise
        walk.answered = (copied(request), response)
        return response

    def _response(
        self, walk: Walk, request: Request, asked: str, kwargs: dict[str, Any]
    ) -> Response:
        self._read.requests += 1
        if not self._read.is_fast or kwargs:
            return self._by_session(request, kwargs)
        prepared = self._guards.prepared(self.session, request)
        self._log_request(request, prepared.url or "")
        if len(prepared.hooks["response"]) > len(request.hooks["response"]):
            # An authentication that answers challenges sends requests itself.
            self._read.reason = f"{type(request.auth).__name__} sends requests itself"
            return self._by_session(request, kwargs)
        handling = self._handling
        sent = walk.sent_ahead(asked, self._children)
        self._read.ahead += sent is not None
        future = sent or self._wire.submit(prepared, handling)
        response = self._wire.received(future, prepared, handling)
        if response.status_code == 401 and sent:
            # It may have waited until its token expired.
            future = self._wire.submit(prepared, handling)
            response = self._wire.received(future, prepared, handling)
        if self._children and response.ok:
            self._children.top_up()
        # A hook may give another response in its place.
        answered: Response = dispatch_hook("response", prepared.hooks, response)
        if isinstance(answered, WireResponse):
            answered.keeps_json = True
        return answered

    def _by_session(self, request: Request, kwargs: dict[str, Any]) -> Response:
        """By dlt's own session; redirects stay on the host, answers within the limit."""
        kwargs = {"allow_redirects": False, **kwargs}
        for _ in range(6):
            response = super()._send_request(request, **kwargs)
            if not response.is_redirect or (request.method or "GET").upper() != "GET":
                break
            request = copied(request)
            request.url = urljoin(response.url, response.headers["location"])
            request.params = None
            if origin(request.url) != origin(response.url):
                raise PagingError(self._guards.other_host(request.url, "a redirect"))
        self._guards.check_size(response)
        return response

    def _start(self, request: Request) -> Future[Answer]:
        return self._wire.submit(
            self._guards.prepared(self.session, request), self._handling
        )

    def detect_data_selector(self, response: Response) -> str:
        """As dlt's; what it finds is noted."""
        found = super().detect_data_selector(response)
        if walk := getattr(self, "_walk", None):
            walk.selector = found
        return found
