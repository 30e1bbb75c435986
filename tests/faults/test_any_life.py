"""Whatever an endpoint says from read to read, with answers that break and loads that die.

Each life is a warehouse. Records appear, change, leave and return; some reads die in one of
their steps, and nobody reads again before the API says something else.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import dlt
import pytest

from tests.faults.platform import LocalPlatform
from tests.faults.rude_server import HARMS, Asked, Raw, rude_server

KEYS = [f"o-{number}" for number in range(14)]
READS = 12
QUICK_HARMS = [name for name in HARMS if "stalled" not in name]
"""A stalled answer costs its time out, and has tests of its own."""

State = tuple[str, Decimal] | None
"""Name and price of a record; None while it is not there."""


class Killed(BaseException):
    """Stands for the death of a process."""


@dataclass
class Api:
    """The orders as they are now; a share of the answers is harmed."""

    chance: random.Random
    now: dict[str, tuple[str, Decimal]] = field(default_factory=dict)
    changes: int = 0

    def change(self) -> None:
        for key in self.chance.sample(KEYS, self.chance.randrange(6)):
            self.changes += 1
            if key in self.now and self.chance.random() < 0.4:
                del self.now[key]
            else:
                price = Decimal(self.chance.randrange(-5_000, 5_000)) / 100
                self.now[key] = (f"name {self.changes}", price)

    def __call__(self, asked: Asked) -> Any:
        number, size = int(asked.query["page"]), int(asked.query["pageSize"])
        orders = [
            {
                "orderId": key,
                "firstName": name,
                "totalPrice": str(price),
                "discountCodes": codes(name),
            }
            for key, (name, price) in sorted(self.now.items())
        ]
        body = {
            "data": orders[(number - 1) * size : number * size],
            "pagination": {"totalCount": len(orders)},
        }
        if self.chance.random() < 0.1:
            harm: Callable[[bytes], Raw] = HARMS[self.chance.choice(QUICK_HARMS)]
            return harm(json.dumps(body).encode())
        return body


def codes(name: str) -> list[str]:
    return [f"{name}-{n}" for n in range(len(name) % 3)]


STEPS = (
    *((dlt.Pipeline, step) for step in ("extract", "normalize", "load")),
    *("roster_platform.ingest.roster.load.log_records",) * 2,
)


def die(chance: random.Random, patch: pytest.MonkeyPatch) -> None:
    """Let the next load die in one of its steps: before it is done, or just after."""
    step = chance.choice(STEPS)
    is_done, is_second = chance.random() < 0.5, chance.random() < 0.5
    if isinstance(step, str):
        from roster_platform.ingest.roster import load as owner

        name = "log_records"
    else:
        owner, name = step
        is_second = False
    original, calls = getattr(owner, name), iter((is_second, False))

    def dying(*arguments: Any, **options: Any) -> Any:
        if next(calls, False):
            return original(*arguments, **options)
        if is_done:
            original(*arguments, **options)
        raise Killed

    patch.setattr(owner, name, dying)


def are_versions(
    versions: list[State], attempts: list[tuple[dict[str, Any], bool]], key: str
) -> bool:
    """Return whether the versions of a key are what the reads said, in their order.

    Of a read that died nobody knows whether it landed.
    """
    places = {-1}
    for said, is_sure in attempts:
        state = said.get(key)
        after = {p for p in places if (versions[p] if p >= 0 else None) == state}
        after |= {p + 1 for p in places if versions[p + 1 : p + 2] == [state]}
        places = after if is_sure else after | places
    return len(versions) - 1 in places


def check(platform: LocalPlatform, attempts: list[tuple[dict[str, Any], bool]]) -> None:
    now = attempts[-1][0]
    rows = platform.query(
        "select order_id, first_name, total_price from roster_data.orders "
        "where not is_deleted"
    )
    assert sorted(rows) == sorted((k, name, price) for k, (name, price) in now.items())
    held = platform.query(
        "select order_id, code from roster_data.orders__discount_codes "
        "inner join roster_data.orders using (order_id) where not is_deleted"
    )
    assert sorted(held) == sorted(
        (key, code) for key, (name, _) in now.items() for code in codes(name)
    )
    versions: dict[str, list[State]] = {}
    for key, change, name, price in platform.query(
        "select order_id, _change, first_name, total_price "
        "from roster_data.orders_versions order by order_id, _sequence"
    ):
        state = None if change == "deleted" else (name, price)
        versions.setdefault(key, []).append(state)
    for key in KEYS:
        assert are_versions(versions.get(key, []), attempts, key), (key, versions)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    metafunc.parametrize("life", range(50 if metafunc.config.option.long else 1))


def test_any_life_of_an_endpoint_is_its_table_and_its_versions(
    life, platform, tries
) -> None:
    tried = tries("Any life")
    chance = random.Random(f"life {life}")
    attempts: list[tuple[dict[str, Any], bool]] = []
    with rude_server(Api(chance)) as server:
        api: Any = server.handler
        platform.reads(server.url, page_size=5, max_attempts=9, timeout_seconds=2)
        for number in range(READS):
            api.change()
            tried()
            with pytest.MonkeyPatch.context() as patch:
                if chance.random() < 0.3 and number < READS - 1:
                    die(chance, patch)
                is_sure = ends(platform)
            attempts.append((dict(api.now), is_sure))
            if is_sure:
                check(platform, attempts)


def ends(platform: LocalPlatform) -> bool:
    """Read everything; return whether the load came to its end."""
    try:
        platform.load("orders", full_read=True, confirm_drops=True)
    except Killed:
        return False
    return True
