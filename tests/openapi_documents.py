"""Six OpenAPI documents of one API, as six vendors would have described it.

The fields are written down here, not taken from the declaration. A document differs from
the next in its version, names, types, envelope, paging, and how its schemas are composed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

Schema = dict[str, Any]

_STAMPS = "createdAt:time updatedAt:time"
_CODE = (
    "id code discountRuleId discountRuleName? discountRuleKind:kind contactId? "
    f"isPersonal:bool assignedAt?:time {_STAMPS}"
)
FIELDS: Mapping[str, str] = {
    "programs": "id name status:program_status currency commissionType:commission "
    f"commissionValue?:amount lookBackDays?:whole commissionTiers:[tier] {_STAMPS}",
    "channels": f"id name description? programId? {_STAMPS}",
    "posts": f"id channelId authorId authorName? body reach:whole {_STAMPS}",
    "comments": f"id postId authorId authorName? body {_STAMPS}",
    "likes": "id postId authorId createdAt:time",
    "campaigns": "id name programId status:campaign_status startDate:day endDate?:day "
    f"participants:[participant] {_STAMPS}",
    "orders": "orderId orderNumber orderDate:time status:order_status currency "
    "subtotalPrice:amount totalPrice:amount refundedAmount:amount firstName? email? "
    f"referralId? discountCodes:[text] lineItems:[line] {_STAMPS}",
    "codes": _CODE,
    "rule_codes": _CODE,
    "events": "id type:event contactId email? firstName? lastName? socialHandle? "
    "discordHandle? referralId? stage? programId? orderId? rewardId? amount?:amount "
    "currency? occurredAt:time redemption?:anything",
    "webhooks": f"id topic url status {_STAMPS}",
    "contacts": "id email? firstName? lastName? socialHandle? discordHandle? stage? "
    f"programId? referralId? {_STAMPS}",
    # Parts of the others.
    "tier": "minRevenue:amount rate:amount",
    "participant": "contactId status:step addedAt:time sentAt?:time openedAt?:time "
    "joinedAt?:time completedAt?:time",
    "line": "sku? name quantity:whole price:amount",
}
ENUMS: Mapping[str, str] = {
    "program_status": "active archived",
    "commission": "percentage fixed tiered",
    "campaign_status": "draft active completed",
    "order_status": "paid partially_refunded refunded cancelled",
    "kind": "shareable leakproof reward",
    "step": "added sent opened joined completed",
    "event": "contact.created contact.stage_changed program.joined program.left "
    "reward.pending reward.approved reward.rejected reward.paid reward.redeemed",
}
PATHS: Mapping[str, str] = {
    "programs": "/programs",
    "channels": "/community/channels",
    "posts": "/community/posts",
    "comments": "/community/comments",
    "likes": "/community/likes",
    "campaigns": "/campaigns",
    "orders": "/orders",
    "codes": "/discount-codes/lookup",
    "rule_codes": "/discount-rules/{discountRuleId}/discount-codes",
    "events": "/events",
    "webhooks": "/webhooks",
}


def _words(name: str) -> list[str]:
    return re.sub(r"([A-Z])", r" \1", name).lower().split()


def snake(name: str) -> str:
    return "_".join(_words(name))


def pascal(name: str) -> str:
    return "".join(map(str.capitalize, _words(name)))


@dataclass
class Style:
    """How one vendor writes a document."""

    version: str
    envelope: Callable[[Schema], Schema]
    parameters: list[Schema]
    rename: Callable[[str], str] = lambda name: name
    text_id: bool = True
    amount: Schema = field(default_factory=lambda: {"type": "string"})
    has_enums: bool = False
    enum_value: Callable[[str], str] = lambda value: value
    server: str = "https://api.getroster.com/v2"
    paths: Mapping[str, str] = field(default_factory=lambda: dict(PATHS))
    reshape: Callable[[str, Schema], None] = lambda name, schema: None
    base: bool = False
    """Whether ids and timestamps stand in a schema that the others are made of."""

    @property
    def is_3_0(self) -> bool:
        return self.version.startswith("3.0")

    def nullable(self, schema: Schema) -> Schema:
        if "$ref" in schema or "allOf" in schema:
            if self.is_3_0:
                return {"allOf": [schema], "nullable": True}
            return {"oneOf": [schema, {"type": "null"}]}
        if self.is_3_0:
            return {**schema, "nullable": True}
        return (
            {**schema, "type": [schema["type"], "null"]} if "type" in schema else schema
        )

    def value(self, name: str, kind: str) -> Schema:
        if kind.startswith("["):
            inner = kind.strip("[]")
            items = (
                {"type": "string"}
                if inner == "text"
                else {"$ref": f"#/components/schemas/{pascal(inner)}"}
            )
            return {"type": "array", "items": items}
        if kind in ENUMS:
            values = [self.enum_value(value) for value in ENUMS[kind].split()]
            plain = {"type": "string"}
            return {**plain, "enum": values} if self.has_enums else plain
        is_id = name.endswith(("Id", "id")) and name != "referralId"
        if kind == "text" and is_id and not self.text_id:
            return {"type": "integer", "format": "int64"}
        return {
            "text": {"type": "string"},
            "time": {"type": "string", "format": "date-time"},
            "day": {"type": "string", "format": "date"},
            "whole": {"type": "integer"},
            "bool": {"type": "boolean"},
            "amount": dict(self.amount),
            "anything": {"type": "object"},
        }[kind]

    def schema(self, name: str) -> Schema:
        properties: dict[str, Schema] = {}
        required = []
        for said in FIELDS[name].split():
            field_name, _, kind = said.partition(":")
            bare = field_name.rstrip("?")
            value = self.value(bare, kind or "text")
            is_optional = field_name.endswith("?")
            properties[self.rename(bare)] = (
                self.nullable(value) if is_optional else value
            )
            if not is_optional:
                required.append(self.rename(bare))
        schema = {"type": "object", "properties": properties, "required": required}
        self.reshape(name, schema)
        shared = [self.rename(n) for n in ("id", "createdAt", "updatedAt")]
        if self.base and all(n in properties for n in shared):
            for each in shared:
                properties.pop(each)
            schema["required"] = [n for n in schema["required"] if n not in shared]
            return {"allOf": [{"$ref": "#/components/schemas/Entity"}, schema]}
        return schema

    def document(self) -> Schema:
        schemas = {pascal(name): self.schema(name) for name in FIELDS}
        if self.base:
            schemas["Entity"] = {
                "type": "object",
                "required": [self.rename("id")],
                "properties": {
                    self.rename("id"): self.value("id", "text"),
                    self.rename("createdAt"): self.value("createdAt", "time"),
                    self.rename("updatedAt"): self.value("updatedAt", "time"),
                },
            }
        return {
            "openapi": self.version,
            "info": {"title": "Roster API", "version": "2"},
            "servers": [{"url": self.server}],
            "paths": {path: self.item(name, path) for name, path in self.paths.items()}
            | {
                "/public/clicks": {
                    "post": {"responses": {"201": {"description": "ok"}}}
                }
            },
            "components": {
                "schemas": schemas,
                "parameters": {p["name"]: p for p in self.parameters},
            },
        }

    def item(self, name: str, path: str) -> Schema:
        known = pascal(name) in {pascal(each) for each in FIELDS}
        record = {"$ref": f"#/components/schemas/{pascal(name)}"} if known else REWARD
        ids = re.findall(r"{(\w+)}", path)
        item: Schema = {
            "parameters": [
                {
                    "name": each,
                    "in": "path",
                    "required": True,
                    "schema": {"type": "string"},
                }
                for each in ids
            ],
            "get": {
                "operationId": f"list{pascal(name)}",
                "parameters": [
                    {"$ref": f"#/components/parameters/{p['name']}"}
                    for p in self.parameters
                ],
                "responses": {
                    "200": {
                        "description": "A page.",
                        "content": {
                            "application/json; charset=utf-8": {
                                "schema": self.envelope(
                                    {"type": "array", "items": record}
                                )
                            }
                        },
                    },
                    "401": {"description": "No."},
                },
            },
        }
        # A single record is no list, and has the name of one.
        return item


REWARD: Schema = {
    "type": "object",
    "properties": {"rewardKey": {"type": "string"}, "cost": {"type": "number"}},
}


def _of(properties: Schema, required: Iterable[str] | None = None) -> Schema:
    names = list(properties) if required is None else list(required)
    return {"type": "object", "properties": properties, "required": names}


def _query(name: str, kind: str = "integer", **more: Any) -> Schema:
    return {"name": name, "in": "query", "schema": {"type": kind, **more}}


_WHOLE: Schema = {"type": "integer"}


def _money(name: str, schema: Schema) -> None:
    """Amounts are objects with their currency, and people are objects."""
    properties, required = schema["properties"], schema["required"]
    if name == "orders":
        for each in ("firstName", "email"):
            properties.pop(snake(each))
        properties.pop("currency")
        required.remove("currency")
        properties["customer"] = _of(
            {
                "first_name": {"type": "string", "nullable": True},
                "email": {"type": "string", "format": "email", "nullable": True},
            }
        )
        required.append("customer")
    elif "author_id" in properties:
        properties.pop("author_id")
        required.remove("author_id")
        author = {"id": {"type": "string"}}
        if properties.pop("author_name", None):
            author["name"] = {"type": "string", "nullable": True}
        properties["author"] = _of(author)
        required.append("author")


RENAMED_PAGING = Style(
    "3.0.3",
    lambda records: _of(
        {"items": records, "meta": _of({"totalItems": _WHOLE, "totalPages": _WHOLE})}
    ),
    [
        _query("pageNumber", minimum=1, default=1),
        _query("perPage", minimum=1, maximum=50, default=20),
        _query("updatedSince", "string", format="date-time"),
        _query("sort", "string", enum=["createdAt", "-createdAt"]),
    ],
)
OFFSET = Style(
    "3.1.0",
    lambda records: _of({"results": records, "count": _WHOLE}),
    [_query("offset", minimum=0, default=0), _query("limit", maximum=200, default=50)],
    text_id=False,
    amount={"type": "number"},
)
SNAKE_CASE = Style(
    "3.0.1",
    lambda records: _of({"payload": _of({"rows": records, "total_count": _WHOLE})}),
    [_query("page", minimum=0, default=0), _query("per_page", maximum=1000)],
    rename=snake,
    amount=_of({"amount": {"type": "string"}, "currency_code": {"type": "string"}}),
    reshape=_money,
    server="https://api.getroster.com",
    paths={name: f"/v2{path}" for name, path in PATHS.items()},
)
WITH_ENUMS = Style(
    "3.1.0",
    lambda records: _of(
        {
            "Data": records,
            "Success": {"type": "boolean"},
            "NextCursor": {"type": ["string", "null"]},
        }
    ),
    [_query("cursor", "string"), _query("pageSize", maximum=100)],
    rename=pascal,
    has_enums=True,
    enum_value=lambda value: value.upper().replace(".", "_"),
    base=True,
)
WITH_CONTACTS = Style(
    "3.0.0",
    lambda records: _of(
        {
            "data": records,
            "links": _of(
                {"next": {"type": "string", "format": "uri", "nullable": True}}
            ),
        }
    ),
    [_query("page[number]", "string"), _query("page[size]")],
    paths={
        **{n: p for n, p in PATHS.items() if n not in ("likes", "webhooks")},
        "contacts": "/ambassadors",
        "rewards": "/rewards",
        "likes": "/posts/{postId}/likes",
    },
    server="/v2",
)
# What it says of names and paging is not so at the live API of the tests.
CONTRADICTING = Style(
    "3.1.0",
    lambda records: _of({"list": records, "hasMore": {"type": "boolean"}}),
    [_query("p", minimum=1), _query("size", default=25)],
    rename=lambda name: {"totalPrice": "grandTotal", "email": "mail"}.get(name, name),
)
STYLES: Mapping[str, Style] = {
    "renamed paging": RENAMED_PAGING,
    "offset": OFFSET,
    "snake_case": SNAKE_CASE,
    "enums": WITH_ENUMS,
    "contacts": WITH_CONTACTS,
    "contradicting": CONTRADICTING,
}


def write(name: str, folder: Path) -> Path:
    """Write one of the documents: those of 3.1 as YAML."""
    document = STYLES[name].document()
    if STYLES[name].is_3_0:
        path = folder / "openapi.json"
        path.write_text(json.dumps(document))
    else:
        path = folder / "openapi.yaml"
        path.write_text(yaml.safe_dump(document, sort_keys=False))
    return path
