"""Roster as a dlt source: ``pipeline.run(roster_source("channels", "posts"))``."""

from roster_platform.ingest.roster.load import load_endpoint
from roster_platform.ingest.roster.source import (
    DATASET_NAME,
    PIPELINE_NAME,
    check_access,
    roster_source,
)

__all__ = [
    "DATASET_NAME",
    "PIPELINE_NAME",
    "check_access",
    "load_endpoint",
    "roster_source",
]
