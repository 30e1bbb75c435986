"""Settings that nobody reads: misspelled names, which would be left out in silence."""

from __future__ import annotations

import difflib
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from roster_platform.errors import ConfigurationError
from roster_platform.ingest.settings import AutoRostersSettings, RosterSettings
from roster_platform.settings.configuration import (
    OUR_SECTION,
    OUR_SOURCES,
    settings_by_file,
)
from roster_platform.settings.platform import (
    AlertSettings,
    DashboardSettings,
    DigestSettings,
    PlatformSettings,
)

logger = logging.getLogger(__name__)

_ENDPOINT_WORDS = (
    *("path", "data_selector", "paginator", "params"),
    *("page_size", "newest_first", "updated_after_param", "cron"),
)
# Variables of the platform itself, for its own processes.
_INTERNAL = "ROSTER_PLATFORM__DBT_"
_NEAR_ENOUGH = 0.85


def unknown_settings() -> list[str]:
    """Return a sentence for each setting under our sections that is not known.

    It names where it stands and the known name that is nearest. Raises
    ConfigurationError when a settings file cannot be read.
    """
    found = []
    for path, said in settings_by_file():
        for keys in _unknown(said, _known()):
            *section, name = keys
            close = _nearest(name, _names_under(section))
            where = f" under [{'.'.join(section)}]" if section else ""
            found.append(f"{path}: there is no setting '{name}'{where}.{close}")
    for variable in sorted(os.environ):
        if (near := _near_variable(variable)) is not None:
            found.append(f"The environment variable {variable} is no setting.{near}")
    return found


@cache
def warn_of_unknown_settings() -> None:
    """Log what is not known, once for a process."""
    try:
        for sentence in unknown_settings():
            logger.warning("%s", sentence)
    except ConfigurationError:
        # Whoever reads the settings reports it.
        return


@cache
def _known() -> Mapping[str, Any]:
    """The names of our settings, by section; ``None`` for one that may hold anything."""
    from roster_platform.ingest.roster.endpoints import BY_NAME

    def names(spec: type) -> dict[str, Any]:
        return dict.fromkeys(spec().get_resolvable_fields())

    endpoints = {name: dict.fromkeys(_ENDPOINT_WORDS) for name in BY_NAME}
    return {
        OUR_SECTION: {
            **names(PlatformSettings),
            "alerts": names(AlertSettings),
            "digest": names(DigestSettings),
            "dashboard": names(DashboardSettings),
        },
        "sources": {
            "roster_source": {**names(RosterSettings), "endpoints": endpoints},
            "autorosters_source": {
                **names(AutoRostersSettings),
                "endpoints": {name: {"cron": None} for name in ("pages", "page_users")},
            },
        },
    }


def _unknown(
    said: Mapping[str, Any], known: Mapping[str, Any], section: Sequence[str] = ()
) -> Iterator[list[str]]:
    """The keys that nobody reads. Sections that are others' are left alone."""
    is_ours = section and section != ("sources",)
    for name, value in said.items():
        below = known.get(name) if name in known else None
        if name in known:
            if isinstance(below, Mapping) and isinstance(value, Mapping):
                yield from _unknown(value, below, (*section, name))
        elif is_ours or _looks_like_ours(name, known, section):
            yield [*section, name]


def _looks_like_ours(
    name: str, known: Mapping[str, Any], section: Sequence[str]
) -> bool:
    if section:
        return "roster" in name.lower()
    return bool(difflib.get_close_matches(name, known, 1, _NEAR_ENOUGH))


def _names_under(section: Sequence[str]) -> list[str]:
    known = _known()
    for name in section:
        known = known[name]
    return list(known)


def _nearest(name: str, known: Sequence[str]) -> str:
    # Sections are few, so that any of them may be meant.
    near = difflib.get_close_matches(name, known, 1, 0.5 if len(known) < 4 else 0.6)
    if near:
        return f" Did you mean '{near[0]}'?"
    return f" Known are {', '.join(sorted(known))}."


@cache
def _variables() -> tuple[str, ...]:
    """Every variable that is a setting; those of an endpoint end in its dots."""

    def names(known: Mapping[str, Any], prefix: str) -> Iterator[str]:
        for name, below in known.items():
            variable = f"{prefix}{name}".upper()
            if isinstance(below, Mapping):
                yield from names(below, f"{variable}__")
            yield variable

    return tuple(names(_known(), ""))


def _near_variable(variable: str) -> str | None:
    """Return the setting nearest to an unknown variable; None for known and others'."""
    if variable in _variables() or variable.startswith(_INTERNAL):
        return None
    sections = (OUR_SECTION, *(f"sources__{name}" for name in OUR_SOURCES))
    if variable.startswith(tuple(f"{section.upper()}__" for section in sections)):
        if any(variable.startswith(f"{word}__") for word in _free_variables()):
            return None
        near = difflib.get_close_matches(variable, _variables(), 1)
        return f" Did you mean {near[0]}?" if near else " See docs/settings.md."
    if "ROSTER" not in variable:
        return None
    near = difflib.get_close_matches(variable, _variables(), 1, 0.9)
    return f" Did you mean {near[0]}?" if near else None


def _free_variables() -> Iterator[str]:
    """Settings below which anything goes: a paginator's words, an API's parameters."""
    for variable in _variables():
        if variable.endswith(("__PARAMS", "__PAGINATOR")):
            yield variable
