"""Findings on the two APIs: their keys, their answers, and what is off."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from roster_platform.doctor.finding import Finding
from roster_platform.errors import ConfigurationError, IngestError
from roster_platform.ingest.off import (
    missing_credentials,
    was_loaded,
    why_switched_off,
)
from roster_platform.ingest.outbox.captures import CAPTURES
from roster_platform.ingest.roster.endpoints import BY_NAME as ENDPOINTS_BY_NAME
from roster_platform.ingest.settings import (
    ClientSettings,
    autorosters_settings,
    roster_settings,
)
from roster_platform.warehouse.warehouse import Warehouse

_MOST_SHOWN = 3
_SETTINGS: Mapping[str, Callable[[], ClientSettings]] = {
    "roster": roster_settings,
    "autorosters": autorosters_settings,
}
_RESOURCES: Mapping[str, Iterable[str]] = {
    "roster": (*ENDPOINTS_BY_NAME, *CAPTURES),
    "autorosters": ("pages", "page_users"),
}


def answers(
    name: str, source: str, check_access: Callable[[], None], warehouse: Warehouse
) -> Finding:
    """Ask an API for one cheap answer, if it is on and has its credentials."""
    if off := why_switched_off(source):
        return Finding("note", name, off)
    try:
        if missing := missing_credentials(source):
            return _without_credentials(name, source, missing, warehouse)
        check_access()
    except IngestError as error:
        return Finding("problem", name, str(error))
    base_url = _SETTINGS[source]().base_url
    return Finding("ok", name, f"{base_url} answers, and takes the token")


def no_key() -> Iterator[Finding]:
    """Report that no API can be read yet."""
    if all(
        why_switched_off(source) or missing_credentials(source) for source in _SETTINGS
    ):
        yield Finding(
            "problem",
            "keys",
            "No API has a key yet, so there is nothing to read. Paste the key of one into "
            ".dlt/secrets.toml (docs/connecting.md, step 3).",
        )


def mapping(name: str, source: str) -> Finding:
    """Probe an API, and compare what it sends with what is declared."""
    from roster_platform.ingest.probe import differences

    subject = f"{name} mapping"
    if off := why_switched_off(source) or missing_credentials(source):
        return Finding("note", subject, f"not checked: {off}")
    found = differences(source)
    if not found:
        return Finding("ok", subject, "it fits what the API sends")
    more = f" and {len(found) - _MOST_SHOWN} more" if len(found) > _MOST_SHOWN else ""
    return Finding(
        "problem",
        subject,
        f"{'; '.join(found[:_MOST_SHOWN])}{more}. Run `roster-platform probe {source}` to "
        "write it down.",
    )


def _without_credentials(
    name: str, source: str, missing: str, warehouse: Warehouse
) -> Finding:
    """A team may use only one of the APIs; once it was loaded, every read fails."""
    if not warehouse.is_being_written() and was_loaded(source, warehouse):
        remedy = f"set `enabled: false` in mappings/{source}.yaml if it is not used"
        return Finding(
            "problem",
            name,
            f"{missing} It was loaded before, so its reads fail; {remedy}.",
        )
    return Finding("note", name, f"off: {missing}")


def switched_off() -> Iterator[Finding]:
    """Report the endpoints that a mapping switches off."""
    for source, resources in _RESOURCES.items():
        off = [name for name in resources if why_switched_off(source, name)]
        if off and not why_switched_off(source):
            what = (
                f"off by `enabled: false` in mappings/{source}.yaml: {', '.join(off)}"
            )
            yield Finding("note", f"{source} endpoints", what)


def public_token() -> Iterator[Finding]:
    """Report whether something can be sent to Roster."""
    try:
        roster_settings().require_public_access_token()
    except ConfigurationError as error:
        # Whoever has no Roster sends nothing to it.
        if not missing_credentials("roster"):
            yield Finding("note", "outbox", str(error))
        return
    yield Finding("ok", "outbox", "a public token is set (not tried: it writes)")
