"""The versions of the platform that wrote a dataset, as the log of reads has them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple

from packaging.version import Version

from roster_platform import __version__
from roster_platform.catalogue import READS_TABLE

if TYPE_CHECKING:
    from roster_platform.warehouse.pipeline_run import PipelineRun

logger = logging.getLogger(__name__)


class Writers(NamedTuple):
    """The version that wrote last, and the newest that ever did; None before 0.2.0."""

    last: str | None
    newest: str | None


def writers(run: PipelineRun) -> Writers:
    """Return which versions of the platform wrote a dataset."""
    rows = run.query(
        "select platform_version, max(read_at) as last_at from {table} "
        "group by platform_version order by last_at",
        table=READS_TABLE,
        needs=("platform_version",),
    )
    versions = [version for version, _ in rows]
    known = [version for version in versions if version]
    return Writers(
        versions[-1] if versions else None, max(known, key=Version, default=None)
    )


def why_too_old(newest: str | None) -> str | None:
    """Return why this version must not write what a newer one wrote; None if it may."""
    if newest is None or Version(newest) <= Version(__version__):
        return None
    return (
        f"version {newest} of the platform wrote this warehouse, and this is "
        f"{__version__}, which does not know what the newer one changed. Install that "
        "version again, or restore a backup from before the upgrade."
    )


def warn_when_too_old(run: PipelineRun) -> None:
    """Log that a newer version of the platform wrote the dataset."""
    if reason := why_too_old(writers(run).newest):
        logger.warning("%s: %s", run.pipeline.dataset_name, reason)
