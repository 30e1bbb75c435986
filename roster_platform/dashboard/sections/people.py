"""A member, or a roster page, on a page of its own: everything that is known of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from roster_platform.dashboard import charts
from roster_platform.dashboard.elements import (
    Link,
    Panel,
    Section,
    Tile,
    at_least,
    drawn,
    facts,
    linked,
    member_link,
    minute,
    money,
    number,
    page_link,
    table,
)
from roster_platform.dashboard.queries import Filters, Published, Rows

_ALL_TIME = '<p class="lead">All that is known, whatever the period.</p>'
_SYSTEMS = {"roster": "Roster (contact)", "autorosters": "Auto Rosters (Discord)"}


def member_page(published: Published, member_key: str) -> Section:
    """Who a member is: pages, ranks, history, orders, hours and certifications."""

    def ask(question: str) -> Rows:
        return published.about(question, member_key=member_key)

    persons = ask("member")
    if not persons:
        return Section("Member", text='<p class="empty">This member is not known.</p>')
    totals = ask("member_order_totals")
    orders = ask("member_orders")
    return Section(
        persons[0]["member"] or "Member",
        (
            *(_identity(person) for person in persons),
            Panel(
                "Roster pages now",
                table(
                    linked(ask("member_pages"), page=page_link),
                    ("page", "Page"),
                    ("rank", "Rank", "optional"),
                    ("hours", "Hours, 30 days"),
                    ("required", "Required"),
                    ("status", "Status"),
                ),
            ),
            Panel(
                "Ranks",
                table(
                    ask("member_ranks"),
                    ("rank", "Rank"),
                    ("page", "Page"),
                    ("since", "Since"),
                    ("until", "Until"),
                    ("officer", "By", "optional"),
                ),
            ),
            Panel(
                f"Orders, the latest {len(orders)}" if orders else "Orders",
                table(
                    orders,
                    ("happened_at", "Ordered (UTC)"),
                    ("order_number", "Order"),
                    ("status", "Status"),
                    ("attribution", "By"),
                    ("amount", "Revenue", "money"),
                    ("commission", "Commission", "money:commission_currency"),
                ),
            ),
            Panel(
                "Patrol hours by month",
                table(
                    [
                        {**r, "month": f"{r['month']:%Y-%m}"}
                        for r in ask("member_hours")
                    ],
                    ("month", "Month"),
                    ("page", "Page"),
                    ("hours", "Hours"),
                    ("required", "Required"),
                    ("is_met", "Met"),
                ),
            ),
            Panel(
                "Certifications and subdivisions",
                table(
                    ask("member_certifications"),
                    ("name", "Name"),
                    ("page", "Page"),
                    ("first_read", "First read"),
                    ("state", "State"),
                ),
            ),
            Panel(
                "History, the latest 200",
                table(
                    ask("member_history"),
                    ("happened_at", "When (UTC)"),
                    ("what", "What"),
                    ("detail", "Detail"),
                ),
            ),
        ),
        tuple(
            Tile(
                f"Referral revenue, {_orders(row['orders'])}",
                at_least(
                    row["revenue"],
                    row["unknown_amounts"],
                    lambda value, row=row: money(value, row["currency"]),  # type: ignore[misc]
                ),
            )
            for row in totals
        ),
        text=_ALL_TIME,
    )


def _orders(count: int) -> str:
    return "1 order" if count == 1 else f"{count:,} orders"


def _identity(person: Mapping[str, Any]) -> Panel:
    is_discord = person["source"] == "autorosters"
    source_id = person["source_id"]
    known = {
        "Name": person["member"],
        "Discord id" if is_discord else "Contact id": Link(
            source_id, f"https://discord.com/users/{source_id}"
        )
        if is_discord and str(source_id).isdigit()
        else source_id,
        "Active": person["is_active"],
        "First seen": minute(person["first_seen_at"]),
        "Discord name": person["discord_handle"],
    }
    if is_discord:
        known["Roster pages now"] = person["pages"]
    else:
        known |= {
            "Social handle": person["social_handle"],
            "E-mail": person["email"],
            "Stage": person["stage"],
            "Program": person["program"],
        }
    if person["matched_by"]:
        known["Same person by"] = str(person["matched_by"]).replace("_", " ")
    return Panel(_SYSTEMS.get(person["source"], person["source"]), facts(known))


def roster_page(published: Published, page_key: str) -> Section:
    """What a roster page is: members, headcount, hours, certifications and history."""

    def ask(question: str) -> Rows:
        return published.about(question, page_key=page_key)

    found = ask("page")
    if not found:
        return Section("Page", text='<p class="empty">This page is not known.</p>')
    (page,) = found
    url, owner = page["public_url"], page["owner_discord_id"]
    certifications = published.ask(
        "qualifications_of_members", Filters(page_key=page_key)
    )
    return Section(
        page["page"],
        (
            Panel(
                "Roster page",
                facts(
                    {
                        "Public page": Link(url, url) if url else None,
                        "Owner (Discord id)": Link(
                            owner, f"https://discord.com/users/{owner}"
                        )
                        if str(owner or "").isdigit()
                        else owner,
                        "Page id": page["page_id"],
                        "Description": page["description"] or "-",
                        "First read": minute(page["first_read_at"]),
                        "Last read": minute(page["last_read_at"]),
                    }
                ),
            ),
            Panel(
                "Headcount",
                drawn(
                    ask("page_headcount"),
                    lambda rows: charts.lines(rows, "day", "members", "name"),
                ),
            ),
            Panel(
                "Members",
                table(
                    linked(ask("page_members"), member=member_link),
                    ("member", "Member"),
                    ("rank", "Rank", "optional"),
                    ("hours", "Hours, 30 days"),
                    ("required", "Required"),
                    ("status", "Status"),
                ),
            ),
            Panel("Certifications", drawn(certifications, charts.matrix)),
            Panel(
                "Patrol hours by month",
                table(
                    [{**r, "month": f"{r['month']:%Y-%m}"} for r in ask("page_hours")],
                    ("month", "Month"),
                    ("hours", "Hours"),
                    ("met", "Met the requirement"),
                    ("known", "Hours known of"),
                    ("members", "Members"),
                ),
            ),
            Panel(
                "History, the latest 200",
                table(
                    linked(ask("page_history"), member=member_link),
                    ("happened_at", "When (UTC)"),
                    ("member", "Member"),
                    ("what", "What"),
                    ("detail", "Detail"),
                    ("officer", "By", "optional"),
                ),
            ),
        ),
        (
            Tile("Members", number(page["members"])),
            Tile("Ranks", number(page["ranks"])),
        ),
        text=_ALL_TIME,
    )
