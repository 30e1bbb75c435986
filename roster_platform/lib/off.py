"""Events of an endpoint that is off: it succeeds, and its metadata say that it is off."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import dagster as dg

from roster_platform.errors import IngestError
from roster_platform.ingest.off import missing_credentials, why_switched_off

OFF = "off"
"""Metadata, and the data version, of an asset that is off: why."""


def off_result(
    key: dg.AssetKey, checks: Iterable[str], reason: str
) -> dg.MaterializeResult:
    """Return the result of an asset that is off, on which models in the run may wait."""
    return dg.MaterializeResult(
        asset_key=key,
        data_version=dg.DataVersion(OFF),
        metadata={OFF: reason},
        check_results=list(off_checks(key, checks, reason)),
    )


def off_checks(
    key: dg.AssetKey, checks: Iterable[str], reason: str
) -> Iterable[dg.AssetCheckResult]:
    """Return the checks of an asset that is off: they pass, and say so."""
    for name in checks:
        yield dg.AssetCheckResult(
            passed=True,
            asset_key=key,
            check_name=name,
            description=OFF,
            metadata={OFF: reason},
        )


def off_reason(
    source: str, keys: Iterable[dg.AssetKey]
) -> Callable[[dg.DagsterInstance], str | None]:
    """Return a schedule's reason for not reading an API that is off.

    It asks Dagster, not the warehouse, whether the API was ever read: a tick must not
    wait for a load. Once it was, a run reports that the credentials are gone.
    """
    keys = list(keys)

    def reason(instance: dg.DagsterInstance) -> str | None:
        try:
            if switched_off := why_switched_off(source):
                return switched_off
            missing = missing_credentials(source)
        except IngestError:
            # The run reports it.
            return None
        if missing is None or any(_was_read(instance, key) for key in keys):
            return None
        return f"{OFF}: {missing}"

    return reason


def _was_read(instance: dg.DagsterInstance, key: dg.AssetKey) -> bool:
    event = instance.get_latest_materialization_event(key)
    materialization = event.asset_materialization if event else None
    return materialization is not None and OFF not in materialization.metadata
