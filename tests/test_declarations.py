"""Roster and Auto Rosters are declared in dlt's words, and dlt alone can read them so."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dlt
import pytest
from dlt.sources.rest_api import _validate_config
from dlt.sources.rest_api import rest_api_source as dlts_source

from roster_platform.sandbox import Sandbox, running_sandbox
from roster_platform.sources import declaration


@pytest.fixture(scope="module")
def sandbox():
    with running_sandbox(orders=40, pages=1, members=15) as started:
        yield started


@pytest.mark.parametrize("name", ["roster", "autorosters"])
def test_a_declaration_is_one_of_dlts(name: str):
    _validate_config(dict(declaration(name).plain))


def test_dlt_alone_reads_roster_as_declared(sandbox: Sandbox, tmp_path: Path):
    variables = sandbox.environment
    plain = declaration("roster").plain
    client = {
        "base_url": variables["SOURCES__ROSTER_SOURCE__BASE_URL"],
        "auth": {
            "type": "bearer",
            "token": variables["SOURCES__ROSTER_SOURCE__ACCESS_TOKEN"],
        },
        # No more is known of the vendor's paging than that it is found out.
        "paginator": {
            "type": "page_number",
            "base_page": 1,
            "total_path": "pagination.totalPages",
        },
    }
    resources = [each for each in plain["resources"] if each["endpoint"]["path"]]
    rows = _landed(tmp_path, {**plain, "client": client, "resources": resources})
    assert rows["orders"] == 40
    assert {each["name"] for each in resources} <= rows.keys()
    assert rows["discount_codes_by_rule"] == rows["discount_codes_lookup"]


def test_dlt_alone_reads_a_roster_page_as_declared(sandbox: Sandbox, tmp_path: Path):
    variables = sandbox.environment
    (page,) = json.loads(variables["SOURCES__AUTOROSTERS_SOURCE__PAGE_IDS"])
    plain = declaration("autorosters").plain
    client = {
        **plain["client"],
        "base_url": variables["SOURCES__AUTOROSTERS_SOURCE__BASE_URL"],
        "auth": {
            **plain["client"]["auth"],
            "api_key": variables["SOURCES__AUTOROSTERS_SOURCE__API_KEY"],
        },
    }
    resources = [
        {
            "name": each["name"],
            "endpoint": {
                **each["endpoint"],
                "path": each["endpoint"]["path"].replace("{partition}", page),
            },
        }
        for each in plain["resources"]
    ]
    rows = _landed(tmp_path, {"client": client, "resources": resources})
    assert rows["pages"] == 1
    assert rows["users"] == rows["page_users"] == 15
    assert rows["ranks"] > 1
    assert rows["user_certifications"] > 1


def _landed(folder: Path, config: Mapping[str, Any]) -> dict[str, int]:
    pipeline = dlt.pipeline(
        "declared",
        pipelines_dir=str(folder / "dlt"),
        destination=dlt.destinations.duckdb(str(folder / "declared.duckdb")),
    )
    pipeline.run(dlts_source(config))  # type: ignore[arg-type]
    with pipeline.sql_client() as client:
        return {
            table: client.execute_sql(f"select count(*) from {table}")[0][0]
            for table in pipeline.default_schema.data_table_names()
        }
