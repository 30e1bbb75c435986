"""One request as it leaves, and a document to send."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Post:
    """One document to send; ``before_send`` runs before each try leaves."""

    body: Any
    headers: Mapping[str, str]
    before_send: Callable[[], None]


@dataclass(frozen=True)
class Request:
    """One request as it leaves, however often it has to be tried."""

    method: str
    path: str
    params: Mapping[str, Any] = field(default_factory=dict)
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    before_send: Callable[[], None] = lambda: None
