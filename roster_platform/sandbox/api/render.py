"""The brand's records as the JSON objects of the Roster API.

Field names are the catalogue's; a test compares them. Ids are text except those of
campaigns and webhooks, which are integers, because the vendor does not say which they
are and a client has to live with both. Money of orders is numeric text, as order
capture documents; other amounts are numbers.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from roster_platform.sandbox.simulation import vocabulary as words
from roster_platform.sandbox.simulation.attribution import NOBODY, Contact
from roster_platform.sandbox.simulation.brand import (
    CURRENCIES,
    EVENT_TYPES,
    PROGRAMS,
    REWARD_REDEEMED,
    RULES,
    STATUSES,
    Brand,
    Campaign,
)
from roster_platform.sandbox.simulation.clock import (
    DAY_MS,
    date_text,
    day_text_of,
    iso,
    maybe_iso,
    opening_ms,
)

WEBHOOK_TOPICS = (
    ("program.joined", "active"),
    ("program.left", "active"),
    ("reward.redeemed", "active"),
    ("contact.created", "active"),
    ("reward.paid", "disabled"),
)


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


class Renderer:
    """Renders one brand's records by their number."""

    def __init__(self, brand: Brand) -> None:
        self._brand = brand
        self._founded = opening_ms(brand.started) - 30 * DAY_MS

    def of(self, resource: str) -> Callable[[int], dict[str, Any]]:
        """The function that renders a catalogue resource."""
        return {
            "programs": self.program,
            "channels": self.channel,
            "posts": self.post,
            "comments": self.comment,
            "likes": self.like,
            "campaigns": self.campaign,
            "orders": self.order,
            "discount_codes_lookup": self.code,
            "discount_codes_by_rule": self.code,
            "events": self.event,
            "webhooks": self.webhook,
            "contacts": self.contact,
        }[resource]

    def moment_of(self, resource: str) -> Callable[[int], int]:
        """The time that a resource is ordered by, of a record's number."""
        brand = self._brand
        return {
            "posts": lambda number: brand.posts[number].created,
            "comments": lambda number: brand.comments[number].created,
            "likes": lambda number: brand.likes[number][2],
            "orders": lambda number: brand.orders[number].updated,
            "events": lambda number: brand.events[number][0],
        }[resource]

    def program(self, number: int) -> dict[str, Any]:
        program = PROGRAMS[number]
        return {
            "id": program_id(number),
            "name": program.name,
            "status": "archived" if program.is_archived else "active",
            "currency": program.currency,
            "commissionType": program.commission,
            "commissionValue": program.value,
            "lookBackDays": program.look_back_days,
            "commissionTiers": [
                {"minRevenue": floor, "rate": rate} for floor, rate in program.tiers
            ],
            "createdAt": iso(self._founded),
            "updatedAt": iso(self._founded),
        }

    def channel(self, number: int) -> dict[str, Any]:
        name, description, program = words.CHANNELS[number]
        return {
            "id": f"ch_{number + 1}",
            "name": name,
            "description": description,
            "programId": None if program is None else program_id(program),
            "createdAt": iso(self._founded),
            "updatedAt": iso(self._founded),
        }

    def post(self, number: int) -> dict[str, Any]:
        post = self._brand.posts[number]
        return {
            "id": f"post_{number:07d}",
            "channelId": f"ch_{post.channel + 1}",
            "authorId": contact_id(post.author),
            "authorName": self._name(post.author),
            "body": words.POST_TEXTS[post.text],
            "reach": post.reach,
            "attachments": [
                {
                    "url": f"https://media.example/{number}/{place}.jpg",
                    "type": "image",
                }
                for place in range(post.attachments)
            ],
            "createdAt": iso(post.created),
            "updatedAt": iso(post.created),
        }

    def comment(self, number: int) -> dict[str, Any]:
        comment = self._brand.comments[number]
        return {
            "id": f"cmt_{number:07d}",
            "postId": f"post_{comment.post:07d}",
            "authorId": contact_id(comment.author),
            "authorName": self._name(comment.author),
            "body": words.COMMENT_TEXTS[comment.text],
            "createdAt": iso(comment.created),
            "updatedAt": iso(comment.created),
        }

    def like(self, number: int) -> dict[str, Any]:
        post, author, created = self._brand.likes[number]
        return {
            "id": f"like_{number:07d}",
            "postId": f"post_{post:07d}",
            "authorId": contact_id(author),
            "createdAt": iso(created),
        }

    def campaign(self, number: int) -> dict[str, Any]:
        campaign = self._brand.campaigns[number]
        now = self._brand.now
        participants = [
            _participant(now, contact_id(one.contact), one.added, later)
            for one in campaign.participants
            for later in [(one.sent, one.opened, one.joined, one.completed)]
        ]
        return {
            "id": 1001 + number,
            "name": campaign.name,
            "programId": program_id(campaign.program),
            "status": self._campaign_status(campaign),
            "startDate": date_text(campaign.start_day),
            "endDate": date_text(campaign.end_day),
            "participants": participants,
            "createdAt": iso(campaign.created),
            "updatedAt": iso(self._campaign_updated(campaign)),
        }

    def _campaign_status(self, campaign: Campaign) -> str:
        if self._brand.day < campaign.start_day:
            return "draft"
        return "completed" if self._brand.day > campaign.end_day else "active"

    def _campaign_updated(self, campaign: Campaign) -> int:
        """Return when something of it last changed: a step, the start or the end."""
        moments = [opening_ms(campaign.start_day), opening_ms(campaign.end_day + 1)]
        for one in campaign.participants:
            steps = (one.added, one.sent, one.opened, one.joined, one.completed)
            moments += [step for step in steps if step is not None]
        past = [moment for moment in moments if moment <= self._brand.now]
        return max([campaign.created, *past])

    def order(self, number: int) -> dict[str, Any]:
        order = self._brand.orders[number]
        products = words.PRODUCTS
        return {
            "orderId": order_id(number),
            "orderNumber": f"#{1001 + number}",
            "orderDate": f"{day_text_of(order.created)}T00:00:00",
            "status": STATUSES[order.status],
            "currency": CURRENCIES[order.currency],
            "subtotalPrice": money(order.subtotal),
            "totalPrice": money(order.total),
            "refundedAmount": money(order.refunded),
            "firstName": order.first_name,
            "email": order.email,
            "referralId": order.referral_id,
            "discountCodes": order.codes,
            "lineItems": [
                {
                    "sku": products[product][0],
                    "name": products[product][1],
                    "quantity": quantity,
                    "price": money(products[product][2]),
                }
                for product, quantity in order.lines
            ],
            "createdAt": iso(order.created),
            "updatedAt": iso(order.updated),
        }

    def code(self, number: int) -> dict[str, Any]:
        code = self._brand.codes[number]
        assigned = code.assigned
        return {
            "id": f"dc_{number:06d}",
            "code": code.text,
            "discountRuleId": rule_id(code.rule),
            "discountRuleName": RULES[code.rule].name,
            "discountRuleKind": code.kind,
            "contactId": None if assigned is None else contact_id(code.contact),
            "isPersonal": code.is_personal,
            "assignedAt": maybe_iso(assigned),
            "createdAt": iso(code.created),
            "updatedAt": iso(code.created if assigned is None else assigned),
        }

    def event(self, number: int) -> dict[str, Any]:
        moment, kind, person, stage, program, reward = self._brand.events[number]
        contact = self._brand.contacts[person]
        shown: dict[str, Any] = {
            "id": f"evt_{number:08d}",
            "type": EVENT_TYPES[kind],
            "contactId": contact_id(person),
            "email": contact.email,
            "firstName": contact.first_name,
            "lastName": contact.last_name,
            "socialHandle": contact.social_handle,
            "discordHandle": contact.discord_handle,
            "referralId": contact.referral_id,
            "stage": stage,
            "programId": None if program == NOBODY else program_id(program),
            "orderId": None,
            "rewardId": None,
            "amount": None,
            "currency": None,
            "occurredAt": iso(moment),
        }
        if reward != NOBODY:
            order, _, _, cents, currency = self._brand.rewards[reward]
            shown["orderId"] = order_id(order)
            shown["rewardId"] = f"rew_{reward:07d}"
            shown["amount"] = cents / 100
            shown["currency"] = currency
        if kind == REWARD_REDEEMED:
            shown["redemption"] = self._redemption(contact, reward)
        return shown

    def _redemption(self, contact: Contact, reward: int) -> dict[str, Any]:
        rng = random.Random(f"{self._brand.seed}:redemption:{reward}")
        city, region, postal_code, country = rng.choice(words.CITIES)
        return {
            "shippingAddress": {
                "name": f"{contact.first_name} {contact.last_name}",
                "street": f"{rng.randint(1, 240)} {rng.choice(words.STREETS)}",
                "city": city,
                "region": region,
                "postalCode": postal_code,
                "country": country,
            },
            "sku": rng.choice(words.PRODUCTS)[0],
            "quantity": 1,
        }

    def webhook(self, number: int) -> dict[str, Any]:
        topic, status = WEBHOOK_TOPICS[number]
        return {
            "id": 501 + number,
            "topic": topic,
            "url": f"https://hooks.example/roster/{topic.replace('.', '-')}",
            "status": status,
            "createdAt": iso(self._founded),
            "updatedAt": iso(self._founded),
        }

    def contact(self, number: int) -> dict[str, Any]:
        contact = self._brand.contacts[number]
        program = contact.program_at(self._brand.now)
        return {
            "id": contact_id(number),
            "email": contact.email,
            "firstName": contact.first_name,
            "lastName": contact.last_name,
            "socialHandle": contact.social_handle,
            "discordHandle": contact.discord_handle,
            "stage": contact.stage,
            "programId": None if program == NOBODY else program_id(program),
            "referralId": contact.referral_id,
            "createdAt": iso(contact.created),
            "updatedAt": iso(contact.updated),
        }

    def _name(self, number: int) -> str:
        contact = self._brand.contacts[number]
        return f"{contact.first_name} {contact.last_name[0]}."


def _participant(
    now: int, contact: str, added: int, later: tuple[int | None, ...]
) -> dict[str, Any]:
    """The funnel as far as it got by now."""
    reached = [moment if moment and moment <= now else None for moment in later]
    steps = ("sent", "opened", "joined", "completed")
    passed = [step for step, moment in zip(steps, reached, strict=True) if moment]
    return {
        "contactId": contact,
        "status": passed[-1] if passed else "added",
        "addedAt": iso(added),
        **{
            f"{step}At": maybe_iso(moment)
            for step, moment in zip(steps, reached, strict=True)
        },
    }
