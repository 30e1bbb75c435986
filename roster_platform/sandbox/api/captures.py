"""What is sent to Roster: clicks and orders, answered once for each key."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from roster_platform.sandbox.api.responses import as_json, error, raw_json
from roster_platform.sandbox.api.roster import token_of
from roster_platform.sandbox.api.state import PRIVATE_TOKEN, PUBLIC_TOKEN, State
from roster_platform.sandbox.simulation.clock import parse_iso

CLICKS_PATH = "/v2/public/clicks"
ORDERS_PATH = "/v2/public/orders"
_ORDER_FORM = {
    "orderId": r".{1,200}",
    "orderDate": r"\d{4}-\d\d-\d\dT00:00:00",
    "currency": r"[A-Z]{3}",
    "subtotalPrice": r"\d+(\.\d+)?",
    "totalPrice": r"\d+(\.\d+)?",
}
_MAX_ID_LENGTH = 200


async def capture(
    state: State,
    record: Callable[[State, dict[str, Any]], dict[str, Any]],
    request: Request,
) -> Response:
    """Answer what the public token sends, once for each key."""
    if token_of(request) not in (PRIVATE_TOKEN, PUBLIC_TOKEN):
        return error(401, "Invalid or missing access token")
    sent = (request.url.path, request.headers.get("idempotency-key") or "")
    content = await request.body()
    if sent in state.answered:
        return raw_json(state.answered[sent], 201)
    try:
        answer = orjson.dumps(record(state, _json_object(content)))
    except ValueError as problem:
        return as_json({"message": str(problem)}, 400)
    if sent[1]:
        state.answered[sent] = answer
    return raw_json(answer, 201)


def _json_object(content: bytes) -> dict[str, Any]:
    try:
        body = orjson.loads(content)
    except orjson.JSONDecodeError:
        raise ValueError("The body must be JSON") from None
    if not isinstance(body, dict):
        raise ValueError("The body must be a JSON object")
    return body


def record_order(state: State, body: dict[str, Any]) -> dict[str, Any]:
    """Check an order by the documented form, and keep it. Raises ValueError."""
    for name, form in _ORDER_FORM.items():
        value = body.get(name)
        if not isinstance(value, str) or not re.fullmatch(form, value):
            raise ValueError(f"{name} is required in its documented form")
    codes = body.get("discountCodes", [])
    if not isinstance(codes, list) or not all(isinstance(code, str) for code in codes):
        raise ValueError("discountCodes must be a list")
    return state.world.record_order(body)


def record_click(state: State, body: dict[str, Any]) -> dict[str, Any]:
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
