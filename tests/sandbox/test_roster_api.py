"""The Roster half: tokens, every endpoint of the catalogue, paging, clicks."""

from __future__ import annotations

from datetime import datetime
from email.utils import parsedate_to_datetime

import pytest

from roster_platform.ingest.roster.endpoints import BY_NAME, ENDPOINTS

CLICKS = "/v2/public/clicks"
LISTS = [endpoint for endpoint in ENDPOINTS if endpoint.parent is None]
UNDECLARED = {"posts": {"attachments"}}


def _path(endpoint):
    path = "/" + (endpoint.path or f"v2/{endpoint.name}")
    return path.format(discountRuleId="rule_1")


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.name)
def test_only_the_private_token_reads(client, endpoint):
    assert client.ask(_path(endpoint)).status == 200
    public = client.ask(_path(endpoint), token="sandbox-public-token")
    assert public.status == 403
    assert public.body["error"]
    for token in ("wrong", "", None):
        refused = client.ask(_path(endpoint), token=token)
        assert refused.status == 401
        assert refused.body == {"error": "Invalid or missing access token"}


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.name)
def test_records_have_the_fields_of_the_catalogue(client, endpoint):
    placeholders = {"discountRuleId": "rule_1"} if endpoint.parent else {}
    records = client.read_all(endpoint.name, **placeholders)
    declared = set(endpoint.table.columns)
    declared |= {child.field for child in endpoint.table.children}
    declared |= UNDECLARED.get(endpoint.name, set())
    assert records
    for record in records:
        optional = set()
        if endpoint.name == "events" and record["type"] != "reward.redeemed":
            optional = {"redemption"}
        assert set(record) == declared - optional
        for child in endpoint.table.children:
            for item in record[child.field]:
                if isinstance(item, dict):
                    assert set(item) == set(child.columns)


@pytest.mark.parametrize("endpoint", LISTS, ids=lambda endpoint: endpoint.name)
def test_paging_gives_every_record_once_in_the_declared_order(client, endpoint):
    body = client.ask(f"{_path(endpoint)}?pageSize=7").body
    assert set(body) == {endpoint.data_selector, "pagination"}
    total = body["pagination"]["totalCount"]
    assert body["pagination"] == {
        "page": 1,
        "pageSize": 7,
        "totalCount": total,
        "totalPages": -(-total // 7),
    }
    records = client.read_all(endpoint.name, size=37)
    keys = [record[endpoint.table.primary_key[-1]] for record in records]
    assert len(keys) == len(set(keys)) == total
    if endpoint.order_field:
        moments = [record[endpoint.order_field] for record in records]
        assert moments == sorted(moments, reverse=True)
    else:
        assert keys == sorted(keys)
    beyond = client.ask(f"{_path(endpoint)}?page=100000&pageSize=7").body
    assert beyond[endpoint.data_selector] == []


def test_page_size_has_a_default_and_a_limit(client):
    assert len(client.ask("/v2/orders").body["data"]) == 100
    largest = client.ask("/v2/orders?pageSize=5000").body
    assert largest["pagination"]["pageSize"] == 1000
    for query in ("page=0", "page=x", "pageSize=-1", "page=1.5"):
        assert client.ask(f"/v2/orders?{query}").status == 400


def test_codes_are_listed_under_their_rule(client, sandbox):
    rules = sandbox.get("state")["rule_ids"]
    by_rule = {
        rule: client.read_all("discount_codes_by_rule", discountRuleId=rule)
        for rule in rules
    }
    assert {code["discountRuleId"] for codes in by_rule.values() for code in codes} == (
        set(rules)
    )
    listed = sorted((c for codes in by_rule.values() for c in codes), key=_id)
    assert listed == client.read_all("discount_codes_lookup")
    unknown = client.ask("/v2/discount-rules/rule_99/discount-codes")
    assert (unknown.status, unknown.body) == (404, {"error": "Discount rule not found"})


def _id(record):
    return record["id"]


def test_ids_are_text_and_integers_and_money_of_orders_is_text(client):
    assert all(isinstance(c["id"], int) for c in client.read_all("campaigns"))
    orders = client.read_all("orders")
    for order in orders:
        assert isinstance(order["orderId"], str)
        for name in ("subtotalPrice", "totalPrice", "refundedAmount"):
            whole, cents = order[name].split(".")
            assert whole.isdigit()
            assert len(cents) == 2
        assert order["orderDate"] == order["createdAt"][:10] + "T00:00:00"
    assert len({order["currency"] for order in orders}) > 1
    assert any(len(order["discountCodes"]) == 2 for order in orders)
    assert {o["status"] for o in orders} >= {"paid", "partially_refunded", "refunded"}


def test_nothing_is_later_than_the_date_header(client):
    now = parsedate_to_datetime(client.ask("/v2/orders").headers["date"])
    for name in ("orders", "events", "likes", "contacts", "campaigns"):
        for record in client.read_all(name, size=1000):
            for field, value in record.items():
                is_moment = BY_NAME[name].table.columns.get(field)
                if is_moment and is_moment.data_type == "timestamp" and value:
                    moment = datetime.fromisoformat(value).replace(tzinfo=now.tzinfo)
                    assert moment <= now


def test_every_response_carries_the_simulated_date(client):
    for path in ("/v2/orders", "/nowhere", "/admin/state", "/api/roster/x"):
        assert client.ask(path).headers["date"].startswith("Sun, 01 Nov 2026 06:0")
    assert client.ask("/v2/orders", token=None).headers["date"]


def test_every_contact_was_announced_with_its_identity(client):
    created = {
        event["contactId"]: event
        for event in client.read_all("events", size=1000)
        if event["type"] == "contact.created"
    }
    contacts = client.read_all("contacts")
    assert set(created) == {contact["id"] for contact in contacts}
    for contact in contacts:
        event = created[contact["id"]]
        assert event["referralId"] == contact["referralId"]
        assert event["email"] == contact["email"]
    assert any(contact["email"] is None for contact in contacts)


def test_a_reward_goes_through_its_statuses_in_order(client):
    story = {}
    for event in reversed(client.read_all("events", size=1000)):
        if event["rewardId"]:
            story.setdefault(event["rewardId"], []).append(event["type"][7:])
    stories = {tuple(steps) for steps in story.values()}
    assert stories == {
        ("pending",),
        ("pending", "approved"),
        ("pending", "rejected"),
        ("pending", "approved", "paid"),
        ("pending", "approved", "redeemed"),
    }


def test_a_click_is_kept_once_per_idempotency_key(start):
    client = start()
    headers = {"Idempotency-Key": "k-1"}
    body = {"referralId": "maya-1", "url": "https://shop.example/?rstr=maya-1"}
    first, again = (
        client.ask(CLICKS, method="POST", body=body, headers=headers,
                   token="sandbox-public-token")
        for _ in range(2)
    )  # fmt: skip
    assert first.status == again.status == 201
    assert first.body == again.body
    assert first.body["id"]
    other = client.ask(CLICKS, method="POST", body={"referralId": 7, "device": "ios"})
    assert (other.status, other.body["referralId"]) == (201, "7")
    kept = client.sandbox.get("clicks")
    assert kept["count"] == 2
    assert kept["clicks"][0] == first.body
    assert kept["clicks"][1]["device"] == "ios"
    counts = client.sandbox.get("oracle/clicks")
    assert [(c["referral_id"], c["clicks"]) for c in counts] == [
        ("7", 1),
        ("maya-1", 1),
    ]


@pytest.mark.parametrize(
    "body",
    [
        b"not json",
        [1],
        {},
        {"referralId": ""},
        {"referralId": "x" * 300},
        {"referralId": "a", "url": "ftp://x"},
        {"referralId": "a", "clickedAt": "yesterday"},
    ],
)
def test_a_bad_click_is_refused_with_a_message(client, body):
    refused = client.ask(CLICKS, method="POST", body=body)
    assert refused.status == 400
    assert refused.body["message"]
    assert client.sandbox.get("clicks")["count"] == 0


def test_a_click_needs_a_token(client):
    answer = client.ask(CLICKS, method="POST", body={"referralId": "a"}, token="wrong")
    assert answer.status == 401


def test_contacts_can_be_switched_off_and_a_filter_on(start):
    client = start(contacts=False, updated_after_param="updatedAfter")
    assert client.ask("/v2/contacts").status == 404
    assert "SOURCES__ROSTER_SOURCE__CONTACTS_PATH" not in client.sandbox.environment
    orders = client.read_all("orders")
    since = orders[40]["updatedAt"]
    body = client.ask(f"/v2/orders?updatedAfter={since}&pageSize=1000").body
    assert body["data"] == orders[: body["pagination"]["totalCount"]]
    assert body["data"][-1]["updatedAt"] == since
