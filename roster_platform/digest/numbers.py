"""The numbers of a week, and of the week before, for each program and roster page.

A number that is not known is None, never 0. A number that may be too small, because one
of its inputs is incomplete, says so. Days are UTC.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from roster_platform.dashboard.published import PublishedFile, Rows
from roster_platform.digest import queries

_WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Number:
    """A count or an amount of the week and of the week before."""

    value: Decimal | int | None
    before: Decimal | int | None
    is_lower_bound: bool = False
    was_lower_bound: bool = False

    @property
    def is_quiet(self) -> bool:
        """True where it is known to be 0 in both weeks."""
        return not (
            self.value
            or self.before
            or self.value is None
            or self.before is None
            or self.is_lower_bound
            or self.was_lower_bound
        )


@dataclass(frozen=True)
class Person:
    """A member by name, with what is said of them."""

    name: str
    detail: str = ""
    amount: Decimal | None = None
    of: Decimal | None = None


@dataclass
class Subject:
    """One program or one roster page."""

    name: str
    source_id: str
    counts: dict[str, Number] = field(default_factory=dict)
    amounts: dict[str, dict[str, Number]] = field(default_factory=dict)
    """By name and currency."""
    people: dict[str, list[Person]] = field(default_factory=dict)
    top: dict[str, list[Person]] = field(default_factory=dict)
    """The top members, by currency, or under ``hours``."""
    known_until: date | None = None
    """The last day read, where that is before the week's end."""


@dataclass(frozen=True)
class Digest:
    """The week that begins on ``monday``, for every subject."""

    monday: date
    programs: Sequence[Subject]
    pages: Sequence[Subject]
    incomplete: Sequence[str]
    """Inputs that are not fully known."""


def last_full_week(last_day: date) -> date:
    """The Monday of the last week that was over before ``last_day``."""
    return last_day - timedelta(days=last_day.weekday()) - _WEEK


def digest_of(published: PublishedFile, monday: date) -> Digest:
    """The numbers of the week from ``monday`` on. Raises NothingPublishedError."""
    lacks = {
        (row["name"], row["part"])
        for row in published.query(
            "select input_name as name, input_part as part "
            "from marts.rpt_incomplete_inputs"
        )
    }
    reads = {
        row["source"]: row["day"]
        for row in published.query(
            "select source_system as source, cast(min(last_read_at) as date) as day "
            "from marts.rpt_data_freshness where last_read_at is not null "
            "and (source_system = 'autorosters' or subject in ('orders', 'events')) "
            "group by all"
        )
    }
    return Digest(
        monday,
        _programs(published, monday, lacks, reads["roster"])
        if "roster" in reads
        else (),
        _pages(published, monday) if "autorosters" in reads else (),
        sorted({name for name, _ in lacks}),
    )


def _weeks(monday: date) -> dict[str, date]:
    return {"monday": monday, "before": monday - _WEEK, "next": monday + _WEEK}


def _programs(
    published: PublishedFile,
    monday: date,
    lacks: Iterable[tuple[str, str | None]],
    last_read: date,
) -> list[Subject]:
    weeks = _weeks(monday)
    lacks_orders = ("orders", None) in lacks
    lacks_events = any(name == "events" for name, _ in lacks)
    ends_early = last_read < weeks["next"]
    subjects = {
        row["program_key"]: Subject(
            row["name"],
            row["program_id"],
            known_until=last_read if ends_early else None,
        )
        for row in published.query(queries.PROGRAMS)
    }
    for row in published.query(queries.MEMBERSHIP, weeks):
        subject = subjects.get(row["program_key"])
        if subject is None:
            continue
        # Without a row, a program has no member whom an event names.
        unknown = None if lacks_events else 0
        now, before = row["members"], row["members_before"]
        if lacks_events:
            # It may be more or less, where a sum can only be more.
            now, before = None, None
        subject.counts["members"] = Number(
            unknown if now is None else now, unknown if before is None else before
        )
        for name in ("joined", "left"):
            now, before = row[name], row[f"{name}_before"]
            subject.counts[name] = Number(
                unknown if now is None else now,
                unknown if before is None else before,
                lacks_events or ends_early,
                lacks_events,
            )
    orders: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in published.query(queries.ORDERS, weeks):
        orders[row["program_key"]].append(row)
    paid: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in published.query(queries.PAID, weeks):
        paid[row["program_key"]].append(row)
    for key, subject in subjects.items():
        _add_orders(subject, orders[key], lacks_orders, ends_early)
        subject.amounts["paid out"] = {
            row["currency"]: Number(
                row["amount"],
                row["amount_before"],
                lacks_events or ends_early,
                lacks_events,
            )
            for row in paid[key]
            if row["currency"]
        }
        if not subject.amounts["paid out"] and lacks_events:
            subject.amounts["paid out"] = {"": Number(None, None)}
    for row in published.query(queries.TOP_SELLERS, weeks):
        if subject := subjects.get(row["program_key"]):
            subject.top.setdefault(row["currency"], []).append(
                Person(row["name"], amount=row["revenue"])
            )
    return list(subjects.values())


def _add_orders(
    subject: Subject, rows: Rows, lacks_orders: bool, ends_early: bool
) -> None:
    def number(name: str, lacks: Sequence[str]) -> dict[str, Number]:
        return {
            row["currency"]: Number(
                row[name],
                row[f"{name}_before"],
                bool(lacks_orders or ends_early or any(row[one] for one in lacks)),
                bool(lacks_orders or any(row[f"{one}_before"] for one in lacks)),
            )
            for row in rows
            if row["currency"]
        }

    def total(name: str) -> int | None:
        count = sum(row[name] or 0 for row in rows)
        return None if lacks_orders and not count else int(count)

    subject.counts["orders"] = Number(
        total("orders"),
        total("orders_before"),
        lacks_orders or ends_early,
        lacks_orders,
    )
    unknown = ("unknown_orders", "unknown_amounts")
    subject.amounts["referral revenue"] = number("revenue", unknown)
    subject.amounts["commission"] = number(
        "commission", ("unknown_orders", "unknown_commissions")
    )


def _pages(published: PublishedFile, monday: date) -> list[Subject]:
    weeks = _weeks(monday)
    subjects: dict[str, Subject] = {}
    for row in published.query(queries.PAGE_WEEKS, weeks):
        last_read = row["last_read"]
        ends_early = last_read is None or last_read < weeks["next"]
        subject = Subject(
            row["name"], row["page_id"], known_until=last_read if ends_early else None
        )
        for name in ("joined", "left", "moved in", "moved out", "promoted", "demoted"):
            subject.counts[name] = Number(
                row[name],
                row[f"{name} before"],
                row[name] is not None and row["known_days"] < 7,
                row[f"{name} before"] is not None and row["known_days before"] < 7,
            )
        subject.counts["members"] = Number(row["members"], row["members before"])
        subject.amounts["patrol hours"] = {
            "h": Number(
                row["hours"],
                row["hours before"],
                row["hours"] is not None and row["known_days"] < 7,
                row["hours before"] is not None and row["known_days before"] < 7,
            )
        }
        subjects[row["page_key"]] = subject
    for row in published.query(queries.PAGE_CHANGES, weeks):
        if page := subjects.get(row["page_key"]):
            page.people.setdefault(row["change"], []).append(
                Person(row["name"], row["rank"] or "")
            )
    for row in published.query(queries.MOST_HOURS, weeks):
        if page := subjects.get(row["page_key"]):
            page.top.setdefault("hours", []).append(
                Person(row["name"], amount=row["hours"])
            )
    _add_requirements(published, weeks, subjects)
    return list(subjects.values())


def _add_requirements(
    published: PublishedFile, weeks: Mapping[str, date], subjects: Mapping[str, Subject]
) -> None:
    """Who is below the hours that the rank requires, of the members there now."""
    rows: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in published.query(queries.REQUIREMENTS, weeks):
        rows[row["page_key"]].append(row)
    for key, subject in subjects.items():
        members = [row for row in rows[key] if row["required"]]
        if not members:
            continue
        now = [row for row in members if not row["is_on_leave"]]
        before = [row for row in members if not row["was_on_leave"]]
        below = [row for row in now if row["share"] is not None and row["share"] < 1]
        count, is_lower = _below(row["share"] for row in now)
        count_before, was_lower = _below(row["share_before"] for row in before)
        subject.counts["below their hours"] = Number(
            count, count_before, is_lower, was_lower
        )
        subject.people["below their hours"] = [
            Person(row["name"], row["rank"] or "", row["hours"], row["required"])
            for row in sorted(below, key=lambda row: (row["share"], row["name"]))
        ]


def _below(shares: Iterable[float | None]) -> tuple[int | None, bool]:
    """How many shares are below 1; true when it may be more."""
    shares = list(shares)
    unknown = shares.count(None)
    if shares and unknown == len(shares):
        return None, True
    below = sum(share is not None and share < 1 for share in shares)
    return below, bool(unknown)
