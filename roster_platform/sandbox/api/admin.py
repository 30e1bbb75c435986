"""The sandbox's own endpoints under ``/admin``: move time, look behind, break things.

GET    /admin/state                 date, seed, counts, page ids, rule ids
POST   /admin/advance {"days": n}   live n days
GET    /admin/environment           the variables that point a client here
GET    /admin/served                distinct records handed out, per endpoint
GET    /admin/requests              counts per path and status; DELETE starts anew
GET    /admin/clicks                clicks received
GET    /admin/captured_orders       orders received
GET    /admin/oracle/{question}     orders, commissions, contacts, campaigns, engagement,
                                    rank_changes, pages, people, clicks,
                                    membership?page_id=
POST   /admin/faults {...}          see ``gate.Fault``; GET lists, DELETE removes
POST   /admin/pages {"page_id": ..., "action": "clear" | "revoke" | "restore"}
POST   /admin/settings {"requests_per_minute": n, "latency_ms": n,
                        "clock_stands_still": true}
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, fields
from functools import partial
from typing import TYPE_CHECKING, Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from roster_platform.sandbox import oracle
from roster_platform.sandbox.api.gate import Fault

if TYPE_CHECKING:
    from roster_platform.sandbox.api.state import State

_MAX_DAYS_AT_ONCE = 3660
_QUESTIONS: Mapping[str, Callable[..., Any]] = {
    "orders": oracle.orders,
    "commissions": oracle.commissions,
    "campaigns": oracle.campaigns,
    "engagement": oracle.engagement,
    "contacts": oracle.contacts,
    "rank_changes": oracle.rank_changes,
    "pages": oracle.pages,
    "clicks": oracle.clicks,
    "people": oracle.people,
}

AdminAnswer = Callable[["State", Request], Awaitable[Any]]


def routes(state: State) -> list[Route]:
    """All of them."""
    table: tuple[tuple[str, str, AdminAnswer], ...] = (
        ("state", "GET", _state),
        ("advance", "POST", _advance),
        ("environment", "GET", _environment),
        ("served", "GET", _served),
        ("requests", "GET", _requests),
        ("requests", "DELETE", _forget_requests),
        ("clicks", "GET", _clicks),
        ("captured_orders", "GET", _captured_orders),
        ("oracle/membership", "GET", _membership),
        ("oracle/{question}", "GET", _oracle),
        ("faults", "GET", _faults),
        ("faults", "POST", _add_fault),
        ("faults", "DELETE", _forget_faults),
        ("pages", "POST", _pages),
        ("settings", "POST", _settings),
    )
    return [
        Route(f"/admin/{path}", partial(_answer, state, ask), methods=[method])
        for path, method, ask in table
    ]


async def _answer(state: State, ask: AdminAnswer, request: Request) -> Response:
    try:
        content, status = await ask(state, request), 200
    except LookupError as error:
        content, status = {"error": str(error.args[0])}, 404
    except (ValueError, TypeError) as error:
        content, status = {"error": str(error)}, 400
    body = orjson.dumps(content, option=orjson.OPT_NON_STR_KEYS)
    return Response(body, status, media_type="application/json")


async def _body(request: Request) -> dict[str, Any]:
    body = orjson.loads(await request.body() or b"{}")
    if not isinstance(body, dict):
        raise ValueError("The body must be a JSON object")
    return body


async def _state(state: State, request: Request) -> Any:
    world = state.world
    return {
        "as_of": world.as_of.isoformat(),
        "seed": world.options.seed,
        "counts": {name: len(made) for name, made in world.collections.items()},
        "page_ids": world.rosters.own_page_ids,
        "foreign_page_ids": world.rosters.foreign_page_ids,
        "rule_ids": list(world.codes_by_rule),
    }


async def _advance(state: State, request: Request) -> Any:
    days = (await _body(request)).get("days", 1)
    if not isinstance(days, int) or not 0 <= days <= _MAX_DAYS_AT_ONCE:
        raise ValueError(f"days must be an integer from 0 to {_MAX_DAYS_AT_ONCE}")
    state.world.advance(days)
    state.clock.restart()
    return {
        "as_of": state.world.as_of.isoformat(),
        "counts": {name: len(made) for name, made in state.world.collections.items()},
    }


async def _environment(state: State, request: Request) -> Any:
    from roster_platform.sandbox.api.serve import environment

    url = str(request.base_url).rstrip("/")
    return environment(url, state.world, contacts=state.has_contacts)


async def _served(state: State, request: Request) -> Any:
    names = [
        *state.world.collections,
        "autorosters_pages",
        "autorosters_users",
        "autorosters_page_users",
        "autorosters_single_users",
    ]
    return {name: len(state.served[name]) for name in names}


async def _requests(state: State, request: Request) -> Any:
    return state.traffic.as_json()


async def _forget_requests(state: State, request: Request) -> Any:
    state.traffic.counts.clear()
    state.traffic.most_in_flight = 0
    return state.traffic.as_json()


async def _captured_orders(state: State, request: Request) -> Any:
    orders = state.world.captured_orders
    return {"count": len(orders), "orders": orders}


async def _clicks(state: State, request: Request) -> Any:
    clicks = [click.as_json() for click in state.world.clicks]
    return {"count": len(clicks), "clicks": clicks}


async def _membership(state: State, request: Request) -> Any:
    page_id = request.query_params.get("page_id", "")
    found = oracle.membership(state.world, page_id)
    if found is None:
        raise LookupError(f"There is no page {page_id!r}")
    return found


async def _oracle(state: State, request: Request) -> Any:
    question = request.path_params["question"]
    if question not in _QUESTIONS:
        raise LookupError(f"Ask one of {', '.join(_QUESTIONS)} or membership")
    return _QUESTIONS[question](state.world)


async def _faults(state: State, request: Request) -> Any:
    return [asdict(fault) for fault in state.faults]


async def _add_fault(state: State, request: Request) -> Any:
    body = await _body(request)
    unknown = set(body) - {known.name for known in fields(Fault)}
    if unknown or not str(body.get("match", "")).startswith("/"):
        raise ValueError(
            f"A fault needs a match (a path) and may have "
            f"{', '.join(known.name for known in fields(Fault)[1:])}"
            + (f", not {', '.join(sorted(unknown))}" if unknown else "")
        )
    state.faults.append(Fault(**body))
    return await _faults(state, request)


async def _forget_faults(state: State, request: Request) -> Any:
    state.faults.clear()
    return []


async def _pages(state: State, request: Request) -> Any:
    body = await _body(request)
    page_id, action = str(body.get("page_id")), body.get("action")
    if state.world.page(page_id) is None:
        raise LookupError(f"There is no page {page_id!r}")
    if action not in ("clear", "revoke", "restore"):
        raise ValueError("action must be clear, revoke or restore")
    if action == "restore":
        state.cleared_pages.discard(page_id)
        state.revoked_pages.discard(page_id)
    else:
        chosen = state.cleared_pages if action == "clear" else state.revoked_pages
        chosen.add(page_id)
    return {
        "cleared": sorted(state.cleared_pages),
        "revoked": sorted(state.revoked_pages),
    }


async def _settings(state: State, request: Request) -> Any:
    body = await _body(request)
    if "requests_per_minute" in body:
        state.rate_limit.reset(int(body["requests_per_minute"]))
    if "latency_ms" in body:
        state.latency_ms = float(body["latency_ms"])
    if "clock_stands_still" in body:
        state.clock.stands_still = bool(body["clock_stands_still"])
    return {
        "clock_stands_still": state.clock.stands_still,
        "requests_per_minute": state.rate_limit.requests_per_minute,
        "latency_ms": state.latency_ms,
    }
