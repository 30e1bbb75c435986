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
from roster_platform.sandbox.simulation.clock import (
    day_text_of,
    iso,
    maybe_iso,
)
from roster_platform.sandbox.simulation.ids import (
    contact_id,
    money,
    order_id,
    program_id,
    rule_id,
)
from roster_platform.sandbox.simulation.render_community import CommunityRenderer
from roster_platform.sandbox.simulation.shop.entities import (
    CURRENCIES,
    EVENT_TYPES,
    PROGRAMS,
    REWARD_REDEEMED,
    RULES,
    STATUSES,
)

WEBHOOK_TOPICS = (
    ("program.joined", "active"),
    ("program.left", "active"),
    ("reward.redeemed", "active"),
    ("contact.created", "active"),
    ("reward.paid", "disabled"),
)


class Renderer(CommunityRenderer):
    """Renders one brand's records by their number."""

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
