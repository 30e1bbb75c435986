"""dbt builds inside Dagster without keeping the warehouse from anybody else."""

from __future__ import annotations

import subprocess
import sys

import dagster as dg
import duckdb

from roster_platform.definitions import defs
from tests.dbt.raw_warehouse import RawWarehouse, declared_tables


def test_a_build_tells_its_rows_and_lets_go_of_the_database(
    tmp_path, monkeypatch
) -> None:
    monkeypatch.setenv("ROSTER_PLATFORM__DATA_DIR", str(tmp_path))
    key = dg.AssetKey(["marts", "dim_dates"])
    job = defs.get_implicit_global_asset_job_def()
    with duckdb.connect(str(tmp_path / "roster.duckdb")) as database:
        # All that it reads of the warehouse.
        database.execute("create schema intermediate")
        database.execute(
            "create table intermediate.int_recorded_days as "
            "select date '1999-01-01' as date_day, false as is_plausible"
        )

    done = job.execute_in_process(
        asset_selection=[key], instance=dg.DagsterInstance.ephemeral()
    )

    (event,) = done.asset_materializations_for_node("dbt_models")
    assert event.metadata["dagster/row_count"].value > 7000
    # Another process may write while this one, which ran the build, lives on.
    script = (
        "import duckdb, sys; duckdb.connect(sys.argv[1]).sql('create table t (i int)')"
    )
    subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "roster.duckdb")], check=True
    )


def test_a_column_of_a_mart_is_followed_to_the_field_of_the_api(
    tmp_path, monkeypatch
) -> None:
    monkeypatch.setenv("ROSTER_PLATFORM__DATA_DIR", str(tmp_path))
    monkeypatch.setenv("ROSTER_PLATFORM__MAPPINGS_DIR", str(tmp_path))
    (tmp_path / "autorosters.yaml").write_text(
        "resources: [{name: users, columns: {promotion_officer: {x-from: promo.by}}}]"
    )
    RawWarehouse(tmp_path).create(declared_tables())
    way = (
        ("marts", "fct_rank_assignments"),
        ("intermediate", "int_rank_assignments"),
        ("intermediate", "int_rank_member_periods"),
        ("staging", "stg_autorosters__users_versions"),
    )
    beside = (
        ("intermediate", "int_rank_periods"),
        ("staging", "stg_autorosters__ranks_versions"),
        ("staging", "stg_autorosters__page_loads"),
    )
    job = defs.get_implicit_global_asset_job_def()

    done = job.execute_in_process(
        asset_selection=[dg.AssetKey(path) for path in way + beside],
        instance=dg.DagsterInstance.ephemeral(),
    )

    lineage = {
        event.asset_key: event.metadata["dagster/column_lineage"].value.deps_by_column
        for event in done.asset_materializations_for_node("dbt_models")
    }
    column = dg.TableColumnDep(dg.AssetKey(way[0]), "promotion_officer")
    passed = []
    while column.asset_key in lineage:
        passed.append(tuple(column.asset_key.path))
        (column,) = lineage[column.asset_key][column.column_name]
    assert tuple(passed) == way
    raw = dg.TableColumnDep(dg.AssetKey(["autorosters", "users"]), "promotion_officer")
    assert column == raw
    (metadata,) = (
        event.metadata
        for event in done.asset_materializations_for_node("dbt_models")
        if event.asset_key == dg.AssetKey(way[0])
    )
    said = metadata["stands_on_fields"].value.splitlines()
    assert "- autorosters users.discord_id (required)" in said
    assert "- autorosters page_loads.page_id (required)" in said
    mapped = (
        "- autorosters users.promotion_officer (not required, mapped from `promo.by`)"
    )
    assert mapped in said


def test_personal_data_is_tagged_where_people_look() -> None:
    graph = defs.resolve_asset_graph()
    for path, name in (
        (("marts", "dim_members"), "email"),
        (("staging", "stg_roster__orders"), "first_name"),
        (("roster", "orders"), "email"),
    ):
        schema = graph.get(dg.AssetKey(path)).metadata["dagster/column_schema"]
        (column,) = (column for column in schema.columns if column.name == name)
        assert "pii" in column.tags, path
