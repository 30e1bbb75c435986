"""Campaigns, engagement and applications."""

from __future__ import annotations

from roster_platform.dashboard import charts
from roster_platform.dashboard.elements import Panel, Section, drawn, held_to, table
from roster_platform.dashboard.queries import Filters, Published

_STEPS = ["appeared", "applied", "joined", "sold"]


def campaigns(published: Published, filters: Filters, links: bool) -> Section:
    """The section."""

    def panel(title: str, question: str, body: str) -> Panel:
        return Panel(title, body, **held_to(filters, question))

    return Section(
        "Campaigns and community",
        (
            panel(
                "Campaign funnel, members",
                "campaign_funnel",
                drawn(
                    published.ask("campaign_funnel", filters),
                    lambda rows: charts.bars(rows, "members", "step"),
                ),
            ),
            panel(
                "Latest campaigns",
                "campaigns",
                table(
                    published.ask("campaigns", filters),
                    ("campaign", "Campaign"),
                    ("status", "Status"),
                    ("added", "Added"),
                    ("joined", "Joined"),
                    ("completed", "Completed"),
                    ("participation_rate", "Joined / added", "share"),
                ),
            ),
            panel(
                "Engagement: (likes + comments) / reach",
                "engagement",
                drawn(
                    published.ask("engagement", filters),
                    lambda rows: charts.lines(rows, "month", "rate", "channel", ".1%"),
                ),
            ),
            panel(
                "Contacts by the month they appeared",
                "applications",
                drawn(
                    published.ask("applications", filters),
                    lambda rows: charts.grouped_bars(
                        rows, "month", "contacts", "step", _STEPS
                    ),
                ),
            ),
        ),
    )
