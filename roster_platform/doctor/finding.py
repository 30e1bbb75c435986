"""The finding of one check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Finding:
    """The finding of one check; ``what`` also says what to do about a problem."""

    state: Literal["ok", "note", "problem"]
    subject: str
    what: str
