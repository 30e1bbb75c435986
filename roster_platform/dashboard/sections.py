"""What is shown, in which order: the parts the app and the report have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from html import escape
from typing import Any

from roster_platform.dashboard import charts
from roster_platform.dashboard.queries import Filters, Published, Rows

_ATTRIBUTIONS = ["link", "code", "recurring", "personal"]
_MOVEMENTS = ["joined", "moved in", "left", "moved out"]
_STEPS = ["appeared", "applied", "joined", "sold"]
_HASH_DIGITS = 32
_NONE = "-"


@dataclass(frozen=True)
class Section:
    """A heading and its panels, each a piece of HTML."""

    title: str
    panels: tuple[str, ...]
    pictures: tuple[tuple[str, str], ...] = ()
    """Titles and SVG of the main plots, for places that show only those."""

    @property
    def html(self) -> str:
        """The section as HTML."""
        return (
            f'<section><h2>{escape(self.title)}</h2><div class="grid">'
            f"{''.join(self.panels)}</div></section>"
        )


def sections(published: Published, filters: Filters) -> list[Section]:
    """Every section. Raises NothingPublishedError."""
    return [make(published, filters) for make in _SECTIONS]


def _programs(published: Published, filters: Filters) -> Section:
    (totals,) = published.ask("program_totals", filters)
    (members,) = published.ask("active_members", filters)
    (clicks,) = published.ask("clicks", filters)
    money = filters.currency or ""
    revenue = _drawn(
        published.ask("revenue_by_week", filters),
        lambda rows: charts.stacked_bars(
            rows, "week", "revenue", "attribution", _ATTRIBUTIONS, "utcyearweek"
        ),
    )
    return Section(
        "Ambassador programs",
        (
            _tiles(
                ("Referral revenue", f"{_number(totals['referral_revenue'])} {money}"),
                (
                    "Members' own orders",
                    f"{_number(totals['personal_revenue'])} {money}",
                ),
                ("Orders", _number(totals["orders"])),
                ("Average order", f"{_number(totals['average_order'])} {money}"),
                ("Commission", f"{_number(totals['commission'])} {money}"),
                ("Active members", _number(members["members"])),
                ("Clicks", _number(clicks["clicks"])),
                ("Orders per click", _share(clicks["link_orders"], clicks["clicks"])),
            ),
            _panel(f"Revenue by week and attribution, {money}", revenue),
            _panel(
                "Orders by attribution, all currencies",
                _drawn(
                    published.ask("orders_by_attribution", filters),
                    lambda rows: charts.bars(rows, "orders", "attribution"),
                ),
            ),
            _panel(
                f"Top members, {money}",
                _table(
                    published.ask("top_members", filters),
                    ("member", "Member"),
                    ("orders", "Orders"),
                    ("revenue", "Revenue"),
                    ("last_30_days", "Last 30 days"),
                ),
            ),
            _panel(
                "Active members",
                _drawn(
                    published.ask("members_over_time", filters),
                    lambda rows: charts.lines(rows, "day", "members", "program"),
                ),
            ),
            _panel(
                f"Programs, {money}",
                _table(
                    published.ask("programs_compared", filters),
                    ("program", "Program"),
                    ("orders", "Orders"),
                    ("referral_revenue", "Referral revenue"),
                    ("commission", "Commission"),
                    ("roi", "ROI 30 days"),
                    ("roi_before", "30 before"),
                ),
            ),
        ),
        (("Revenue by week and attribution", revenue),),
    )


def _campaigns(published: Published, filters: Filters) -> Section:
    return Section(
        "Campaigns and community",
        (
            _panel(
                "Campaign funnel, members",
                _drawn(
                    published.ask("campaign_funnel", filters),
                    lambda rows: charts.bars(rows, "members", "step"),
                ),
            ),
            _panel(
                "Latest campaigns",
                _table(
                    published.ask("campaigns", filters),
                    ("campaign", "Campaign"),
                    ("status", "Status"),
                    ("added", "Added"),
                    ("joined", "Joined"),
                    ("completed", "Completed"),
                    ("participation_rate", "Joined / added", "share"),
                ),
            ),
            _panel(
                "Engagement: (likes + comments) / reach",
                _drawn(
                    published.ask("engagement", filters),
                    lambda rows: charts.lines(rows, "month", "rate", "channel", ".1%"),
                ),
            ),
            _panel(
                "Contacts by the month they appeared",
                _drawn(
                    published.ask("applications", filters),
                    lambda rows: charts.grouped_bars(
                        rows, "month", "contacts", "step", _STEPS
                    ),
                ),
            ),
        ),
    )


def _rosters(published: Published, filters: Filters) -> Section:
    (totals,) = published.ask("page_totals", filters)
    (movement,) = published.ask("movement_totals", filters)
    headcount = _drawn(
        published.ask("headcount_by_rank", filters),
        lambda rows: charts.ranked_bars(rows, "day", "members", "rank", "seniority"),
    )
    activity = _drawn(published.ask("activity", filters), charts.statuses)
    return Section(
        "Roster health",
        (
            _tiles(
                ("Headcount", _number(totals["headcount"])),
                ("Command ratio", _percent(totals["command_ratio"])),
                ("Joined", _number(movement["joined"])),
                ("Left", _number(movement["left_pages"])),
                ("Promoted", _number(movement["promoted"])),
                ("Patrol hours", _number(movement["hours"])),
            ),
            _panel("Headcount by rank", headcount),
            _panel(
                "Joiners, leavers and transfers",
                _drawn(
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
            _panel("Activity status, the largest pages", activity),
            _panel(
                "Who needs a word: fewest hours for the rank, 30 days",
                _table(
                    published.ask("activity_worst", filters),
                    ("member", "Member"),
                    ("rank", "Rank"),
                    ("hours", "Hours"),
                    ("trend", "Trend"),
                    ("status", "Status"),
                ),
            ),
            _panel(
                "Certifications, the largest pages", _qualifications(published, filters)
            ),
            _panel(
                "Days in rank, on average",
                _drawn(
                    published.ask("time_in_rank", filters),
                    lambda rows: charts.bars(rows, "days", "rank", ",.0f"),
                ),
            ),
            _panel(
                "Promotions and demotions by officer",
                _table(
                    published.ask("officers", filters),
                    ("officer", "Officer"),
                    ("promotions", "Promotions"),
                    ("demotions", "Demotions"),
                ),
            ),
        ),
        (("Headcount by rank", headcount), ("Activity status", activity)),
    )


def _qualifications(published: Published, filters: Filters) -> str:
    if filters.page_key:
        return _drawn(
            published.ask("qualifications_of_members", filters), charts.matrix
        )
    rows = published.ask("qualifications", filters)
    return _drawn([r for r in rows if r["kind"] == "certification"], charts.shares)


def _freshness(published: Published, filters: Filters) -> Section:
    table = _table(
        published.ask("freshness", filters),
        ("source", "Source"),
        ("subject", "Subject"),
        ("rows", "Rows"),
        ("last_read", "Last read (UTC, the API's clock)"),
    )
    return Section(
        "Data freshness",
        (_panel(f"Published {published.published_at()} UTC", table),),
    )


_SECTIONS: Sequence[Callable[[Published, Filters], Section]] = (
    _programs,
    _campaigns,
    _rosters,
    _freshness,
)


def _panel(title: str, body: str) -> str:
    return f"<figure><figcaption>{escape(title)}</figcaption>{body}</figure>"


def _tiles(*tiles: tuple[str, str]) -> str:
    parts = (
        f'<div class="tile"><b>{escape(value)}</b><span>{escape(name)}</span></div>'
        for name, value in tiles
    )
    return f'<div class="tiles">{"".join(parts)}</div>'


def _drawn(rows: Rows, chart: Callable[[Rows], Any]) -> str:
    if not any(value for row in rows for value in row.values() if _is_number(value)):
        return '<p class="empty">Nothing to show for this choice.</p>'
    return charts.svg(chart(rows))


def _table(rows: Rows, *columns: tuple[str, ...]) -> str:
    if not rows:
        return '<p class="empty">Nothing to show for this choice.</p>'
    numeric = {name for name, *_ in columns if any(_is_number(r[name]) for r in rows)}

    def cells(row: dict[str, Any]) -> Iterator[str]:
        for name, _, *form in columns:
            text = _percent(row[name]) if form else _text(row[name])
            yield f"<td{_numeric_class(name in numeric)}>{escape(text)}</td>"

    header = "".join(
        f"<th{_numeric_class(name in numeric)}>{escape(title)}</th>"
        for name, title, *_ in columns
    )
    body = "".join(f"<tr>{''.join(cells(row))}</tr>" for row in rows)
    return f"<table><thead><tr>{header}</tr></thead><tbody>{body}</tbody></table>"


def _numeric_class(is_numeric: bool) -> str:
    return ' class="number"' if is_numeric else ""


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _text(value: Any) -> str:
    if value is None:
        return _NONE
    if _is_number(value):
        return _number(value)
    text = str(value)
    # A hashed name is as good by its first digits.
    is_hash = len(text) == _HASH_DIGITS and set(text) <= set("0123456789abcdef")
    return text[:8] + "…" if is_hash else text


def _number(value: Any) -> str:
    if value is None:
        return _NONE
    if isinstance(value, int) or value == int(value) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:,.1f}"


def _percent(value: Any) -> str:
    return _NONE if value is None else f"{value:.0%}"


def _share(part: Any, whole: Any) -> str:
    return _percent(part / whole if whole else None)
