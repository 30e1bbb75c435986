"""An API's limit holds for the account, however many workers ask."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse

from roster_platform import errors
from roster_platform.ingest.http.client import ApiClient
from roster_platform.ingest.settings import ClientSettings
from tests.local_api import local_api
from tests.redis import running_redis

RATE_LIMIT_URL = "ROSTER_PLATFORM__RATE_LIMIT_URL"
_PATIENCE_SECONDS = 120


@pytest.fixture
def redis_url(monkeypatch) -> Iterator[str]:
    with running_redis() as url:
        monkeypatch.setenv(RATE_LIMIT_URL, url)
        yield url


def ask(url: str, paths: list[str], requests_per_minute: float | None) -> list[object]:
    """What a worker of its own gets."""
    settings = ClientSettings(base_url=url)
    settings.requests_per_minute = requests_per_minute
    with ApiClient("Test API", settings, {}, "secret", {}) as client:
        return [outcome for _, outcome in client.get_each(paths)]


def pause_met(url: str) -> float:
    """The seconds for which a worker of its own is told to leave the API alone."""
    (error,) = ask(url, ["thing"], None)
    assert isinstance(error, errors.RateLimitError)
    return error.retry_after


def test_all_workers_together_keep_one_pace(redis_url) -> None:
    arrivals: list[float] = []

    def note(_: Request) -> object:
        arrivals.append(time.monotonic())
        return {}

    workers, each, per_second = 3, 12, 10
    with local_api(note) as api:
        started = [
            multiprocessing.get_context("spawn").Process(
                target=ask, args=(api.url, ["thing"] * each, 60.0 * per_second)
            )
            for _ in range(workers)
        ]
        for process in started:
            process.start()
        for process in started:
            process.join(_PATIENCE_SECONDS)
    assert len(arrivals) == workers * each
    # A machine that is slow makes it longer, never shorter, but for the last one's way.
    assert max(arrivals) - min(arrivals) >= (workers * each - 2) / per_second


def test_a_pause_that_one_worker_was_asked_for_is_everybodys(redis_url) -> None:
    def refuse(_: Request) -> object:
        return JSONResponse({}, status_code=429, headers={"Retry-After": "120"})

    with local_api(refuse) as api:
        pauses = [pause_met(api.url)]
        with multiprocessing.get_context("spawn").Pool(1) as elsewhere:
            pauses.append(elsewhere.apply(pause_met, (api.url,)))
        assert len(api.requests) == 1
    assert all(100 < pause <= 120 for pause in pauses)


def test_without_the_shared_gate_nothing_is_asked(monkeypatch) -> None:
    monkeypatch.setenv(RATE_LIMIT_URL, "redis://:hidden-secret@127.0.0.1:9/0")
    with local_api(lambda _: {}) as api:
        (error,) = ask(api.url, ["thing"], None)
        assert api.requests == []
    assert isinstance(error, errors.UnreachableError)
    assert RATE_LIMIT_URL in str(error)
    assert "hidden-secret" not in str(error)
    monkeypatch.setenv(RATE_LIMIT_URL, "not an address, hidden-secret")
    with pytest.raises(errors.ConfigurationError, match="redis://") as refused:
        ask(api.url, ["thing"], None)
    assert "hidden-secret" not in str(refused.value)


def test_nothing_of_the_account_is_kept_in_redis(redis_url, tmp_path: Path) -> None:
    import redis

    with local_api(lambda _: {}) as api:
        ask(api.url, ["thing"], 600)
    with redis.Redis.from_url(redis_url) as client:
        (key,) = client.keys()
        assert b"secret" not in key
        assert client.ttl(key) > 0
        assert set(client.hgetall(key)) == {b"next_start"}
