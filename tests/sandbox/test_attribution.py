"""What is served is enough to reach the oracle's attributions, by the rules alone."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise

from roster_platform.sandbox.simulation.attribution import (
    NOBODY,
    NONE,
    PERSONAL_CODE,
    REWARD_CODE,
    Attribution,
    Code,
    Contact,
)


@dataclass
class Served:
    """The world as a client can know it."""

    periods: dict[str, list[list[str | None]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    emails: dict[str, str] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    codes: dict[str, dict] = field(default_factory=dict)

    def program(self, contact: str, moment: str) -> str | None:
        for joined, left, program in self.periods[contact]:
            if joined <= moment and (left is None or moment < left):
                return program
        return None


def _read(client) -> Served:
    served = Served()
    for event in reversed(client.read_all("events", size=1000)):
        contact = event["contactId"]
        served.links[event["referralId"]] = contact
        if event["email"]:
            served.emails[event["email"].lower()] = contact
        if event["type"] == "program.joined":
            period = [event["occurredAt"], None, event["programId"]]
            served.periods[contact].append(period)
        if event["type"] == "program.left":
            served.periods[contact][-1][1] = event["occurredAt"]
    for code in client.read_all("discount_codes_lookup"):
        served.codes[code["code"]] = code
    return served


def _attribute(served: Served, order: dict, referrers: dict[str, str]):
    moment, customer = order["createdAt"], order["email"].lower()
    codes = [
        served.codes[code]
        for code in order["discountCodes"]
        if code in served.codes
        and served.codes[code]["assignedAt"]
        and served.codes[code]["assignedAt"] <= moment
    ]
    contact = served.emails.get(customer)
    if contact and served.program(contact, moment):
        return "personal", "email", contact
    for code in codes:
        method = "personal_code" if code["isPersonal"] else "reward_code"
        is_own = code["isPersonal"] or code["discountRuleKind"] == "reward"
        if is_own and served.program(code["contactId"], moment):
            return "personal", method, code["contactId"]
    contact = served.links.get(order["referralId"])
    if contact and served.program(contact, moment):
        return "referred", "link", contact
    for code in codes:
        if served.program(code["contactId"], moment):
            return "referred", "code", code["contactId"]
    contact = referrers.get(customer)
    if contact and served.program(contact, moment):
        return "referred", "recurring", contact
    return "none", "none", None


def _check(client) -> set[str]:
    served = _read(client)
    truth = {o["order_id"]: o for o in client.sandbox.get("oracle/orders")["orders"]}
    orders = client.read_all("orders", size=1000)
    assert len(orders) == len(truth)
    referrers: dict[str, str] = {}
    for order in sorted(orders, key=lambda o: (o["createdAt"], o["orderId"])):
        kind, method, contact = _attribute(served, order, referrers)
        if kind == "referred":
            referrers[order["email"].lower()] = contact
        known = truth[order["orderId"]]
        program = served.program(contact, order["createdAt"]) if contact else None
        assert (kind, method, contact, program) == (
            known["attribution_type"],
            known["attribution_method"],
            known["contact_id"],
            known["program_id"],
        ), order
    return {order["attribution_method"] for order in truth.values()}


def test_the_rules_applied_to_served_records_give_the_oracles_answer(start):
    client = start(orders=4000, pages=2)
    methods = {"none", "link", "code", "recurring", "email", "personal_code"}
    assert _check(client) == methods | {"reward_code"}
    client.sandbox.advance(20)
    _check(client)


def test_the_oracles_sums_are_those_of_the_served_orders(client):
    sums: dict[str, dict[str, int]] = {}
    for order in client.read_all("orders", size=1000):
        total = sums.setdefault(order["currency"], defaultdict(int))
        total["orders"] += 1
        for name, field_name in (
            ("subtotal", "subtotalPrice"),
            ("total", "totalPrice"),
            ("refunded", "refundedAmount"),
        ):
            total[name] += int(order[field_name].replace(".", ""))
    for currency, known in client.sandbox.get("oracle/orders")["sums"].items():
        assert known["orders"] == sums[currency]["orders"]
        for name in ("subtotal", "total", "refunded"):
            assert int(known[name].replace(".", "")) == sums[currency][name]


def test_a_contact_is_in_one_program_at_a_time_and_only_once_a_link(client):
    served = _read(client)
    for periods in served.periods.values():
        for (_, left, _), (joined, _, _) in pairwise(periods):
            assert left is not None
            assert left < joined
    contacts = client.read_all("contacts")
    assert len({contact["referralId"] for contact in contacts}) == len(contacts)
    for contact in contacts:
        now = served.program(contact["id"], "9999")
        assert contact["programId"] == now
        assert (contact["stage"] == "Ambassador") == (now is not None)


def test_an_own_code_of_a_contact_in_no_program_attributes_nothing() -> None:
    rules = Attribution()
    ann = Contact(
        number=0,
        first_name="Ann",
        last_name="Lee",
        email=None,
        social_handle="@ann",
        discord_handle=None,
        referral_id="ann",
        created=0,
        updated=0,
        stage="Prospect",
        stage_before="Prospect",
        stage_since=0,
    )
    rules.contacts = [ann]
    rules.codes = {
        text: Code(number, text, 0, kind, is_personal, created=0, contact=0, assigned=0)
        for number, (text, kind, is_personal) in enumerate(
            [("MINE", "shareable", True), ("GIFT", "reward", False)]
        )
    }
    assert rules.decide(1, "x@example.com", None, ("MINE", "GIFT")) == (
        NONE,
        NOBODY,
        NOBODY,
    )
    ann.periods.append((1, 2, 7))
    assert rules.decide(1, "x@example.com", None, ("MINE",)) == (PERSONAL_CODE, 0, 7)
    assert rules.decide(1, "x@example.com", None, ("GIFT",)) == (REWARD_CODE, 0, 7)
