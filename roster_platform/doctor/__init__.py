"""``roster-platform doctor``: find what is wrong with an installation, and what to do.

It changes nothing, asks each API for one cheap answer, and prints no secret.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

from roster_platform.doctor import apis, dagster, installation
from roster_platform.doctor import warehouse as storage
from roster_platform.doctor.finding import Finding
from roster_platform.errors import IngestError
from roster_platform.ingest import autorosters, roster
from roster_platform.warehouse.warehouse import Warehouse


def diagnose(*, check_mappings: bool = False) -> Iterator[Finding]:
    """Every check, one after the other; a problem in one does not stop the others.

    A problem that several find, such as a file that cannot be read, comes once.
    ``check_mappings`` probes the APIs as well, which takes minutes and some of their rate
    limit, so it is only done when asked for.
    """
    problems = set()
    for finding in _findings(check_mappings):
        if finding.state == "problem":
            if finding.what in problems:
                continue
            problems.add(finding.what)
        yield finding


def _findings(check_mappings: bool) -> Iterator[Finding]:
    yield from guarded("versions", installation.versions)
    yield from guarded("configuration", installation.configuration)
    yield from guarded("settings", installation.check_settings)
    try:
        warehouse = Warehouse.from_settings()
    except Exception:
        return  # Told already.
    for subject, source, check_access in (
        ("Roster", "roster", roster.check_access),
        ("Auto Rosters", "autorosters", autorosters.check_access),
    ):
        answers = partial(apis.answers, subject, source, check_access, warehouse)
        yield from guarded(subject, answers)
        if check_mappings:
            yield from guarded(
                f"{subject} mapping", partial(apis.mapping, subject, source)
            )
    yield from guarded("keys", apis.no_key)
    yield from guarded("outbox", apis.public_token)
    yield from guarded("endpoints", apis.switched_off)
    yield from guarded("warehouse", partial(storage.database, warehouse))
    yield from guarded("disk", partial(storage.disk, warehouse))
    yield from guarded("pending work", partial(storage.pending, warehouse))
    yield from guarded("schedules", dagster.schedules)
    yield from guarded("Dagster", dagster.instance)


def guarded(
    subject: str, check: Callable[[], Finding | Iterable[Finding]]
) -> Iterator[Finding]:
    """The findings of a check; an error that it did not expect is a finding as well."""
    try:
        found = check()
        yield from [found] if isinstance(found, Finding) else found
    except IngestError as error:
        yield Finding("problem", subject, str(error))
    except Exception as error:
        # Its text may quote a secret; its name and place do not.
        place = traceback.extract_tb(error.__traceback__)[-1]
        yield Finding(
            "problem",
            subject,
            f"It could not be checked: {type(error).__name__} in "
            f"{Path(place.filename).name}, line {place.lineno}. The other checks "
            "continued; please report it.",
        )
