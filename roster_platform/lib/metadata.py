"""What a finished load tells in Dagster's UI."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg
from dlt import Pipeline

from roster_platform.ingest.catalogue import Table
from roster_platform.ingest.report import ReadReport
from roster_platform.lib.translators import declared_columns

ROWS_LISTED = "rows_listed"
"""Metadata: the table's rows that the API is known to list."""
DATA_VERSION_TAG = "dagster/data_version"
"""The tag by which an event that is logged, not returned, carries its data version."""


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
    if report.observed_at:
        metadata["observed_at"] = dg.MetadataValue.timestamp(report.observed_at)
    if report.drifts:
        metadata["schema_drift"] = _bullets(map(str, report.drifts))
    if report.warnings:
        metadata["warnings"] = _bullets(report.warnings)
    return metadata


def loaded_columns(table: Table, pipeline: Pipeline) -> dg.TableSchema:
    """The table's columns as dlt knows them now, described where declared."""
    declared = {column.name: column for column in declared_columns(table).columns}
    schema = pipeline.default_schema
    if table.name not in schema.tables:
        return dg.TableSchema(columns=list(declared.values()))
    return dg.TableSchema(
        columns=[
            declared.get(name)
            or dg.TableColumn(name=name, type=column.get("data_type", "text"))
            for name, column in schema.get_table_columns(table.name).items()
        ]
    )


def _bullets(lines: Any) -> dg.MarkdownMetadataValue:
    return dg.MetadataValue.md("\n".join(f"- {line}" for line in lines))
