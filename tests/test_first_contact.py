"""Servers that are not the sandbox: a load is complete, or red and deletes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dlt
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse

from roster_platform.errors import (
    BadResponseError,
    ConfigurationError,
    HeldBackError,
    IncompleteReadError,
)
from roster_platform.ingest.mappings import is_enabled
from roster_platform.ingest.reading.log import Outcome
from roster_platform.ingest.reading.report import ReadReport
from roster_platform.ingest.roster import load_endpoint, roster_source
from roster_platform.ingest.roster.endpoints import ENDPOINTS
from roster_platform.ingest.roster.sent_records import CLICKS_PATH
from roster_platform.settings.platform import PlatformSettings
from roster_platform.warehouse.warehouse import Warehouse
from tests.deployment import Deployment
from tests.local_api import LocalApi, local_api

POSTS = [f"post-{number:02}" for number in range(60)]


@dataclass
class Posts:
    """A server of posts, whose habits a test changes between two reads."""

    listed: list[str] = field(default_factory=lambda: list(POSTS))
    cap: int = 25
    style: str = "page"
    base: int = 1
    says: Any = lambda start, server: {}
    selector: str = "result"
    broken: dict[str, Any] | None = None

    def __call__(self, request: Request) -> Any:
        if self.broken is not None:
            return JSONResponse(self.broken)
        query = request.query_params
        size = min(self.cap, int(query.get("pageSize", self.cap)))
        start = {
            "page": max(0, int(query.get("page", self.base)) - self.base) * size,
            "offset": int(query.get("offset", 0)),
            "cursor": int(query.get("cursor", 0)),
            "none": 0,
        }[self.style]
        listed = self.listed[start : start + size]
        records: Any = [self.record(name) for name in listed]
        for key in reversed(self.selector.split(".")):
            records = {key: records}
        return {**records, **self.says(start, self)}

    @staticmethod
    def record(name: str) -> dict[str, Any]:
        return {"id": name}

    def more(self, start: int) -> bool:
        return start + self.cap < len(self.listed)


class Platform:
    """A warehouse of the test's own, loading posts from that server."""

    def __init__(self, folder: Path, api: LocalApi) -> None:
        self.folder = folder
        self.api = api
        self.warehouse = Warehouse(PlatformSettings(data_dir=str(folder)))

    def load(self, **options: bool) -> ReadReport:
        with load_endpoint("posts", warehouse=self.warehouse, **options) as loaded:
            return loaded.report

    def rows(self, sql: str, table: str) -> list[Any]:
        with self.warehouse.pipeline("look", "roster_data") as run:
            return list(run.query(sql, table))

    def living(self) -> list[str]:
        sql = "select id from {table} where not is_deleted order by id"
        return [name for (name,) in self.rows(sql, "posts")]

    def log(self) -> list[tuple[str, str]]:
        sql = "select outcome, proof from {table} order by read_at"
        return [tuple(row) for row in self.rows(sql, "_reads")]

    def maps(self, text: str) -> None:
        (self.folder / "mappings").mkdir(exist_ok=True)
        (self.folder / "mappings" / "roster.yaml").write_text(text)


@pytest.fixture
def posts() -> Posts:
    return Posts()


@pytest.fixture
def platform(posts: Posts, tmp_path: Path, monkeypatch) -> Iterator[Platform]:
    with local_api(posts) as api:
        for name, value in {
            "SOURCES__ROSTER_SOURCE__BASE_URL": api.url,
            "SOURCES__ROSTER_SOURCE__ACCESS_TOKEN": "token",
            "SOURCES__ROSTER_SOURCE__MAX_ATTEMPTS": "1",
            "ROSTER_PLATFORM__MAPPINGS_DIR": str(tmp_path / "mappings"),
            "DLT_DATA_DIR": str(tmp_path / "dlt"),
        }.items():
            monkeypatch.setenv(name, value)
        yield Platform(tmp_path, api)


def test_a_server_that_caps_its_pages_and_announces_nothing(posts, platform) -> None:
    report = platform.load()
    assert platform.living() == POSTS
    assert (report.outcome, report.announced) == (Outcome.COMPLETE, None)
    # One after the last page, and page 0 once: the next read knows that it is not there.
    assert [query["page"] for _, query in platform.api.requests] == list("12340")

    # The cap falls between two reads: what lives is not marked as deleted.
    platform.api.requests.clear()
    posts.cap = 10
    assert platform.load().deleted == 0
    assert platform.living() == POSTS
    assert [query["page"] for _, query in platform.api.requests] == list("1234567")


def test_pages_that_are_counted_from_0(posts, platform, monkeypatch) -> None:
    """Neither the first read nor one that stops early misses the records of page 0."""
    posts.base = 0
    monkeypatch.setattr(
        *(Posts, "record"),
        staticmethod(
            lambda name: {"id": name, "createdAt": f"2026-01-01T00:{name[-2:]}:00Z"}
        ),
    )
    monkeypatch.setenv(
        "SOURCES__ROSTER_SOURCE__ENDPOINTS", '{"posts": {"newest_first": true}}'
    )
    posts.listed = POSTS[:55][::-1]
    assert platform.load().outcome is Outcome.COMPLETE
    assert platform.living() == POSTS[:55]

    platform.api.requests.clear()
    posts.listed = POSTS[::-1]
    assert platform.load().outcome is Outcome.PARTIAL
    assert platform.living() == POSTS
    assert [query["page"] for _, query in platform.api.requests] == list("01")

    # A full read trusts nothing that an earlier one found.
    platform.api.requests.clear()
    posts.base = 1
    assert platform.load(full_read=True).outcome is Outcome.COMPLETE
    assert [query["page"] for _, query in platform.api.requests] == list("12340")
    assert platform.living() == POSTS


@pytest.mark.parametrize("base", [0, 1])
def test_the_first_list_of_many_says_which_page_is_first(
    base, tmp_path, monkeypatch
) -> None:
    rules = [f"rule-{number}" for number in range(4)]

    def answer(request: Request) -> Any:
        page = max(0, int(request.query_params["page"]) - base)
        rule = request.url.path.split("/")[-2]
        return {
            "data": [{"id": f"{rule}-{n}", "code": f"{n}"} for n in range(3)][
                3 * page :
            ]
        }

    with local_api(answer) as api:
        for name, value in {
            "SOURCES__ROSTER_SOURCE__BASE_URL": api.url,
            "SOURCES__ROSTER_SOURCE__ACCESS_TOKEN": "token",
            "SOURCES__ROSTER_SOURCE__DISCOUNT_RULE_IDS": json.dumps(rules),
            "DLT_DATA_DIR": str(tmp_path / "dlt"),
        }.items():
            monkeypatch.setenv(name, value)
        warehouse = Warehouse(PlatformSettings(data_dir=str(tmp_path)))
        with load_endpoint("discount_codes_by_rule", warehouse=warehouse) as loaded:
            assert loaded.report.outcome is Outcome.COMPLETE
            assert loaded.report.rows == 3 * len(rules)
    looks = [path for path, query in api.requests if query["page"] == "0"]
    assert len(looks) == (1 if base else len(rules))


@pytest.mark.parametrize(
    "says",
    [
        lambda start, server: {"total": 60},
        lambda start, server: {"meta": {"total_items": "60"}},
        lambda start, server: {"links": {"next": "/v2/elsewhere?after=25"}},
        lambda start, server: {"next_page_token": 25},
        lambda start, server: {"weiter": True},
    ],
    ids=["total", "total in meta", "link", "cursor as a number", "unknown words"],
)
def test_a_server_that_goes_on_in_a_way_it_does_not_announce(
    says, posts, platform
) -> None:
    platform.load()
    posts.style, posts.says = "none", says
    report = platform.load(full_read=True)
    assert report.outcome is Outcome.INCOMPLETE
    assert "posts" in report.proof
    assert str(platform.folder / "mappings" / "roster.yaml") in report.proof
    assert report.deleted == 0
    assert platform.living() == POSTS
    assert [outcome for outcome, _ in platform.log()] == ["complete", "incomplete"]


@pytest.mark.parametrize(
    ("habits", "paginator"),
    [
        ({"style": "offset"}, "{type: offset, limit: 25}"),
        (
            {
                "style": "cursor",
                "says": lambda start, server: {
                    "da": {"lang": start + 25 if server.more(start) else None}
                },
            },
            "{type: cursor, cursor_path: da.lang, cursor_param: cursor}",
        ),
        (
            {"says": lambda start, server: {"seiten": -(-60 // server.cap)}},
            "{type: page_number, total_path: seiten}",
        ),
    ],
    ids=["offset", "cursor", "pages"],
)
def test_a_user_declares_what_is_not_recognised(
    habits, paginator, posts, platform
) -> None:
    for name, value in habits.items():
        setattr(posts, name, value)
    platform.maps(
        f"resources:\n  - name: posts\n    endpoint:\n      paginator: {paginator}\n"
    )
    assert platform.load().outcome is Outcome.COMPLETE
    assert platform.living() == POSTS


def test_a_user_declares_path_selector_and_params(posts, platform) -> None:
    posts.selector = "payload.rows"
    with pytest.raises(BadResponseError, match=r"'payload\.rows' \(25\).*roster\.yaml"):
        platform.load()
    assert [outcome for outcome, _ in platform.log()] == ["failed"]
    platform.maps(
        "resource_defaults: {endpoint: {data_selector: payload.rows}}\n"
        "resources: [{name: posts, endpoint: {path: v3/wall, params: {lang: en}}}]\n"
    )
    platform.load()
    path, query = platform.api.requests[-1]
    assert (path, query["lang"]) == ("/v3/wall", "en")
    assert platform.living() == POSTS


@pytest.mark.parametrize("before", [60, 3, 1])
def test_a_drop_waits_for_a_second_read_that_agrees(before, posts, platform) -> None:
    posts.listed = POSTS[:before]
    platform.load()
    posts.listed = POSTS[: before // 3]
    with pytest.raises(HeldBackError, match=r"second complete read"):
        platform.load()
    assert platform.living() == POSTS[:before]
    report = platform.load()
    assert "Two complete reads agree" in report.warnings[0]
    assert platform.living() == posts.listed
    outcomes = [outcome for outcome, _ in platform.log()]
    assert outcomes == ["complete", "rejected", "complete"]


def test_a_drop_is_not_confirmed_by_a_read_that_found_more(posts, platform) -> None:
    platform.load()
    posts.listed = POSTS[:20]
    with pytest.raises(HeldBackError):
        platform.load()
    posts.listed = POSTS[:5]
    with pytest.raises(HeldBackError):
        platform.load()
    posts.listed = list(POSTS)
    assert platform.load().deleted == 0
    assert platform.living() == POSTS


def test_an_error_beside_an_empty_list_deletes_nothing(posts, platform) -> None:
    posts.listed = POSTS[:5]
    platform.load()
    posts.broken = {
        "success": False,
        "error": {"code": "UPSTREAM_TIMEOUT"},
        "result": [],
        "pagination": {"totalCount": 0},
    }
    for _ in range(2):
        with pytest.raises(BadResponseError, match="UPSTREAM_TIMEOUT|success"):
            platform.load(full_read=True)
    assert platform.living() == POSTS[:5]
    last_outcome, proof = platform.log()[-1]
    assert last_outcome == "failed"
    assert "run again later" in proof


def test_a_plain_pipeline_raises_once_the_rows_have_landed(posts, platform) -> None:
    posts.style, posts.says = "none", lambda start, server: {"hasMore": True}
    pipeline = dlt.pipeline(
        "plain",
        destination=dlt.destinations.duckdb(str(platform.folder / "plain.duckdb")),
        dataset_name="roster_data",
    )
    with pytest.raises(IncompleteReadError, match="posts: .*page 2 is the same"):
        pipeline.run(roster_source("posts"))
    with pipeline.sql_client() as client:
        assert client.execute_sql("select count(*) from posts") == [(25,)]
    posts.style, posts.says = "page", lambda start, server: {}
    pipeline.run(roster_source("posts"))


def test_the_command_exits_with_1_and_names_the_setting(posts, platform) -> None:
    posts.style, posts.says = "none", lambda start, server: {"total": 60}
    deployment = Deployment(platform.folder / "deployed", {})
    done = deployment.run("roster_platform.ingest", "roster", "posts", "--full-read")
    assert done.returncode == 1
    assert "posts: the read is incomplete" in done.stdout
    assert "roster.yaml" in done.stdout
    assert deployment.value("select count(*) from roster_data.posts") == 25


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("resources: [{name: oders}]", "no resource 'oders'. Did you mean 'orders'"),
        ("resource: []", "no key in the file, 'resource'. Did you mean 'resources'"),
        ("resources: {orders: {}}", "resources must be a list"),
        ("resources:\n  - name: posts\n   x", "line 3, column 4"),
        (
            "resources: [{name: posts, endpoint: {paginator: {type: ofset}}}]",
            "There is no paginator 'ofset'",
        ),
        (
            "resources: [{name: posts, endpoint: {paginator: "
            "{type: offset, has_more: x}}}]",
            "The paginator 'offset' has no 'has_more'",
        ),
        ("enabled: maybe", "enabled of the file must be true or false"),
        (
            "resources: [{name: posts, columns: {autor: {x-from: a}}}]",
            "no field of posts, 'autor'. Did you mean 'authorId'",
        ),
        (
            "resources: [{name: posts, columns: {body: {x-form: a}}}]",
            "Did you mean 'x-from'",
        ),
        (
            "resources: [{name: posts, columns: {body: {x-from: ['texts[*].de']}}}]",
            "x-from of 'posts.body' has 'texts[*].de'",
        ),
        (
            "resources: [{name: posts, columns: {body: {x-from: 5}}}]",
            "x-from of 'posts.body' must be a list",
        ),
        (
            "resources: [{name: orders, nested_hints: {lines: {x-from: items}}}]",
            "no field of orders, 'lines'. Did you mean 'lineItems'",
        ),
    ],
)
def test_a_mistake_in_a_mapping_is_named_with_its_file(text, said, platform) -> None:
    platform.maps(text)
    with pytest.raises(ConfigurationError) as raised:
        platform.load()
    assert said in str(raised.value)
    assert "roster.yaml" in str(raised.value)
    assert platform.api.requests == []


def test_a_resource_or_an_api_is_switched_off_in_the_mapping(platform) -> None:
    assert is_enabled("roster", "posts")
    platform.maps("resources: [{name: posts, enabled: false}]")
    assert not is_enabled("roster", "posts")
    assert is_enabled("roster", "orders")
    platform.maps("enabled: false")
    assert not is_enabled("roster", "orders")


def test_paths_and_selectors_are_those_of_the_documentation() -> None:
    """Written out, because the sandbox takes its routes from the same catalogue."""
    assert {(e.name, e.path, e.data_selector) for e in ENDPOINTS if e.path} == {
        ("programs", "v2/programs", "result"),
        ("channels", "v2/community/channels", "result"),
        ("posts", "v2/community/posts", "result"),
        ("comments", "v2/community/comments", "result"),
        ("likes", "v2/community/likes", "result"),
        ("campaigns", "v2/campaigns", "data"),
        ("orders", "v2/orders", "data"),
        ("discount_codes_lookup", "v2/discount-codes/lookup", "data"),
        (
            "discount_codes_by_rule",
            "v2/discount-rules/{discountRuleId}/discount-codes",
            "data",
        ),
        ("events", "v2/events", "data"),
        ("webhooks", "v2/webhooks", "data"),
    }
    assert CLICKS_PATH == "v2/public/clicks"


def test_a_user_declares_under_which_names_fields_come(
    posts, platform, monkeypatch
) -> None:
    """The order field comes as a number, which decides where a read may stop."""
    first_second = 1_767_225_600

    def record(name: str) -> dict[str, Any]:
        number = int(name.removeprefix("post-"))
        return {
            "Post-Id": number,
            "channel": {"id": f"c{number % 3}"},
            "author": {"key": 7.0, "DisplayName": "Ada"},
            "text": f"Text {number}",
            "views": str(number),
            "created": {"epoch": first_second + 60 * number},
        }

    monkeypatch.setattr(Posts, "record", staticmethod(record))
    posts.listed = POSTS[::-1]
    platform.maps(
        "resources:\n"
        "  - name: posts\n"
        "    columns:\n"
        "      id: {x-from: post_id}\n"
        "      channelId: {x-from: [channelKey, channel.id]}\n"
        "      authorId: {x-from: author.key}\n"
        "      authorName: {x-from: author.displayName}\n"
        "      body: {x-from: text}\n"
        "      reach: {x-from: views}\n"
        "      createdAt: {x-from: created.epoch}\n"
    )
    monkeypatch.setenv(
        "SOURCES__ROSTER_SOURCE__ENDPOINTS", '{"posts": {"newest_first": true}}'
    )
    report = platform.load(full_read=True)
    assert report.outcome is Outcome.COMPLETE
    assert [(drift.field, drift.severity) for drift in report.drifts] == [
        ("updatedAt", "warning")
    ]
    assert report.sources["posts"] == {
        "id": "Post-Id",
        "channelId": "channel.id",
        "authorId": "author.key",
        "authorName": "author.DisplayName",
        "body": "text",
        "reach": "views",
        "createdAt": "created.epoch",
    }
    columns = "id, channel_id, author_id, author_name, body, reach, epoch(created_at)"
    rows = platform.rows(f"select {columns} from {{table}} order by reach", "posts")
    assert rows == [
        (f"{n}", f"c{n % 3}", "7", "Ada", f"Text {n}", n, first_second + 60 * n)
        for n in range(60)
    ]
    asked = len(platform.api.requests)
    posts.listed = ["post-60", *posts.listed]
    assert platform.load().outcome is Outcome.PARTIAL
    # The first two pages: the second is the first that is known entirely.
    assert len(platform.api.requests) - asked <= 3
    assert platform.rows("select count(*) from {table}", "posts") == [(61,)]


def test_another_mapping_makes_another_version_of_the_data(
    posts, platform, monkeypatch
) -> None:
    monkeypatch.setattr(
        Posts,
        "record",
        staticmethod(lambda name: {"id": name, "wall": "w", "cid": "c"}),
    )
    before = platform.load().data_version
    assert platform.load().data_version == before
    platform.maps("resources: [{name: posts, columns: {channelId: {x-from: cid}}}]")
    report = platform.load()
    assert report.data_version != before
    # It is not lost: it is the channel now.
    assert {
        drift.field for drift in report.drifts if "no longer" in drift.problem
    } == set()
    assert platform.rows("select distinct channel_id from {table}", "posts") == [("c",)]
