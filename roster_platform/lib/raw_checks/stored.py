"""Checks of raw tables that are executed alone: against the warehouse, without a read.

A check of a raw table is evaluated by the load of it. Executed alone it compares what the
last read reported, and the log of reads has, with the rows that are there now. So it says
again what it said, unless somebody changed the table, or a page was not read since.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import dagster as dg

from roster_platform.ingest.reading.last_reads import LastReads
from roster_platform.lib.raw_checks.evaluated import (
    ALONE,
    EVERY_PAGE_IS_FRESH,
    FIELDS_ARE_AS_EXPECTED,
    evaluations_by_reads,
    every_page_is_fresh,
    read_checks,
)
from roster_platform.warehouse.healing import lacking

_HOW = "against the warehouse, without a read"


def checks_alone(
    key: dg.AssetKey,
    names: Sequence[str],
    last: LastReads,
    instance: dg.DagsterInstance,
    pages: Sequence[str] = (),
) -> Iterator[dg.AssetCheckResult]:
    """Evaluate checks of one raw table. ``pages`` are those that are to be read."""
    for name in names:
        if not last.parts:
            result = said_before(key, name, instance)
        elif name == EVERY_PAGE_IS_FRESH:
            result = _every_page_is_fresh(key, pages, last)
        elif name == FIELDS_ARE_AS_EXPECTED:
            result = _fields_are_as_expected(key, last, instance)
        else:
            rows = last.rows.get(key.path[-1])
            (result,) = read_checks(key, [name], last.report, rows, instance)
        yield alone(result)


def alone(result: dg.AssetCheckResult) -> dg.AssetCheckResult:
    """Mark a result as one that no read has made."""
    return result.with_metadata({**result.metadata, ALONE: _HOW})


def said_before(
    key: dg.AssetKey, name: str, instance: dg.DagsterInstance
) -> dg.AssetCheckResult:
    """Return what a check said when its table was last read; a warning if it never was."""
    _, evaluation = next(evaluations_by_reads(key, name, instance), (None, None))
    if evaluation is None:
        return dg.AssetCheckResult(
            passed=False,
            asset_key=key,
            check_name=name,
            severity=dg.AssetCheckSeverity.WARN,
            description="Nothing was read yet, so there is nothing to check. "
            f"Materialize {key.to_user_string()}.",
        )
    return dg.AssetCheckResult(
        passed=evaluation.passed,
        asset_key=key,
        check_name=name,
        severity=evaluation.severity,
        description=evaluation.description,
        metadata=evaluation.metadata,
    )


def _every_page_is_fresh(
    key: dg.AssetKey, pages: Sequence[str], last: LastReads
) -> dg.AssetCheckResult:
    """Compare by our clock and by the API's; a page is late by either."""
    landed = {
        page: read.landed
        for page, read in last.parts.items()
        if page in pages and read.landed
    }
    by_ours = {page: read.read_at for page, read in landed.items()}
    result = every_page_is_fresh(key, pages, by_ours, datetime.now(UTC), last.name_of)
    by_theirs = {
        page: read.observed_at for page, read in landed.items() if read.observed_at
    }
    if not result.passed or not by_theirs:
        return result
    newest = max(by_theirs.values())
    return every_page_is_fresh(key, pages, by_theirs, newest, last.name_of)


def _fields_are_as_expected(
    key: dg.AssetKey, last: LastReads, instance: dg.DagsterInstance
) -> dg.AssetCheckResult:
    """Repeat what the last read found; the log of reads has less of one outside Dagster."""
    dropped = [
        column
        for column in last.lacking
        if column.split(".")[0].split("__")[0] == key.path[-1]
    ]
    if dropped:
        description = f"{lacking(dropped)}; the next read makes it again"
        return _fields(key, description, [description])
    landed = [read.landed for read in last.parts.values() if read.landed]
    read_at = max((read.read_at.timestamp() for read in landed), default=0.0)
    evaluated_at, _ = next(
        evaluations_by_reads(key, FIELDS_ARE_AS_EXPECTED, instance), (None, None)
    )
    if evaluated_at is not None and evaluated_at >= read_at:
        return said_before(key, FIELDS_ARE_AS_EXPECTED, instance)
    missing = sorted({read.missing_fields for read in landed if read.missing_fields})
    return _fields(
        key,
        "; ".join(missing)
        or "The last read was not made by Dagster. Every field that marts need came; "
        "other differences are not in the log of reads.",
        missing,
    )


def _fields(
    key: dg.AssetKey, description: str, differences: Sequence[str]
) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=not differences,
        asset_key=key,
        check_name=FIELDS_ARE_AS_EXPECTED,
        severity=dg.AssetCheckSeverity.ERROR
        if differences
        else dg.AssetCheckSeverity.WARN,
        description=description,
        metadata={"differences": len(differences)},
    )
