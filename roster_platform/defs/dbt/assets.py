"""The dbt project as assets: staging, intermediate and marts, with tests."""

import json
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

from roster_platform import dbt_process
from roster_platform.child_environment import drop_foreign_dbt
from roster_platform.dbt.environment import dbt_environment
from roster_platform.dbt.parsed import (
    PARTIAL_PARSE,
    forget_other_parse,
    is_of_another_version,
)
from roster_platform.ingest.autorosters import take_over_history
from roster_platform.lib.dbt.assumed_fields import assumed_fields_metadata
from roster_platform.lib.dbt.cli import DbtCli
from roster_platform.lib.dbt.column_lineage import ColumnLineage
from roster_platform.lib.dbt.readable_checks import with_readable_checks
from roster_platform.lib.failures import readable_failures
from roster_platform.lib.translators import ModelTranslator
from roster_platform.warehouse.scratch import work_folder
from roster_platform.warehouse.warehouse import Warehouse

if not shutil.which("dbt"):
    # The dbt of this environment, also when the environment is not activated.
    os.environ["PATH"] += os.pathsep + str(Path(sys.executable).parent)

dbt_project = DbtProject(Path(__file__).parents[3] / "dbt_project")
drop_foreign_dbt(os.environ)
if os.access(dbt_project.project_dir, os.W_OK):
    dbt_project.prepare_if_dev()
_LINEAGE = "column_lineage.json"
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
    manifest=with_readable_checks(json.loads(dbt_project.manifest_path.read_bytes())),
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
        os.environ.update(dbt_environment(warehouse))
    with _target_folder(warehouse) as target, warehouse.writing():
        build = dbt.cli(_BUILD, context=context, target_path=target)
        lineage = ColumnLineage(
            build.manifest,
            build.dagster_dbt_translator.get_asset_key,
            warehouse.dbt_path / _LINEAGE,
            dialect=warehouse.dialect,
        )
        yield from _asset_events(build, context, lineage)
        lineage.save()


def _asset_events(
    build: DbtCliInvocation, context: dg.AssetExecutionContext, lineage: ColumnLineage
) -> Iterator[Any]:
    """Yield dagster-dbt's events of the build while it runs, with what it leaves out.

    Its own ``fetch_row_counts`` opens the database in this process, which keeps a DuckDB
    file locked for every other process for as long as the run lives. So dbt reports the
    rows (``report_to_dagster``).
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
                metadata: dict[str, Any] = dict(asset_event.metadata)
                unique_id = metadata["unique_id"].value
                if unique_id in rows:
                    metadata["dagster/row_count"] = rows[unique_id]
                if columns := lineage.of(unique_id, build.target_path):
                    metadata["dagster/column_lineage"] = columns
                    key = build.dagster_dbt_translator.get_asset_key(
                        build.manifest["nodes"][unique_id]
                    )
                    metadata |= assumed_fields_metadata(lineage.origins(key))
                asset_event = asset_event.with_metadata(metadata)
            yield asset_event


@contextmanager
def _target_folder(warehouse: Warehouse) -> Iterator[Path]:
    """A target folder of this build's own, which starts from what the last one parsed.

    dbt parses everything again when the profile differs from the one parsed with, so the
    state parsed in the image or at installation does not do.
    """
    kept = warehouse.dbt_path / PARTIAL_PARSE
    project = Path(dbt_project.project_dir)
    if is_of_another_version(warehouse.dbt_path, project):
        take_over_history(warehouse)
    forget_other_parse(warehouse.dbt_path, project)
    with work_folder(warehouse.dbt_runs_path) as target:
        target.mkdir()
        if kept.exists():
            shutil.copy(kept, target / PARTIAL_PARSE)
        yield target
        if (target / PARTIAL_PARSE).exists():
            (target / PARTIAL_PARSE).replace(kept)


@dg.definitions
def defs() -> dg.Definitions:
    """The models, and the dbt command line that builds them."""
    return dg.Definitions(
        assets=[dbt_models],
        resources={
            "dbt": DbtCli(
                # Its validator takes a project, too.
                project_dir=dbt_project,  # type: ignore[arg-type]
                dbt_executable=dbt_process.EXECUTABLE,
            )
        },
    )
