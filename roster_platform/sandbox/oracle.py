"""The truth of the sandbox's world, to compare a warehouse's answers with.

The oracle reads the world itself, never what the APIs serve, so a table that agrees
with it was extracted, loaded and modelled right. Served by the app under
``/admin/oracle/``; every function returns plain JSON.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import asdict
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any

from roster_platform.sandbox.simulation import vocabulary as words
from roster_platform.sandbox.simulation.attribution import (
    FOREVER,
    METHODS,
    NOBODY,
    TYPES,
)
from roster_platform.sandbox.simulation.clock import DAY_MS, date_text, iso
from roster_platform.sandbox.simulation.discord.pages import OWNER_ID
from roster_platform.sandbox.simulation.ids import (
    contact_id,
    money,
    order_id,
    program_id,
)
from roster_platform.sandbox.simulation.shop.entities import (
    CURRENCIES,
    PROGRAMS,
    STATUSES,
    Order,
)
from roster_platform.sandbox.simulation.world import World


def orders(world: World) -> dict[str, Any]:
    """Every order's attribution and amounts, and sums per currency."""
    sums: dict[str, list[int]] = {}
    methods: Counter[str] = Counter()
    listed = []
    for number, order in enumerate(world.brand.orders):
        method = METHODS[order.method]
        methods[method] += 1
        currency = CURRENCIES[order.currency]
        total = sums.setdefault(currency, [0, 0, 0, 0])
        for place, amount in enumerate(
            (1, order.subtotal, order.total, order.refunded)
        ):
            total[place] += amount
        listed.append(
            {
                "order_id": order_id(number),
                "attribution_type": TYPES[method],
                "attribution_method": method,
                "contact_id": _or_none(contact_id, order.contact),
                "program_id": _or_none(program_id, order.program),
                "status": STATUSES[order.status],
                "currency": currency,
                **_amounts(order),
            }
        )
    return {
        "orders": listed,
        "methods": dict(methods),
        "sums": {
            currency: {
                "orders": count,
                "subtotal": money(subtotal),
                "total": money(total),
                "refunded": money(refunded),
            }
            for currency, (count, subtotal, total, refunded) in sums.items()
        },
    }


def _amounts(order: Order) -> dict[str, str]:
    """Gross, refunded and net, without tax and shipping and what was cancelled."""
    status = STATUSES[order.status]
    gross = 0 if status == "cancelled" else order.subtotal
    share = Fraction(order.refunded, order.total) if order.total else Fraction(0)
    refunded = gross * (Fraction(1) if status == "refunded" else share)
    amounts: dict[str, Fraction] = {
        "gross": Fraction(gross),
        "refunded": refunded,
        "net": gross - refunded,
    }
    return {
        name: f"{Decimal(amount.numerator) / Decimal(amount.denominator) / 100:.4f}"
        for name, amount in amounts.items()
    }


def commissions(world: World) -> list[dict[str, Any]]:
    """Return what each referred order earns by its program's rules, as the order is now.

    What was paid back or cancelled earns nothing and lifts nobody to a tier; revenue
    lifts in the program and currency it was made in.
    """
    listed = []
    earned: dict[tuple[int, int, int], list[tuple[int, Decimal]]] = defaultdict(list)
    in_order_of_time = sorted(
        (order.created, number) for number, order in enumerate(world.brand.orders)
    )
    for created, number in in_order_of_time:
        order = world.brand.orders[number]
        if TYPES[METHODS[order.method]] != "referred":
            continue
        program = PROGRAMS[order.program]
        is_void = STATUSES[order.status] in ("refunded", "cancelled")
        base = Decimal(_amounts(order)["net"])
        currency = CURRENCIES[order.currency]
        if program.commission == "fixed":
            cents, currency = int((program.value or 0) * 100), program.currency
        else:
            rate = program.value
            if rate is None:
                before = earned[order.contact, order.program, order.currency]
                since = created - (program.look_back_days or 0) * DAY_MS
                revenue = sum(net for when, net in before if since <= when < created)
                rate = max(r for floor, r in program.tiers if revenue >= floor)
                before.append((created, base))
            cents = int((base * Decimal(str(rate))).quantize(Decimal(1), ROUND_HALF_UP))
        listed.append(
            {
                "order_id": order_id(number),
                "amount": money(0 if is_void else cents),
                "currency": currency,
            }
        )
    return listed


def campaigns(world: World) -> list[dict[str, Any]]:
    """Return how many members came how far in each campaign, until now."""
    now = world.brand.now
    return [
        {
            "name": campaign.name,
            "program_id": program_id(campaign.program),
            **{
                step: sum(
                    moment is not None and moment <= now
                    for moment in (getattr(p, step) for p in campaign.participants)
                )
                for step in ("added", "sent", "opened", "joined", "completed")
            },
        }
        for campaign in world.brand.campaigns
    ]


def engagement(world: World) -> list[dict[str, Any]]:
    """Posts by channel and month with their reach, comments and likes.

    Posts that were deleted since are not among them.
    """
    brand = world.brand
    cells: dict[tuple[int, str], Counter[str]] = defaultdict(Counter)

    def cell(post: int) -> Counter[str]:
        written = brand.posts[post]
        return cells[written.channel, iso(written.created)[:7]]

    for number, post in enumerate(brand.posts):
        if number not in brand.deleted_posts:
            cell(number).update(posts=1, reach=post.reach)
    for comment in brand.comments:
        if comment.post not in brand.deleted_posts:
            cell(comment.post)["comments"] += 1
    for liked, _, _ in brand.likes:
        if liked not in brand.deleted_posts:
            cell(liked)["likes"] += 1
    return [
        {
            "channel": words.CHANNELS[channel][0],
            "month": month,
            **{name: counts[name] for name in ("posts", "comments", "likes", "reach")},
        }
        for (channel, month), counts in sorted(cells.items())
    ]


def contacts(world: World) -> list[dict[str, Any]]:
    """Every contact with the periods spent in programs."""
    return [
        {
            "contact_id": contact_id(contact.number),
            "email": contact.email,
            "referral_id": contact.referral_id,
            "discord_handle": contact.discord_handle,
            "stage": contact.stage,
            "periods": [
                {
                    "program_id": program_id(program),
                    "joined_at": iso(joined),
                    "left_at": None if left == FOREVER else iso(left),
                }
                for joined, left, program in contact.periods
            ],
        }
        for contact in world.brand.contacts
    ]


def rank_changes(world: World) -> list[dict[str, Any]]:
    """Every change on own pages since the world started, in order of time."""
    return [
        {
            key: date_text(value) if key == "day" else value
            for key, value in asdict(change).items()
            if value is not None
        }
        for change in world.rosters.changes
    ]


def membership(world: World, page_id: str) -> dict[str, Any] | None:
    """Return the members of each rank of a page on each day; None without the page."""
    history = world.rosters.listings.get(page_id)
    if history is None:
        return None
    as_noted = dict(history)
    today, days = history[0][1], []
    for day in range(history[0][0], world.rosters.day + 1):
        today = as_noted.get(day, today)
        days.append(
            {
                "day": date_text(day),
                "members": [
                    {"role_id": role_id, "discord_id": discord_id}
                    for role_id, discord_id in today
                ],
            }
        )
    return {"page_id": page_id, "days": days}


def pages(world: World) -> list[dict[str, Any]]:
    """Every page's current members, their ranks (most senior first) and hours."""
    return [
        {
            "page_id": page.page_id,
            "title": page.title,
            "is_own": page.owner_id == OWNER_ID,
            "rank_count": len(page.ranks),
            "role_ids": [rank.role_id for rank in page.ranks],
            "command_role_ids": [
                rank.role_id for rank in page.ranks if rank.is_command
            ],
            "member_count": len(page.members),
            "members": [
                {
                    "discord_id": member.person.discord_id,
                    "role_ids": [page.ranks[rank].role_id for rank in member.ranks],
                    "certifications": member.certifications,
                    "subdivisions": member.subdivisions,
                    "patrol_hours": member.hours / 10 if page.has_patrol_log else None,
                    "promotion_date": member.promoted and date_text(member.promoted),
                }
                for member in page.members.values()
            ],
        }
        for page in world.rosters.pages.values()
    ]


def people(world: World) -> list[dict[str, str]]:
    """Return who is known to both systems, by the Discord handle the contact gave."""
    by_username = {p.username: p.discord_id for p in world.rosters.people}
    handles = [
        (contact.number, (contact.discord_handle or "").lower())
        for contact in world.brand.contacts
    ]
    return [
        {"contact_id": contact_id(number), "discord_id": by_username[handle]}
        for number, handle in handles
        if handle in by_username
    ]


def clicks(world: World) -> list[dict[str, Any]]:
    """Clicks by smart link, with the contact it belongs to, if anybody's."""
    counts: dict[str, int] = defaultdict(int)
    for click in world.clicks:
        counts[click.referral_id] += 1
    owners = world.brand.attribution.by_referral
    return [
        {
            "referral_id": referral_id,
            "contact_id": _or_none(contact_id, owners.get(referral_id, NOBODY)),
            "clicks": count,
        }
        for referral_id, count in sorted(counts.items())
    ]


def _or_none(make: Any, number: int) -> str | None:
    return None if number == NOBODY else make(number)
