"""Time: days are deterministic, and what changes is what the oracle says changed."""

from __future__ import annotations

import subprocess
import sys
from datetime import date

from roster_platform.sandbox.simulation.world import World, WorldOptions

SIZE = WorldOptions(orders=800, pages=5, members=15, as_of=date(2026, 10, 28))


def _served(world: World) -> dict:
    lists = {
        name: [made.record(number) for number in made.numbers(0, len(made))]
        for name, made in world.collections.items()
    }
    pages = {page: world.page_body(page) for page in world.rosters.pages}
    return {**lists, "pages": pages}


def test_two_days_are_one_day_and_one_day():
    one, other = World(SIZE), World(SIZE)
    one.advance(7)
    for _ in range(7):
        other.advance(1)
    assert _served(one) == _served(other)
    assert one.as_of == date(2026, 11, 4)


def test_another_process_makes_the_same_world():
    script = (
        "from roster_platform.sandbox.simulation.world import *;"
        "w = World(WorldOptions(orders=300, pages=2, members=8)); w.advance(2);"
        "import hashlib; h = hashlib.sha256();"
        "[h.update(c.body(c.numbers(0, len(c)))) for c in w.collections.values()];"
        "[h.update(w.page_body(p)) for p in w.rosters.pages];"
        "print(h.hexdigest())"
    )
    hashes = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(hashes) == 1


def test_served_bytes_follow_the_changes():
    world = World(SIZE)
    world.warm()
    world.advance(5)
    fresh = World(SIZE)
    fresh.advance(5)
    for name, made in world.collections.items():
        everything = made.numbers(0, len(made))
        assert made.body(everything) == fresh.collections[name].body(everything)
    for rule, made in world.codes_by_rule.items():
        everything = made.numbers(0, len(made))
        assert made.body(everything) == fresh.codes_by_rule[rule].body(everything)


def test_a_day_brings_orders_edits_deletions_and_membership_changes():
    world = World(SIZE)
    before = _served(world)
    world.advance(4)
    after = _served(world)
    old = {order["orderId"]: order for order in before["orders"]}
    new = {order["orderId"]: order for order in after["orders"]}
    assert len(new) >= len(old) + 12
    edited = [order for key, order in old.items() if order != new[key]]
    assert any(
        order["lineItems"] != new[order["orderId"]]["lineItems"] for order in edited
    )
    assert any(new[order["orderId"]]["refundedAmount"] != "0.00" for order in edited)
    assert all(new[o["orderId"]]["updatedAt"] > o["updatedAt"] for o in edited)
    posts = {post["id"] for post in after["posts"]}
    assert {post["id"] for post in before["posts"]} - posts
    assert {comment["postId"] for comment in after["comments"]} <= posts
    assert {like["postId"] for like in after["likes"]} <= posts
    new_events = after["events"][: len(after["events"]) - len(before["events"])]
    types = {event["type"] for event in new_events}
    assert {"program.joined", "program.left", "contact.created"} <= types


def test_pages_change_as_the_oracle_tells():
    world = World(SIZE)
    kinds = set()
    for _ in range(6):
        before = {p: _ranks(world, p) for p in world.rosters.own_page_ids}
        seen = len(world.rosters.changes)
        world.advance(1)
        changes = world.rosters.changes[seen:]
        kinds |= {change.kind for change in changes}
        expected = {p: dict(ranks) for p, ranks in before.items()}
        for change in changes:
            ranks = expected[change.page_id]
            if change.kind == "left":
                del ranks[change.discord_id]
            elif change.to_rank is not None:
                if change.kind == "transfer":
                    del expected[change.from_page_id][change.discord_id]
                ranks[change.discord_id] = [change.to_rank]
        assert {p: _ranks(world, p) for p in expected} == expected
    assert kinds == {
        "promotion",
        "demotion",
        "joined",
        "left",
        "transfer",
        "certification_gained",
        "certification_lost",
    }


def _ranks(world: World, page_id: str) -> dict[str, list[str]]:
    page = world.rosters.pages[page_id]
    return {
        key: [page.ranks[rank].name for rank in member.ranks]
        for key, member in page.members.items()
    }


def test_patrol_hours_grow_and_some_pages_start_anew_each_month():
    world = World(SIZE)
    logged = [p for p in world.rosters.pages.values() if p.has_patrol_log]
    own = set(world.rosters.own_page_ids)
    resets_seen = 0
    for _ in range(6):
        before = {
            (page.page_id, key): member.hours
            for page in logged
            for key, member in page.members.items()
        }
        world.advance(1)
        for page in logged:
            if page.page_id not in own:
                continue
            resets = page.resets_monthly and world.as_of.day == 1
            resets_seen += resets
            for key, member in page.members.items():
                was = before.get((page.page_id, key))
                if was is not None:
                    assert resets or member.hours >= was
                    assert not resets or member.hours <= 50
    assert resets_seen


def test_membership_of_each_day_is_remembered(start):
    client = start()
    first = client.sandbox.get("state")["page_ids"][0]
    seen = {}
    for _ in range(3):
        page = client.ask(f"/api/roster/{first}").body
        as_of = client.sandbox.get("state")["as_of"]
        seen[as_of] = [
            (rank["role_id"], user["discord_id"])
            for rank in page["ranks"]
            for user in rank["users"]
        ]
        client.sandbox.advance(1)
    answer = client.sandbox.get(f"oracle/membership?page_id={first}")
    told = {
        day["day"]: [(m["role_id"], m["discord_id"]) for m in day["members"]]
        for day in answer["days"]
    }
    assert {day: told[day] for day in seen} == seen
    assert len(told) == 4
    assert client.ask("/v2/orders").headers["date"].startswith("Wed, 04 Nov 2026 06:0")
