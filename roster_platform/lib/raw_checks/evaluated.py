"""Checks of what a read brought: asset checks that the load itself evaluates.

They warn and block nothing: a record without its key, the one drift that would harm the
models, already fails the read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from statistics import median
from typing import Any

import dagster as dg

from roster_platform.ingest.mappings import where_to_declare
from roster_platform.ingest.reading.log import Outcome
from roster_platform.ingest.reading.report import ReadReport
from roster_platform.lib.translators import FRESHNESS
from roster_platform.records.drift import Drift

READ_IS_COMPLETE = "read_is_complete"
ROWS_MATCH_API = "rows_match_api"
VOLUME_IS_PLAUSIBLE = "volume_is_plausible"
FIELDS_ARE_AS_EXPECTED = "fields_are_as_expected"
EVERY_PAGE_IS_FRESH = "every_page_is_fresh"

_DESCRIPTIONS = {
    READ_IS_COMPLETE: "The end of the read was proven: the announced total was reached, "
    "the API said that no more follows, or the page after the last was empty.",
    ROWS_MATCH_API: "The table has as many rows as the API says there are.",
    VOLUME_IS_PLAUSIBLE: "The table has between half and twice as many rows as it had "
    "at its last reads.",
    FIELDS_ARE_AS_EXPECTED: "Every declared field came, of its type, and no other; a "
    "field that no longer comes is reported until it comes again or is accepted "
    "(accept_fields in the run's config).",
    EVERY_PAGE_IS_FRESH: "Every registered roster page was read in the last 36 hours.",
}
ALONE = "evaluated"
"""Metadata of an evaluation that no read has made: how it was."""
_COMPARED_READS = 10
_RECORDS_AT_ONCE = 40
_SMALLEST_COMPARED = 20
_MOST_NAMED = 20


def check_specs(key: dg.AssetKey, names: Iterable[str]) -> Iterator[dg.AssetCheckSpec]:
    """The declarations of some of the checks above, for one raw table."""
    for name in names:
        yield dg.AssetCheckSpec(name, asset=key, description=_DESCRIPTIONS[name])


def selected_checks(
    context: dg.AssetExecutionContext, key: dg.AssetKey, names: Iterable[str]
) -> list[str]:
    """Return which of an asset's checks the run asks for: not all, or without the asset."""
    asked = context.selected_asset_check_keys
    return [name for name in names if dg.AssetCheckKey(key, name) in asked]


def evaluations_by_reads(
    key: dg.AssetKey, name: str, instance: dg.DagsterInstance
) -> Iterator[tuple[float, dg.AssetCheckEvaluation]]:
    """Yield the evaluations of a check by reads, with their Unix time, from the last."""
    check, cursor = dg.AssetCheckKey(key, name), None
    while records := instance.event_log_storage.get_asset_check_execution_history(
        check, limit=_RECORDS_AT_ONCE, cursor=cursor
    ):
        for record in records:
            # The evaluation that a run has planned is a record, too.
            if (event := record.event) is None:
                continue
            evaluation = event.asset_check_evaluation
            if evaluation and ALONE not in evaluation.metadata:
                yield event.timestamp, evaluation
        cursor = records[-1].id


def read_is_complete(key: dg.AssetKey, report: ReadReport) -> dg.AssetCheckResult:
    """Check that the read found all that it asked for, and say how that was proven."""
    return _result(
        key,
        READ_IS_COMPLETE,
        passed=report.outcome not in (Outcome.INCOMPLETE, Outcome.FAILED),
        severity=dg.AssetCheckSeverity.ERROR,
        description=report.proof or "The endpoint is off, so nothing was read.",
        outcome=str(report.outcome or "off"),
        rows=report.rows,
    )


def rows_match_api(
    key: dg.AssetKey, announced: int | None, held: int | None
) -> dg.AssetCheckResult:
    """Compare the table with what the API announced; it may announce nothing."""
    description = None
    if announced is None:
        description = "The API announces no total, so there is nothing to compare with."
    elif announced != held:
        description = (
            f"The API announces {announced} and the table has {held}; the next complete "
            "read makes them equal, unless the API contradicts itself."
        )
    return _result(
        key,
        ROWS_MATCH_API,
        passed=announced is None or announced == held,
        description=description,
        api_count=announced if announced is not None else "not announced",
        raw_count=held if held is not None else "not known",
    )


def volume_is_plausible(
    key: dg.AssetKey, rows: int, instance: dg.DagsterInstance
) -> dg.AssetCheckResult:
    """Compare the table's rows with those of the check's last evaluations."""
    counts = (
        counted.value
        for _, evaluation in evaluations_by_reads(key, VOLUME_IS_PLAUSIBLE, instance)
        if isinstance(counted := evaluation.metadata.get("rows"), dg.IntMetadataValue)
        and counted.value is not None
    )
    earlier = list(islice(counts, _COMPARED_READS))
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
        description=f"The table has {rows:,} rows; recent reads usually had {usual:,.0f}."
        if is_odd
        else None,
        rows=rows,
        usual_rows=usual if usual is not None else "first read",
    )


def fields_are_as_expected(
    key: dg.AssetKey, drifts: Iterable[Drift]
) -> dg.AssetCheckResult:
    """The differences between what was declared and what came, those of one table.

    It is an error where one of them is: keys, money, timestamps, people.
    """
    table = key.path[-1]
    found = sorted(
        (drift for drift in drifts if drift.table.split("__")[0] == table),
        key=lambda drift: drift.severity != "error",
    )
    is_error = any(drift.severity == "error" for drift in found)
    description = "; ".join(map(str, found[:_MOST_NAMED]))
    if is_error:
        description += f". {where_to_declare(key.path[0])}"
    return _result(
        key,
        FIELDS_ARE_AS_EXPECTED,
        passed=not found,
        severity=dg.AssetCheckSeverity.ERROR
        if is_error
        else dg.AssetCheckSeverity.WARN,
        description=description or None,
        differences=len(found),
    )


def every_page_is_fresh(
    key: dg.AssetKey,
    registered: Iterable[str],
    last_reads: Mapping[str, datetime],
    now: datetime,
    name_of: Callable[[str], str] = str,
) -> dg.AssetCheckResult:
    """Registered pages by when they were last read; ``now`` is on the API's clock.

    ``name_of`` is a page by its title and id.
    """
    assert FRESHNESS.warn_window is not None
    oldest = now - FRESHNESS.warn_window.to_timedelta()
    late = {
        page: last_reads.get(page)
        for page in registered
        if page not in last_reads or last_reads[page] < oldest
    }
    named = "; ".join(
        f"{name_of(page)}: {f'{read_at:%Y-%m-%d %H:%M}' if read_at else 'never'}"
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
        READ_IS_COMPLETE: lambda: read_is_complete(key, report),
        ROWS_MATCH_API: lambda: rows_match_api(key, report.announced, report.held),
        VOLUME_IS_PLAUSIBLE: lambda: volume_is_plausible(key, rows or 0, instance),
        FIELDS_ARE_AS_EXPECTED: lambda: fields_are_as_expected(key, report.drifts),
    }
    for name in names:
        if name in evaluations:
            yield evaluations[name]()


def _result(
    key: dg.AssetKey,
    name: str,
    *,
    passed: bool,
    description: str | None,
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.WARN,
    **metadata: Any,
) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=passed,
        asset_key=key,
        check_name=name,
        severity=severity,
        description=description,
        metadata=metadata,
    )
