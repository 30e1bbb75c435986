"""How reads are planned and reported; and what of dlt this rests upon."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest
from dlt.sources.helpers import rest_client
from dlt.sources.rest_api import config_setup

from roster_platform.lib import RestApiComponent
from roster_platform.lib.rest_api_component import _assets_of
from roster_platform.rest_api import rest_api_source
from roster_platform.rest_api.load import trees_of
from roster_platform.rest_api.reads import reads_of
from tests.local_api import local_api
from tests.rest_api.apis import generic


def test_names_of_dlt_that_it_does_not_promise():
    """Fails with a dlt that has renamed what ``rest_api`` calls."""
    client = rest_client.RESTClient
    assert [*inspect.signature(client._send_request).parameters][:2] == [
        "self",
        "request",
    ]
    assert {"path_or_url", "method", "auth", "hooks"} <= set(
        inspect.signature(client._create_request).parameters
    )
    assert {"params", "incremental_object", "incremental_param", "transform"} == set(
        inspect.signature(config_setup._set_incremental_params).parameters
    )
    assert {"items", "client", "parallelized", "resolved_params"} <= set(
        inspect.signature(config_setup.paginate_dependent_resource).parameters
    )
    paginator = rest_client.paginators.OffsetPaginator(limit=10)
    for name in (
        "current_value",
        "value_step",
        "base_index",
        "maximum_value",
        "total_path",
    ):
        assert hasattr(paginator, name)


def _paged(url: str) -> dict[str, Any]:
    return {
        "client": {"base_url": url},
        "resources": [
            {
                "name": "items",
                "endpoint": {
                    "path": "offset/items",
                    "data_selector": "data",
                    "paginator": {"type": "offset", "limit": 10},
                },
            }
        ],
    }


def test_nothing_is_asked_for_that_nobody_wants():
    with local_api(generic) as api:
        assert len(list(rest_api_source(_paged(api.url)).add_limit(1))) == 10
    assert len(api.requests) == 1


def test_a_wrong_guess_costs_a_request_and_no_record():
    """Links that count in one step at first, and then in another."""

    def handler(request):
        at = int(request.query_params.get("at", 0))
        following = {0: 2, 2: 4, 4: 5, 5: 6}.get(at)
        link = f"/x?at={following}" if following else None
        return {"data": [{"at": at}], "next": link, "total_pages": 5}

    with local_api(handler) as api:
        source = rest_api_source(
            {
                "client": {"base_url": api.url, "paginator": "json_link"},
                "resources": [{"name": "x", "endpoint": {"data_selector": "data"}}],
            }
        )
        assert [row["at"] for row in source] == [0, 2, 4, 5, 6]
    assert reads_of(source)["x"].requests == 5


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ROSTER_PLATFORM__DATA_DIR", str(tmp_path))
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "dlt"))
    return tmp_path


def _materialize(config: dict[str, Any]) -> dg.ExecuteInProcessResult:
    trees = trees_of("third", "third_data", config, is_partitioned=False)
    assets = [_assets_of(tree, None) for tree in trees]
    return dg.materialize(assets, raise_on_error=False)


def test_an_incomplete_read_in_dagster(folder: Path):
    def handler(request):
        return {"data": [{"id": 1}, {"id": 2}], "total": 312, "next_page": None}

    resource = {"name": "things", "primary_key": "id", "write_disposition": "merge"}
    with local_api(handler) as api:
        client = {"base_url": api.url, "paginator": "json_link"}
        done = _materialize({"client": client, "resources": [resource, "others"]})
    assert not done.success
    (failed,) = [
        check
        for check in done.get_asset_check_evaluations()
        if check.asset_key == dg.AssetKey(["third", "things"])
    ]
    assert not failed.passed
    assert failed.severity is dg.AssetCheckSeverity.ERROR
    assert "312 records" in str(failed.description)
    with duckdb.connect(str(folder / "roster.duckdb"), read_only=True) as db:
        assert db.sql("select count(*) from third_data.things").fetchone() == (2,)
        tables = db.sql("select table_name from duckdb_tables()").fetchall()
    # Appended rows would be there twice after the next try.
    assert ("others",) not in tables


def test_a_missing_secret_says_where_to_set_it(folder: Path):
    client = {"base_url": "http://127.0.0.1:1", "auth": "bearer"}
    done = _materialize({"client": client, "resources": ["things"]})
    (failure,) = (event for event in done.all_events if event.is_step_failure)
    assert "SOURCES__THIRD__CREDENTIALS__TOKEN" in str(failure.step_failure_data.error)


def test_some_of_a_tree(folder: Path):
    """A child alone reads its parent, and leaves the parent's table as it is."""

    def handler(request):
        return [{"id": n} for n in range(3)]

    config = {
        "client": {"paginator": "single_page", "base_url": ""},
        "resources": [
            "groups",
            {"name": "kids", "endpoint": "groups/{groups.id}/kids"},
        ],
    }
    with local_api(handler) as api:
        config["client"]["base_url"] = api.url  # type: ignore[index]
        (tree,) = trees_of("third", "third_data", config, is_partitioned=False)
        done = dg.materialize(
            [_assets_of(tree, None)], selection=dg.AssetSelection.assets("third/kids")
        )
    assert done.success
    with duckdb.connect(str(folder / "roster.duckdb"), read_only=True) as db:
        assert db.sql("select count(*) from third_data.kids").fetchone() == (9,)
        tables = db.sql("select table_name from duckdb_tables()").fetchall()
    assert ("groups",) not in tables


def test_the_component_is_found_by_its_name():
    assert RestApiComponent.__module__ == "roster_platform.lib.rest_api_component"
