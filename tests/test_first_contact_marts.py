"""What servers that are not the sandbox make of the marts: the truth, or "unknown".

One set of facts is served in other shapes, read by the command, and built by dbt. Where a
shape is understood the marts are exact. Where it is not, the command fails and names the
field and the file to declare it in, and no mart shows 0 or "none" for what was not read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request

from tests.deployment import Deployment
from tests.forks import run_dbt
from tests.local_api import local_api

Record = dict[str, Any]
CAP = 3


@dataclass(frozen=True)
class Order:
    """One order, and whose it is."""

    method: str
    contact: str | None = None
    email: str = ""
    link: str | None = None
    code: str | None = None


# Ann renamed her link in March; no event knows of the link of the last three.
ORDERS: Mapping[str, Order] = {
    "o1": Order("link", "ann", "c1@x.org", link="summer"),
    "o2": Order("link", "ann", "c2@x.org", link="Summer"),
    "o3": Order("link", "ann", "c3@x.org", link="ann-2"),
    "o4": Order("link", "bob", "c4@x.org", link="bob"),
    "o5": Order("code", "ann", "c5@x.org", code="ANNS"),
    "o6": Order("email", "bob", "Bob@x.org"),
    "o7": Order("recurring", "ann", "c1@x.org"),
    "o8": Order("none", None, "c8@x.org"),
    "o9": Order("code", "ann", "c9@x.org", link="lost", code="ANNS"),
    "p1": Order("unknown", None, "c10@x.org", link="lost"),
    "p2": Order("unknown", None, "c10@x.org"),
}
TYPES = {"link": "referred", "code": "referred", "recurring": "referred"}
TYPES |= {"email": "personal", "none": "none", "unknown": "unknown"}
AMOUNTS = {name: Decimal(10 + n) for n, name in enumerate(ORDERS)}
TRUTH = {
    name: (
        *(TYPES[fact.method], fact.method, fact.contact),
        *(AMOUNTS[name], AMOUNTS[name] + 2),
    )
    for name, fact in ORDERS.items()
}


def day(number: int) -> str:
    return f"2026-0{1 + number // 28}-{1 + number % 28:02}T10:00:00Z"


def order(number: int, name: str) -> Record:
    fact = ORDERS[name]
    return {
        "orderId": name,
        "orderNumber": f"#{name}",
        "orderDate": day(70 + number)[:10] + "T00:00:00",
        "status": "paid",
        "currency": "USD",
        "subtotalPrice": str(AMOUNTS[name]),
        "totalPrice": str(AMOUNTS[name] + 2),
        "refundedAmount": "0.00",
        "firstName": "Kim",
        "email": fact.email,
        "referralId": fact.link,
        "discountCodes": [fact.code] if fact.code else [],
        "lineItems": [],
        "createdAt": day(70 + number),
        "updatedAt": day(70 + number),
    }


def event(number: int, kind: str, contact: str, link: str) -> Record:
    return {
        "id": f"e{number}",
        "type": kind,
        "contactId": contact,
        "email": f"{contact}@x.org",
        "firstName": contact.title(),
        "referralId": link,
        "stage": "Ambassador",
        "programId": "gold",
        "orderId": None,
        "rewardId": None,
        "amount": None,
        "currency": None,
        "occurredAt": day(number),
    }


FACTS: Mapping[str, list[Record]] = {
    "/v2/orders": [order(number, name) for number, name in enumerate(ORDERS)],
    "/v2/events": [
        event(1, "program.joined", "ann", "summer"),
        event(2, "program.joined", "bob", "bob"),
        event(60, "contact.stage_changed", "ann", "ann-2"),
    ],
    "/v2/discount-codes/lookup": [
        {
            "id": "dc1",
            "code": "ANNS",
            "discountRuleId": "r1",
            "discountRuleName": "Rule",
            "discountRuleKind": "Shareable",
            "contactId": "ann",
            "isPersonal": False,
            "assignedAt": day(3),
            "createdAt": day(3),
            "updatedAt": day(3),
        }
    ],
}
ENDPOINTS = ("orders", "events", "discount_codes_lookup")


def snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name)


def pascal(name: str) -> str:
    return name[0].upper() + name[1:]


def renamed(style: Callable[[str], str]) -> Callable[[Record], Record]:
    return lambda record: {style(name): value for name, value in record.items()}


OTHER_NAMES = {"contactId": "ambassadorId", "code": "coupon", "assignedAt": "given"}


def nested_order(record: Record) -> Record:
    """People and money as objects, as most shops have them."""
    flat = dict(record)
    currency = flat.pop("currency")
    for name in ("subtotalPrice", "totalPrice", "refundedAmount"):
        flat[name] = {"amount": flat[name], "currency": currency}
    flat["customer"] = {"email": flat.pop("email"), "firstName": flat.pop("firstName")}
    flat["ambassador"] = {"link": flat.pop("referralId")}
    return flat


def epoch_event(record: Record) -> Record:
    """Times in milliseconds, and the contact as an object."""
    from datetime import datetime

    flat = dict(record)
    moment = datetime.fromisoformat(flat["occurredAt"])
    flat["occurredAt"] = int(moment.timestamp() * 1000)
    flat["contact"] = {"id": flat.pop("contactId"), "email": flat.pop("email")}
    return flat


Shape = Mapping[str, Callable[[Record], Record]]
AS_DECLARED: Shape = {}
OTHER_STYLES: Shape = {
    "/v2/orders": renamed(snake),
    "/v2/events": renamed(pascal),
    "/v2/discount-codes/lookup": renamed(lambda name: OTHER_NAMES.get(name, name)),
}
NESTED: Shape = {"/v2/orders": nested_order, "/v2/events": epoch_event}


def server(shape: Shape) -> Callable[[Request], Any]:
    """Serve the facts, three records a page whatever is asked, announcing nothing."""

    def serve(request: Request) -> Any:
        path = request.url.path
        start = (int(request.query_params.get("page", 1)) - 1) * CAP
        of_shape = shape.get(path, dict)
        return {"data": [of_shape(r) for r in FACTS[path][start : start + CAP]]}

    return serve


@dataclass
class Platform:
    """What the command said of the read, and the marts that dbt made of it."""

    deployment: Deployment
    returned: int
    said: str

    def orders(self) -> dict[str, tuple[Any, ...]]:
        """Type, method, contact and amounts of each order; nothing where there is none."""
        rows = self.deployment.query(
            "select orders.order_id, attribution_type, attribution_method, "
            "attribution.contact_id, subtotal_amount, total_amount "
            "from marts.fct_orders as orders "
            "left join intermediate.int_order_attribution as attribution "
            "using (order_id, attribution_type, attribution_method)"
        )
        return {name: tuple(facts) for name, *facts in rows}

    def incomplete(self) -> dict[tuple[str, str], str]:
        """Why an input is not known, by endpoint and part."""
        rows = self.deployment.query(
            "select endpoint, part, reason from intermediate.int_input_coverage "
            "where not is_known and source_system = 'roster'"
        )
        return {(endpoint, part): reason for endpoint, part, reason in rows}

    def total(self, column: str) -> Any:
        return self.deployment.value(
            f"select sum({column}) from marts.rpt_program_daily"
        )


@contextmanager
def first_contact(
    folder: Path,
    served: Callable[[Request], Any],
    endpoints: Sequence[str] = ENDPOINTS,
    models: Sequence[str] = ("+rpt_program_daily",),
) -> Iterator[Platform]:
    with local_api(served) as api:
        deployment = Deployment(
            folder,
            {
                "SOURCES__ROSTER_SOURCE__BASE_URL": api.url,
                "SOURCES__ROSTER_SOURCE__ACCESS_TOKEN": "token",
                "SOURCES__AUTOROSTERS_SOURCE__API_KEY": "",
                "ROSTER_PLATFORM__MAPPINGS_DIR": str(folder / "mappings"),
            },
        )
        done = deployment.run("roster_platform.ingest", "roster", *endpoints)
        built = run_dbt(
            *("build", "--select", *models),
            *("--exclude-resource-type", "test"),
            *("--exclude-resource-type", "unit_test"),
            folder=folder,
            environment=deployment.environment,
        )
        assert built.returncode == 0, built.stdout[-5000:]
        yield Platform(deployment, done.returncode, done.stdout)


def test_a_capped_server_and_renamed_links(tmp_path: Path) -> None:
    """Every page is asked for; orders by an id that was renamed keep their ambassador."""
    with first_contact(tmp_path, server(AS_DECLARED)) as platform:
        assert platform.returned == 0, platform.said
        assert platform.orders() == TRUTH
        links = [AMOUNTS[n] for n, o in ORDERS.items() if o.method == "link"]
        assert platform.total("link_revenue") == sum(links)
        assert platform.total("total_revenue") == sum(AMOUNTS.values())
        assert platform.total("unknown_order_count") == 2
        (reason,) = platform.incomplete().values()
        assert reason.startswith("2 of 6 orders came by a referral id that no known")
        assert "SOURCES__ROSTER_SOURCE__CONTACTS_PATH" in reason


# Fields of each shape that nobody can guess.
SHAPES: Mapping[str, tuple[Shape, list[str]]] = {
    "other styles and names": (OTHER_STYLES, ["code", "contactId", "assignedAt"]),
    "nested, and epochs": (NESTED, ["email", "referralId", "contactId"]),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_marts_are_right_or_unknown(shape: str, tmp_path: Path) -> None:
    served, fields = SHAPES[shape]
    with first_contact(tmp_path, server(served)) as platform:
        orders = platform.orders()
        if platform.returned == 0:
            assert orders == TRUTH
            assert platform.total("total_revenue") == sum(AMOUNTS.values())
            return
        # What was read is the truth or unknown, and the sums of it are.
        for name, (*attribution, subtotal, total) in orders.items():
            *true_attribution, true_subtotal, true_total = TRUTH[name]
            assert attribution in (true_attribution, ["unknown", "unknown", None])
            assert subtotal in (true_subtotal, None)
            assert total in (true_total, None)
        known = [
            subtotal for *_, subtotal, _ in orders.values() if subtotal is not None
        ]
        assert platform.total("total_revenue") == (sum(known) if known else None)
        if None in (subtotal for *_, subtotal, _ in orders.values()):
            assert platform.total("commission_amount") is None
        assert platform.incomplete()
        for field in fields if orders else [*fields, "orderId"]:
            assert field in platform.said
        assert str(tmp_path / "mappings" / "roster.yaml") in platform.said
