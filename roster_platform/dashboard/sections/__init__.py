"""What is shown, in which order: the parts the app and the report have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import Any

from roster_platform.dashboard.elements import Panel, Section, held_to, table
from roster_platform.dashboard.queries import Filters, Published
from roster_platform.dashboard.sections.campaigns import campaigns
from roster_platform.dashboard.sections.programs import programs
from roster_platform.dashboard.sections.rosters import rosters

__all__ = ["Section", "incomplete_notice", "sections"]

_NOTICE_LINES = 12


def sections(
    published: Published, filters: Filters, *, links: bool = False
) -> list[Section]:
    """Every section, with links to members and pages for the app.

    Raises NothingPublishedError.
    """
    read = {row["source"] for row in published.ask("systems_read")}
    return [
        make(published, filters, links)
        if source in {None, *read}
        else _never_read(title)
        for title, source, make in _SECTIONS
    ]


def incomplete_notice(published: Published) -> str:
    """The inputs that are not fully known, and why, as HTML; nothing when all are."""
    rows = published.ask("incomplete")
    if not rows:
        return ""
    lines = [_incomplete(row) for row in rows[:_NOTICE_LINES]]
    if len(rows) > _NOTICE_LINES:
        lines.append(
            f"And {len(rows) - _NOTICE_LINES} more: marts.rpt_incomplete_inputs."
        )
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f'<aside class="notice"><b>Incomplete</b><ul>{items}</ul></aside>'


def _incomplete(row: dict[str, Any]) -> str:
    name = f"{row['name']} ({row['part']})" if row["part"] else row["name"]
    parts = [f"{name}: {row['reason']}"]
    if row["last_try"]:
        parts.append(f"Last try {row['last_try']} UTC.")
    if row["known_until"]:
        parts.append(f"Known until {row['known_until']} UTC.")
    if row["affected"] == "attribution":
        parts.append("Orders of nobody known have an attribution that is not known.")
    return " ".join(parts)


def _freshness(published: Published, filters: Filters, links: bool) -> Section:
    body = table(
        published.ask("freshness", filters),
        ("source", "Source"),
        ("subject", "Subject"),
        ("rows", "Rows"),
        ("last_read", "Last read (UTC)", "time"),
        ("complete", "Complete"),
    )
    title = f"Published {published.published_at()} UTC"
    return Section(
        "Data freshness", (Panel(title, body, **held_to(filters, "freshness")),)
    )


def _never_read(title: str) -> Section:
    """A section without its API, whose every number would be 0 and mean nothing."""
    text = '<p class="empty">Not known: the API of this section was never read.</p>'
    return Section(title, text=text)


_Make = Callable[[Published, Filters, bool], Section]

_SECTIONS: Sequence[tuple[str, str | None, _Make]] = (
    ("Ambassador programs", "roster", programs),
    ("Campaigns and community", "roster", campaigns),
    ("Roster health", "autorosters", rosters),
    ("Data freshness", None, _freshness),
)
