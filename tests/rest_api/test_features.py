"""What a declaration does with records: incremental, parents, hooks, steps, merges."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import dlt
from starlette.responses import JSONResponse, PlainTextResponse

from roster_platform.rest_api import rest_api_source
from tests.local_api import local_api
from tests.rest_api.apis import generic
from tests.rest_api.compared import same_rows, same_tables, theirs

# What is declared, and which params the first and the second run then ask with.
_CURSORS: dict[str, tuple[dict[str, Any], dict[str, Any], list[dict[str, str]]]] = {
    "start": (
        {"initial_value": "2024-01-05", "start_param": "since"},
        {},
        [{"since": "2024-01-05"}, {"since": "2024-01-12"}],
    ),
    "placeholder": (
        {"initial_value": "2024-01-05"},
        {"since": "{incremental.start_value}"},
        [{"since": "2024-01-05"}, {"since": "2024-01-12"}],
    ),
    "range": (
        {
            "initial_value": "2024-01-03",
            "end_value": "2024-01-09",
            "start_param": "since",
            "end_param": "until",
        },
        {},
        [{"since": "2024-01-03", "until": "2024-01-09"}] * 2,
    ),
    "lag": (
        {"initial_value": "2024-01-05", "start_param": "since", "lag": 2},
        {},
        [{"since": "2024-01-05"}, {"since": "2024-01-10"}],
    ),
    "convert": (
        {
            "initial_value": "2024-01-05T00:00",
            "start_param": "since",
            "convert": lambda value: value[:10],
        },
        {},
        [{"since": "2024-01-05"}, {"since": "2024-01-12"}],
    ),
    "max": (
        {"cursor_path": "rank", "initial_value": 3, "last_value_func": max},
        {},
        [{}, {}],
    ),
    "own_function": (
        {"cursor_path": "rank", "last_value_func": lambda values: min(values)},
        {},
        [{}, {}],
    ),
}


def _incremental(url: str) -> dict[str, Any]:
    return {
        "client": {"base_url": url, "paginator": {"type": "offset", "limit": 10}},
        "resource_defaults": {"primary_key": "id", "write_disposition": "append"},
        "resources": [
            {
                "name": kind,
                "endpoint": {
                    "path": f"offset/{kind}",
                    "data_selector": "data",
                    "params": dict(params),
                    "incremental": {"cursor_path": "updated", **cursor},
                },
            }
            for kind, (cursor, params, _) in _CURSORS.items()
        ],
    }


def test_incremental_and_its_second_run(tmp_path: Path):
    """Only extracted: what dlt's state says then decides what is asked the next time."""
    with local_api(generic) as api:
        found = []
        for make in (rest_api_source, theirs):
            pipeline = dlt.pipeline(
                f"incremental_{make.__name__}",
                pipelines_dir=str(tmp_path),
                destination=dlt.destinations.dummy(completed_prob=1.0),
                dataset_name="raw",
            )
            runs = []
            for _ in range(2):
                before = len(api.requests)
                source = make(_incremental(api.url))
                info = pipeline.extract(source)
                metrics = info.metrics[info.loads_ids[-1]][0]
                counts = {
                    name: measured.items_count
                    for name, measured in metrics["resource_metrics"].items()
                }
                sent = sorted(
                    [path, sorted(query.items())]
                    for path, query in api.requests[before:]
                )
                # A range that has an end keeps nothing.
                runs.append((counts, pipeline.state["sources"], sent))
            pipeline.drop()
            found.append(json.loads(json.dumps(runs, default=str)))
    assert found[0] == found[1]
    for run, (counts, _, sent) in enumerate(found[0]):
        for kind, (*_, asked) in _CURSORS.items():
            first = next(dict(query) for path, query in sent if path.endswith(kind))
            limits = {name: first[name] for name in ("since", "until") if name in first}
            assert limits == asked[run], kind
        # What was read the first time is not new the second time.
        assert counts["start"] == (32, 0)[run]
        assert counts["range"] == 24


def _family(request) -> Any:
    """Groups, their teams, their people; a person's page; the year as a parameter."""
    parts = request.url.path.strip("/").split("/")
    if parts == ["groups"]:
        return {"groups": [{"id": n, "key": {"code": f"g/{n}"}} for n in range(12)]}
    number = int(parts[1]) if parts[1].isdigit() else 0
    if parts[-1] == "teams":
        return [{"id": number * 10 + n, "name": f"team {n}"} for n in range(number % 3)]
    if parts[-1] == "people":
        year = request.query_params.get("year")
        return [{"id": number * 10 + n, "year": year} for n in range(2)]
    if parts[0] == "profile":
        return {"id": number, "code": request.headers.get("x-code")}
    return JSONResponse({"message": "gone"}, 404)


def test_dependent_resources():
    with local_api(_family) as api:
        found = same_rows(
            lambda: {
                "client": {"base_url": api.url, "paginator": "single_page"},
                "resources": [
                    {
                        "name": "people",
                        "endpoint": {
                            "path": "teams/{resources.teams.id}/people",
                            "params": {"year": "{resources.teams.name}"},
                        },
                        "include_from_parent": ["id", "name", "_groups_id"],
                    },
                    {"name": "groups", "endpoint": {"path": "groups"}},
                    {
                        "name": "teams",
                        "endpoint": {
                            "path": "groups/{group}/teams",
                            "params": {
                                "group": {
                                    "type": "resolve",
                                    "resource": "groups",
                                    "field": "id",
                                }
                            },
                        },
                        "include_from_parent": ["id"],
                    },
                    {
                        "name": "profiles",
                        "endpoint": {
                            "path": "profile/{groups.id}",
                            "headers": {"X-Code": "{groups.key.code}"},
                        },
                    },
                    {
                        "name": "missing",
                        "endpoint": {
                            "path": "missing/{groups.id}/x",
                            "response_actions": [
                                {"status_code": 404, "action": "ignore"}
                            ],
                        },
                    },
                ],
            }
        )
    assert len(found["teams"]) == 12
    assert len(found["people"]) == 24
    assert found["people"][0]["_teams__groups_id"] in range(12)
    assert {row["code"] for row in found["profiles"]} == {f"g/{n}" for n in range(12)}
    assert found["missing"] == []


def test_response_actions():
    def handler(request):
        name = request.url.path.strip("/")
        if name == "text":
            return PlainTextResponse("id,name\n1,Ann\n2,Bob\n")
        if name == "failing":
            return JSONResponse({"message": "not yet"}, 503)
        if name == "said":
            return JSONResponse({"note": "Nothing here"}, 400)
        return [{"id": 1, "email": "ann@example.org"}]

    def to_json(response, *args, **kwargs):
        _, *lines = response.text.splitlines()
        found = [
            dict(zip(("id", "name"), line.split(","), strict=True)) for line in lines
        ]
        response._content = json.dumps(found).encode()
        return response

    def without_email(response, *args, **kwargs):
        found = response.json()
        for record in found:
            record.pop("email", None)
        response._content = json.dumps(found).encode()
        return response

    ignored = {"action": "ignore"}
    actions: dict[str, list[Any]] = {
        "text": [to_json],
        "failing": [{"status_code": 503, **ignored}],
        "said": [{"content": "Nothing here", **ignored}],
        "plain": [{"status_code": 200, "action": without_email}],
    }
    with local_api(handler) as api:
        found = same_rows(
            lambda: {
                "client": {"base_url": api.url, "paginator": "single_page"},
                "resources": [
                    {
                        "name": name,
                        "endpoint": {"path": name, "response_actions": action},
                    }
                    for name, action in actions.items()
                ],
            }
        )
    assert found == {
        "text": [{"id": "1", "name": "Ann"}, {"id": "2", "name": "Bob"}],
        "failing": [],
        "said": [],
        "plain": [{"id": 1}],
    }


def test_processing_steps_on_pages_that_were_sent_for_ahead():
    with local_api(generic) as api:
        found = same_rows(
            lambda: {
                "client": {"base_url": api.url},
                "resources": [
                    {
                        "name": "items",
                        "endpoint": {
                            "path": "offset/items",
                            "data_selector": "data",
                            "paginator": {"type": "offset", "limit": 10},
                        },
                        "processing_steps": [
                            {"filter": lambda item: item["id"] % 2},
                            {"map": lambda item: {**item, "half": item["id"] // 2}},
                            {"yield_map": lambda item: [item, {"id": -item["id"]}]},
                        ],
                    }
                ],
            }
        )
    assert len(found["items"]) == 48


def test_write_dispositions(tmp_path: Path):
    versions = [
        [
            {"id": 1, "name": "a", "tags": ["x", "y"]},
            {"id": 2, "name": "b", "tags": []},
        ],
        [{"id": 1, "name": "c", "tags": ["z"]}, {"id": 3, "name": "d", "tags": []}],
    ]
    current: list[Any] = []

    def config() -> dict[str, Any]:
        return {
            "client": {"base_url": api.url, "paginator": "single_page"},
            "resource_defaults": {"primary_key": "id"},
            "resources": [
                {"name": "appended", "write_disposition": "append"},
                {"name": "replaced", "write_disposition": "replace"},
                {"name": "merged", "write_disposition": "merge"},
                {
                    "name": "versioned",
                    "write_disposition": {"disposition": "merge", "strategy": "scd2"},
                },
            ],
        }

    def handler(request):
        if request.url.path == "/merged":
            return current
        return [{"id": row["id"], "name": row["name"]} for row in current]

    with local_api(handler) as api:

        def at(version: int):
            def make() -> dict[str, Any]:
                current[:] = json.loads(json.dumps(versions[version]))
                return config()

            return make

        tables = same_tables(tmp_path, at(0), at(1))
    assert {name: len(found) for name, found in tables.items() if "__" not in name} == {
        "appended": 4,
        "replaced": 2,
        "merged": 3,
        "versioned": 4,
    }
