"""What the public token sends: clicks on smart links, and orders of the shop.

The fields of an order are those of Roster's order capture; the paths are assumptions where
no document names them, and settings (docs/settings.md).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Any

import orjson

from roster_platform.catalogue import Table
from roster_platform.ingest.roster.sent_records import (
    CAPTURED_ORDERS,
    CLICKS,
    CLICKS_PATH,
)
from roster_platform.ingest.settings import RosterSettings

_ID = re.compile(r"[\x21-\x7e]{1,200}")
_CURRENCY = re.compile(r"[A-Z]{3}")
# What spreadsheets and shops put around an amount.
_AROUND_AMOUNTS = re.compile(r"[$€£\s]")
_BETWEEN_CODES = re.compile(r"[,;|]")

Body = dict[str, Any]


@dataclass(frozen=True)
class Capture:
    """One kind of record that the public token sends.

    ``table`` is the raw table of what was sent, ``id_field`` the field that identifies a
    record. ``checked`` returns the canonical body of a record's values, and raises
    ValueError saying what is wrong. Fields in ``answered`` are the API's to give where a
    record has none.
    """

    table: Table
    noun: str
    id_field: str
    fields: tuple[str, ...]
    checked: Callable[[Body], Body]
    path: Callable[[RosterSettings], str]
    is_id_required: bool = False
    answered: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name of its table, of its folder and on the command line."""
        return self.table.name

    def identified(self, record: Any) -> tuple[str, Body]:
        """Return a record's id and its canonical body.

        Raises ValueError saying what is wrong with it.
        """
        if isinstance(record, ValueError):
            raise record
        if not isinstance(record, Mapping):
            raise ValueError(f"the {self.noun} must be an object")
        values = {
            str(name): value
            for name, value in record.items()
            if value not in (None, "")
        }
        for name in self.fields:
            if name.endswith("Id"):
                values |= {name: _text(values[name])} if name in values else {}
        body = self.checked(values)
        key = body.get(self.id_field)
        if key is None:
            if self.is_id_required:
                raise ValueError(f"{self.id_field} is required")
            return content_digest(body), body
        if not isinstance(key, str) or not _ID.fullmatch(key):
            raise ValueError(
                f"{self.id_field} must be 1 to 200 printable ASCII characters"
            )
        return key, body


def canonical_json(value: Any) -> str:
    """Return JSON that is the same for equal values."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def content_digest(body: Body) -> str:
    """Return the hash of a record's content."""
    return hashlib.sha256(canonical_json(body).encode()).hexdigest()


def _text(value: Any) -> Any:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return str(value) if is_number else value


def _checked_click(click: Body) -> Body:
    referral_id = click.get("referralId")
    if not isinstance(referral_id, str) or not referral_id.strip():
        raise ValueError("referralId is required")
    url = click.get("url")
    if url is not None and not (isinstance(url, str) and re.match("https?://.", url)):
        raise ValueError("url must be an http or https address")
    if "clickedAt" in click:
        try:
            datetime.fromisoformat(click["clickedAt"])
        except (TypeError, ValueError):
            raise ValueError("clickedAt must be an ISO 8601 time") from None
    return click


def _checked_order(order: Body) -> Body:
    """Roster's documented form: a day without zone, amounts as texts without "$"."""
    if missing := [name for name in _ORDER_REQUIRED if name not in order]:
        raise ValueError(f"{', '.join(missing)} is required")
    currency = str(order["currency"]).strip().upper()
    if not _CURRENCY.fullmatch(currency):
        raise ValueError("currency must be three letters, such as USD")
    order |= {
        "orderDate": f"{_day(order['orderDate']):%Y-%m-%d}T00:00:00",
        "currency": currency,
        "subtotalPrice": _amount(order, "subtotalPrice"),
        "totalPrice": _amount(order, "totalPrice"),
        "discountCodes": _codes(order.get("discountCodes", [])),
    }
    for name in ("orderNumber", "email", "firstName"):
        if name in order:
            order[name] = _text(order[name])
            if not isinstance(order[name], str):
                raise ValueError(f"{name} must be text")
    return order


def _day(value: Any) -> date:
    try:
        return datetime.fromisoformat(value).date()
    except (TypeError, ValueError):
        raise ValueError(
            "orderDate must be an ISO 8601 date, such as 2026-11-01"
        ) from None


def _amount(order: Body, name: str) -> str:
    value = order[name]
    try:
        if isinstance(value, bool | float):
            # A binary number has no exact decimals; its shortest spelling has those meant.
            value = repr(value)
        amount = Decimal(_AROUND_AMOUNTS.sub("", str(value)))
    except InvalidOperation:
        raise ValueError(
            f"{name} must be a number with a point, such as 12.50"
        ) from None
    if not amount.is_finite() or amount < 0:
        raise ValueError(f"{name} must not be negative")
    return f"{amount:f}"


def _codes(value: Any) -> list[str]:
    if isinstance(value, str):
        try:
            value = orjson.loads(value) if value.lstrip()[:1] == "[" else value
        except ValueError:
            raise ValueError("discountCodes is not a JSON list") from None
    if isinstance(value, str):
        value = _BETWEEN_CODES.split(value)
    if not isinstance(value, list) or not all(isinstance(code, str) for code in value):
        raise ValueError("discountCodes must be a list of codes")
    return [code.strip() for code in value if code.strip()]


_ORDER_REQUIRED = ("orderId", "orderDate", "currency", "subtotalPrice", "totalPrice")

CAPTURES = MappingProxyType(
    {
        capture.name: capture
        for capture in (
            Capture(
                table=CLICKS,
                noun="click",
                id_field="clickId",
                fields=("referralId", "clickId", "url", "clickedAt"),
                checked=_checked_click,
                path=lambda settings: CLICKS_PATH,
                answered=("clickedAt",),
            ),
            Capture(
                table=CAPTURED_ORDERS,
                noun="order",
                id_field="orderId",
                fields=(
                    *("orderId", "orderNumber", "orderDate", "discountCodes"),
                    *("currency", "subtotalPrice", "totalPrice"),
                    *("firstName", "email"),
                ),
                checked=_checked_order,
                path=lambda settings: settings.order_capture_path,
                is_id_required=True,
            ),
        )
    }
)
