"""The dbt project as assets: staging, intermediate, snapshots and marts, with tests."""

import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DbtProject, dbt_assets

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
        yield from _with_metadata(build.stream(), build.manifest, warehouse)


def _with_metadata(
    events: Iterator[Any], manifest: Mapping[str, Any], warehouse: Warehouse
) -> Iterator[Any]:
    """The build's events, with the rows of each table it made and snapshots' lineage.

    dagster-dbt's own ``fetch_row_counts`` leaves the DuckDB file open in this process
    for as long as the run lives, and so locked for every other process.
    """
    seen: list[Any] = []
    failure: Exception | None = None
    try:
        seen.extend(events)
    except Exception as error:
        failure = error
    rows = warehouse.table_rows("marts", "intermediate", "snapshots")
    for event in seen:
        if isinstance(event, dg.Output | dg.AssetMaterialization):
            unique_id = event.metadata["unique_id"].value
            metadata = dict(event.metadata)
            if (name := unique_id.split(".")[-1]) in rows:
                metadata["dagster/row_count"] = rows[name]
            if unique_id.startswith("snapshot."):
                metadata["dagster/column_lineage"] = snapshot_lineage(
                    manifest, unique_id
                )
            event = event.with_metadata(metadata)
        yield event
    if failure:
        raise failure


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
