"""One answer of Auto Rosters as rows, whatever shape its parts have.

A part that cannot be read costs itself and never the page: it is left out, counted and
named. Whoever may stand in such a part is not said to have left: ``unread`` names what
the caller has to keep from the read before. Only an answer without any usable rank list,
or in which no user has an id, is refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from roster_platform import documents
from roster_platform.ingest.autorosters.flattening.oddities import Finding

Rows = dict[str, list[dict[str, Any]]]

# Pages are written again when the rows that an answer becomes are others than before.
_RULES_VERSION = b"3:"
LISTS: Mapping[str, tuple[str, str]] = {
    "certifications": ("user_certifications", "certification"),
    "subdivisions": ("user_subdivisions", "subdivision"),
}
"""A user's lists of names: the table and the column that each fills."""


@dataclass(frozen=True)
class Flat:
    """The rows of one answer, what was odd in it, and what could not be read.

    ``sent`` are the fields that the API sent, by table. ``unread_people`` is true where
    members may stand in a part that could not be read; ``unread_lists`` are the members
    whose list could not be read, by table.
    """

    rows: Rows
    content_hash: str
    sent: Mapping[str, set[str]]
    findings: Mapping[Finding, int]
    unread_people: bool = False
    unread_lists: Mapping[str, set[str]] = field(default_factory=dict)


def hash_of(
    body: Any,
    sources: Mapping[str, Mapping[str, str]] | None = None,
    volatile: Collection[str] = (),
) -> str:
    """Return the digest of an answer: equal when it becomes the same rows.

    ``sources`` are the other names that its fields are read from; fields named
    ``volatile`` may differ.
    """
    content = documents.digest(body, volatile)
    if sources:
        content += documents.dumps(sources, sort_keys=True)
    return hashlib.sha256(_RULES_VERSION + content).hexdigest()
