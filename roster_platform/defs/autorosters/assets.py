"""Auto Rosters pages as dynamic partitions: any number of pages, one run, one load.

Every table of a page is partitioned by page. One request fills all tables of its endpoint,
whichever of them were selected, so each of them gets the page's materialization.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import cast

import dagster as dg
from dagster_dlt.translator import DltResourceTranslatorData
from pydantic import Field

from roster_platform.catalogue import versions_table_name
from roster_platform.defs.autorosters.events import LoadRecord
from roster_platform.ingest.autorosters import (
    autorosters_source,
    load_page_users,
    load_pages,
)
from roster_platform.ingest.autorosters.load import PagesLoad
from roster_platform.ingest.autorosters.report import PagesReport
from roster_platform.ingest.autorosters.tables import API_DOCS_URL, BY_NAME
from roster_platform.ingest.autorosters.writing import PAGE_TABLES, READINGS
from roster_platform.ingest.off import why_off
from roster_platform.ingest.reading.last_reads import last_reads_of_pages
from roster_platform.lib.alerting.alerts import FAILED_PAGES
from roster_platform.lib.failures import TEMPORARY_FAILURES, readable_failures
from roster_platform.lib.kept_pipelines import KEPT_PIPELINES
from roster_platform.lib.off import off_checks, off_result
from roster_platform.lib.partitions import (
    pages_backfill_policy,
    pages_to_read,
    quarantine,
    quarantined_pages,
    registered_pages,
    release,
    roster_pages,
)
from roster_platform.lib.raw_checks.evaluated import (
    EVERY_PAGE_IS_FRESH,
    FIELDS_ARE_AS_EXPECTED,
    READ_IS_COMPLETE,
    ROWS_MATCH_API,
    VOLUME_IS_PLAUSIBLE,
    check_specs,
    every_page_is_fresh,
    read_checks,
    selected_checks,
)
from roster_platform.lib.raw_checks.stored import checks_alone
from roster_platform.lib.translators import RawTableTranslator
from roster_platform.warehouse.warehouse import Warehouse

_CHECKS: Mapping[str, Sequence[str]] = {
    "pages": (READ_IS_COMPLETE, EVERY_PAGE_IS_FRESH, FIELDS_ARE_AS_EXPECTED),
    "ranks": (FIELDS_ARE_AS_EXPECTED,),
    "users": (ROWS_MATCH_API, VOLUME_IS_PLAUSIBLE, FIELDS_ARE_AS_EXPECTED),
    "user_certifications": (FIELDS_ARE_AS_EXPECTED,),
    "user_subdivisions": (FIELDS_ARE_AS_EXPECTED,),
    "page_users": (
        READ_IS_COMPLETE,
        ROWS_MATCH_API,
        VOLUME_IS_PLAUSIBLE,
        FIELDS_ARE_AS_EXPECTED,
    ),
}
_NO_PAGE = (
    "off: no roster page is registered. List page ids in "
    "SOURCES__AUTOROSTERS_SOURCE__PAGE_IDS, and register them with `python -m "
    "roster_platform.defs.autorosters.register` or autorosters_pages_sensor."
)
Loader = Callable[..., AbstractContextManager[PagesLoad]]


class PagesRead(dg.Config):
    """Options for reading roster pages."""

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
        "read; it is rejected otherwise.",
    )
    accept_fields: bool = Field(
        default=False,
        description="Stop reporting fields that no longer come.",
    )
    ask_again: bool = Field(
        default=False,
        description="Ask for what an interrupted read was answered already, too.",
    )


def _how_loaded(table: str, tables: Sequence[str]) -> str:
    request = (
        f"Read by `GET {READINGS[tables[0]].path}`, once for all tables of a page."
    )
    written = (
        "Each read adds a row."
        if table == "page_loads"
        else "A page's rows are replaced when it changed."
    )
    together = [f"`{name}`" for name in tables if name != table]
    if BY_NAME[table].versions:
        together.append(f"`{versions_table_name(table)}`")
    return f"{request} {written} Loaded with it: {', '.join(together)}."


def build_pages_asset(tables: Sequence[str], load: Loader) -> dg.AssetsDefinition:
    """The assets that one Auto Rosters endpoint fills, one partition per page.

    ``load`` is called with the page ids and the fields of PagesRead.
    """
    leading = tables[0]
    source = autorosters_source([], leading)
    specs = []
    for table in tables:
        spec = RawTableTranslator(
            "autorosters", BY_NAME[table], API_DOCS_URL, _how_loaded(table, tables)
        ).get_asset_spec(
            DltResourceTranslatorData(resource=source.resources[leading], pipeline=None)
        )
        # Skippable, because its pages may be recorded one by one instead.
        specs.append(
            spec.replace_attributes(partitions_def=roster_pages, skippable=True)
        )

    @dg.multi_asset(
        specs=specs,
        check_specs=[
            check
            for spec in specs
            for check in check_specs(spec.key, _CHECKS.get(spec.key.path[-1], ()))
        ],
        name=f"autorosters__{leading}",
        can_subset=True,
        # The pages' titles come with the first of the two endpoints, and are for both.
        op_tags={"dagster/priority": "1" if leading == PAGE_TABLES[0] else "0"},
        retry_policy=TEMPORARY_FAILURES,
        resource_defs=KEPT_PIPELINES,
        required_resource_keys={*KEPT_PIPELINES},
        backfill_policy=pages_backfill_policy(),
    )
    def load_tables(
        context: dg.AssetExecutionContext, config: PagesRead
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        page_ids = _pages_of_run(context, config)
        with readable_failures():
            warehouse = Warehouse.from_settings()
            off = why_off("autorosters", leading, warehouse)
        if off is None and not page_ids and not registered_pages(context.instance):
            off = _NO_PAGE
        if off:
            context.log.info("%s: %s", leading, off)
            yield from _off_results(context, off)
            return
        if not context.selected_asset_keys:
            yield from _checks_alone(context, leading, warehouse)
            return
        how = config.model_dump(exclude={"page_ids"})
        with readable_failures(), load(page_ids, **how) as loaded:
            yield from _results(context, tables, loaded)

    return load_tables


def _pages_of_run(
    context: dg.AssetExecutionContext, config: PagesRead
) -> Sequence[str]:
    """Return the pages to read: of a run without partitions, all but the quarantined.

    A run of a range leaves those out, too. Exactly one page is asked whatever its state:
    that is how a person releases it.
    """
    if context.has_partition_key or context.has_partition_key_range:
        page_ids = list(context.partition_keys)
        if len(page_ids) == 1:
            return page_ids
        quarantined = quarantined_pages(context.instance)
        return [page_id for page_id in page_ids if page_id not in quarantined]
    if config.page_ids:
        return config.page_ids
    return pages_to_read(context.instance)


def _has_partitions(context: dg.AssetExecutionContext) -> bool:
    return context.has_partition_key or context.has_partition_key_range


def _off_results(
    context: dg.AssetExecutionContext, off: str
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    checks = _selected_checks(context)
    asked = context.selected_asset_keys
    for key in asked | checks.keys():
        names = checks.get(key, ())
        is_whole = not _has_partitions(context)
        if key in asked and (is_whole or _is_waited_for(context, key)):
            yield off_result(key, names, off)
        else:
            # No page of it was read, so no partition is there.
            yield from off_checks(key, names, off)


def _selected_checks(
    context: dg.AssetExecutionContext,
) -> dict[dg.AssetKey, list[str]]:
    """The checks that the run asks for, by asset; also of assets that it does not."""
    keys = dict.fromkeys(check.asset_key for check in context.selected_asset_check_keys)
    return {
        key: selected_checks(context, key, _CHECKS.get(key.path[-1], ()))
        for key in keys
    }


def _checks_alone(
    context: dg.AssetExecutionContext, leading: str, warehouse: Warehouse
) -> Iterator[dg.AssetCheckResult]:
    registered = registered_pages(context.instance)
    with readable_failures():
        last = last_reads_of_pages(
            leading,
            registered,
            warehouse,
            left_out=quarantined_pages(context.instance),
        )
    for key, names in _selected_checks(context).items():
        yield from checks_alone(key, names, last, context.instance, registered)


def _results(
    context: dg.AssetExecutionContext, tables: Sequence[str], loaded: PagesLoad
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    report = loaded.report
    record = LoadRecord(context, loaded)
    filled = {dg.AssetKey(["autorosters", table]) for table in tables}
    has_partitions = _has_partitions(context)
    if tables[0] == PAGE_TABLES[0]:
        release_answering(context, report)
    if report.failed:
        # The pages that loaded are there, and the models follow them.
        if has_partitions:
            record.pages(filled)
        else:
            record.load(filled)
        raise _failure(context, tables[0], report)
    # A result stands for each partition of its run, and costs more than their events.
    returned = {
        key
        for key in context.selected_asset_keys
        if not has_partitions or _is_waited_for(context, key)
    }
    if has_partitions:
        record.pages(filled - returned)
    else:
        record.pages(filled, with_unchanged=False)
        record.tables(filled - returned)
    selected = _selected_checks(context)
    for key in context.selected_asset_keys | selected.keys():
        checks = list(_checks(context, key, selected.get(key, ()), loaded))
        if key not in returned:
            yield from checks
            continue
        if has_partitions:
            _describe_partitions(context, key, record.of_pages(key, [*report.loaded]))
        yield dg.MaterializeResult(
            asset_key=key,
            metadata={} if has_partitions else record.of_table(key),
            data_version=dg.DataVersion(report.data_version),
            check_results=checks,
        )
    # Dagster shows a check as not evaluated once its table was written without it.
    for key in filled - context.selected_asset_keys:
        names = set(_CHECKS.get(key.path[-1], ())).difference(selected.get(key, ()))
        record.checks(_checks(context, key, sorted(names), loaded))


def _describe_partitions(
    context: dg.AssetExecutionContext,
    key: dg.AssetKey,
    pages: Mapping[str, Mapping[str, object]],
) -> None:
    """Give each partition that the result of an asset stands for its own metadata."""
    page_ids = list(context.partition_keys)
    with roster_pages.known_range(page_ids):
        for page_id in page_ids:
            context.add_asset_metadata(
                pages.get(page_id, {"quarantined": True}),
                asset_key=key,
                partition_key=page_id,
            )


def _checks(
    context: dg.AssetExecutionContext,
    key: dg.AssetKey,
    names: Sequence[str],
    loaded: PagesLoad,
) -> Iterator[dg.AssetCheckResult]:
    table, report = key.path[-1], loaded.report
    rows = loaded.row_counts.get(table)
    yield from read_checks(key, names, report, rows, context.instance)
    if EVERY_PAGE_IS_FRESH in names and report.observed_at:
        reads = {page: known.read_at for page, known in report.known.items()}
        reads |= {page: read.observed_at for page, read in report.loaded.items()}
        pages = registered_pages(context.instance)
        yield every_page_is_fresh(
            key, pages, reads, report.observed_at, report.page_name
        )


def _is_waited_for(context: dg.AssetExecutionContext, key: dg.AssetKey) -> bool:
    """Return whether later assets of the run wait for this one's result."""
    layer = context.job_def.asset_layer
    children = layer.asset_graph.get(key).child_keys
    return not children.isdisjoint(layer.executable_asset_keys)


def _failure(
    context: dg.AssetExecutionContext,
    leading: str,
    report: PagesReport,
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
            "\nIn quarantine from now on: "
            f"{', '.join(map(report.page_name, refused))}. Scheduled reads leave "
            "them out; the schedule autorosters_quarantine_schedule asks them again, and "
            "materializing one by hand releases it when it answers."
        )
    # Pages were asked again already; a retry would read those that loaded once more.
    temporary = not all(error.permanent for error in report.failed.values())
    return dg.Failure(
        message,
        metadata={
            FAILED_PAGES: {page: str(error) for page, error in report.failed.items()}
        },
        allow_retries=temporary and not report.loaded,
    )


def release_answering(
    context: dg.AssetExecutionContext | dg.OpExecutionContext, report: PagesReport
) -> None:
    """Take pages that answered out of quarantine, and say so."""
    if released := release(context.instance, report.loaded):
        context.log.info(
            "Released from quarantine: %s answered again.", ", ".join(sorted(released))
        )


# It returns what it is given, each with a reference.
pages, page_users = cast(
    "list[dg.AssetsDefinition]",
    dg.with_source_code_references(
        [
            build_pages_asset(PAGE_TABLES, load_pages),
            build_pages_asset(("page_users",), load_page_users),
        ]
    ),
)
