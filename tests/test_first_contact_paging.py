"""Every way to page and to refuse that first contact met, one per endpoint, to the marts.

What is read to its end is right in the marts. What is not makes the command fail with the
setting that helps, deletes nothing, and stays unknown in the marts, with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse

from tests.test_first_contact_marts import (
    AMOUNTS,
    FACTS,
    TRUTH,
    Platform,
    Record,
    day,
    first_contact,
)

SIZE = 2


def named(kind: str, number: int, **fields: Any) -> Record:
    times = {"createdAt": day(number), "updatedAt": day(number)}
    return {"id": f"{kind}{number}", **times, **fields}


def of_post(kind: str) -> list[Record]:
    return [
        named(kind, n, postId=f"post{n % 3}", authorId="ann", authorName="", body="")
        for n in range(5)
    ]


RECORDS: Mapping[str, Sequence[Record]] = {
    **{path.removeprefix("/v2/"): records for path, records in FACTS.items()},
    "programs": [named("program", n, name=f"P{n}") for n in range(5)],
    "campaigns": [
        named("campaign", n, name=f"C{n}", status="active", participants=[])
        for n in range(5)
    ],
    "community/channels": [named("channel", n, name=f"#{n}") for n in range(5)],
    "community/posts": [
        named("post", n, channelId="channel1", authorId="bob", reach=10, body="")
        for n in range(3)
    ],
    "community/comments": of_post("comment"),
    "community/likes": of_post("like"),
    "webhooks": [named("webhook", n) for n in range(5)],
}


def offsets(query: Mapping[str, str], records: Sequence[Record]) -> Any:
    """By offset and limit alone, which it repeats."""
    start, limit = int(query.get("offset", 0)), min(SIZE, int(query.get("limit", SIZE)))
    paging = {"offset": start, "limit": limit}
    return {"data": records[start:][:limit], "paging": paging}


def number_cursor(query: Mapping[str, str], records: Sequence[Record]) -> Any:
    start = int(query.get("cursor", 0))
    following = start + SIZE if start + SIZE < len(records) else None
    return {"data": records[start:][:SIZE], "meta": {"next_cursor": following}}


def from_zero(query: Mapping[str, str], records: Sequence[Record]) -> Any:
    return {"data": records[int(query.get("page", 0)) * SIZE :][:SIZE]}


def link_header(query: Mapping[str, str], records: Sequence[Record]) -> Any:
    start = int(query.get("after", 0))
    link = f'</v2/programs?after={start + SIZE}>; rel="next"'
    headers = {"Link": link} if start + SIZE < len(records) else {}
    return JSONResponse({"result": records[start:][:SIZE]}, headers=headers)


def links(query: Mapping[str, str], records: Sequence[Record]) -> Any:
    start = int(query.get("from", 0))
    is_last = start + SIZE >= len(records)
    following = None if is_last else f"/v2/campaigns?from={start + SIZE}"
    return {"data": records[start:][:SIZE], "links": {"next": following}}


def page_token(query: Mapping[str, str], records: Sequence[Record]) -> Any:
    start = int(query.get("page_token", "t0")[1:])
    rest = {} if start + SIZE >= len(records) else {"next_page_token": f"t{start + 2}"}
    return {"result": records[start:][:SIZE], **rest}


def deeper(query: Mapping[str, str], records: Sequence[Record]) -> Any:
    return {"result": {"items": records, "total": len(records)}}


def one_object(query: Mapping[str, str], records: Sequence[Record]) -> Any:
    return {"result": records[0]}


def ignored(query: Mapping[str, str], records: Sequence[Record]) -> Any:
    """One page, whatever is asked; ``meta`` says that there are more."""
    return {"result": records[:SIZE], "meta": {"total_items": str(len(records))}}


def first_numbers(query: Mapping[str, str], records: Sequence[Record]) -> Any:
    """Pages from 1, and an error for any other."""
    if (number := int(query.get("page", 1))) < 1:
        return JSONResponse({"error": "page must be 1 or more"}, 400)
    return {"result": records[(number - 1) * SIZE :][:SIZE]}


WAYS: Mapping[str, Callable[[Mapping[str, str], Sequence[Record]], Any]] = {
    "orders": offsets,
    "events": number_cursor,
    "discount-codes/lookup": from_zero,
    "programs": link_header,
    "campaigns": links,
    "community/channels": page_token,
    "community/posts": first_numbers,
    "community/comments": one_object,
    "community/likes": ignored,
    "webhooks": deeper,
}
# What the message of each endpoint that is not read to its end names.
SETTINGS = {
    "comments": "data_selector",
    "likes": "total_path",
    "webhooks": "'result.items' (5)",
}


@pytest.fixture(scope="module")
def platform(tmp_path_factory) -> Any:
    def served(request: Request) -> Any:
        path = request.url.path.removeprefix("/v2/")
        return WAYS[path](request.query_params, RECORDS[path])

    endpoints = [path.split("/")[-1] for path in WAYS]
    endpoints[2] = "discount_codes_lookup"
    folder = tmp_path_factory.mktemp("paging")
    models = ("rpt_program_daily", "rpt_engagement_monthly", "rpt_incomplete_inputs")
    models += ("rpt_campaign_funnel", "dim_programs", "dim_channels")
    models += ("rpt_data_freshness",)
    with first_contact(folder, served, endpoints, [f"+{m}" for m in models]) as made:
        yield made


def test_what_is_read_to_its_end_is_right_in_the_marts(platform: Platform) -> None:
    assert platform.orders() == TRUTH
    assert platform.total("total_revenue") == sum(AMOUNTS.values())
    query = platform.deployment.query
    for thing in ("campaign", "program", "channel"):
        sql = (
            f"select count(*) from marts.dim_{thing}s "
            f"where {thing}_name is not null and not is_placeholder"
        )
        assert query(sql) == [(5,)], thing


def test_what_is_not_is_red_and_unknown(platform: Platform) -> None:
    assert platform.returned == 1
    for endpoint, setting in SETTINGS.items():
        lines = platform.said.splitlines()
        said = [x for x in lines if x.startswith(f"{endpoint}: ") and setting in x]
        assert said, (endpoint, platform.said)
        assert "roster.yaml" in said[0]
    reasons = platform.incomplete()
    assert {"comments", "likes", "webhooks"} <= {endpoint for endpoint, _ in reasons}
    known = dict(
        platform.deployment.query(
            "select subject, row_count from marts.rpt_data_freshness"
        )
    )
    assert (known["posts"], known["comments"], known["likes"]) == (3, None, SIZE)
    # Of no campaign a participant came, and of no order a line.
    for column, table in {
        "post_count, comment_count, engagement_rate": "rpt_engagement_monthly",
        "1, added_count, completion_rate": "rpt_campaign_funnel",
        "1, line_count, item_count": "fct_orders",
    }.items():
        rows = platform.deployment.query(f"select distinct {column} from marts.{table}")
        ((count, *unknown),) = rows
        assert (count > 0, unknown) == (True, [None, None]), table
