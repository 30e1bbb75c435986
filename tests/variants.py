"""One set of facts, as nine servers of other habits send it.

The facts are literal and made here, so that a test never agrees with itself by way of the
sandbox. A variant changes names, types, nesting, envelope, paging, or what it refuses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

Record = dict[str, Any]
Rename = Callable[[str, Record], Any]

_DAY = "2026-03-{:02}T10:00:00Z"


def _code(number: int) -> Record:
    return {
        "id": f"{500 + number}",
        "code": f"SAVE{number}",
        "discountRuleId": f"{900 + number % 2}",
        "discountRuleName": f"Rule {number % 2}",
        "discountRuleKind": "shareable",
        "contactId": f"{300 + number}",
        "isPersonal": number % 3 == 0,
        "assignedAt": _DAY.format(1 + number),
        "createdAt": _DAY.format(1),
        "updatedAt": _DAY.format(2),
    }


_STAMPS = {"createdAt": _DAY.format(1), "updatedAt": _DAY.format(2)}
FACTS: Mapping[str, list[Record]] = {
    "programs": [
        {
            "id": f"{100 + n}",
            "name": f"Program {n}",
            "status": "active",
            "currency": "USD",
            "commissionType": "percentage",
            "commissionValue": "10.00",
            "lookBackDays": 30,
            **_STAMPS,
            "commissionTiers": [{"minRevenue": "100.00", "rate": "5.00"}],
        }
        for n in range(2)
    ],
    "channels": [
        {
            "id": f"{200 + n}",
            "name": f"Channel {n}",
            "description": "Talk",
            "programId": "100",
            **_STAMPS,
        }
        for n in range(3)
    ],
    "posts": [
        {
            "id": f"{1000 + n}",
            "channelId": "200",
            "authorId": f"{300 + n % 4}",
            "authorName": f"Author {n % 4}",
            "body": f"Post {n}",
            "reach": 10 * n,
            "createdAt": _DAY.format(1 + n),
            "updatedAt": _DAY.format(2 + n),
        }
        for n in range(17)
    ],
    "comments": [
        {
            "id": f"{2000 + n}",
            "postId": f"{1000 + n}",
            "authorId": f"{300 + n % 4}",
            "authorName": f"Author {n % 4}",
            "body": f"Comment {n}",
            **_STAMPS,
        }
        for n in range(7)
    ],
    "likes": [
        {
            "id": f"{3000 + n}",
            "postId": f"{1000 + n % 5}",
            "authorId": f"{300 + n % 4}",
            "createdAt": _DAY.format(3),
        }
        for n in range(11)
    ],
    "campaigns": [
        {
            "id": f"{400 + n}",
            "name": f"Campaign {n}",
            "programId": "100",
            "status": "active",
            "startDate": "2026-03-01",
            "endDate": "2026-04-01",
            **_STAMPS,
            "participants": [
                {
                    "contactId": f"{300 + n}",
                    "status": "joined",
                    "addedAt": _DAY.format(1),
                    "sentAt": _DAY.format(2),
                    "openedAt": _DAY.format(3),
                    "joinedAt": _DAY.format(4),
                    "completedAt": _DAY.format(5),
                }
            ],
        }
        for n in range(2)
    ],
    "orders": [
        {
            "orderId": f"{7000 + n}",
            "orderNumber": f"{n + 1}",
            "orderDate": f"2026-03-{1 + n:02}T00:00:00",
            "status": "paid",
            "currency": "USD" if n % 2 else "EUR",
            "subtotalPrice": f"{10 + n}.50",
            "totalPrice": f"{12 + n}.75",
            "refundedAmount": "0.00",
            "firstName": f"Buyer{n}",
            "email": f"canary-buyer{n}@example.com",
            "referralId": f"{800 + n % 3}",
            "createdAt": _DAY.format(1 + n),
            "updatedAt": _DAY.format(2 + n),
            "discountCodes": [f"SAVE{n % 5}"] if n % 2 else [],
            "lineItems": [
                {"sku": f"s{n}", "name": "Shirt", "quantity": 2, "price": "5.25"}
            ],
        }
        for n in range(23)
    ],
    "discount_codes_lookup": [_code(n) for n in range(9)],
    "events": [
        {
            "id": f"{6000 + n}",
            "type": "reward.pending",
            "contactId": f"{300 + n % 4}",
            "email": f"canary-member{n % 4}@example.com",
            "firstName": f"Member{n % 4}",
            "referralId": f"{800 + n % 3}",
            "stage": "Ambassador",
            "programId": "100",
            "orderId": f"{7000 + n}",
            "rewardId": f"{5000 + n}",
            "amount": f"{n}.25",
            "currency": "USD",
            "occurredAt": _DAY.format(1 + n),
        }
        for n in range(13)
    ],
    "webhooks": [
        {
            "id": "1",
            "topic": "order.created",
            "url": "https://example.com/hook",
            "status": "active",
            **_STAMPS,
        }
    ],
}
RULES = ("900", "901")
PATHS: Mapping[str, str] = {
    "programs": "v2/programs",
    "channels": "v2/community/channels",
    "posts": "v2/community/posts",
    "comments": "v2/community/comments",
    "likes": "v2/community/likes",
    "campaigns": "v2/campaigns",
    "orders": "v2/orders",
    "discount_codes_lookup": "v2/discount-codes/lookup",
    "events": "v2/events",
    "webhooks": "v2/webhooks",
}
_OF_RULE = re.compile(r"v2/discount-rules/(\d+)/discount-codes")


@dataclass
class Variant:
    """A server's habits; the canonical one without any."""

    rename: Rename = lambda resource, record: record
    envelope: str = "data"
    paging: str = "page"
    size: int = 10
    refused: Mapping[str, int] = field(default_factory=dict)
    prefix: str = "v2/"
    obeys_size: bool = True

    def __call__(self, request: Request) -> Any:
        if request.headers.get("authorization") != "Bearer canary-token":
            return JSONResponse({"error": "canary-token"}, 401)
        path = request.url.path.strip("/")
        if self.prefix != "v2/":
            path = path.replace(self.prefix, "v2/", 1) if "v2/" not in path else ""
        rule = _OF_RULE.fullmatch(path)
        names = {known: name for name, known in PATHS.items()}
        name = "discount_codes_by_rule" if rule else names.get(path)
        if name is None or name in self.refused:
            status = self.refused.get(name or "", 404)
            return JSONResponse({"error": "canary: no such thing"}, status)
        records = (
            [
                c
                for c in FACTS["discount_codes_lookup"]
                if c["discountRuleId"] == rule[1]
            ]
            if rule
            else FACTS[name]
        )
        return self._paged([self.rename(name, record) for record in records], request)

    def _paged(self, records: list[Any], request: Request) -> Any:
        query, total = request.query_params, len(records)
        size = min(self.size, _int(query, self._size_word, self.size))
        start = {
            "page": lambda: (_int(query, "page", 1) - 1) * size,
            "page0": lambda: _int(query, "page", 0) * size,
            "p": lambda: (_int(query, "p", 1) - 1) * size,
            "skip": lambda: _int(query, "skip", 0),
            "cursor": lambda: _int(query, "cursor", 0),
            "hidden": lambda: _int(query, "cursor", 0),
            "link": lambda: _int(query, "after", 0),
            "header": lambda: _int(query, "after", 0),
        }[self.paging]()
        end = start + size
        body: Any = records[start:end]
        for key in reversed(self.envelope.split(".") if self.envelope else []):
            body = {key: body}
        more = end if end < total else None
        link = f"/{request.url.path.strip('/')}?after={more}"
        headers = {"X-RateLimit-Limit": "600"}
        if self.paging in ("page", "page0"):
            body["pagination"] = {"totalCount": total, "totalPages": -(-total // size)}
        elif self.paging == "cursor":
            body["meta"] = {"next_cursor": more}
        elif self.paging == "hidden":
            body["da"] = {"lang": more}
        elif self.paging == "link":
            body["links"] = {"next": link if more else None}
        elif self.paging == "header" and more:
            headers["Link"] = f'<{link}>; rel="next"'
        elif self.paging == "header":
            headers["Link"] = '</>; rel="first"'
        return JSONResponse(body, headers=headers)

    @property
    def _size_word(self) -> str:
        if not self.obeys_size:
            return "none"
        return {"skip": "take", "p": "none", "hidden": "none"}.get(
            self.paging, "pageSize"
        )


def _int(query: Mapping[str, str], word: str, default: int) -> int:
    return int(query.get(word, default))


def _each(value: Any, change: Callable[[str, Any], tuple[str, Any]]) -> Any:
    """A record with every name and value changed, also those inside lists."""
    if isinstance(value, list):
        return [_each(each, change) for each in value]
    if not isinstance(value, dict):
        return value
    return dict(change(name, _each(inner, change)) for name, inner in value.items())


def _styled(style: Callable[[list[str]], str]) -> Rename:
    def rename(resource: str, record: Record) -> Record:
        return _each(record, lambda name, value: (style(_words(name)), value))

    return rename


def _words(name: str) -> list[str]:
    return re.sub(r"([A-Z])", r" \1", name).lower().split()


def snake(words: list[str]) -> str:
    return "_".join(words)


def pascal(words: list[str]) -> str:
    return "".join(map(str.capitalize, words))


def _dotnet(resource: str, record: Record) -> Record:
    """PascalCase, no zone, seven decimals, and a date that is none."""

    def change(name: str, value: Any) -> tuple[str, Any]:
        if name in ("createdAt", "updatedAt", "assignedAt", "occurredAt", "addedAt"):
            value = value.replace("Z", ".0000000")
        return pascal(_words(name)), value

    return {**_each(record, change), "DeletedOn": "0001-01-01T00:00:00"}


def _nested(resource: str, record: Record) -> Record:
    """People and money as objects, snake_case."""
    record = dict(record)
    if resource == "orders":
        code = record.pop("currency")
        total, subtotal = record.pop("totalPrice"), record.pop("subtotalPrice")
        record["total"] = {"amount": total, "currency": code}
        record["subtotal"] = {"amount": subtotal, "currency": code}
        record["customer"] = {
            "first_name": record.pop("firstName"),
            "email": record.pop("email"),
        }
        record["items"] = record.pop("lineItems")
    elif "authorId" in record:
        author = {"id": record.pop("authorId")}
        if "authorName" in record:
            author["name"] = record.pop("authorName")
        record["author"] = author
    elif resource == "events":
        record["ambassador"] = {
            "id": record.pop("contactId"),
            "email": record.pop("email"),
            "firstName": record.pop("firstName"),
        }
        record["reward"] = {
            "id": record.pop("rewardId"),
            "value": {
                "amount": record.pop("amount"),
                "currency": record.pop("currency"),
            },
        }
    elif "discountRuleId" in record:
        record["discountRule"] = {
            "id": record.pop("discountRuleId"),
            "name": record.pop("discountRuleName"),
            "kind": record.pop("discountRuleKind"),
        }
    return _each(record, lambda name, value: (snake(_words(name)), value))


def _epochs(resource: str, record: Record) -> Record:
    """Milliseconds since 1970, and ids that are integers."""

    def change(name: str, value: Any) -> tuple[str, Any]:
        if isinstance(value, str) and re.match(r"2026-\d\d-\d\dT", value):
            value = int(_timestamp(value).timestamp() * 1000)
        elif isinstance(value, str) and value.isdigit():
            value = int(value)
        return name, value

    return _each(record, change)


def _other_names(resource: str, record: Record) -> Record:
    """Synonyms, flags as words, amounts as numbers."""
    names = {
        "totalPrice": "total",
        "subtotalPrice": "subtotal",
        "refundedAmount": "amount_refunded",
        "orderId": "id",
        "orderDate": "placed_at",
        "lineItems": "items",
        "discountCodes": "coupons",
        "email": "emailAddress",
        "firstName": "given_name",
        "contactId": "ambassador",
        "authorId": "member_id",
        "createdAt": "created",
        "updatedAt": "modified_at",
        "occurredAt": "timestamp",
        "participants": "members",
        "discountRuleId": "rule_id",
        "reach": "impressions",
    }
    if resource == "events":
        # Its own id, and that of an order, which stays.
        names = {name: other for name, other in names.items() if name != "orderId"}

    def change(name: str, value: Any) -> tuple[str, Any]:
        if isinstance(value, bool):
            value = "yes" if value else "no"
        elif isinstance(value, str) and re.fullmatch(r"\d+\.\d\d", value):
            value = float(value)
        return names.get(name, name), value

    return _each(record, change)


def _cents(resource: str, record: Record) -> Record:
    """Amounts in cents with their currency, RFC 2822 dates."""

    def change(name: str, value: Any) -> tuple[str, Any]:
        if name in ("totalPrice", "subtotalPrice"):
            cents = round(float(value) * 100)
            value = {"amount_cents": cents, "currency": record["currency"]}
        elif isinstance(value, str) and re.match(r"2026-\d\d-\d\dT", value):
            value = format_datetime(_timestamp(value), usegmt=True)
        return name, value

    return _each(record, change)


def _timestamp(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


VARIANTS: Mapping[str, Variant] = {
    "snake_case, next cursor": Variant(_styled(snake), "results", "cursor"),
    "kebab-case, total pages": Variant(_styled("-".join), "data", "page"),
    "PascalCase of .NET, skip and take": Variant(_dotnet, "Data", "skip"),
    "nested, links, deeper": Variant(_nested, "result.items", "link"),
    "epochs, integers, word p": Variant(_epochs, "payload.rows.list", "p"),
    "other names, Link header": Variant(_other_names, "", "header"),
    "cents, pages from 0": Variant(_cents, "records", "page0"),
    "hidden cursor, no v2": Variant(envelope="data", paging="hidden", prefix=""),
    "some refused": Variant(
        _nested, "data", "cursor", refused={"webhooks": 403, "likes": 404}
    ),
}
