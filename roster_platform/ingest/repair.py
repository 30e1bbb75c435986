"""``roster-platform repair``: what storage lacks or keeps needlessly, and what was done.

It removes what processes that died left behind. What was dropped by hand is made and filled
by the next load, which reads everything then: a table that is made before, and is empty,
would look as if the API had nothing. No API is read here and no loaded row deleted.
"""

from __future__ import annotations

from collections.abc import Iterator

from roster_platform.ingest import autorosters, roster
from roster_platform.ingest.autorosters.known import known_pages
from roster_platform.ingest.autorosters.tables import TABLES
from roster_platform.ingest.history.snapshots import import_snapshots
from roster_platform.ingest.roster.endpoints import ENDPOINTS
from roster_platform.warehouse.healing import missing_columns
from roster_platform.warehouse.pipeline_run import PipelineRun
from roster_platform.warehouse.warehouse import Warehouse

_COMMAND = "python -m roster_platform.ingest"
DATASETS = {
    "roster": (
        roster.PIPELINE_NAME,
        roster.DATASET_NAME,
        [endpoint.table for endpoint in ENDPOINTS],
    ),
    "autorosters": (
        autorosters.PIPELINE_NAME,
        autorosters.DATASET_NAME,
        list(TABLES),
    ),
}


def repair(warehouse: Warehouse) -> Iterator[str]:
    """Repair the storage; yields a sentence for each thing that was found.

    Raises an IngestError when the warehouse cannot be reached.
    """
    if left := warehouse.dead_runs():
        yield f"{left} scratch folders of processes that died: removed."
    for source, (pipeline, dataset, tables) in DATASETS.items():
        command = f"`{_COMMAND} {source}`"
        with warehouse.pipeline(pipeline, dataset) as run:
            if not run.was_loaded():
                continue
            with warehouse.writing(dataset):
                for schema in run.drop_staging():
                    yield f"{schema} held a copy of the last load: dropped."
            held = run.all_columns()
            for table in tables:
                for missing in (
                    missing_columns([table], held) if run.knows(table) else ()
                ):
                    yield (
                        f"{dataset}.{missing} is missing: the next load makes it, and "
                        f"reads everything to fill it ({command})."
                    )
            if source == "autorosters":
                with run.writing(None):
                    rows = import_snapshots(run)
                if rows > 0:
                    yield (
                        f"{rows:,} versions of roster pages were taken over from dbt "
                        "snapshots of an older release, which stay as they are."
                    )
                yield from _of_pages(run, command)


def _of_pages(run: PipelineRun, command: str) -> Iterator[str]:
    unlike = [
        page_id
        for page_id, page in known_pages(run).items()
        if page.content_hash and not page.is_last_written
    ]
    if unlike:
        yield (
            f"{len(unlike)} roster pages are not as their last read left them "
            f"({', '.join(unlike[:5])}): the next read writes them anew ({command})."
        )
