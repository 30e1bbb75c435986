"""One request for a page, the page, and how a read of pages ended."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

import msgspec

from roster_platform import documents
from roster_platform.ingest.signs.page_signs import PageSigns

_ITEMS = msgspec.json.Decoder(list[msgspec.Raw])


@dataclass(frozen=True)
class Ask:
    """One request for a page: parameters to add, or the whole address."""

    number: int
    params: Mapping[str, Any] = field(default_factory=dict)
    url: str | None = None


@dataclass(frozen=True)
class Page:
    """One page of records, in the order the API sent them.

    ``raw`` is their JSON list, ``count`` its length and ``digest`` that of its bytes: the
    same bytes are the same content. ``date`` is when it was sent by the API's clock,
    ``received_at`` when it came by ours.
    """

    number: int
    raw: bytes
    count: int
    signs: PageSigns
    date: datetime
    received_at: datetime

    @cached_property
    def digest(self) -> bytes:
        return hashlib.blake2b(self.raw, digest_size=16).digest()

    @cached_property
    def items(self) -> set[bytes]:
        """The records, as the bytes they came in."""
        return {bytes(item) for item in _ITEMS.decode(self.raw)}

    @cached_property
    def records(self) -> list[dict[str, Any]]:
        return documents.loads(self.raw)


@dataclass(frozen=True)
class ReadEnd:
    """The end of a read.

    ``proof`` says how the end was proven or, of an incomplete read, what contradicts it
    and which setting to look at. ``announced`` is the number of records by the API.
    """

    is_complete: bool
    proof: str
    announced: int | None = None
    first_page: int | None = None
    """The number of the API's first page; None where it is not known."""
