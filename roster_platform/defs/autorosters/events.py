"""Events of roster pages in Dagster: each page's numbers, each table's rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import dagster as dg

from roster_platform.ingest.autorosters.load import PagesLoad
from roster_platform.ingest.autorosters.tables import BY_NAME
from roster_platform.ingest.autorosters.writing import PAGE_TABLES
from roster_platform.lib.data_versions import DATA_VERSION_TAG, TABLE_VERSION
from roster_platform.lib.event_log_storage import log_at_once
from roster_platform.lib.metadata import load_metadata
from roster_platform.lib.partitions import TITLE

PAGE_ASSETS = tuple(dg.AssetKey(["autorosters", table]) for table in PAGE_TABLES)


class LoadRecord:
    """What Dagster is to record of one load of roster pages."""

    def __init__(
        self,
        context: dg.AssetExecutionContext | dg.OpExecutionContext,
        loaded: PagesLoad,
    ) -> None:
        self._context = context
        self._loaded = loaded
        self._links = _links(loaded)

    def load(self, keys: Iterable[dg.AssetKey]) -> None:
        """Record pages that changed or are new to Dagster, and that each table was read.

        An event costs more than the read of a page that did not change, so its partition
        stays as it was.
        """
        keys = list(keys)
        self.pages(keys, with_unchanged=False)
        self.tables(keys)

    def pages(
        self, keys: Iterable[dg.AssetKey], *, with_unchanged: bool = True
    ) -> None:
        """Record the materialization of each page that loaded, in each of its tables."""
        context, report = self._context, self._loaded.report
        for key in keys:
            settled = (
                set()
                if with_unchanged
                else report.unchanged
                & context.instance.get_materialized_partitions(key)
            )
            told = [page for page in report.loaded if page not in settled]
            metadata = self.of_pages(key, told)
            log_at_once(
                context,
                (
                    dg.AssetMaterialization(
                        key,
                        partition=page_id,
                        metadata=metadata[page_id],
                        tags={DATA_VERSION_TAG: report.loaded[page_id].content_hash},
                    )
                    for page_id in told
                ),
            )

    def tables(self, keys: Iterable[dg.AssetKey]) -> None:
        """Record the materialization of whole tables, where a load brought anything."""
        report = self._loaded.report
        for key in keys if report.loaded else ():
            self._context.log_event(
                dg.AssetMaterialization(
                    key,
                    metadata=self.of_table(key),
                    tags={DATA_VERSION_TAG: report.data_version},
                )
            )

    def checks(self, results: Iterable[dg.AssetCheckResult]) -> None:
        """Record checks that the run does not ask for, of tables that it wrote."""
        for result in results:
            assert result.asset_key
            assert result.check_name
            evaluation = dg.AssetCheckEvaluation(
                asset_key=result.asset_key,
                check_name=result.check_name,
                passed=result.passed,
                metadata=result.metadata,
                severity=result.severity,
                description=result.description,
            )
            # Its signature lacks what it takes.
            self._context.log_event(evaluation)  # type: ignore[arg-type]

    def of_pages(
        self, key: dg.AssetKey, page_ids: Sequence[str]
    ) -> Mapping[str, dict[str, Any]]:
        """Each page's own numbers, title and link, for one of its tables."""
        report = self._loaded.report
        if not page_ids:
            return {}
        rows: dict[str, int] = dict(
            self._loaded.run.query(
                "select page_id, count(*) from {table} group by page_id",
                table=key.path[-1],
                needs=("page_id",),
            )
        )
        table_version = report.data_version
        found = {}
        for page_id in page_ids:
            summary = report.loaded[page_id]
            found[page_id] = {
                "dagster/partition_row_count": rows.get(page_id, 0),
                "members": summary.members,
                "ranks": summary.ranks,
                "unchanged": page_id in report.unchanged,
                "content_hash": summary.content_hash,
                TABLE_VERSION: table_version,
            }
            # The flat list is not compared with the one before.
            if report.name == PAGE_TABLES[0]:
                found[page_id] |= asdict(summary.changes)
            if title := report.title_of(page_id):
                found[page_id][TITLE] = title
            if page_id in self._links:
                found[page_id]["public_url"] = dg.MetadataValue.url(
                    self._links[page_id]
                )
        return found

    def of_table(self, key: dg.AssetKey) -> dict[str, Any]:
        """The numbers of a whole table, and of the pages that this load read."""
        loaded = self._loaded
        metadata = load_metadata(
            BY_NAME[key.path[-1]], loaded.report, loaded.row_counts, loaded.run.pipeline
        )
        metadata["pages_read"] = len(loaded.report.loaded)
        metadata["pages_unchanged"] = len(loaded.report.unchanged)
        return metadata


def _links(loaded: PagesLoad) -> Mapping[str, str]:
    """The public addresses of pages, as far as a browser opens them.

    Titles that the report lacks, because their pages were read from another endpoint, are
    added to it.
    """
    links = {}
    for page_id, title, url in loaded.run.query(
        "select page_id, custom_title, public_url from {table}",
        table=PAGE_TABLES[0],
        needs=("page_id", "custom_title", "public_url"),
    ):
        if title and title.strip():
            loaded.report.titles.setdefault(page_id, title.strip())
        if url and url.startswith(("https://", "http://")):
            links[page_id] = url
    return links
