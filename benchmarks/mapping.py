"""Orders under other names, read through a mapping, and the same under their own.

    python -m benchmarks.mapping --orders 100000 --repeats 5

Two prepared servers have the same orders; one sends them in snake_case, with people and
money in objects and the lines under another name. What both landed is compared.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.measure import Case, Claim, Run, alternate, load, new_folder
from benchmarks.report import show, show_claims
from benchmarks.server import PreparedServer, prepared_server

_MAPPING = """
resources:
  - name: orders
    columns:
      totalPrice: {x-from: [total.amount]}
      currency: {x-from: [total.currency]}
      firstName: {x-from: [customer.first_name]}
      email: {x-from: [customer.email]}
    nested_hints:
      lineItems: {x-from: [items], columns: {price: {x-from: [unit_price]}}}
"""
_PLAIN, _MAPPED = "declared names", "through a mapping"


def other_names(order: Mapping[str, Any]) -> dict[str, Any]:
    """An order as a server of other habits sends it; the mapping above leads back."""
    return {
        "id": order["orderId"],
        "order_number": order["orderNumber"],
        "order_date": order["orderDate"],
        "status": order["status"],
        "total": {"amount": order["totalPrice"], "currency": order["currency"]},
        "subtotal_price": order["subtotalPrice"],
        "refunded_amount": order["refundedAmount"],
        "customer": {"first_name": order["firstName"], "email": order["email"]},
        "referral_id": order["referralId"],
        "discount_codes": order["discountCodes"],
        "items": [
            {
                "sku": line["sku"],
                "name": line["name"],
                "quantity": line["quantity"],
                "unit_price": line["price"],
            }
            for line in order["lineItems"]
        ],
        "created_at": order["createdAt"],
        "updated_at": order["updatedAt"],
    }


def measure(repeats: int, *, orders: int = 100_000) -> tuple[list[Case], list[Claim]]:
    """First loads through a mapping and without, and the claims about them."""
    with (
        prepared_server(orders=orders) as plain,
        prepared_server(orders=orders, renamed=True) as renamed,
    ):
        case = alternate(
            f"{orders:,} orders under other names",
            {
                _PLAIN: lambda: _first_load(plain, ""),
                _MAPPED: lambda: _first_load(renamed, _MAPPING),
            },
            repeats,
        )
    case.check((_PLAIN, _MAPPED))
    claim = Claim(
        f"{orders:,} orders: the CPU time through a mapping over that without",
        case[_MAPPED].cpu_seconds / case[_PLAIN].cpu_seconds,
        1.15,
        at_least=False,
    )
    return [case], [claim]


def _first_load(server: PreparedServer, mapping: str) -> Run:
    with new_folder() as folder:
        mappings = Path(folder, "mappings")
        mappings.mkdir()
        if mapping:
            (mappings / "roster.yaml").write_text(mapping)
        environment = {"ROSTER_PLATFORM__MAPPINGS_DIR": str(mappings)}
        return load("platform", {**server.environment, **environment}, folder)


def main() -> None:
    """Compare at one size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    cases, claims = measure(options.repeats, orders=options.orders)
    show(cases[0])
    show_claims(claims)


if __name__ == "__main__":
    main()
