"""The dbt project as assets: staging, intermediate, snapshots and marts, with tests."""

import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DbtCliInvocation, DbtProject, dbt_assets

from roster_platform.ingest.warehouse import Warehouse
from roster_platform.ingest.work_folder import work_folder
from roster_platform.lib.dbt_cli import EXECUTABLE, DbtCli
from roster_platform.lib.failures import readable_failures
from roster_platform.lib.translators import ModelTranslator, snapshot_lineage

if not shutil.which("dbt"):
    # The dbt of this environment, also when the environment is not activated.
    os.environ["PATH"] += os.pathsep + str(Path(sys.executable).parent)

dbt_project = DbtProject(Path(__file__).parents[3] / "dbt_project")
dbt_project.prepare_if_dev()
_PARTIAL_PARSE = "partial_parse.msgpack"
_ROWS = re.compile(r"(\d+) rows in ")
_BUILD = (
    "build",
    # A test between a selected model and one that was never built cannot pass; it runs in
    # the builds that have both.
    *("--indirect-selection", "buildable"),
    # Their rows are made up, so they say the same until the code changes.
    *("--exclude-resource-type", "unit_test"),
    # The target folder goes when the build is done; dbt would write its manifest twice.
    "--no-write-json",
)

if not dbt_project.manifest_path.exists():
    raise dg.DagsterInvalidDefinitionError(
        f"The dbt manifest {dbt_project.manifest_path} is missing; it is built ahead, "
        "not when definitions load. Build it with `make manifest`, or `dbt parse "
        "--project-dir dbt_project --profiles-dir dbt_project`."
    )


@dbt_assets(
    manifest=dbt_project.manifest_path,
    project=dbt_project,
    dagster_dbt_translator=ModelTranslator(),
    name="dbt_models",
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def dbt_models(context: dg.AssetExecutionContext, dbt: DbtCli) -> Iterator[Any]:
    """Build the selected models and run their tests (`dbt build`)."""
    with readable_failures():
        warehouse = Warehouse.from_settings()
        # dbt runs in its own process and folder; it reads where the data is from here.
        os.environ.update(warehouse.dbt_environment())
    with _target_folder(warehouse) as target, warehouse.writing():
        build = dbt.cli(_BUILD, context=context, target_path=target)
        yield from _asset_events(build, context)


def _asset_events(
    build: DbtCliInvocation, context: dg.AssetExecutionContext
) -> Iterator[Any]:
    """What dagster-dbt makes of the build's events while it runs, with what it leaves out.

    Its own ``fetch_row_counts`` opens the database in this process, which keeps a DuckDB
    file locked for every other process for as long as the run lives. So dbt tells the rows
    (``report_to_dagster``).
    """
    rows: dict[str, int] = {}
    for event in build.stream_raw_events():
        if told := _ROWS.match(str(event)):
            rows[event.raw_event["data"]["node_info"]["unique_id"]] = int(told[1])
        for asset_event in event.to_default_asset_events(
            build.manifest,
            build.dagster_dbt_translator,
            context,
            build.target_path,
            build.project,
        ):
            if isinstance(asset_event, dg.Output):
                metadata = dict(asset_event.metadata)
                unique_id = metadata["unique_id"].value
                if unique_id in rows:
                    metadata["dagster/row_count"] = rows[unique_id]
                if unique_id.startswith("snapshot."):
                    metadata["dagster/column_lineage"] = snapshot_lineage(
                        build.manifest, unique_id
                    )
                asset_event = asset_event.with_metadata(metadata)
            yield asset_event


@contextmanager
def _target_folder(warehouse: Warehouse) -> Iterator[Path]:
    """A target folder of this build's own, which starts from what the last one parsed.

    dbt parses everything again when the profile differs from the one parsed with, so the
    state parsed in the image or at installation does not do.
    """
    kept = warehouse.dbt_path / _PARTIAL_PARSE
    with work_folder(warehouse.dbt_runs_path) as target:
        target.mkdir()
        if kept.exists():
            shutil.copy(kept, target / _PARTIAL_PARSE)
        yield target
        if (target / _PARTIAL_PARSE).exists():
            (target / _PARTIAL_PARSE).replace(kept)


@dg.definitions
def defs() -> dg.Definitions:
    """The models, and the dbt command line that builds them."""
    return dg.Definitions(
        assets=[dbt_models],
        resources={"dbt": DbtCli(project_dir=dbt_project, dbt_executable=EXECUTABLE)},
    )
