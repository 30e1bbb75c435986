"""The code location loads as a server loads it, and holds what the catalogue says."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from roster_platform.errors import ConfigurationError
from roster_platform.ingest.autorosters.tables import TABLES
from roster_platform.ingest.roster.endpoints import ENDPOINTS
from roster_platform.lib.dbt.readable_checks import with_readable_checks
from roster_platform.lib.executors import configured_executor

ROOT = Path(__file__).parents[2]
LONGEST_CHECK_NAME = 40
"""Characters that Dagster's pages show of a name."""

_WATCHED_LOAD = textwrap.dedent(
    """
    import json, os, sys

    seen = []

    def watch(event, arguments):
        if event in ("socket.connect", "socket.getaddrinfo", "os.mkdir", "os.rename"):
            seen.append([event, repr(arguments)])
        elif event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            if arguments[0] != os.devnull:
                seen.append([event, repr(arguments[0])])

    sys.addaudithook(watch)
    import roster_platform.definitions as loaded
    loaded.defs.get_repository_def().load_all_definitions()
    print(json.dumps(seen))
    """
)


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    from roster_platform.definitions import defs

    return defs


def test_loading_needs_nothing_and_touches_nothing(tmp_path) -> None:
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("SOURCES__", "ROSTER_PLATFORM__", "DAGSTER", "DLT_"))
    }
    done = subprocess.run(
        [sys.executable, "-c", _WATCHED_LOAD],
        cwd=tmp_path,
        env={**environment, "PYTHONDONTWRITEBYTECODE": "1", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout.splitlines()[-1]) == []
    assert list(tmp_path.iterdir()) == []


def test_dagster_dev_builds_the_manifest_in_an_environment_not_activated(
    tmp_path,
) -> None:
    for name in ("roster_platform", "dbt_project", "pyproject.toml"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    shutil.rmtree(tmp_path / "dbt_project" / "target")
    done = subprocess.run(
        [sys.executable, "-c", "import roster_platform.definitions as d; print(d)"],
        cwd=tmp_path,
        env={
            **os.environ,
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": str(tmp_path),
            "DAGSTER_IS_DEV_CLI": "1",
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert str(tmp_path) in done.stdout
    assert (tmp_path / "dbt_project" / "target" / "manifest.json").exists()


def test_every_raw_table_is_an_asset_of_its_source(definitions) -> None:
    keys = {key.to_user_string() for key in definitions.resolve_all_asset_keys()}
    assert {f"roster/{endpoint.name}" for endpoint in ENDPOINTS} <= keys
    assert {f"autorosters/{table.name}" for table in TABLES} <= keys


def test_every_asset_is_described_owned_and_grouped(definitions) -> None:
    for spec in definitions.resolve_all_asset_specs():
        assert spec.description, spec.key
        assert spec.owners, spec.key
        assert spec.group_name == spec.key.path[0], spec.key
        assert spec.kinds, spec.key


def test_every_job_schedule_and_sensor_is_described(definitions) -> None:
    repository = definitions.get_repository_def()
    jobs = [job for job in repository.get_all_jobs() if not job.name.startswith("__")]
    automated = [*jobs, *repository.schedule_defs, *repository.sensor_defs]
    assert len(automated) > 12
    assert [one.name for one in automated if not one.description] == []


def test_every_check_is_described_and_its_name_fits_on_a_screen(definitions) -> None:
    graph = definitions.resolve_asset_graph()
    specs = [graph.get_check_spec(key) for key in graph.asset_check_keys]
    assert len(specs) > 400
    assert [spec.key for spec in specs if len(spec.name) > LONGEST_CHECK_NAME] == []
    assert [spec.key for spec in specs if not spec.description] == []


def test_two_tests_that_would_have_one_name_keep_dbts() -> None:
    def test(name: str, **arguments: Any) -> dict[str, Any]:
        return {
            "resource_type": "test",
            "name": name,
            "attached_node": "model.shop.orders",
            "column_name": "status",
            "test_metadata": {"name": "accepted_values", "kwargs": arguments},
            "config": {"where": "is_paid"},
            "meta": {},
        }

    twice = {"a": test("dbt_1", values=[1]), "b": test("dbt_2", values=[2])}
    manifest = {"nodes": {**twice, "model.shop.orders": {"resource_type": "model"}}}
    kept = with_readable_checks(manifest)["nodes"]
    assert [kept[one]["name"] for one in "ab"] == ["dbt_1", "dbt_2"]
    assert kept["b"]["meta"]["description"] == (
        "`status`, where it is filled, is one of: 2. Only rows where is_paid are compared."
    )
    del twice["b"]
    (alone,) = with_readable_checks({"nodes": twice})["nodes"].values()
    assert alone["name"] == "accepted_values_status"
    assert twice["a"]["name"] == "dbt_1"


def test_every_column_of_every_table_and_model_is_described(definitions) -> None:
    schemas = [
        (spec.key, spec.metadata["dagster/column_schema"])
        for spec in definitions.resolve_all_asset_specs()
        if "dagster/column_schema" in spec.metadata
    ]
    assert len(schemas) > 100
    unknown = [
        (key, column.name)
        for key, schema in schemas
        for column in schema.columns
        if not column.description
    ]
    assert unknown == []


def test_raw_assets_say_request_write_mode_and_what_is_loaded_with_them(
    definitions,
) -> None:
    about = {
        spec.key.to_user_string(): spec.description.split("\n\n")[1]
        for spec in definitions.resolve_all_asset_specs()
        if spec.key.path[0] in {"roster", "autorosters"}
    }
    assert about["roster/orders"] == (
        "Read by `GET v2/orders`, or the path in `mappings/roster.yaml`. Rows are merged "
        "on `order_id`, and records that no longer come are marked `is_deleted`. Loaded "
        "with it: `orders__discount_codes`, `orders__line_items`, `orders_versions`."
    )
    assert "`GET roster/{page_id}`" in about["autorosters/users"]
    assert "`ranks`" in about["autorosters/users"]
    # The outbox is sent, not read; an endpoint without a path is off.
    apart = {"roster/clicks", "roster/captured_orders", "roster/contacts"}
    assert all("`GET " in about[name] for name in about.keys() - apart)
    assert all("oaded with it" in text for text in about.values())


def test_raw_assets_show_their_columns_and_the_apis_documentation(definitions) -> None:
    for spec in definitions.resolve_all_asset_specs():
        if spec.key.path[0] in {"roster", "autorosters"}:
            columns = spec.metadata["dagster/column_schema"].columns
            assert columns, spec.key
            assert all(column.description for column in columns), spec.key
            assert spec.metadata["api_documentation"].url.startswith("https://")


def test_each_endpoint_is_one_operation(definitions) -> None:
    repository = definitions.get_repository_def()
    for endpoint in ENDPOINTS:
        node = repository.asset_graph.get(dg.AssetKey(["roster", endpoint.name]))
        assert node.execution_set_asset_keys == {node.key}


def test_models_follow_their_inputs(definitions) -> None:
    for spec in definitions.resolve_all_asset_specs():
        is_model = spec.key.path[0] not in {"roster", "autorosters", "apis"}
        assert bool(spec.automation_condition) == is_model, spec.key
    assert definitions.get_sensor_def("default_automation_condition_sensor")


def test_schedules_take_their_cron_from_configuration(tmp_path) -> None:
    script = (
        "import roster_platform.definitions as d; "
        "s = d.defs.get_schedule_def('roster_incremental_hourly'); "
        "print(s.cron_schedule, s.execution_timezone, s.default_status.value)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={
            **os.environ,
            "ROSTER_PLATFORM__ROSTER_INCREMENTAL_CRON": "*/5 * * * *",
            "ROSTER_PLATFORM__TIMEZONE": "Europe/Berlin",
        },
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "*/5 * * * * Europe/Berlin STOPPED", done.stderr


def test_ingest_never_imports_dagster() -> None:
    script = (
        "import sys, roster_platform.ingest.__main__; "
        "print([m for m in sys.modules if m.split('.')[0].startswith('dagster')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT
    )
    assert done.stdout.strip() == "[]", done.stderr


def test_assets_are_expected_daily(definitions) -> None:
    """Clicks and orders are sent when they come."""
    graph = definitions.resolve_asset_graph()
    unexpected = {
        key.to_user_string()
        for key in graph.materializable_asset_keys
        if not graph.get(key).freshness_policy
    }
    assert unexpected == {"roster/clicks", "roster/captured_orders"}


@pytest.mark.parametrize(
    ("configured", "expected"),
    [
        (None, "in_process"),
        ("multiprocess", "multiprocess"),
        ("celery", "celery"),
        ("kubernetes", "k8s"),
    ],
)
def test_the_executor_is_a_setting(configured, expected, monkeypatch) -> None:
    if configured:
        monkeypatch.setenv("ROSTER_PLATFORM__EXECUTOR", configured)
    assert configured_executor().name == expected


def test_an_executor_that_is_not_installed_says_how_to_install_it(monkeypatch) -> None:
    monkeypatch.setenv("ROSTER_PLATFORM__EXECUTOR", "celery")
    monkeypatch.setitem(sys.modules, "dagster_celery", None)
    with pytest.raises(ConfigurationError, match=r"pip install -e '\.\[workers\]'"):
        configured_executor()
