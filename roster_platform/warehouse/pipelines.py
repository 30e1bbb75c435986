"""dlt pipelines, each in a working folder of its own, and how they are used again.

Runs that start at once never share state: a pipeline's folder is new, and what dlt knows
of the dataset is restored from the warehouse. That costs more than a small load, so within
``pipelines_kept`` a pipeline that was left without an error is used again, as long as
nobody else has loaded into its dataset meanwhile.
"""

from __future__ import annotations

import logging
import os
import shutil
import uuid
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack, nullcontext
from functools import cached_property
from pathlib import Path
from typing import Any

import dlt
from dlt.common.pipeline import get_dlt_pipelines_dir
from dlt.common.schema.typing import TSchemaContractDict
from dlt.destinations.exceptions import DatabaseUndefinedRelation
from dlt.destinations.sql_client import SqlClientBase
from filelock import FileLock

from roster_platform.warehouse.pool import Pool
from roster_platform.warehouse.scratch import work_folder

logger = logging.getLogger(__name__)

# New tables and columns arrive; a column that changes its type does not, silently.
SCHEMA_CONTRACT: TSchemaContractDict = {
    "tables": "evolve",
    "columns": "evolve",
    "data_type": "freeze",
}


class OwnPipeline:
    """A pipeline whose working folder nobody else uses."""

    def __init__(
        self,
        runs: Path,
        name: str,
        dataset: str,
        make_destination: Callable[[str], Any],
        connections_kept: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        """``make_destination`` is given the name of the run, which is the folder's.

        ``connections_kept`` lasts as long as the pipeline does.
        """
        self.has_loaded = False
        self._version: tuple[str, str] | None = None
        with ExitStack() as made:
            made.enter_context(connections_kept())
            folder = made.enter_context(work_folder(runs))
            self.pipeline = dlt.pipeline(
                pipeline_name=name,
                pipelines_dir=str(folder),
                destination=make_destination(folder.name),
                dataset_name=dataset,
            )
            self._resources = made.pop_all()

    @cached_property
    def sql_client(self) -> SqlClientBase[Any]:
        """Return dlt's SQL client of the dataset, not connected."""
        return self.pipeline.sql_client()

    @cached_property
    def tables(self) -> Mapping[str, Any]:
        """What dlt knows of the tables: of each, its columns and hints."""
        # dlt reads its schema from its file whenever it is asked.
        known = self.pipeline.default_schema_name
        return self.pipeline.default_schema.tables if known else {}

    def forget(self) -> None:
        """Look up anew what a load may have changed."""
        self._version = None
        self.__dict__.pop("tables", None)

    def is_current(self) -> bool:
        """Return whether nobody else has loaded since it did. Hold the right to open."""
        pipeline = self.pipeline
        pipeline.activate()
        if not pipeline.default_schema_name:
            return False
        if self._version is None:
            self._version = (
                pipeline.default_schema.version_hash,
                pipeline.state["_version_hash"],
            )
        with self.sql_client as client:
            name = client.make_qualified_table_name
            try:
                newest = client.execute_sql(
                    "select version_hash, 0 from (select version_hash, row_number() over ("
                    f"order by inserted_at desc) as place from {name('_dlt_version')} "
                    "where schema_name = %s) as versions where place = 1 union all "
                    "select version_hash, 1 from (select version_hash, row_number() over ("
                    f"order by version desc) as place from {name('_dlt_pipeline_state')} "
                    "where pipeline_name = %s) as states where place = 1",
                    *(pipeline.default_schema_name, pipeline.pipeline_name),
                )
            except DatabaseUndefinedRelation:
                return False
        return {(version, place) for version, place in newest or ()} == {
            (version, place) for place, version in enumerate(self._version)
        }

    def close(self) -> None:
        """Leave what was loaded where dlt looks for it by the pipeline's name."""
        with self._resources:
            working_dir = Path(self.pipeline.working_dir)
            if self.has_loaded:
                _publish(working_dir)

    def discard(self) -> None:
        """Leave nothing behind."""
        self._resources.close()


def _close_last(pipeline: OwnPipeline) -> None:
    try:
        pipeline.close()
    except OSError as error:
        # The rows are loaded, and the others are to be closed.
        logger.warning(
            "What `dlt pipeline` shows of this run could not be put into %s (%s); "
            "the rows are loaded.",
            *(get_dlt_pipelines_dir(), error.strerror),
        )


POOL = Pool(_close_last)
"""Pipelines by what they load into, within ``pipelines_kept``."""


def pipelines_kept() -> AbstractContextManager[None]:
    """Use pipelines that are closed in the body again, until its end."""
    return POOL.kept()


def _publish(working_dir: Path) -> None:
    """Put a finished working folder where dlt's command line looks, data left out."""
    for job in working_dir.rglob("*.parquet"):
        job.unlink()
    pipelines = Path(get_dlt_pipelines_dir())
    pipelines.mkdir(parents=True, exist_ok=True)
    target = pipelines / working_dir.name
    arriving = pipelines / f".{working_dir.name}.{uuid.uuid4().hex}"
    shutil.move(working_dir, arriving)
    with FileLock(f"{target}.lock"):
        leaving = pipelines / f".{working_dir.name}.{uuid.uuid4().hex}"
        if target.exists():
            os.replace(target, leaving)
        os.replace(arriving, target)
    shutil.rmtree(leaving, ignore_errors=True)
