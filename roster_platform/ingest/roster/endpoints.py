"""THE catalogue of Roster's read endpoints (API v2, https://api.getroster.com).

Everything that names a Roster resource (assets, tables, sandbox routes, tests, the
``RESTAPIConfig`` of the plain script) reads it from here. Paths, methods and data
selectors are documented by dltHub's Roster page; the field names are our reading of an
unpublished schema, except for orders, whose capture fields the vendor documents. An
undeclared field still lands, and a declared one that never comes is a finding: an error
where marts cannot do without it (``required``), nothing where a healthy account may lack
it (``optional``), a warning otherwise.
"""

from __future__ import annotations

from types import MappingProxyType

from roster_platform.catalogue import Child, Column, Endpoint, Parent, Table
from roster_platform.ingest.roster.community import COMMUNITY
from roster_platform.ingest.roster.timestamps import CREATED, UPDATED

API_DOCS_URL = "https://dlthub.com/workbench/source/roster"

_DISCOUNT_CODE_COLUMNS = {
    "id": Column("text", "The code's id.", required=True),
    "code": Column(
        "text", "The code a customer types at the checkout.", required=True, key="code"
    ),
    "discountRuleId": Column(
        "text", "The discount rule that issued the code.", required=True
    ),
    "discountRuleName": Column("text", "The name of the discount rule."),
    "discountRuleKind": Column("text", "shareable, leakproof or reward."),
    "contactId": Column("text", "The contact the code is assigned to, if any."),
    "isPersonal": Column("bool", "True for a code meant for the contact's own use."),
    "assignedAt": Column("timestamp", "From when the code attributes orders (UTC)."),
    "createdAt": CREATED,
    "updatedAt": UPDATED,
}

ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        table=Table(
            name="programs",
            description="One ambassador program of the brand.",
            primary_key=("id",),
            soft_deletes=True,
            columns={
                "id": Column("text", "The program's id.", required=True),
                "name": Column("text", "The program's name."),
                "status": Column("text", "active or archived."),
                "currency": Column(
                    "text", "ISO 4217 code commissions are paid in.", key="currency"
                ),
                "commissionType": Column("text", "percentage, fixed or tiered."),
                "commissionValue": Column(
                    "decimal",
                    "Percent of the subtotal, or the fixed amount; NULL when tiered.",
                ),
                "lookBackDays": Column(
                    "bigint",
                    "Days of referred revenue that choose the tier.",
                    optional=True,
                ),
                "createdAt": CREATED,
                "updatedAt": UPDATED,
            },
            children=(
                Child(
                    field="commissionTiers",
                    name="commission_tiers",
                    description="One step of a tiered commission.",
                    parent_key="programId",
                    optional=True,
                    columns={
                        "minRevenue": Column(
                            "decimal",
                            "Revenue in the look-back period from which it holds.",
                            required=True,
                        ),
                        "rate": Column(
                            "decimal", "Percent of the subtotal.", required=True
                        ),
                    },
                ),
            ),
        ),
        path="v2/programs",
        data_selector="result",
    ),
    *COMMUNITY,
    Endpoint(
        table=Table(
            name="orders",
            description="One order captured from the brand's shop.",
            primary_key=("orderId",),
            soft_deletes=True,
            columns={
                "orderId": Column("text", "The order's id in the shop.", required=True),
                "orderNumber": Column("text", "The number printed on the order."),
                "orderDate": Column(
                    "timestamp",
                    "When the order was placed; sent without zone, read as UTC.",
                    required=True,
                ),
                "status": Column(
                    "text", "paid, partially_refunded, refunded or cancelled."
                ),
                "currency": Column(
                    "text",
                    "ISO 4217 code of the amounts.",
                    required=True,
                    key="currency",
                ),
                "subtotalPrice": Column(
                    "decimal",
                    "After discounts, before tax and shipping.",
                    required=True,
                ),
                "totalPrice": Column(
                    "decimal", "With tax and shipping.", required=True
                ),
                "refundedAmount": Column("decimal", "What was paid back so far."),
                "firstName": Column("text", "The customer's first name.", pii=True),
                "email": Column(
                    "text",
                    "The customer's e-mail.",
                    pii=True,
                    required=True,
                    key="email",
                ),
                "referralId": Column(
                    "text",
                    "The smart link's id (?rstr=) the customer came by, if any.",
                    key="code",
                ),
                "createdAt": CREATED,
                "updatedAt": UPDATED,
            },
            children=(
                Child(
                    field="discountCodes",
                    name="discount_codes",
                    description="One discount code used on an order.",
                    parent_key="orderId",
                    columns={
                        "code": Column(
                            "text", "The code as typed.", required=True, key="code"
                        )
                    },
                ),
                Child(
                    field="lineItems",
                    name="line_items",
                    description="One line of an order.",
                    parent_key="orderId",
                    columns={
                        "sku": Column("text", "The product's stock keeping unit."),
                        "name": Column("text", "The product's name."),
                        "quantity": Column("bigint", "Pieces."),
                        "price": Column(
                            "decimal", "Price of one piece.", required=True
                        ),
                    },
                ),
            ),
        ),
        path="v2/orders",
        data_selector="data",
        order_field="updatedAt",
    ),
    Endpoint(
        table=Table(
            name="discount_codes_lookup",
            description="One discount code, whichever rule issued it.",
            primary_key=("id",),
            soft_deletes=True,
            columns=_DISCOUNT_CODE_COLUMNS,
        ),
        path="v2/discount-codes/lookup",
        data_selector="data",
    ),
    Endpoint(
        table=Table(
            name="discount_codes_by_rule",
            description="One discount code, as its discount rule returns it.",
            primary_key=("discountRuleId", "id"),
            soft_deletes=True,
            columns=_DISCOUNT_CODE_COLUMNS,
        ),
        path="v2/discount-rules/{discountRuleId}/discount-codes",
        data_selector="data",
        parent=Parent(
            param="discountRuleId",
            resource="discount_codes_lookup",
            field="discountRuleId",
        ),
    ),
    # What happened stays, also when the API trims its log.
    Endpoint(
        table=Table(
            name="events",
            description="One thing that happened to a contact, order, link or reward.",
            primary_key=("id",),
            columns={
                "id": Column("text", "The event's id.", required=True),
                "type": Column(
                    "text",
                    "contact.created, contact.stage_changed, program.joined, program.left, "
                    "reward.pending, reward.approved, reward.rejected, reward.paid or "
                    "reward.redeemed.",
                    required=True,
                ),
                "contactId": Column("text", "The contact concerned.", required=True),
                "email": Column(
                    "text", "The contact's e-mail, if known.", pii=True, key="email"
                ),
                "firstName": Column("text", "The contact's first name.", pii=True),
                "lastName": Column(
                    "text", "The contact's last name.", pii=True, optional=True
                ),
                "socialHandle": Column(
                    "text", "The contact's social handle.", pii=True, optional=True
                ),
                "discordHandle": Column(
                    "text",
                    "The contact's Discord name.",
                    pii=True,
                    optional=True,
                    key="handle",
                ),
                "referralId": Column(
                    "text", "The id of the contact's smart link.", key="code"
                ),
                "stage": Column("text", "The contact's stage after the event."),
                "programId": Column("text", "The program joined, left or paying."),
                "orderId": Column("text", "The order a reward is for."),
                "rewardId": Column("text", "The reward concerned."),
                "amount": Column("decimal", "The reward's amount."),
                "currency": Column(
                    "text", "ISO 4217 code of the amount.", key="currency"
                ),
                "occurredAt": Column(
                    "timestamp", "When it happened (UTC).", required=True
                ),
                "redemption": Column(
                    "json",
                    "Shipping address, SKU and quantity of a redeemed reward.",
                    pii=True,
                    optional=True,
                ),
            },
        ),
        path="v2/events",
        data_selector="data",
        order_field="occurredAt",
    ),
    Endpoint(
        table=Table(
            name="webhooks",
            description="One webhook registered with Roster.",
            primary_key=("id",),
            soft_deletes=True,
            columns={
                "id": Column("text", "The webhook's id.", required=True),
                "topic": Column("text", "The event type it is called for."),
                "url": Column("text", "Where it posts to."),
                "status": Column("text", "active or disabled."),
                "createdAt": CREATED,
                "updatedAt": UPDATED,
            },
        ),
        path="v2/webhooks",
        data_selector="data",
    ),
    Endpoint(
        table=Table(
            name="contacts",
            description="One contact (ambassador or prospect), where the API returns them.",
            primary_key=("id",),
            soft_deletes=True,
            columns={
                "id": Column("text", "The contact's id.", required=True),
                "email": Column(
                    "text", "The contact's e-mail, if known.", pii=True, key="email"
                ),
                "firstName": Column("text", "First name.", pii=True),
                "lastName": Column("text", "Last name.", pii=True, optional=True),
                "socialHandle": Column(
                    "text", "Social handle.", pii=True, optional=True
                ),
                "discordHandle": Column(
                    "text", "Discord name.", pii=True, optional=True, key="handle"
                ),
                "stage": Column(
                    "text",
                    "Prospect, Pending Application, Ambassador, Invited, Nominated or "
                    "Declined.",
                ),
                "programId": Column("text", "The program the contact is in, if any."),
                "referralId": Column(
                    "text", "The id of the contact's smart link.", key="code"
                ),
                "createdAt": CREATED,
                "updatedAt": UPDATED,
            },
        ),
        path="",
        data_selector="data",
        optional=True,
    ),
)

BY_NAME = MappingProxyType({endpoint.name: endpoint for endpoint in ENDPOINTS})
