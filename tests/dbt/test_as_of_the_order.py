"""Who referred an order, and what it earns, are as they were when it was placed.

Two reads of an API on a port, with changes in between: a program has another rate, another
other tiers, a third is gone; a code, an e-mail and a link pass to somebody else.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse

from roster_platform.ingest.roster import load_endpoint
from roster_platform.settings.platform import PlatformSettings
from roster_platform.warehouse.warehouse import Warehouse
from tests.deployment import Deployment
from tests.forks import run_dbt
from tests.local_api import local_api

FIRST_READ = "Wed, 01 Apr 2026 00:00:00 GMT"
SECOND_READ = "Fri, 01 May 2026 00:00:00 GMT"
ENDPOINTS = ("programs", "contacts", "events", "discount_codes_lookup", "orders")
BUILD = ("build", "--exclude-resource-type", "test", "--exclude-resource-type")
BUILD += ("unit_test", "--select", "+fct_orders")
Answer = dict[str, list[dict[str, Any]]]


def _program(name: str, kind: str, value: float | None, *tiers: tuple[int, int]):
    return {
        "id": name,
        "name": name.title(),
        "currency": "USD",
        "commissionType": kind,
        "commissionValue": value,
        "lookBackDays": 30,
        "commissionTiers": [{"minRevenue": m, "rate": r} for m, r in tiers],
        "updatedAt": "2026-01-01T00:00:00Z",
    }


def _joined(contact: str, program: str) -> dict[str, Any]:
    return {
        "id": f"{contact} joined {program}",
        "type": "program.joined",
        "contactId": contact,
        "programId": program,
        "occurredAt": "2026-01-01T00:00:00Z",
    }


def _contact(contact: str, program: str, **changed: str) -> dict[str, Any]:
    return {
        "id": contact,
        "email": f"{contact}@example.com",
        "referralId": contact,
        "programId": program,
        "updatedAt": "2026-01-01T00:00:00Z",
        **changed,
    }


def _code(owner: str, assigned_at: str) -> dict[str, Any]:
    return {
        "id": "code-1",
        "code": "SUMMER",
        "discountRuleId": "rule",
        "discountRuleKind": "shareable",
        "contactId": owner,
        "isPersonal": False,
        "assignedAt": assigned_at,
        "updatedAt": assigned_at,
    }


def _order(name: str, day: str, code: str | None = None, **how: str) -> dict[str, Any]:
    return {
        "orderId": name,
        "createdAt": f"2026-{day}T12:00:00Z",
        "status": "paid",
        "currency": "USD",
        "subtotalPrice": "100.00",
        "totalPrice": "110.00",
        "email": f"{name}@customers.example.com",
        "discountCodes": [code] if code else [],
        "lineItems": [],
        **how,
    }


BEFORE: Answer = {
    "programs": [
        _program("share", "percentage", 10),
        _program("steps", "tiered", None, (0, 5), (100, 6)),
        _program("flat", "fixed", 7),
    ],
    "events": [
        *(_joined("ann", "share"), _joined("bob", "share")),
        *(_joined("cid", "steps"), _joined("dee", "flat")),
    ],
    "contacts": [
        *(_contact("ann", "share"), _contact("bob", "share")),
        *(_contact("cid", "steps"), _contact("dee", "flat")),
    ],
    "discount_codes_lookup": [_code("ann", "2026-01-05T00:00:00Z")],
    "orders": [
        _order("code-too-early", "01-04", "SUMMER"),
        _order("code-old", "03-01", "summer"),
        _order("link-old", "03-01", referralId="ann"),
        _order("mail-old", "03-01", email="Ann@example.com"),
        _order("steps-old-1", "03-01", referralId="cid"),
        _order("steps-old-2", "03-02", referralId="cid"),
        _order("flat-old", "03-01", referralId="dee"),
    ],
}
AFTER: Answer = {
    # What the API says was changed, and when; of the tiers it does not say it.
    "programs": [
        {**_program("share", "percentage", 20), "updatedAt": "2026-04-10T00:00:00Z"},
        _program("steps", "tiered", None, (50, 50)),
    ],
    "events": BEFORE["events"],
    "contacts": [
        _contact(
            *("ann", "share"),
            email="ann@new.example.com",
            referralId="ann-new",
            updatedAt="2026-04-12T00:00:00Z",
        ),
        _contact(
            *("bob", "share"),
            email="ann@example.com",
            referralId="ann",
            updatedAt="2026-04-20T00:00:00Z",
        ),
        *(_contact("cid", "steps"), _contact("dee", "flat")),
    ],
    "discount_codes_lookup": [_code("bob", "2026-04-15T00:00:00Z")],
    "orders": [
        *BEFORE["orders"],
        _order("code-between", "04-14", "SUMMER"),
        _order("code-new", "04-16", "SUMMER"),
        _order("link-between", "04-14", referralId="ann"),
        _order("link-new", "04-21", referralId="ann"),
        _order("link-renamed", "04-21", referralId="ann-new"),
        _order("mail-between", "04-14", email="ann@example.com"),
        _order("mail-new", "04-21", email="ann@example.com"),
        _order("mail-changed", "04-21", email="ann@new.example.com"),
        _order("rate-before", "04-09", referralId="bob"),
        _order("steps-unseen", "04-30", referralId="cid"),
        _order("steps-new-1", "05-01", referralId="cid"),
        _order("flat-gone", "05-01", referralId="dee"),
    ],
}
OLD = {
    "code-too-early": (None, "none", None),
    "code-old": ("ann", "code", 10),
    "link-old": ("ann", "link", 10),
    "mail-old": ("ann", "email", None),
    "steps-old-1": ("cid", "link", 5),
    "steps-old-2": ("cid", "link", 6),
    "flat-old": ("dee", "link", 7),
}
NEW = {
    "code-between": ("ann", "code", 20),
    "code-new": ("bob", "code", 20),
    "link-between": ("ann", "link", 20),
    "link-new": ("bob", "link", 20),
    "link-renamed": ("ann", "link", 20),
    "mail-between": ("ann", "email", None),
    "mail-new": ("bob", "email", None),
    "mail-changed": ("ann", "email", None),
    "rate-before": ("bob", "link", 10),
    "steps-unseen": ("cid", "link", 5),
    "steps-new-1": ("cid", "link", 50),
    # Nobody knows what a program pays that the API does not return any more.
    "flat-gone": ("dee", "link", None),
}


class Brand:
    """The API, and the warehouse that is loaded from it."""

    def __init__(self, folder: Path) -> None:
        self.answer, self.date = BEFORE, FIRST_READ
        self.warehouse = Warehouse(PlatformSettings(data_dir=str(folder)))
        self.deployment = Deployment(folder, {})

    def __call__(self, request: Request) -> JSONResponse:
        name = request.url.path.split("/")[-1]
        records = self.answer["discount_codes_lookup" if name == "lookup" else name]
        is_first = request.query_params.get("page", "1") == "1"
        body = {"data": records if is_first else [], "totalCount": len(records)}
        if name == "programs":
            body["result"] = body.pop("data")
        return JSONResponse(body, headers={"Date": self.date})

    def read(self, answer: Answer, date: str, *names: str) -> None:
        self.answer, self.date = answer, date
        for name in names or ENDPOINTS:
            with load_endpoint(name, warehouse=self.warehouse) as loaded:
                assert loaded.report.is_complete

    def orders(self, *how: str) -> dict[str, tuple[str | None, str, Decimal | None]]:
        """Whose each order is, how, and its commission, after a build."""
        done = run_dbt(
            *(*BUILD, *how),
            folder=self.deployment.folder,
            environment=self.deployment.environment,
        )
        assert done.returncode == 0, done.stdout[-5000:]
        rows = self.deployment.query(
            "select order_id, attribution.contact_id, orders.attribution_method, "
            "commission_amount from marts.fct_orders as orders "
            "inner join intermediate.int_order_attribution as attribution "
            "using (order_id)"
        )
        return {name: tuple(what) for name, *what in rows}


@pytest.fixture(scope="module")
def brand(tmp_path_factory) -> Iterator[Brand]:
    made = Brand(tmp_path_factory.mktemp("as-of"))
    with local_api(made) as api, pytest.MonkeyPatch.context() as environment:
        for name, value in {
            "SOURCES__ROSTER_SOURCE__BASE_URL": api.url,
            "SOURCES__ROSTER_SOURCE__ACCESS_TOKEN": "token",
            "SOURCES__ROSTER_SOURCE__CONTACTS_PATH": "v2/contacts",
            "DLT_DATA_DIR": str(made.deployment.folder / "dlt"),
        }.items():
            environment.setenv(name, value)
        yield made


def test_orders_keep_what_was_true_when_they_were_placed(brand: Brand) -> None:
    # A mapping that does not find the rates says nothing of the past.
    unsaid = [{**p, "commissionValue": None} for p in BEFORE["programs"]]
    brand.read({**BEFORE, "programs": unsaid}, "Tue, 31 Mar 2026 00:00:00 GMT")
    is_tiered = {name: name.startswith("steps") for name in OLD}
    assert brand.orders() == {
        name: (who, how, earned if is_tiered[name] else None)
        for name, (who, how, earned) in OLD.items()
    }

    brand.read(BEFORE, FIRST_READ, "programs")
    brand.read(AFTER, SECOND_READ)
    after = brand.orders()
    assert after == OLD | NEW
    everything = brand.deployment.contents("marts")

    assert brand.orders("--full-refresh") == after
    assert brand.deployment.contents("marts") == everything
