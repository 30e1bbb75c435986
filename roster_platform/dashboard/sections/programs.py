"""Ambassador programs: revenue, orders, commission and members."""

from __future__ import annotations

from functools import partial

from roster_platform.dashboard import charts
from roster_platform.dashboard.elements import (
    NONE,
    Panel,
    Section,
    Tile,
    at_least,
    drawn,
    held_to,
    linked,
    member_link,
    money,
    number,
    share,
    table,
)
from roster_platform.dashboard.queries import Filters, Published

_ATTRIBUTIONS = ["link", "code", "recurring", "personal"]


def programs(published: Published, filters: Filters, links: bool) -> Section:
    """The section; amounts are in the chosen currency."""
    currency = filters.currency or "no known currency"
    revenue = drawn(
        published.ask("revenue_by_week", filters),
        lambda rows: charts.stacked_bars(
            rows, "week", "revenue", "attribution", _ATTRIBUTIONS, "utcyearweek"
        ),
    )
    sellers = published.ask("top_members", filters)
    if links:
        sellers = linked(sellers, member=member_link)
    since = f" since {filters.since}" if filters.since else ""

    def panel(title: str, question: str, body: str) -> Panel:
        return Panel(title, body, **held_to(filters, question))

    return Section(
        "Ambassador programs",
        (
            panel(
                f"Revenue by week and attribution, {currency}",
                "revenue_by_week",
                revenue,
            ),
            panel(
                "Orders by attribution",
                "orders_by_attribution",
                drawn(
                    published.ask("orders_by_attribution", filters),
                    lambda rows: charts.bars(rows, "orders", "attribution"),
                ),
            ),
            panel(
                f"Top members{since}, {currency}",
                "top_members",
                table(
                    [{**row, "currency": filters.currency} for row in sellers],
                    ("member", "Member"),
                    ("orders", "Orders"),
                    ("revenue", "Revenue", "money"),
                ),
            ),
            panel(
                "Active members",
                "members_over_time",
                drawn(
                    published.ask("members_over_time", filters),
                    lambda rows: charts.lines(rows, "day", "members", "program"),
                ),
            ),
            panel(
                f"Programs, {currency}",
                "programs_compared",
                table(
                    [
                        {**row, "currency": filters.currency}
                        for row in published.ask("programs_compared", filters)
                    ],
                    ("program", "Program"),
                    ("orders", "Orders"),
                    ("referral_revenue", "Referral revenue", "money"),
                    ("commission", "Commission", "money"),
                    ("roi", "ROI, last 30 days", "ratio"),
                    ("roi_before", "ROI, 30 days before", "ratio"),
                ),
            ),
        ),
        _tiles(published, filters),
        (("Revenue by week and attribution", revenue),),
    )


def _tiles(published: Published, filters: Filters) -> tuple[Tile, ...]:
    (totals,) = published.ask("program_totals", filters)
    (members,) = published.ask("active_members", filters)
    (clicks,) = published.ask("clicks", filters)
    lacks_orders = totals["lacks_orders"]
    lacks_amounts = totals["unknown_amounts"] or lacks_orders
    lacks_members = totals["unknown_orders"] or lacks_amounts
    lacks_commissions = (
        totals["unknown_commissions"] or totals["unknown_orders"] or lacks_orders
    )
    amount = partial(money, currency=filters.currency)
    average = totals["average_order"]
    of_orders = held_to(filters, "program_totals")
    of_clicks = held_to(filters, "clicks")
    return (
        Tile(
            "Referral revenue",
            at_least(totals["referral_revenue"], lacks_members, amount),
            **of_orders,
        ),
        Tile(
            "Members' own orders",
            at_least(totals["personal_revenue"], lacks_members, amount),
            **of_orders,
        ),
        Tile("Orders", at_least(totals["orders"], lacks_orders), **of_orders),
        Tile(
            "Average order",
            amount(average) if average is not None or totals["orders"] else NONE,
            **of_orders,
        ),
        Tile(
            "Commission",
            at_least(totals["commission"], lacks_commissions, amount),
            **of_orders,
        ),
        Tile(
            "Active members",
            number(members["members"]),
            **held_to(filters, "active_members"),
        ),
        Tile("Clicks", number(clicks["clicks"]), **of_clicks),
        Tile(
            "Orders per click",
            share(clicks["link_orders"], clicks["clicks"]),
            **of_clicks,
        ),
    )
