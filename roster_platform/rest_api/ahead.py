"""Requests that dlt's loop is likely to ask for next, sent before it does.

A prediction decides nothing: an answer is used only if it is for exactly the request that
dlt then asks for, and its paginators alone say when a read ends. A wrong guess costs a
request, never a record.
"""

from __future__ import annotations

import copy
import json
import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from typing import Any, Generic, TypeVar
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from dlt.common import jsonpath
from dlt.sources.helpers.rest_client.paginators import (
    BaseNextUrlPaginator,
    BasePaginator,
    HeaderLinkPaginator,
    JSONLinkPaginator,
    OffsetPaginator,
    PageNumberPaginator,
    RangePaginator,
)
from requests import Request, Response

from roster_platform.ingest.signs.page_signs import PageSigns

_T = TypeVar("_T")
_RANGES = (PageNumberPaginator, OffsetPaginator)
_LINKS = (HeaderLinkPaginator, JSONLinkPaginator)


def fingerprint(request: Request) -> str:
    """Return a text that is the same for the same request."""
    return json.dumps(
        [
            (request.method or "GET").upper(),
            request.url,
            _plain(request.params or {}),
            _plain(request.json or None),
            _plain(request.data or None),
            _plain(dict(request.headers or {})),
        ],
        default=repr,
    )


def _plain(value: Any) -> Any:
    """Keys of any type, in their order; ``1`` and ``"1"`` are the same in a URL only."""
    if isinstance(value, dict):
        return [[repr(key), _plain(item)] for key, item in value.items()]
    return value


class Ahead(Generic[_T]):
    """Requests under way before they are asked for; a bounded number of them."""

    def __init__(
        self,
        upcoming: Iterable[Request],
        send: Callable[[Request], Future[_T]],
        window: int,
    ) -> None:
        self._upcoming: Iterator[Request] = iter(upcoming)
        self._send = send
        self._window = window
        self._sent: OrderedDict[str, Future[_T]] = OrderedDict()

    @property
    def is_under_way(self) -> bool:
        """Return whether any request was sent that nobody has asked for yet."""
        return bool(self._sent)

    def top_up(self) -> None:
        """Send as many requests as the window allows."""
        while len(self._sent) < self._window:
            request = next(self._upcoming, None)
            if request is None:
                return
            self._sent[fingerprint(request)] = self._send(request)

    def take(self, asked: str) -> Future[_T] | None:
        """Return the answer to come to a request, if it was sent."""
        future = self._sent.pop(asked, None)
        if future is not None:
            self.top_up()
        return future

    def cancel(self) -> None:
        """Give up what nobody will ask for."""
        self._upcoming = iter(())
        while self._sent:
            self._sent.popitem()[1].cancel()


def next_pages(
    request: Request,
    paginator: BasePaginator,
    response: Response,
    signs: PageSigns,
    read: tuple[int, int],
) -> Iterator[Request]:
    """Return the requests for all pages after one; none where they cannot be known.

    ``request`` is the next one, as the paginator left it, ``response`` the last answer,
    and ``read`` the pages and records read so far.
    """
    if not paginator.has_next_page:
        return iter(())
    left = _pages_left(signs, *read)
    if type(paginator) in _RANGES:
        assert isinstance(paginator, RangePaginator)
        return _by_range(request, paginator, response, left)
    if type(paginator) in _LINKS:
        assert isinstance(paginator, BaseNextUrlPaginator)
        return _by_links(request, response, left)
    return iter(())


def copied(request: Request) -> Request:
    """Return a request that can be changed without changing the other."""
    other = copy.copy(request)
    other.params = copy.deepcopy(request.params)
    other.json = copy.deepcopy(request.json)
    other.headers = dict(request.headers or {})
    return other


def _pages_left(signs: PageSigns, pages: int, rows: int) -> int:
    total = signs.total_count or signs.doubtful_total
    if signs.total_pages is not None:
        return signs.total_pages.value - pages
    if total is None or not rows:
        return 0
    size = -(-rows // pages)
    return -(-(total.value - rows) // size)


def _by_range(
    request: Request, paginator: RangePaginator, response: Response, left: int
) -> Iterator[Request]:
    step = paginator.value_step
    if step <= 0:
        return
    ends = []
    if paginator.total_path:
        found = jsonpath.find_values(paginator.total_path, response.json())
        ends.append(int(found[0]) + paginator.base_index)
    elif left > 0:
        ends.append(paginator.current_value + left * step)
    if paginator.maximum_value is not None:
        ends.append(paginator.maximum_value)
    if not ends:
        return
    for value in range(paginator.current_value, min(ends), step):
        counter, upcoming = copy.copy(paginator), copied(request)
        counter.current_value = value
        counter.update_request(upcoming)
        yield upcoming


def _by_links(request: Request, response: Response, left: int) -> Iterator[Request]:
    """Links that differ in one number, up to the last link or the announced total."""
    following = str(request.url or "")
    last = response.links.get("last", {}).get("url")
    if request.params or not following:
        return
    if last:
        last_numbers, next_numbers = _numbers(last), _numbers(following)
        changed = [
            name
            for name, value in next_numbers.items()
            if last_numbers.get(name, value) != value
        ]
    else:
        known, next_numbers = _numbers(response.url), _numbers(following)
        changed = [n for n, value in next_numbers.items() if known.get(n) != value]
    if len(changed) != 1:
        return
    (name,) = changed
    value = next_numbers[name]
    before = _numbers(response.url).get(name)
    # A first page that is not asked for by its number: page 1, or offset 0.
    step = value - before if before is not None else (1 if value <= 2 else value)
    if step <= 0:
        return
    end = last_numbers[name] if last else value + (left - 1) * step
    for number in range(value, end + 1, step):
        upcoming = copied(request)
        upcoming.url = _with_number(following, name, number)
        yield upcoming


def _numbers(url: str) -> dict[str, int]:
    pairs = parse_qsl(urlsplit(url).query)
    return {
        name: int(value) for name, value in pairs if re.fullmatch(r"\d{1,15}", value)
    }


def _with_number(url: str, name: str, number: int) -> str:
    parts = urlsplit(url)
    query = re.sub(
        rf"(^|&)({re.escape(name)})=\d+", rf"\g<1>\g<2>={number}", parts.query, count=1
    )
    return urlunsplit(parts._replace(query=query))
