"""The answer of an API to one request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import msgspec

from roster_platform import documents

# JSON taken apart no further than asked for: parts stay the bytes they came in.
_PARTS = msgspec.json.Decoder(dict[str, msgspec.Raw])


@dataclass(frozen=True)
class Answer:
    """A JSON answer, its headers, and the API's clock when it was sent (UTC).

    ``received_at`` is by our own clock.
    """

    raw: bytes
    date: datetime
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    url: str = ""
    received_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @cached_property
    def body(self) -> Any:
        return documents.loads(self.raw)

    @cached_property
    def parts(self) -> Mapping[str, bytes]:
        """The members of an object, as bytes; empty for anything else."""
        return parts_of(self.raw)


def parts_of(raw: bytes) -> Mapping[str, bytes]:
    """The members of a JSON object, as bytes; empty for anything else."""
    try:
        return {name: bytes(part) for name, part in _PARTS.decode(raw).items()}
    except msgspec.ValidationError:
        return {}
