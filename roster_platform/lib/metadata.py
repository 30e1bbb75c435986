"""Metadata of a finished load in Dagster's UI."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg
from dlt import Pipeline

from roster_platform.catalogue import (
    PLATFORM_COLUMNS,
    VARIANT_SUFFIX,
    Table,
    key_column,
    key_column_name,
)
from roster_platform.ingest.reading.report import ReadReport
from roster_platform.lib.translators import declared_columns

ROWS_LISTED = "rows_listed"
"""Metadata: the table's rows that the API is known to list."""


def load_metadata(
    table: Table, report: ReadReport, row_counts: Mapping[str, int], pipeline: Pipeline
) -> dict[str, Any]:
    """Rows, columns as they now are, drift and warnings of one loaded table."""
    metadata: dict[str, Any] = {
        "dagster/row_count": row_counts.get(table.name, 0),
        "dagster/column_schema": loaded_columns(table, pipeline),
        ROWS_LISTED: row_counts.get(table.name, 0),
        "rows_read": report.rows,
        "requests": report.requests,
    }
    if table.soft_deletes:
        metadata[ROWS_LISTED] = report.held
        metadata["newly_deleted"] = report.deleted
    for name, count in row_counts.items():
        if name.startswith(f"{table.name}__"):
            metadata[f"rows of {name}"] = count
    if report.proof:
        metadata["read"] = f"{report.outcome}: {report.proof}"
    if report.observed_at:
        metadata["observed_at"] = dg.MetadataValue.timestamp(report.observed_at)
    metadata |= coverage_metadata(table, report)
    if report.sources:
        metadata["field_mapping"] = _bullets(
            f"{name}.{field} comes as `{path}`"
            for name, paths in report.sources.items()
            for field, path in paths.items()
        )
    if report.drifts:
        metadata["schema_drift"] = _bullets(map(str, report.drifts))
    if report.warnings:
        metadata["warnings"] = _bullets(report.warnings)
    return metadata


def coverage_metadata(table: Table, report: ReadReport) -> dict[str, Any]:
    """Which declared fields came, the share of rows that had each, and from where."""
    fields = [
        (name, field, share, report.sources.get(name, {}).get(field, field))
        for name, shares in report.coverage.items()
        if name.split("__")[0] == table.name
        for field, share in shares.items()
    ]
    if not fields:
        return {}
    came = sum(share > 0 for _, _, share, _ in fields)
    # From the emptiest: what is filled everywhere is of the least interest.
    records = [
        dg.TableRecord(
            {
                "field": f"{name}.{field}",
                "percent_filled": round(100 * share, 1),
                "comes_as": source if share else "never",
            }
        )
        for name, field, share, source in sorted(fields, key=lambda each: each[2])
    ]
    return {
        "declared_fields_that_came": f"{came} of {len(fields)}",
        "coverage": dg.MetadataValue.table(records),
        "mapping": str(report.mapping or "none: as declared"),
    }


def loaded_columns(table: Table, pipeline: Pipeline) -> dg.TableSchema:
    """The table's columns as dlt knows them now, described where declared."""
    declared = {column.name: column for column in declared_columns(table).columns}
    schema = pipeline.default_schema
    if table.name not in schema.tables:
        return dg.TableSchema(columns=list(declared.values()))
    platform = {
        key_column_name(field): key_column(field, column)
        for field, column in table.columns.items()
        if column.key
    } | dict(PLATFORM_COLUMNS)
    return dg.TableSchema(
        columns=[
            declared.get(name)
            or dg.TableColumn(
                name=name,
                type=column.get("data_type") or "text",
                description=platform[name].description
                if name in platform
                else _undeclared(name),
            )
            for name, column in schema.get_table_columns(table.name).items()
        ]
    )


def _undeclared(column: str) -> str:
    if column.endswith(VARIANT_SUFFIX):
        field = column.removesuffix(VARIANT_SUFFIX)
        return f"Values of {field} that are not of its type, as they came."
    return "A field that no declaration has, as it came."


def _bullets(lines: Any) -> dg.MarkdownMetadataValue:
    return dg.MetadataValue.md("\n".join(f"- {line}" for line in lines))
