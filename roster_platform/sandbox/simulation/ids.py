"""Ids and amounts as the Roster API writes them."""

from __future__ import annotations

from roster_platform.sandbox.simulation.shop.entities import RULES


def order_id(number: int) -> str:
    """Of fixed width, so that ids sort alike as text and as numbers."""
    return str(4_600_000_000_000 + number)


def contact_id(number: int) -> str:
    return f"con_{number:06d}"


def program_id(number: int) -> str:
    return f"prog_{number + 1}"


def rule_id(number: int) -> str:
    return f"rule_{number + 1}"


def rule_number(text: str) -> int | None:
    """The rule of an id, or None when there is no such rule."""
    ids = {rule_id(number): number for number in range(len(RULES))}
    return ids.get(text)


def money(cents: int) -> str:
    """``123.40``."""
    return f"{cents // 100}.{cents % 100:02d}"
