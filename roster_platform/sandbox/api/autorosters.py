"""Auto Rosters: pages and users, as the vendor documents them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from roster_platform.sandbox.api.responses import as_json, error, raw_json
from roster_platform.sandbox.api.state import API_KEY, FREE_KEY, OTHER_KEY, State
from roster_platform.sandbox.simulation.discord.pages import OWNER_ID, Page, listed
from roster_platform.sandbox.simulation.discord.shown import user_json

Handler = Callable[[Request], Awaitable[Response]]


def guarded(
    state: State, answer: Callable[[State, Request, Page], Response]
) -> Handler:
    """Check key and page in the documented order, then answer."""

    async def handle(request: Request) -> Response:
        key = request.headers.get("x-api-key")
        if key not in (API_KEY, FREE_KEY, OTHER_KEY):
            return error(401, "Invalid or missing API key")
        if key == FREE_KEY:
            return error(403, "API access requires premium subscription")
        params = request.path_params
        if "rest" in params or not all(value.strip() for value in params.values()):
            return _missing_or_unknown(params.get("rest", ""))
        page = state.world.page(params["page_id"].lower())
        if page is None:
            return error(404, "Roster page not found")
        is_own_key = (page.owner_id == OWNER_ID) == (key == API_KEY)
        if not is_own_key or page.page_id in state.revoked_pages:
            return error(403, "You do not have permission to access this roster")
        return answer(state, request, page)

    return handle


def _missing_or_unknown(rest: str) -> Response:
    """An address with an empty part lacks a parameter; a longer one is not known."""
    parts = rest.removeprefix("/").split("/")
    if all(part.strip() for part in parts):
        return error(404, "Not Found")
    return error(400, "Missing required parameter")


def page_of(state: State, request: Request, page: Page) -> Response:
    """The hierarchical page."""
    state.served["autorosters_pages"].add(page.page_id)
    if page.page_id in state.cleared_pages:
        return raw_json(state.world.empty_page_body(page.page_id))
    state.served["autorosters_users"].update(page.members)
    return raw_json(state.world.page_body(page.page_id))


def users_of(state: State, request: Request, page: Page) -> Response:
    """The flat list of a page."""
    if page.page_id in state.cleared_pages:
        return raw_json(b"[]")
    state.served["autorosters_page_users"].update(page.members)
    return raw_json(state.world.users_body(page.page_id))


def user_of(state: State, request: Request, page: Page) -> Response:
    """One member of a page."""
    discord_id = request.path_params["discord_id"]
    if page.page_id not in state.cleared_pages:
        for rank, members in listed(page):
            for member in members:
                if member.person.discord_id == discord_id:
                    state.served["autorosters_single_users"].add(discord_id)
                    return as_json(user_json(page, rank, member))
    return error(404, "User not found in roster")
