"""The tables of what is sent to Roster: clicks, and orders of the shop."""

from __future__ import annotations

from roster_platform.catalogue import Column, Table

_ANSWER = {
    "sentAt": Column("timestamp", "When the API answered, by its clock (UTC)."),
    "status": Column("bigint", "The HTTP status of the API's answer."),
    "responseId": Column("text", "The id the API gave the record."),
    "response": Column("json", "The API's answer."),
    "attempts": Column("bigint", "How often the record was sent."),
    "resent": Column("bool", "True when an earlier answer never came."),
    "sourceFile": Column("text", "The outbox file it came in, or run config."),
    "sourceLine": Column("bigint", "Its line there, from 1."),
}

CLICKS_PATH = "v2/public/clicks"
CLICKS = Table(
    name="clicks",
    description="One click on a smart link that was sent to Roster from the outbox.",
    primary_key=("clickId",),
    versions=False,
    columns={
        "clickId": Column("text", "The click's given id, or the hash of its content."),
        "referralId": Column(
            "text", "The referral id the smart link carries.", key="code"
        ),
        "url": Column("text", "The address the click landed on."),
        "clickedAt": Column("timestamp", "When the link was clicked (UTC)."),
        **_ANSWER,
    },
)
CAPTURED_ORDERS = Table(
    name="captured_orders",
    description="One order of the shop that was sent to Roster from the outbox.",
    primary_key=("orderId",),
    versions=False,
    columns={
        "orderId": Column("text", "The order's id in the shop."),
        "orderNumber": Column("text", "The number printed on the order."),
        "orderDate": Column("timestamp", "The day the order was placed."),
        "discountCodes": Column("json", "The discount codes used on the order."),
        "currency": Column("text", "ISO 4217 code of the amounts.", key="currency"),
        "subtotalPrice": Column("decimal", "After discounts, before tax and shipping."),
        "totalPrice": Column("decimal", "With tax and shipping."),
        "firstName": Column("text", "The customer's first name.", pii=True),
        "email": Column("text", "The customer's e-mail.", pii=True, key="email"),
        **_ANSWER,
        "response": Column("json", "The API's answer.", pii=True),
    },
)
