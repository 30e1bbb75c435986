"""Auto Rosters pages as dynamic partitions: any number of pages, one run, one load.

``autorosters/pages`` is partitioned by page and gets one materialization per page that
loaded; the other tables of a page are filled by the same load and are shown once a run.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

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
    PagesReport,
)
from roster_platform.ingest.autorosters.tables import API_DOCS_URL, BY_NAME
from roster_platform.lib.alerts import FAILED_PAGES
from roster_platform.lib.checks import (
    EVERY_PAGE_IS_FRESH,
    FIELDS_ARE_AS_EXPECTED,
    ROWS_MATCH_API,
    VOLUME_IS_PLAUSIBLE,
    check_specs,
    every_page_is_fresh,
    read_checks,
)
from roster_platform.lib.failures import TEMPORARY_FAILURES, readable_failures
from roster_platform.lib.metadata import DATA_VERSION_TAG, load_metadata
from roster_platform.lib.partitions import (
    pages_backfill_policy,
    pages_to_read,
    quarantine,
    registered_pages,
    release,
    roster_pages,
)
from roster_platform.lib.translators import RawTableTranslator

PAGE_ASSETS = tuple(dg.AssetKey(["autorosters", table]) for table in PAGE_TABLES)
_CHECKS: Mapping[str, Sequence[str]] = {
    "pages": (EVERY_PAGE_IS_FRESH, FIELDS_ARE_AS_EXPECTED),
    "ranks": (FIELDS_ARE_AS_EXPECTED,),
    "users": (ROWS_MATCH_API, VOLUME_IS_PLAUSIBLE, FIELDS_ARE_AS_EXPECTED),
    "user_certifications": (FIELDS_ARE_AS_EXPECTED,),
    "user_subdivisions": (FIELDS_ARE_AS_EXPECTED,),
    "page_users": (ROWS_MATCH_API, VOLUME_IS_PLAUSIBLE, FIELDS_ARE_AS_EXPECTED),
}
Loader = Callable[..., AbstractContextManager[PagesLoad]]


class PagesRead(dg.Config):
    """How roster pages are read."""

    page_ids: list[str] = Field(
        default=[],
        description="Of a run without partitions: read these pages only.",
    )
    reload_unchanged: bool = Field(
        default=False, description="Write pages again that did not change."
    )
    confirm_drops: bool = Field(
        default=False,
        description="Accept that a page lost over half of its members since its last "
        "read; it is held back otherwise.",
    )
    accept_fields: bool = Field(
        default=False,
        description="Stop telling of fields that are sent no longer.",
    )


def build_pages_asset(tables: Sequence[str], load: Loader) -> dg.AssetsDefinition:
    """The assets one Auto Rosters endpoint fills; the first table is partitioned.

    ``load`` is called with the page ids and the fields of PagesRead.
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
            # Skippable, because its pages may be told one by one instead.
            spec = spec.replace_attributes(partitions_def=roster_pages, skippable=True)
        specs.append(spec)

    @dg.multi_asset(
        specs=specs,
        check_specs=[
            check
            for spec in specs
            for check in check_specs(spec.key, _CHECKS.get(spec.key.path[-1], ()))
        ],
        name=f"autorosters__{leading}",
        can_subset=True,
        retry_policy=TEMPORARY_FAILURES,
        backfill_policy=pages_backfill_policy(),
    )
    def load_tables(
        context: dg.AssetExecutionContext, config: PagesRead
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        page_ids = _pages_of_run(context, config)
        how = config.model_dump(exclude={"page_ids"})
        with readable_failures(), load(page_ids, **how) as loaded:
            yield from _results(context, leading, loaded)

    return load_tables


def _pages_of_run(
    context: dg.AssetExecutionContext, config: PagesRead
) -> Sequence[str]:
    """The run's partitions; for a run without any, every page but the quarantined."""
    if context.has_partition_key or context.has_partition_key_range:
        return list(context.partition_keys)
    if config.page_ids:
        return config.page_ids
    return pages_to_read(context.instance)


def _results(
    context: dg.AssetExecutionContext, leading: str, loaded: PagesLoad
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    key = dg.AssetKey(["autorosters", leading])
    report = loaded.report
    is_told = _tell_pages(context, key, report)
    if leading == PAGE_TABLES[0]:
        release_answering(context, report)
    if report.failed:
        # The pages that loaded are there, and the models follow them.
        for event in table_events(loaded, context.selected_asset_keys - {key}):
            context.log_event(event)
        raise _failure(context, leading, report)
    for asset_key in context.selected_asset_keys:
        checks = list(_checks(context, asset_key, loaded))
        if asset_key == key and is_told:
            yield from checks
            continue
        metadata = _table_metadata(loaded, asset_key)
        if asset_key == key:
            # Per page there is a partition row count; the table's own would repeat.
            metadata.pop("dagster/row_count")
            metadata["pages_read"] = len(report.loaded)
            metadata["pages_unchanged"] = len(report.unchanged)
        yield dg.MaterializeResult(
            asset_key=asset_key,
            metadata=metadata,
            data_version=dg.DataVersion(report.data_version),
            check_results=checks,
        )


def _checks(
    context: dg.AssetExecutionContext, key: dg.AssetKey, loaded: PagesLoad
) -> Iterator[dg.AssetCheckResult]:
    table, report = key.path[-1], loaded.report
    names = _CHECKS.get(table, ())
    rows = loaded.row_counts.get(table)
    yield from read_checks(key, names, report, rows, context.instance)
    if EVERY_PAGE_IS_FRESH in names and report.observed_at:
        reads = {page: known.read_at for page, known in report.known.items()}
        reads |= {page: read.observed_at for page, read in report.loaded.items()}
        pages = registered_pages(context.instance)
        yield every_page_is_fresh(key, pages, reads, report.observed_at)


def table_events(
    loaded: PagesLoad, keys: Iterable[dg.AssetKey]
) -> Iterator[dg.AssetMaterialization]:
    """The materialization of each table that a load filled, where none is returned."""
    if not loaded.report.loaded:
        return
    for key in keys:
        yield dg.AssetMaterialization(
            key,
            metadata=_table_metadata(loaded, key),
            tags={DATA_VERSION_TAG: loaded.report.data_version},
        )


def _table_metadata(loaded: PagesLoad, key: dg.AssetKey) -> dict[str, Any]:
    return load_metadata(
        BY_NAME[key.path[-1]], loaded.report, loaded.row_counts, loaded.run.pipeline
    )


def _tell_pages(
    context: dg.AssetExecutionContext, key: dg.AssetKey, report: PagesReport
) -> bool:
    """Record the materialization of every page that loaded.

    Returns whether that is all there is to tell: a run's result stands for each of its
    partitions, and would tell them twice.
    """
    has_partitions = context.has_partition_key or context.has_partition_key_range
    if has_partitions and not report.failed and _is_waited_for(context, key):
        # Slow for many pages: each call looks up the range anew.
        for page_id in report.loaded:
            context.add_asset_metadata(
                _page_metadata(report, page_id), asset_key=key, partition_key=page_id
            )
        return False
    # An event costs more than the read of a page that did not change; it stays as it was
    # unless somebody asked for that very page.
    settled = (
        set()
        if has_partitions
        else report.unchanged & context.instance.get_materialized_partitions(key)
    )
    for page_id in report.loaded:
        if page_id not in settled:
            context.log_event(page_event(key, report, page_id))
    return has_partitions


def _is_waited_for(context: dg.AssetExecutionContext, key: dg.AssetKey) -> bool:
    """Whether the run goes on to assets that wait for this one's result."""
    children = context.repository_def.asset_graph.get(key).child_keys
    return bool(children & context.job_def.asset_layer.executable_asset_keys)


def _failure(
    context: dg.AssetExecutionContext, leading: str, report: PagesReport
) -> dg.Failure:
    """What failed, page by page; pages that are refused for good go into quarantine."""
    message = (
        f"{len(report.failed)} of {len(report.failed) + len(report.loaded)} roster pages "
        "failed; the others are loaded, and these keep their last good rows:\n"
        f"{report.failure_summary()}"
    )
    if leading == PAGE_TABLES[0] and (refused := report.refused()):
        quarantine(context.instance, refused)
        message += (
            f"\nIn quarantine from now on: {', '.join(refused)}. Scheduled reads leave "
            "them out; the schedule autorosters_quarantine_schedule asks them again, and "
            "materializing one by hand releases it when it answers."
        )
    # Pages were asked again already; a retry would read those that loaded once more.
    temporary = not all(error.permanent for error in report.failed.values())
    return dg.Failure(
        message,
        metadata={FAILED_PAGES: {page: str(e) for page, e in report.failed.items()}},
        allow_retries=temporary and not report.loaded,
    )


def page_event(
    key: dg.AssetKey, report: PagesReport, page_id: str
) -> dg.AssetMaterialization:
    """The materialization of one page that loaded."""
    return dg.AssetMaterialization(
        key,
        partition=page_id,
        metadata=_page_metadata(report, page_id),
        tags={DATA_VERSION_TAG: report.loaded[page_id].content_hash},
    )


def _page_metadata(report: PagesReport, page_id: str) -> dict[str, object]:
    summary = report.loaded[page_id]
    return {
        "dagster/partition_row_count": summary.members,
        "members": summary.members,
        "joined": summary.changes.joined,
        "left": summary.changes.left,
        "changed": summary.changes.changed,
        "ranks": summary.ranks,
        "unchanged": page_id in report.unchanged,
        "content_hash": summary.content_hash,
    }


def release_answering(
    context: dg.AssetExecutionContext | dg.OpExecutionContext, report: PagesReport
) -> None:
    """Take pages that answered out of quarantine, and say so."""
    if released := release(context.instance, report.loaded):
        context.log.info(
            "Released from quarantine: %s answered again.", ", ".join(sorted(released))
        )


pages, page_users = dg.with_source_code_references(
    [
        build_pages_asset(PAGE_TABLES, load_pages),
        build_pages_asset(("page_users",), load_page_users),
    ]
)
