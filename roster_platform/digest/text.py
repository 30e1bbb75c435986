"""The digest in plain sentences, which every channel can show."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal

from roster_platform.digest.numbers import Digest, Number, Person, Subject

_UNKNOWN = "not known"
_LONGEST_NAME = 60
_MOST_NAMES = 10
_MOST_SUBJECTS = 50
_MOVEMENTS = ("joined", "left", "promoted", "demoted")
_HASH = re.compile(r"[0-9a-f]{32}")


def digest_text(digest: Digest, *, names: bool = True) -> str:
    """The whole digest; without ``names`` it has counts and amounts only."""
    sunday = digest.monday + timedelta(days=6)
    lines = [
        f"Roster Platform: the week from {_day(digest.monday)} to {_day(sunday)} (UTC)",
        "In brackets: the week before.",
    ]
    if digest.incomplete:
        lines.append(
            f"Not fully known: {', '.join(map(plain, digest.incomplete))}. "
            "What depends on it says so."
        )
    if not digest.programs and not digest.pages:
        lines += ["", "No program and no roster page is known."]
    for title, subjects, sentences in (
        ("Program", digest.programs, _program),
        ("Roster page", digest.pages, _page),
    ):
        quiet = [subject for subject in subjects if _is_quiet(subject)]
        loud = [subject for subject in subjects if not _is_quiet(subject)]
        for subject in loud[:_MOST_SUBJECTS]:
            lines += ["", f"{title} {plain(subject.name)}"]
            lines += sentences(subject, names)
            if subject.known_until:
                lines.append(
                    f"Last read on {_day(subject.known_until)}: the rest of the week "
                    "is not known."
                )
        if len(loud) > _MOST_SUBJECTS:
            lines += [
                "",
                f"{len(loud) - _MOST_SUBJECTS} more: see the dashboard, or name those "
                "you need under [roster_platform.digest].",
            ]
        if quiet:
            lines += ["", f"Nothing changed: {_names(quiet)}"]
    return "\n".join(lines)


def plain(name: str) -> str:
    """A name from an API, on one line, without what a channel would act on."""
    if _HASH.fullmatch(name):
        return name[:8]
    visible = "".join(
        " " if unicodedata.category(character) in ("Cc", "Zl", "Zp") else character
        for character in name
        # Formatting marks, such as those that turn the direction of the text.
        if unicodedata.category(character) not in ("Cf", "Cs")
    )
    words = " ".join(visible.split()).replace("://", ":\u200b//")
    return words if len(words) <= _LONGEST_NAME else words[: _LONGEST_NAME - 1] + "…"


def _program(subject: Subject, names: bool) -> Iterator[str]:
    counts = subject.counts
    yield (
        f"Joined {_count(counts, 'joined')}, left {_count(counts, 'left')}, "
        f"active members {_count(counts, 'members')}"
    )
    yield f"Orders {_count(counts, 'orders')}"
    for name in ("referral revenue", "commission", "paid out"):
        amounts = subject.amounts.get(name, {})
        if amounts:
            shown = ", ".join(_money(amounts[c], c) for c in sorted(amounts))
        else:
            orders = counts.get("orders")
            is_known = orders and orders.value is not None and not orders.is_lower_bound
            shown = "none" if is_known else _UNKNOWN
        yield f"{name.capitalize()}: {shown}"
    if names:
        for currency in sorted(subject.top):
            yield f"Top members: {_amounts(subject.top[currency], currency)}"


def _page(subject: Subject, names: bool) -> Iterator[str]:
    counts = subject.counts
    yield f"Members {_count(counts, 'members')}"
    hours = subject.amounts["patrol hours"]["h"]
    if all(_is_unknown(number) for number in (*map(counts.get, _MOVEMENTS), hours)):
        yield "Joined, left, promoted and patrol hours: not known"
        return
    for name in _MOVEMENTS:
        number = counts.get(name)
        if name == "demoted" and number and number.is_quiet:
            continue
        listed = subject.people.get(name, []) if names else []
        yield f"{name.capitalize()} {_count(counts, name)}{_listed(listed)}"
    moved = [counts.get("moved in"), counts.get("moved out")]
    if any(number and not number.is_quiet and number.value for number in moved):
        yield (
            f"Moved in {_count(counts, 'moved in')}, "
            f"moved out {_count(counts, 'moved out')}"
        )
    yield f"Patrol hours {_both(hours, _hours)}"
    if "below their hours" in counts:
        below = subject.people.get("below their hours", []) if names else []
        yield (
            f"Below the hours of their rank in 30 days "
            f"{_count(counts, 'below their hours')}{_listed(below)}"
        )
    if names and (top := subject.top.get("hours")):
        yield f"Most hours: {_amounts(top, 'h')}"


def _is_unknown(number: Number | None) -> bool:
    return number is None or (number.value is None and number.before is None)


def _is_quiet(subject: Subject) -> bool:
    """True where nothing happened, and that is known."""
    numbers = [
        *(n for name, n in subject.counts.items() if name != "members"),
        *(n for amounts in subject.amounts.values() for n in amounts.values()),
    ]
    return (
        bool(numbers)
        and subject.known_until is None
        and all(number.is_quiet for number in numbers)
    )


def _count(counts: Mapping[str, Number], name: str) -> str:
    number = counts.get(name)
    return _UNKNOWN if number is None else _both(number, lambda value: f"{value:,}")


def _both(number: Number, form: Callable[[Decimal | int], str]) -> str:
    now = _shown(number.value, number.is_lower_bound, form)
    before = _shown(number.before, number.was_lower_bound, form)
    return f"{now} ({before})"


def _shown(
    value: Decimal | int | None,
    is_lower_bound: bool,
    form: Callable[[Decimal | int], str],
) -> str:
    # Nothing found where not everything was read is not known to be nothing.
    if value is None or (is_lower_bound and not value):
        return _UNKNOWN
    return f"at least {form(value)}" if is_lower_bound else form(value)


def _money(number: Number, currency: str) -> str:
    return _both(number, lambda value: f"{value:,.2f} {currency}".strip())


def _hours(value: Decimal | int) -> str:
    return f"{value:,.1f}"


def _amounts(people: Sequence[Person], unit: str) -> str:
    form = "{:,.1f}" if unit == "h" else "{:,.2f}"
    return ", ".join(
        f"{plain(person.name)} {form.format(person.amount)} {unit}" for person in people
    )


def _listed(people: Sequence[Person]) -> str:
    if not people:
        return ""
    shown = [_person(person) for person in people[:_MOST_NAMES]]
    if len(people) > _MOST_NAMES:
        shown.append(f"and {len(people) - _MOST_NAMES} more")
    return f": {', '.join(shown)}"


def _person(person: Person) -> str:
    if person.of is not None:
        return f"{plain(person.name)} {person.amount:,.1f} of {person.of:,.1f} h"
    rank = f" ({plain(person.detail)})" if person.detail else ""
    return f"{plain(person.name)}{rank}"


def _names(subjects: Sequence[Subject]) -> str:
    shown = [plain(subject.name) for subject in subjects[:_MOST_NAMES]]
    if len(subjects) > _MOST_NAMES:
        shown.append(f"and {len(subjects) - _MOST_NAMES} more")
    return ", ".join(shown)


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"
