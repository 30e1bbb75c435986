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

from functools import partial
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Route

from roster_platform.ingest.roster.endpoints import ENDPOINTS
from roster_platform.sandbox.api import admin
from roster_platform.sandbox.api.autorosters import guarded, page_of, user_of, users_of
from roster_platform.sandbox.api.captures import (
    CLICKS_PATH,
    ORDERS_PATH,
    capture,
    record_click,
    record_order,
)
from roster_platform.sandbox.api.gate import Gate
from roster_platform.sandbox.api.responses import http_error
from roster_platform.sandbox.api.roster import roster_route, shaped_route
from roster_platform.sandbox.api.state import State
from roster_platform.sandbox.simulation.world import World

if TYPE_CHECKING:
    from roster_platform.sandbox.api.shapes import Shapes


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
        roster_route(state, endpoint, updated_after_param)
        if shapes is None
        else shaped_route(state, endpoint, shapes[endpoint.name])
        for endpoint in ENDPOINTS
        if (contacts or endpoint.name != "contacts")
        and (shapes is None or endpoint.name in shapes)
    ]
    routes += [
        Route(CLICKS_PATH, partial(capture, state, record_click), methods=["POST"]),
        Route(ORDERS_PATH, partial(capture, state, record_order), methods=["POST"]),
        Route("/api/roster/{page_id}/users", guarded(state, users_of)),
        Route("/api/roster/{page_id}/{discord_id}", guarded(state, user_of)),
        Route("/api/roster/{page_id}", guarded(state, page_of)),
        Route("/api/roster{rest:path}", guarded(state, page_of)),
    ]
    state.know_templates(routes)
    app = Starlette(
        routes=[*routes, *admin.routes(state)],
        middleware=[Middleware(Gate, state=state)],
        exception_handlers={HTTPException: http_error},
    )
    app.router.redirect_slashes = False
    app.state.sandbox = state
    return app
