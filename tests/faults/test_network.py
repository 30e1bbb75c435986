"""Answers that break on the wire cost time, never rows."""

from __future__ import annotations

import json
import random
from email.utils import formatdate
from itertools import pairwise
from typing import Any

import pytest

from roster_platform import errors
from tests.faults.platform import LocalPlatform
from tests.faults.rude_server import (
    HARMS,
    Asked,
    Handler,
    Raw,
    response,
    rude_server,
)

ORDERS = [
    {
        "orderId": f"o-{number}",
        "totalPrice": f"{number}.25",
        "discountCodes": ["A", "B"],
    }
    for number in range(700)
]
PAGES = [f"page-{number:03}" for number in range(40)]
SHORT_HARMS = ("reset within", "stalled within", "gzip garbage", "empty body")


def orders(asked: Asked) -> dict[str, Any]:
    """The page of orders that was asked for."""
    number, size = int(asked.query["page"]), int(asked.query["pageSize"])
    return {
        "data": ORDERS[(number - 1) * size : number * size],
        "pagination": {
            "totalCount": len(ORDERS),
            "totalPages": -(-len(ORDERS) // size),
        },
    }


def roster_page(asked: Asked) -> dict[str, Any]:
    """A roster page of two members."""
    page_id = asked.path.split("/")[-1]
    users = [{"discord_id": f"{2**63 - n}", "name": page_id} for n in range(2)]
    return {
        "page_id": page_id,
        "ranks": [{"role_id": "1", "rank_name": "Member", "users": users}],
    }


def harmed(handler: Handler, seed: int, tried: Any, share: float = 0.1) -> Handler:
    """The same API, but a share of its answers is harmed, each harm in its turn."""
    moments = random.Random(seed)
    harms = list(HARMS.values())
    moments.shuffle(harms)
    done = 0

    def answer(asked: Asked) -> Any:
        nonlocal done
        good = handler(asked)
        if moments.random() >= share:
            return good
        tried()
        done += 1
        return harms[done % len(harms)](json.dumps(good).encode())

    return answer


def loaded_orders(platform: LocalPlatform) -> list[tuple]:
    return platform.query(
        "select order_id, total_price::text from roster_data.orders order by order_id"
    )


ALL_ORDERS = sorted((o["orderId"], f"{o['totalPrice']}00") for o in ORDERS)


def test_broken_answers_lose_and_duplicate_no_order(platform, tries, scale) -> None:
    tried = tries("Broken answers")
    for seed in range(2 * scale):
        with rude_server(harmed(orders, seed, tried)) as api:
            platform.reads(api.url, page_size=10, timeout_seconds=0.5, max_attempts=7)
            report = platform.load("orders", full_read=True)
        assert report.held == report.rows == len(ORDERS)
        assert loaded_orders(platform) == ALL_ORDERS
        codes = "select count(*) from roster_data.orders__discount_codes"
        assert platform.query(codes) == [(2 * len(ORDERS),)]


def test_broken_answers_lose_and_duplicate_no_member(platform, tries, scale) -> None:
    tried = tries("Broken answers")
    for seed in range(2 * scale):
        with rude_server(harmed(roster_page, seed, tried)) as api:
            platform.reads(api.url, timeout_seconds=0.5, max_attempts=7)
            report = platform.load_pages(PAGES, reload_unchanged=True)
        assert report.failed == {}
        members = "select page_id, discord_id from autorosters_data.users order by all"
        assert platform.query(members) == [
            (page, f"{2**63 - n}") for page in PAGES for n in (1, 0)
        ]


@pytest.mark.parametrize("harm", HARMS)
def test_every_answer_broken_the_same_way_is_told_and_keeps_the_rows(
    harm, platform, tries, scale
) -> None:
    if scale == 1 and harm not in SHORT_HARMS:
        pytest.skip("the short form tries a few harms by themselves")
    with rude_server(orders) as api:
        platform.reads(api.url, page_size=500)
        platform.load("orders")
    with rude_server(
        lambda asked: HARMS[harm](json.dumps(orders(asked)).encode())
    ) as api:
        platform.reads(api.url, page_size=500, timeout_seconds=0.2, max_attempts=2)
        with pytest.raises(errors.IngestError, match="/v2/orders"):
            platform.load("orders")
        tries("API down")(len(api.asked))
        # Two tries; aiohttp asks again by itself where a connection broke.
        assert len(api.asked) <= 4
    assert loaded_orders(platform) == ALL_ORDERS


@pytest.mark.parametrize("concurrency", [1, 8])
def test_many_pages_of_an_api_that_is_down_end_soon(
    concurrency, platform, tries
) -> None:
    pages = [f"page-{number:03}" for number in range(200)]
    with rude_server(roster_page) as api:
        platform.reads(api.url)
        assert platform.load_pages(pages).failed == {}
    with rude_server(lambda asked: Raw(response(b"", "503 Unavailable"))) as api:
        platform.reads(api.url, max_attempts=2, concurrency=concurrency)
        report = platform.load_pages(pages)
        assert report.failed.keys() == set(pages)
        assert "seems to be down" in str(report.failed[pages[-1]])
        tries("API down")(len(api.asked))
        # What was under way when twenty pages had failed is tried to its end.
        assert len(api.asked) <= 2 * (20 + 2 * concurrency)
    users = "select count(*) from autorosters_data.users"
    assert platform.query(users) == [(2 * len(pages),)]


def refusing(handler: Handler, refuse: Any, headers: dict[str, str]) -> Handler:
    """The same API, but requests are refused for coming too often where told."""

    def answer(asked: Asked) -> Any:
        if refuse(asked):
            return Raw(response(b"{}", "429 Slow down", **headers), "keep")
        return handler(asked)

    return answer


@pytest.mark.parametrize("seconds", [0, 1, 2])
def test_a_short_pause_is_kept_by_every_request(
    seconds, platform, tries, scale
) -> None:
    tried = tries("Rate limits")
    refused: list[Asked] = []

    def refuse(asked: Asked) -> bool:
        again = any(asked.query == before.query for before in refused)
        if int(asked.query["page"]) % 10 == 2 and not again:
            refused.append(asked)
            tried()
            return True
        return False

    with rude_server(refusing(orders, refuse, {"Retry_After": str(seconds)})) as api:
        # One request a time, so that none is under way when another is refused.
        platform.reads(api.url, page_size=10 if scale > 1 else 50, concurrency=1)
        platform.load("orders")
    for before, after in pairwise(api.asked):
        if before in refused:
            assert after.at - before.at >= seconds
    assert loaded_orders(platform) == ALL_ORDERS


def test_requests_that_wait_for_their_turn_keep_the_pause_too(platform, tries) -> None:
    refused: list[Asked] = []

    def refuse(asked: Asked) -> bool:
        if asked.query["page"] == "2" and not refused:
            refused.append(asked)
            return True
        return False

    with rude_server(refusing(orders, refuse, {"Retry_After": "3"})) as api:
        # Paced, so that pages 3 to 8 have their turns while page 2 is told to wait.
        platform.reads(api.url, page_size=100, requests_per_minute=60)
        platform.load("orders")
    tries("Rate limits")(len(api.asked))
    (moment,) = (asked.at for asked in refused)
    assert [a for a in api.asked if moment < a.at < moment + 3] == []
    assert loaded_orders(platform) == ALL_ORDERS


@pytest.mark.parametrize("header", ["60", "3600", "86400", "a date", "inf", "1e99"])
def test_a_long_pause_is_handed_over_and_nobody_asks_meanwhile(
    header, platform, tries
) -> None:
    tried = tries("Rate limits")
    told = formatdate(4_000_000_000, usegmt=True) if header == "a date" else header
    with rude_server(refusing(orders, lambda _: True, {"Retry_After": told})) as api:
        platform.reads(api.url, concurrency=1)
        for endpoint in ("orders", "orders", "events"):
            tried()
            with pytest.raises(
                errors.RateLimitError, match="to be left alone"
            ) as raised:
                platform.load(endpoint)
            assert 30 < raised.value.retry_after < float("inf")
        assert len(api.asked) == 1


def test_after_the_first_refused_token_nothing_is_asked(platform, tries) -> None:
    def answer(asked: Asked) -> Any:
        if int(asked.query.get("page", 9)) > 2:
            return Raw(response(b'{"error": "revoked"}', "401 Unauthorized"), "keep")
        return orders(asked)

    with rude_server(answer) as api:
        platform.reads(api.url, page_size=10, concurrency=1)
        with pytest.raises(errors.CredentialsError, match="API Access"):
            platform.load("orders")
        assert [asked.query["page"] for asked in api.asked] == ["1", "2", "3"]
    with rude_server(answer) as api:
        platform.reads(api.url)
        report = platform.load_pages(PAGES)
        assert report.failed.keys() == set(PAGES)
        assert len(api.asked) == 1
    tries("Refused tokens")(2)


@pytest.mark.parametrize("status", ["403 Forbidden", "404 Not Found", "500 Oops"])
def test_pages_that_fail_leave_the_others_and_their_own_rows(
    status, platform, tries, scale
) -> None:
    tried = tries("Refused parts")
    with rude_server(roster_page) as api:
        platform.reads(api.url)
        platform.load_pages(PAGES)
    users = "select page_id, name, discord_id from autorosters_data.users order by all"
    before = platform.query(users)
    for seed in range(scale):
        bad = set(random.Random(seed).sample(PAGES, 8))

        def answer(asked: Asked, bad: set[str] = bad) -> Any:
            if asked.path.split("/")[-1] in bad:
                return Raw(response(b'{"error": "no"}', status), "keep")
            return roster_page(asked)

        with rude_server(answer) as api:
            platform.reads(api.url, max_attempts=1)
            report = platform.load_pages(PAGES, reload_unchanged=True)
        tried(len(bad))
        assert report.failed.keys() == bad
        assert report.loaded.keys() == set(PAGES) - bad
        assert platform.query(users) == before


def test_a_refused_endpoint_keeps_its_rows_and_harms_no_other(platform, tries) -> None:
    tried = tries("Refused parts")
    with rude_server(orders) as api:
        platform.reads(api.url)
        platform.load("orders")
    for status in ("403 Forbidden", "404 Not Found", "410 Gone", "451 No", "302 Found"):

        def answer(asked: Asked, status: str = status) -> Any:
            if "orders" in asked.path:
                return Raw(response(b'{"error": "no"}', status), "keep")
            return {"data": [{"id": status}]}

        with rude_server(answer) as api:
            platform.reads(api.url)
            tried()
            with pytest.raises(errors.IngestError, match=status[:3]):
                platform.load("orders")
            platform.load("webhooks")
        assert loaded_orders(platform) == ALL_ORDERS
    webhooks = "select count(*) from roster_data.webhooks where not is_deleted"
    assert platform.query(webhooks) == [(5,)]
