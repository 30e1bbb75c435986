"""Fields that used to come and do not any more, by what earlier reads saw.

Undeclared fields and values of another type are noticed row by row, where the rows are
built (``tables``); a lost field only shows in a read of everything.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Set
from typing import Any

from roster_platform.ingest.report import Drift

_FIELDS = "fields"


def lost_fields(
    state: MutableMapping[str, Any],
    came: Mapping[str, Set[str]],
    *,
    accept: bool = False,
) -> list[Drift]:
    """The fields of each table that earlier reads saw and this complete one did not.

    ``came`` holds the fields by table; tables without a row are left out. ``state`` (the
    dlt resource's) remembers every field ever seen, so that a lost one is told until it
    comes again, or until ``accept`` takes what came as what is to be expected.
    """
    known: MutableMapping[str, list[str]] = state.setdefault(_FIELDS, {})
    lost = []
    for table, fields in came.items():
        if not fields:
            continue
        missing = set() if accept else set(known.get(table, ())) - fields
        lost += [
            Drift(table, field, "is sent no longer", 0) for field in sorted(missing)
        ]
        known[table] = sorted(fields | missing)
    return lost
