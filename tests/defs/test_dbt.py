"""dbt builds inside Dagster without keeping the warehouse from anybody else."""

from __future__ import annotations

import subprocess
import sys

import dagster as dg

from roster_platform.definitions import defs


def test_a_build_tells_its_rows_and_lets_go_of_the_database(
    tmp_path, monkeypatch
) -> None:
    monkeypatch.setenv("ROSTER_PLATFORM__DATA_DIR", str(tmp_path))
    key = dg.AssetKey(["marts", "dim_dates"])
    job = defs.get_implicit_global_asset_job_def()

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
