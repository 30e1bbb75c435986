"""Auto Rosters as a dlt source: ``pipeline.run(autorosters_source(["<page id>"]))``."""

from roster_platform.ingest.autorosters.load import (
    load_page_users,
    load_pages,
    load_user,
)
from roster_platform.ingest.autorosters.retirement import (
    retire_pages,
    take_over_history,
)
from roster_platform.ingest.autorosters.source import (
    DATASET_NAME,
    PIPELINE_NAME,
    autorosters_source,
    check_access,
)

__all__ = [
    "DATASET_NAME",
    "PIPELINE_NAME",
    "autorosters_source",
    "check_access",
    "load_page_users",
    "load_pages",
    "load_user",
    "retire_pages",
    "take_over_history",
]
