"""Both APIs over HTTP, as a Starlette app around one world.

    Roster         /v2/...           Bearer token, private or public
    Auto Rosters   /api/roster/...   X-API-Key
    the sandbox    /admin/...        no token, only from this machine

What is known of the two APIs differs, and the stand-in is exact only where they are:

- documented by the vendor: every Auto Rosters path, field, status and error body; the
  two kinds of Roster token; the fields of order capture; the business rules;
- documented by a third party: Roster's paths and the list each answer carries its
  records under (``result`` or ``data`` next to ``pagination``);
- assumed: Roster's other field names, ``page``/``pageSize``, the keys of
  ``pagination``, its error bodies, the click's body, 429 with ``Retry-After``, the
  order of lists and of ranks, and the shapes of a page's certifications and
  subdivisions sections (three of them, so that a client trusts none).

Routes and selectors come from the catalogue of endpoints: a new entry without a
collection in the world fails at start.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from roster_platform.catalogue import Endpoint
from roster_platform.ingest.roster.endpoints import ENDPOINTS
from roster_platform.sandbox.api import admin
from roster_platform.sandbox.api.gate import (
    Fault,
    Gate,
    RateLimit,
    SimulatedClock,
    Traffic,
)
from roster_platform.sandbox.simulation.clock import parse_iso
from roster_platform.sandbox.simulation.collection import Collection
from roster_platform.sandbox.simulation.rosters import OWNER_ID, Page, listed, user_json
from roster_platform.sandbox.simulation.world import World

if TYPE_CHECKING:
    from roster_platform.sandbox.api.shapes import Shape, Shapes

PRIVATE_TOKEN = "sandbox-private-token"
PUBLIC_TOKEN = "sandbox-public-token"
API_KEY = "sandbox-api-key"
FREE_KEY = "sandbox-free-key"
OTHER_KEY = "sandbox-other-key"
CLICKS_PATH = "/v2/public/clicks"
ORDERS_PATH = "/v2/public/orders"
_ORDER_FORM = {
    "orderId": r".{1,200}",
    "orderDate": r"\d{4}-\d\d-\d\dT00:00:00",
    "currency": r"[A-Z]{3}",
    "subtotalPrice": r"\d+(\.\d+)?",
    "totalPrice": r"\d+(\.\d+)?",
}
DEFAULT_PAGE_SIZE = 100
MAX_PAGE_SIZE = 1000
_MAX_ID_LENGTH = 200
_PAGINATION = (
    b'],"pagination":{"page":%d,"pageSize":%d,"totalCount":%d,"totalPages":%d}}'
)

Handler = Callable[[Request], Awaitable[Response]]


class State:
    """The server's state in addition to its world."""

    def __init__(
        self,
        world: World,
        *,
        contacts: bool,
        latency_ms: float,
        requests_per_minute: int,
    ) -> None:
        self.world = world
        self.has_contacts = contacts
        self.clock = SimulatedClock(world)
        self.latency_ms = latency_ms
        self.rate_limit = RateLimit(requests_per_minute)
        self.faults: list[Fault] = []
        self.traffic = Traffic()
        self.served: dict[str, set[Any]] = defaultdict(set)
        self.cleared_pages: set[str] = set()
        self.revoked_pages: set[str] = set()
        self.answered: dict[tuple[str, str], bytes] = {}
        self._templates: list[tuple[re.Pattern[str], str]] = []

    def know_templates(self, routes: Sequence[Route]) -> None:
        """Learn the routes, to count requests by them."""
        self._templates = [(route.path_regex, route.path) for route in routes]

    def template_of(self, path: str) -> str:
        """The route a path belongs to, or ``(unknown)``."""
        for pattern, template in self._templates:
            if pattern.match(path):
                return template
        return "(unknown)"


def create_app(
    world: World,
    *,
    contacts: bool = True,
    latency_ms: float = 0,
    requests_per_minute: int = 0,
    updated_after_param: str | None = None,
    shapes: Shapes | None = None,
) -> Starlette:
    """The app that serves a world. ``app.state.sandbox`` is its ``State``.

    ``shapes`` are those of Roster's endpoints: without one, an endpoint is not served.
    """
    state = State(
        world,
        # In other shapes, their mapping says where the contacts are.
        contacts=contacts and shapes is None,
        latency_ms=latency_ms,
        requests_per_minute=requests_per_minute,
    )
    routes = [
        _roster_route(state, endpoint, updated_after_param)
        if shapes is None
        else _shaped_route(state, endpoint, shapes[endpoint.name])
        for endpoint in ENDPOINTS
        if (contacts or endpoint.name != "contacts")
        and (shapes is None or endpoint.name in shapes)
    ]
    routes += [
        Route(CLICKS_PATH, partial(_capture, state, _record_click), methods=["POST"]),
        Route(ORDERS_PATH, partial(_capture, state, _record_order), methods=["POST"]),
        Route("/api/roster/{page_id}/users", _guarded(state, _users)),
        Route("/api/roster/{page_id}/{discord_id}", _guarded(state, _user)),
        Route("/api/roster/{page_id}", _guarded(state, _page)),
        Route("/api/roster{rest:path}", _guarded(state, _page)),
    ]
    state.know_templates(routes)
    app = Starlette(
        routes=[*routes, *admin.routes(state)],
        middleware=[Middleware(Gate, state=state)],
        exception_handlers={HTTPException: _http_error},
    )
    app.router.redirect_slashes = False
    app.state.sandbox = state
    return app


def _json(content: Any, status: int = 200) -> Response:
    return _raw(orjson.dumps(content), status)


def _raw(content: bytes, status: int = 200) -> Response:
    return Response(content, status, media_type="application/json")


def _error(status: int, text: str) -> Response:
    return _json({"error": text}, status)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _error(error.status_code, error.detail)


# -- Roster ---------------------------------------------------------------------


def _roster_route(
    state: State, endpoint: Endpoint, updated_after_param: str | None
) -> Route:
    path = state.world.served_path(endpoint.name)
    start = b'{"%s":[' % endpoint.data_selector.encode()

    async def handle(request: Request) -> Response:
        refusal = _refuse_reader(request)
        if refusal is not None:
            return refusal
        listed_here = _listed(state, endpoint, request)
        if listed_here is None:
            return _error(404, "Discount rule not found")
        try:
            numbers, pagination = _list_page(request, listed_here, updated_after_param)
        except ValueError as error:
            return _error(400, str(error))
        state.served[endpoint.name].update(numbers)
        return _raw(start + listed_here.body(numbers) + pagination)

    return Route(path, handle, methods=["GET"])


def _shaped_route(state: State, endpoint: Endpoint, shape: Shape) -> Route:
    """An endpoint in another shape: what it lists is the same."""

    async def handle(request: Request) -> Response:
        refusal = _refuse_reader(request)
        if refusal is not None:
            return refusal
        listed_here = _listed(state, endpoint, request)
        if listed_here is None:
            return _error(404, "Discount rule not found")
        try:
            page = shape.words.page(request.query_params, len(listed_here))
        except ValueError as error:
            return _error(400, str(error))
        numbers = listed_here.numbers(page.start, page.size)
        state.served[endpoint.name].update(numbers)
        address = str(request.url.replace(query=""))
        records = [shape.encode(listed_here.record(number)) for number in numbers]
        response = _json(shape.body(records, page, address))
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


def _token(request: Request) -> str | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def _refuse_reader(request: Request) -> Response | None:
    token = _token(request)
    if token == PRIVATE_TOKEN:
        return None
    if token == PUBLIC_TOKEN:
        return _error(403, "This endpoint requires a private access token")
    return _error(401, "Invalid or missing access token")


async def _capture(
    state: State,
    record: Callable[[State, dict[str, Any]], dict[str, Any]],
    request: Request,
) -> Response:
    """Answer what the public token sends, once for each key."""
    if _token(request) not in (PRIVATE_TOKEN, PUBLIC_TOKEN):
        return _error(401, "Invalid or missing access token")
    sent = (request.url.path, request.headers.get("idempotency-key") or "")
    content = await request.body()
    if sent in state.answered:
        return _raw(state.answered[sent], 201)
    try:
        answer = orjson.dumps(record(state, _json_object(content)))
    except ValueError as error:
        return _json({"message": str(error)}, 400)
    if sent[1]:
        state.answered[sent] = answer
    return _raw(answer, 201)


def _json_object(content: bytes) -> dict[str, Any]:
    try:
        body = orjson.loads(content)
    except orjson.JSONDecodeError:
        raise ValueError("The body must be JSON") from None
    if not isinstance(body, dict):
        raise ValueError("The body must be a JSON object")
    return body


def _record_order(state: State, body: dict[str, Any]) -> dict[str, Any]:
    """Check an order by the documented form, and keep it. Raises ValueError."""
    for name, form in _ORDER_FORM.items():
        value = body.get(name)
        if not isinstance(value, str) or not re.fullmatch(form, value):
            raise ValueError(f"{name} is required in its documented form")
    codes = body.get("discountCodes", [])
    if not isinstance(codes, list) or not all(isinstance(code, str) for code in codes):
        raise ValueError("discountCodes must be a list")
    return state.world.record_order(body)


def _record_click(state: State, body: dict[str, Any]) -> dict[str, Any]:
    """Check and keep a click. Raises ValueError saying what is wrong with it."""
    referral_id = body.pop("referralId", None)
    if isinstance(referral_id, int) and not isinstance(referral_id, bool):
        referral_id = str(referral_id)
    if not isinstance(referral_id, str) or not referral_id.strip():
        raise ValueError("referralId is required")
    if len(referral_id) > _MAX_ID_LENGTH:
        raise ValueError(f"referralId must be at most {_MAX_ID_LENGTH} characters")
    url = body.pop("url", None)
    if url is not None and not (isinstance(url, str) and re.match("https?://.", url)):
        raise ValueError("url must be an http or https address")
    now = state.clock.now_ms
    clicked_at = _clicked_at(body.pop("clickedAt", None), now)
    # The answer's own fields are the server's to give.
    extra = {k: v for k, v in body.items() if k not in ("id", "createdAt")}
    click = state.world.record_click(referral_id, url, clicked_at, now, extra)
    return click.as_json()


def _clicked_at(value: Any, now: int) -> int:
    if value is None:
        return now
    try:
        return parse_iso(value)
    except (TypeError, ValueError, OverflowError):
        raise ValueError("clickedAt must be an ISO 8601 time") from None


# -- Auto Rosters ---------------------------------------------------------------


def _guarded(
    state: State, answer: Callable[[State, Request, Page], Response]
) -> Handler:
    """Check key and page in the documented order, then answer."""

    async def handle(request: Request) -> Response:
        key = request.headers.get("x-api-key")
        if key not in (API_KEY, FREE_KEY, OTHER_KEY):
            return _error(401, "Invalid or missing API key")
        if key == FREE_KEY:
            return _error(403, "API access requires premium subscription")
        params = request.path_params
        if "rest" in params or not all(value.strip() for value in params.values()):
            return _missing_or_unknown(params.get("rest", ""))
        page = state.world.page(params["page_id"].lower())
        if page is None:
            return _error(404, "Roster page not found")
        is_own_key = (page.owner_id == OWNER_ID) == (key == API_KEY)
        if not is_own_key or page.page_id in state.revoked_pages:
            return _error(403, "You do not have permission to access this roster")
        return answer(state, request, page)

    return handle


def _missing_or_unknown(rest: str) -> Response:
    """An address with an empty part lacks a parameter; a longer one is not known."""
    parts = rest.removeprefix("/").split("/")
    if all(part.strip() for part in parts):
        return _error(404, "Not Found")
    return _error(400, "Missing required parameter")


def _page(state: State, request: Request, page: Page) -> Response:
    state.served["autorosters_pages"].add(page.page_id)
    if page.page_id in state.cleared_pages:
        return _raw(state.world.empty_page_body(page.page_id))
    state.served["autorosters_users"].update(page.members)
    return _raw(state.world.page_body(page.page_id))


def _users(state: State, request: Request, page: Page) -> Response:
    if page.page_id in state.cleared_pages:
        return _raw(b"[]")
    state.served["autorosters_page_users"].update(page.members)
    return _raw(state.world.users_body(page.page_id))


def _user(state: State, request: Request, page: Page) -> Response:
    discord_id = request.path_params["discord_id"]
    if page.page_id not in state.cleared_pages:
        for rank, members in listed(page):
            for member in members:
                if member.person.discord_id == discord_id:
                    state.served["autorosters_single_users"].add(discord_id)
                    return _json(user_json(page, rank, member))
    return _error(404, "User not found in roster")
