"""Every snippet of dlt's page on ``rest_api``, as written there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dlt
import pytest
from dlt.sources.helpers.rest_client import RESTClient
from dlt.sources.helpers.rest_client.auth import BearerTokenAuth
from dlt.sources.helpers.rest_client.paginators import JSONResponsePaginator

from roster_platform.errors import IncompleteReadError
from roster_platform.rest_api import rest_api_source
from roster_platform.rest_api.reads import engine_of, reads_of
from tests.local_api import local_api
from tests.rest_api.apis import ISSUES, POKEMON, TOKEN, GitHub, pokeapi
from tests.rest_api.compared import ordered, rows, same_rows, same_tables


def test_the_quick_start():
    with local_api(pokeapi) as api:
        found = same_rows(
            lambda: {
                "client": {"base_url": f"{api.url}/api/v2/"},
                "resources": [
                    {
                        "name": "pokemon",
                        "endpoint": {"path": "pokemon", "params": {"limit": 100}},
                    },
                ],
            },
        )
    assert found["pokemon"] == ordered(POKEMON)


def _github(url: str) -> dict[str, Any]:
    """The complete example."""
    return {
        "client": {
            "base_url": f"{url}/repos/dlt-hub/dlt/",
            "auth": {
                "token": dlt.secrets["github_token"],
            },
        },
        "resource_defaults": {
            "primary_key": "id",
            "write_disposition": "merge",
            "endpoint": {
                "params": {
                    "per_page": 20,
                },
            },
        },
        "resources": [
            {
                "name": "issues",
                "endpoint": {
                    "path": "issues",
                    "params": {
                        "state": "all",
                        "sort": "updated",
                        "direction": "desc",
                        "since": {
                            "type": "incremental",
                            "cursor_path": "updated_at",
                            "initial_value": "2024-01-01T00:00:00Z",
                        },
                    },
                },
            },
            {
                "name": "issue_comments",
                "endpoint": {
                    "path": "issues/{issues.number}/comments",
                    "params": {
                        "per_page": 100,
                    },
                },
                "include_from_parent": ["id"],
            },
            {
                "name": "pulls",
                "endpoint": {
                    "path": "pulls",
                    "params": {
                        "state": "all",
                    },
                },
            },
        ],
    }


def test_the_complete_example_and_its_second_run(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    github = GitHub()
    with local_api(github) as api:

        def later() -> dict[str, Any]:
            github.issues[7] |= {
                "title": "Edited",
                "updated_at": "2024-12-30T00:00:00Z",
            }
            return _github(api.url)

        source = rest_api_source(_github(api.url))
        assert len(list(source)) == 61 + sum(n["number"] % 3 for n in ISSUES)
        requests = len(api.requests)
        tables = same_tables(tmp_path, lambda: _github(api.url), later)
    assert len(tables["issues"]) == 51
    assert "Edited" in {row["title"] for row in tables["issues"]}
    assert {row["_issues_id"] for row in tables["issue_comments"]} < {
        issue["id"] for issue in ISSUES
    }
    assert len(tables["pulls"]) == 10
    # No request more than dlt makes: 3 pages of issues, and one for each issue's comments.
    assert requests == 3 + 51 + 1
    reads = reads_of(source)
    assert reads["issues"].ahead == 2
    assert reads["issue_comments"].ahead >= 40
    assert engine_of(source.resources["issues"])[0] == "fast"


def test_dependent_resources_as_written():
    def handler(request):
        if request.url.path == "/users":
            return [{"id": n, "name": f"user {n}"} for n in range(30)]
        user = int(request.url.path.split("/")[2])
        return [{"id": user * 10 + n, "title": "Post"} for n in range(user % 3)]

    with local_api(handler) as api:
        found = same_rows(
            lambda: {
                "client": {"base_url": api.url},
                "resources": [
                    {"name": "users", "endpoint": {"path": "users"}},
                    {
                        "name": "user_posts",
                        "endpoint": {"path": "users/{users.id}/posts"},
                    },
                ],
            }
        )
    assert len(found["user_posts"]) == 30


def _three_pages(request) -> dict[str, Any]:
    """``{results, pagination: {next}, next_page}``: three pages of three rows."""
    page = int(request.query_params.get("page", 1))
    host = f"http://{request.headers['host']}{request.url.path}"
    following = f"{host}?page={page + 1}" if page < 3 else None
    found = [{"id": page * 10 + n} for n in range(3)]
    body: dict[str, Any] = {"results": found}
    if request.url.path == "/nested":
        return body | {"pagination": {"next": following}}
    return body | {"next_page": following}


def test_json_link_paginators():
    with local_api(_three_pages) as api:

        def config(path: str, paginator: Any) -> dict[str, Any]:
            return {
                "client": {"base_url": api.url, "paginator": paginator},
                "resources": [path],
            }

        nested = {"type": "json_link", "next_url_path": "pagination.next"}
        assert len(same_rows(lambda: config("nested", nested))["nested"]) == 9
        named = {"type": "json_link", "next_url_path": "next_page"}
        assert len(same_rows(lambda: config("data", named))["data"]) == 9
        # dlt reads three rows of nine here, and says nothing.
        with pytest.raises(Exception, match=r"not complete.*next_page.*next_url_path"):
            rows(config("data", "json_link"))


def test_an_incomplete_read_loads_nothing_that_could_be_lost(tmp_path: Path):
    def load(disposition: str) -> Any:
        pipeline = dlt.pipeline(
            f"incomplete_{disposition}",
            pipelines_dir=str(tmp_path / "dlt"),
            destination=dlt.destinations.duckdb(
                str(tmp_path / f"{disposition}.duckdb")
            ),
            dataset_name="raw",
        )
        config = {
            "client": {"base_url": api.url, "paginator": "json_link"},
            "resource_defaults": {
                "primary_key": "id",
                "write_disposition": disposition,
            },
            "resources": ["data"],
        }
        with pytest.raises(Exception, match="not complete") as failure:
            pipeline.run(rest_api_source(config))
        causes = [failure.value]
        while causes[-1].__cause__ or causes[-1].__context__:
            causes.append(causes[-1].__cause__ or causes[-1].__context__)
        assert any(isinstance(error, IncompleteReadError) for error in causes)
        with pipeline.sql_client() as client:
            if not client.has_dataset():
                return 0
            return client.execute_sql("select count(*) from raw.data")[0][0]

    with local_api(_three_pages) as api:
        # Merged rows do no harm; a table that is replaced would lose the others.
        assert load("merge") == 3
        assert load("replace") == 0


def test_selectors_headers_posts_and_steps():
    def handler(request):
        if request.url.path == "/search/repositories":
            return {"items": [{"id": 1, "q": request.query_params["q"]}], "total": 1}
        if request.url.path == "/nested":
            return {"results": {"items": [{"id": 1}, {"id": 2}]}}
        if request.url.path == "/data":
            return [
                {
                    "custom": request.headers["x-custom-header"],
                    "accept": request.headers["accept"],
                }
            ]
        if request.url.path == "/search":
            return {
                "items": [{"method": request.method, "sent": api.bodies[-1].decode()}]
            }
        return [{"id": 1, "active": True}, {"id": 2, "active": False}]

    with local_api(handler) as api:

        def config() -> dict[str, Any]:
            return {
                "client": {"base_url": api.url, "paginator": "single_page"},
                "resources": [
                    {
                        "name": "repositories",
                        "endpoint": {
                            "path": "search/repositories",
                            "params": {"q": "dlt"},
                            "data_selector": "items",
                        },
                    },
                    {
                        "name": "nested",
                        "endpoint": {
                            "path": "nested",
                            "data_selector": "results.items",
                        },
                    },
                    {
                        "name": "headers",
                        "endpoint": {
                            "path": "data",
                            "headers": {
                                "X-Custom-Header": "value",
                                "Accept": "application/vnd.github.v3+json",
                            },
                        },
                    },
                    {
                        "name": "posted",
                        "endpoint": {
                            "path": "search",
                            "method": "POST",
                            "json": {
                                "query": "dlt",
                                "filters": {"language": "python"},
                            },
                        },
                    },
                    {
                        "name": "users",
                        "endpoint": {"path": "users"},
                        "processing_steps": [
                            {"filter": lambda item: item["active"] is True},
                            {"map": lambda item: {**item, "processed": True}},
                        ],
                    },
                ],
            }

        found = same_rows(config)
    assert found["repositories"] == [{"id": 1, "q": "dlt"}]
    assert found["nested"] == [{"id": 1}, {"id": 2}]
    assert found["headers"] == [
        {"custom": "value", "accept": "application/vnd.github.v3+json"}
    ]
    assert found["posted"][0]["method"] == "POST"
    assert '"language": "python"' in found["posted"][0]["sent"]
    assert found["users"] == [{"id": 1, "active": True, "processed": True}]


def test_the_client_directly():
    with local_api(_three_pages) as api:

        @dlt.resource
        def fetch_api_data():
            client = RESTClient(base_url=api.url, auth=BearerTokenAuth(token=TOKEN))
            with pytest.warns(DeprecationWarning, match="JSONLinkPaginator"):
                paginator = JSONResponsePaginator(next_url_path="next_page")
            yield from client.paginate("/data", paginator=paginator)

        # A resource of one's own is read with the declared ones.
        source = rest_api_source(
            {"client": {"base_url": api.url}, "resources": [fetch_api_data()]}
        )
        assert len(ordered(list(source))) == 9
