"""Roster pages: headcount, movement, hours and certifications."""

from __future__ import annotations

from roster_platform.dashboard import charts
from roster_platform.dashboard.elements import (
    Panel,
    Section,
    Tile,
    drawn,
    held_to,
    linked,
    member_link,
    number,
    percent,
    table,
)
from roster_platform.dashboard.queries import Filters, Published

_MOVEMENTS = ["joined", "moved in", "left", "moved out"]


def rosters(published: Published, filters: Filters, links: bool) -> Section:
    """The section."""
    headcount = drawn(
        published.ask("headcount_by_rank", filters),
        lambda rows: charts.ranked_bars(rows, "day", "members", "rank", "seniority"),
    )
    activity = drawn(published.ask("activity", filters), charts.statuses)
    below = published.ask("activity_worst", filters)
    if links:
        below = linked(below, member=member_link)

    def panel(title: str, question: str, body: str) -> Panel:
        return Panel(title, body, **held_to(filters, question))

    return Section(
        "Roster health",
        (
            panel("Headcount by rank", "headcount_by_rank", headcount),
            panel(
                "Joiners, leavers and transfers",
                "movement",
                drawn(
                    published.ask("movement", filters),
                    lambda rows: charts.stacked_bars(
                        rows,
                        "day",
                        "members",
                        "movement",
                        _MOVEMENTS,
                        "utcyearmonthdate",
                    ),
                ),
            ),
            panel("Activity status, the largest pages", "activity", activity),
            panel(
                "Who needs a word: fewest hours for the rank, 30 days",
                "activity_worst",
                table(
                    below,
                    ("member", "Member"),
                    ("rank", "Rank"),
                    ("hours", "Hours"),
                    ("trend", "Trend"),
                    ("status", "Status"),
                ),
            ),
            _qualifications(published, filters),
            panel(
                "Days in rank, on average",
                "time_in_rank",
                drawn(
                    published.ask("time_in_rank", filters),
                    lambda rows: charts.bars(rows, "days", "rank", ",.0f"),
                ),
            ),
            panel(
                "Promotions and demotions by officer",
                "officers",
                table(
                    published.ask("officers", filters),
                    ("officer", "Officer"),
                    ("promotions", "Promotions"),
                    ("demotions", "Demotions"),
                ),
            ),
        ),
        _tiles(published, filters),
        (("Headcount by rank", headcount), ("Activity status", activity)),
    )


def _tiles(published: Published, filters: Filters) -> tuple[Tile, ...]:
    (totals,) = published.ask("page_totals", filters)
    (movement,) = published.ask("movement_totals", filters)
    now = held_to(filters, "page_totals")
    moved = held_to(filters, "movement_totals")
    stale = totals["stale_pages"]
    return (
        Tile(
            "Headcount" if not stale else f"Headcount, {stale} pages as last read",
            number(totals["headcount"]),
            **now,
        ),
        Tile("Command ratio", percent(totals["command_ratio"]), **now),
        Tile("Joined", number(movement["joined"]), **moved),
        Tile("Left", number(movement["left_pages"]), **moved),
        Tile("Promoted", number(movement["promoted"]), **moved),
        Tile("Patrol hours", number(movement["hours"]), **moved),
    )


def _qualifications(published: Published, filters: Filters) -> Panel:
    title = "Certifications, the largest pages"
    if filters.page_key:
        question = "qualifications_of_members"
        body = drawn(published.ask(question, filters), charts.matrix)
        return Panel("Certifications", body, **held_to(filters, question))
    rows = published.ask("qualifications", filters)
    held = [row for row in rows if row["kind"] == "certification"]
    return Panel(
        title, drawn(held, charts.shares), **held_to(filters, "qualifications")
    )
