"""Auto Rosters pages as dynamic partitions: any number of pages, one run, one load.

``autorosters/pages`` is partitioned by page and gets one materialization per page that
loaded; the other tables of a page are filled by the same load and are shown once a run.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager

import dagster as dg
from dagster_dlt.translator import DltResourceTranslatorData
from pydantic import Field

from roster_platform.ingest.autorosters import (
    autorosters_source,
    load_page_users,
    load_pages,
)
from roster_platform.ingest.autorosters.source import (
    PAGE_TABLES,
    PagesLoad,
    PageSummary,
)
from roster_platform.ingest.autorosters.tables import API_DOCS_URL, BY_NAME
from roster_platform.lib.failures import TEMPORARY_FAILURES, readable_failures
from roster_platform.lib.metadata import load_metadata
from roster_platform.lib.partitions import PAGES_PARTITIONS_NAME, roster_pages
from roster_platform.lib.translators import RawTableTranslator

Loader = Callable[..., AbstractContextManager[PagesLoad]]


class PagesRead(dg.Config):
    """How roster pages are read."""

    reload_unchanged: bool = Field(
        default=False, description="Write pages again that did not change."
    )
    confirm_drops: bool = Field(
        default=False,
        description="Accept that a page lost over half of its members since its last "
        "read; it is held back otherwise.",
    )


class FlatListRead(dg.Config):
    """How flat user lists are read: there is nothing to choose."""


def build_pages_asset(
    tables: Sequence[str], load: Loader, read_config: type[dg.Config]
) -> dg.AssetsDefinition:
    """The assets one Auto Rosters endpoint fills; the first table is partitioned.

    ``load`` is called with the page ids and the fields of ``read_config``.
    """
    leading = tables[0]
    source = autorosters_source([], leading)
    specs = []
    for table in tables:
        spec = RawTableTranslator(
            "autorosters", BY_NAME[table], API_DOCS_URL
        ).get_asset_spec(
            DltResourceTranslatorData(resource=source.resources[leading], pipeline=None)
        )
        if table == leading:
            spec = spec.replace_attributes(partitions_def=roster_pages)
        specs.append(spec)

    @dg.multi_asset(
        specs=specs,
        name=f"autorosters__{leading}",
        can_subset=True,
        retry_policy=TEMPORARY_FAILURES,
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def load_tables(
        context: dg.AssetExecutionContext, config: read_config
    ) -> Iterator[dg.MaterializeResult]:
        page_ids = _pages_of_run(context)
        with readable_failures(), load(page_ids, **config.model_dump()) as loaded:
            yield from _results(context, leading, loaded)

    return load_tables


def _pages_of_run(context: dg.AssetExecutionContext) -> Sequence[str]:
    """The run's partitions; every registered page for a run without any."""
    if context.has_partition_key or context.has_partition_key_range:
        return list(context.partition_keys)
    return list(context.instance.get_dynamic_partitions(PAGES_PARTITIONS_NAME))


def _results(
    context: dg.AssetExecutionContext, leading: str, loaded: PagesLoad
) -> Iterator[dg.MaterializeResult]:
    key = dg.AssetKey(["autorosters", leading])
    pages = {
        page: {**_page_metadata(s), "unchanged": page in loaded.report.unchanged}
        for page, s in loaded.report.loaded.items()
    }
    every_page_loaded = not loaded.report.failed
    # A result stands for every page of the run; without one, pages are told one by one.
    told_by_result = (
        every_page_loaded
        and key in context.selected_asset_keys
        and (context.has_partition_key or context.has_partition_key_range)
    )
    for page_id, metadata in pages.items():
        if told_by_result:
            context.add_asset_metadata(metadata, asset_key=key, partition_key=page_id)
        else:
            context.log_event(
                dg.AssetMaterialization(key, partition=page_id, metadata=metadata)
            )
    if not every_page_loaded:
        failed, total = loaded.report.failed, len(loaded.report.failed) + len(pages)
        raise dg.Failure(
            f"{len(failed)} of {total} roster pages failed; the others are loaded, and "
            f"these keep their last good rows:\n{loaded.report.failure_summary()}",
            allow_retries=not all(error.permanent for error in failed.values()),
        )
    for asset_key in context.selected_asset_keys:
        table = BY_NAME[asset_key.path[-1]]
        metadata = load_metadata(
            table, loaded.report, loaded.row_counts, loaded.run.pipeline
        )
        if asset_key == key:
            # Per page there is a partition row count; the table's own would repeat.
            metadata.pop("dagster/row_count")
        yield dg.MaterializeResult(asset_key=asset_key, metadata=metadata)


def _page_metadata(summary: PageSummary) -> dict[str, object]:
    return {
        "dagster/partition_row_count": summary.members,
        "members": summary.members,
        "ranks": summary.ranks,
        "content_hash": summary.content_hash,
    }


pages, page_users = dg.with_source_code_references(
    [
        build_pages_asset(PAGE_TABLES, load_pages, PagesRead),
        build_pages_asset(("page_users",), load_page_users, FlatListRead),
    ]
)
