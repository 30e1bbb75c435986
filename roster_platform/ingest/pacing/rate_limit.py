"""Rate limits: the start of the next request, for one process or for all workers.

Both gates keep one pace and every ``Retry-After``. The shared one keeps them in Redis,
by the server's clock, so that an API's limit holds for the account and not once for each
worker. A gate outlives the client that uses it.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from roster_platform.errors import ConfigurationError, UnreachableError

_T = TypeVar("_T")
_TIMEOUT_SECONDS = 10


class Gate(Protocol):
    """The rate limit of one API."""

    async def reserve(self, interval: float) -> float:
        """Take the next start slot; returns the seconds to wait for it."""

    async def close_for(self, seconds: float) -> None:
        """Let nobody start for some seconds."""

    async def closed_for(self) -> float:
        """The seconds for which nobody may start; 0 or less when open."""

    async def disconnect(self) -> None:
        """Let go of what belongs to the event loop that ends."""


@dataclass
class ProcessGate:
    """A gate for all clients of this process."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    next_start: float = 0.0
    closed_until: float = 0.0

    async def reserve(self, interval: float) -> float:
        """Take the next start slot; returns the seconds to wait for it."""
        with self.lock:
            start = max(time.monotonic(), self.next_start, self.closed_until)
            self.next_start = start + interval
            return start - time.monotonic()

    async def close_for(self, seconds: float) -> None:
        """Let nobody start for some seconds."""
        with self.lock:
            self.closed_until = max(self.closed_until, time.monotonic() + seconds)

    async def closed_for(self) -> float:
        """The seconds for which nobody may start; 0 or less when open."""
        return self.closed_until - time.monotonic()

    async def disconnect(self) -> None:
        """Nothing is connected."""


# Milliseconds, because Redis truncates the numbers a script answers.
_NOW = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local closed_until = tonumber(redis.call('HGET', KEYS[1], 'closed_until')) or 0
"""
# The keys expire, so that an API nobody asks any more leaves nothing behind.
_RESERVE = (
    _NOW
    + """
local next_start = tonumber(redis.call('HGET', KEYS[1], 'next_start')) or 0
local start = math.max(now, next_start, closed_until)
redis.call('HSET', KEYS[1], 'next_start', start + ARGV[1])
redis.call('PEXPIRE', KEYS[1], math.ceil(math.max(start, closed_until) - now) + 86400000)
return math.ceil(start - now)
"""
)
_CLOSE = (
    _NOW
    + """
redis.call('HSET', KEYS[1], 'closed_until', math.max(closed_until, now + ARGV[1]))
redis.call('PEXPIRE', KEYS[1], math.ceil(ARGV[1]) + 86400000)
"""
)
_CLOSED = _NOW + "return math.ceil(closed_until - now)"


class SharedGate:
    """A gate for every worker that uses the same Redis server and the same token.

    ``base_url`` and ``secret`` say whose limit it is; neither is stored. Its methods raise
    UnreachableError when Redis does not answer.
    """

    def __init__(self, redis_url: str, base_url: str, secret: str) -> None:
        try:
            import redis.asyncio as redis
        except ImportError:
            raise ConfigurationError(
                "ROSTER_PLATFORM__RATE_LIMIT_URL needs the driver of Redis. Install it "
                "with `pip install -e '.[workers]'`."
            ) from None
        account = hashlib.blake2b(f"{base_url} {secret}".encode(), digest_size=16)
        self._key = f"roster_platform:gate:{account.hexdigest()}"
        self._errors = (redis.RedisError, OSError)
        try:
            self._redis = redis.Redis.from_url(
                redis_url, socket_timeout=_TIMEOUT_SECONDS
            )
        except ValueError:
            raise ConfigurationError(
                "ROSTER_PLATFORM__RATE_LIMIT_URL is no address of a Redis server. Write "
                "redis://[:password@]host:6379/0, or rediss:// for TLS."
            ) from None
        self._reserve, self._close, self._closed = (
            self._redis.register_script(script)
            for script in (_RESERVE, _CLOSE, _CLOSED)
        )

    async def reserve(self, interval: float) -> float:
        """Take the next start slot; returns the seconds to wait for it."""
        call = self._reserve(keys=[self._key], args=[interval * 1000])
        return int(await self._answer(call)) / 1000

    async def close_for(self, seconds: float) -> None:
        """Let nobody start for some seconds."""
        await self._answer(self._close(keys=[self._key], args=[seconds * 1000]))

    async def closed_for(self) -> float:
        """The seconds for which nobody may start; 0 or less when open."""
        return int(await self._answer(self._closed(keys=[self._key]))) / 1000

    async def disconnect(self) -> None:
        """Close the connections, which belong to the event loop that ends."""
        await self._redis.aclose()

    async def _answer(self, call: Awaitable[_T]) -> _T:
        try:
            return await call
        except self._errors as error:
            raise UnreachableError(
                "The Redis server that holds the rate limit of all workers "
                f"(ROSTER_PLATFORM__RATE_LIMIT_URL) failed ({type(error).__name__}). "
                "Nothing was asked without it; fix it, then run again."
            ) from None


_gates: dict[str, ProcessGate] = {}
_gates_lock = threading.Lock()


def gate_of(base_url: str, secret: str, redis_url: Any | None) -> Gate:
    """The gate of an API: shared through Redis where that is configured.

    Raises ConfigurationError when the address or the driver of Redis is wrong.
    """
    if redis_url:
        return SharedGate(str(redis_url), base_url, secret)
    with _gates_lock:
        return _gates.setdefault(base_url, ProcessGate())
