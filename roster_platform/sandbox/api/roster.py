"""Roster's lists: one route for each endpoint of the catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from roster_platform.catalogue import Endpoint
from roster_platform.sandbox.api.responses import as_json, error, raw_json
from roster_platform.sandbox.api.state import PRIVATE_TOKEN, PUBLIC_TOKEN, State
from roster_platform.sandbox.simulation.clock import parse_iso
from roster_platform.sandbox.simulation.collection import Collection

if TYPE_CHECKING:
    from roster_platform.sandbox.api.shapes import Shape

DEFAULT_PAGE_SIZE = 100
MAX_PAGE_SIZE = 1000
_PAGINATION = (
    b'],"pagination":{"page":%d,"pageSize":%d,"totalCount":%d,"totalPages":%d}}'
)


def roster_route(
    state: State, endpoint: Endpoint, updated_after_param: str | None
) -> Route:
    """An endpoint of the catalogue, in the shape that third parties document."""
    path = state.world.served_path(endpoint.name)
    start = b'{"%s":[' % endpoint.data_selector.encode()

    async def handle(request: Request) -> Response:
        refusal = _refuse_reader(request)
        if refusal is not None:
            return refusal
        listed_here = _listed(state, endpoint, request)
        if listed_here is None:
            return error(404, "Discount rule not found")
        try:
            numbers, pagination = _list_page(request, listed_here, updated_after_param)
        except ValueError as problem:
            return error(400, str(problem))
        state.served[endpoint.name].update(numbers)
        return raw_json(start + listed_here.body(numbers) + pagination)

    return Route(path, handle, methods=["GET"])


def shaped_route(state: State, endpoint: Endpoint, shape: Shape) -> Route:
    """An endpoint in another shape: what it lists is the same."""

    async def handle(request: Request) -> Response:
        refusal = _refuse_reader(request)
        if refusal is not None:
            return refusal
        listed_here = _listed(state, endpoint, request)
        if listed_here is None:
            return error(404, "Discount rule not found")
        try:
            page = shape.words.page(request.query_params, len(listed_here))
        except ValueError as problem:
            return error(400, str(problem))
        numbers = listed_here.numbers(page.start, page.size)
        state.served[endpoint.name].update(numbers)
        address = str(request.url.replace(query=""))
        records = [shape.encode(listed_here.record(number)) for number in numbers]
        response = as_json(shape.body(records, page, address))
        response.headers.update(shape.headers(page, address))
        return response

    return Route(shape.path, handle, methods=["GET"])


def _listed(state: State, endpoint: Endpoint, request: Request) -> Collection | None:
    """The records of an endpoint; None for a parent that is not there."""
    if endpoint.parent is None:
        return state.world.collections[endpoint.name]
    rule = request.path_params[endpoint.parent.param]
    found = state.world.codes_by_rule.get(rule)
    if found is None and rule.isdigit():
        # A shape may have numbers for ids.
        found = state.world.codes_by_rule.get(f"rule_{rule}")
    return found


def _list_page(
    request: Request, collection: Collection, updated_after_param: str | None
) -> tuple[Sequence[int], bytes]:
    """The records of the asked page and the end of the body. Raises ValueError."""
    page = _positive(request, "page", 1)
    size = min(_positive(request, "pageSize", DEFAULT_PAGE_SIZE), MAX_PAGE_SIZE)
    since = request.query_params.get(updated_after_param or "")
    total = len(collection)
    if since is not None and collection.newest_first:
        try:
            total = collection.count_since(parse_iso(since))
        except (ValueError, OverflowError):
            raise ValueError(
                f"{updated_after_param} must be an ISO 8601 time"
            ) from None
    start = (page - 1) * size
    numbers = collection.numbers(start, max(0, min(size, total - start)))
    counts = (page, size, total, -(-total // size))
    return numbers, _PAGINATION % counts


def _positive(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or int(text[:18]) == 0:
        raise ValueError(f"{name} must be a positive integer")
    return int(text[:18])


def token_of(request: Request) -> str | None:
    """The bearer token of a request; None without one."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def _refuse_reader(request: Request) -> Response | None:
    token = token_of(request)
    if token == PRIVATE_TOKEN:
        return None
    if token == PUBLIC_TOKEN:
        return error(403, "This endpoint requires a private access token")
    return error(401, "Invalid or missing access token")
