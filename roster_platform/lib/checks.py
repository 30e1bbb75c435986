"""Checks of what a read brought: asset checks that the load itself evaluates.

They warn and block nothing: a record without its key, the one drift that would harm the
models, already fails the read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from statistics import median
from typing import Any

import dagster as dg

from roster_platform.ingest.report import Drift, ReadReport
from roster_platform.lib.metadata import ROWS_LISTED
from roster_platform.lib.translators import FRESHNESS

ROWS_MATCH_API = "rows_match_api"
VOLUME_IS_PLAUSIBLE = "volume_is_plausible"
FIELDS_ARE_AS_EXPECTED = "fields_are_as_expected"
EVERY_PAGE_IS_FRESH = "every_page_is_fresh"

_DESCRIPTIONS = {
    ROWS_MATCH_API: "The table has as many rows as the API says there are.",
    VOLUME_IS_PLAUSIBLE: "The table has between half and twice as many rows as it had "
    "at its last reads.",
    FIELDS_ARE_AS_EXPECTED: "Every declared field came, of its type, and no other; a "
    "field that is sent no longer is told until it comes again or is accepted "
    "(accept_fields in the run's config).",
    EVERY_PAGE_IS_FRESH: "Every registered roster page was read in the last 36 hours.",
}
_COMPARED_READS = 10
_SMALLEST_COMPARED = 20
_MOST_NAMED = 20


def check_specs(key: dg.AssetKey, names: Iterable[str]) -> Iterator[dg.AssetCheckSpec]:
    """The declarations of some of the checks above, for one raw table."""
    for name in names:
        yield dg.AssetCheckSpec(name, asset=key, description=_DESCRIPTIONS[name])


def rows_match_api(
    key: dg.AssetKey, announced: int | None, held: int | None
) -> dg.AssetCheckResult:
    """``held`` rows in the table beside those ``announced``; None where none were."""
    return _result(
        key,
        ROWS_MATCH_API,
        passed=announced is None or announced == held,
        description=f"The API says {announced} and the table has {held}; the next complete "
        "read makes them equal, unless the API contradicts itself."
        if announced is not None and announced != held
        else None,
        api_count=announced if announced is not None else "not told",
        raw_count=held if held is not None else "not known",
    )


def volume_is_plausible(
    key: dg.AssetKey, rows: int, instance: dg.DagsterInstance
) -> dg.AssetCheckResult:
    """The table's rows beside what its last materializations told."""
    records = instance.fetch_materializations(key, limit=_COMPARED_READS).records
    earlier = [
        value
        for record in records
        if record.asset_materialization
        and isinstance(
            value := _metadata_value(record.asset_materialization.metadata), int
        )
    ]
    usual = median(earlier) if earlier else None
    is_odd = (
        usual is not None
        and max(usual, rows) >= _SMALLEST_COMPARED
        and not usual / 2 <= rows <= usual * 2
    )
    return _result(
        key,
        VOLUME_IS_PLAUSIBLE,
        passed=not is_odd,
        description=f"The table has {rows:,} rows; usual of late were {usual:,.0f}."
        if is_odd
        else None,
        rows=rows,
        usual_rows=usual if usual is not None else "first read",
    )


def fields_are_as_expected(
    key: dg.AssetKey, drifts: Iterable[Drift]
) -> dg.AssetCheckResult:
    """The differences between what was declared and what came, those of one table."""
    table = key.path[-1]
    found = [str(drift) for drift in drifts if drift.table.split("__")[0] == table]
    return _result(
        key,
        FIELDS_ARE_AS_EXPECTED,
        passed=not found,
        description="; ".join(found[:_MOST_NAMED]) or None,
        differences=len(found),
    )


def every_page_is_fresh(
    key: dg.AssetKey,
    registered: Iterable[str],
    last_reads: Mapping[str, datetime],
    now: datetime,
) -> dg.AssetCheckResult:
    """Registered pages by when they were last read; ``now`` is on the API's clock."""
    assert FRESHNESS.warn_window is not None
    oldest = now - FRESHNESS.warn_window.to_timedelta()
    late = {
        page: last_reads.get(page)
        for page in registered
        if page not in last_reads or last_reads[page] < oldest
    }
    named = ", ".join(
        f"{page} ({f'{read_at:%Y-%m-%d %H:%M}' if read_at else 'never'})"
        for page, read_at in list(late.items())[:_MOST_NAMED]
    )
    return _result(
        key,
        EVERY_PAGE_IS_FRESH,
        passed=not late,
        description=f"{len(late)} pages were last read too long ago: {named}"
        if late
        else None,
        late_pages=len(late),
    )


def read_checks(
    key: dg.AssetKey,
    names: Iterable[str],
    report: ReadReport,
    rows: int | None,
    instance: dg.DagsterInstance,
) -> Iterator[dg.AssetCheckResult]:
    """Evaluate those of the checks of one table that its read alone decides."""
    evaluations = {
        ROWS_MATCH_API: lambda: rows_match_api(key, report.announced, report.held),
        VOLUME_IS_PLAUSIBLE: lambda: volume_is_plausible(key, rows or 0, instance),
        FIELDS_ARE_AS_EXPECTED: lambda: fields_are_as_expected(key, report.drifts),
    }
    for name in names:
        if name in evaluations:
            yield evaluations[name]()


def _metadata_value(metadata: Mapping[str, dg.MetadataValue]) -> Any:
    return metadata[ROWS_LISTED].value if ROWS_LISTED in metadata else None


def _result(
    key: dg.AssetKey,
    name: str,
    *,
    passed: bool,
    description: str | None,
    **metadata: Any,
) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=passed,
        asset_key=key,
        check_name=name,
        severity=dg.AssetCheckSeverity.WARN,
        description=description,
        metadata=metadata,
    )
