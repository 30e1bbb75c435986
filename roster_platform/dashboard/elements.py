"""Pieces of HTML: panels, tiles, tables, and how numbers are written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from html import escape
from typing import Any
from urllib.parse import quote, urlsplit

from roster_platform.dashboard import charts
from roster_platform.dashboard.queries import Filters, Rows

UNKNOWN = "not known"
NONE = "-"
_HASH_DIGITS = 32
_NOTHING = '<p class="empty">Nothing to show.</p>'


@dataclass(frozen=True)
class Panel:
    """A piece of HTML with a title, and the filters that do not hold for it."""

    title: str
    body: str
    ignored: frozenset[str] = frozenset()
    by_months: bool = False

    def html(self, said: frozenset[str]) -> str:
        """The panel; filters that its section speaks of are left out of its note."""
        small = _small(_note(self.ignored - said, self.by_months))
        return (
            f"<figure><figcaption>{escape(self.title)}{small}</figcaption>"
            f"{self.body}</figure>"
        )


@dataclass(frozen=True)
class Tile:
    """One number with its name, and the filters that do not hold for it."""

    name: str
    value: str
    ignored: frozenset[str] = frozenset()
    by_months: bool = False

    def html(self, said: frozenset[str]) -> str:
        """The tile; filters that its section speaks of are left out of its note."""
        small = _small(_note(self.ignored - said, self.by_months))
        return (
            f'<div class="tile"><b>{escape(self.value)}</b>'
            f"<span>{escape(self.name)}</span>{small}</div>"
        )


@dataclass(frozen=True)
class Section:
    """A heading with tiles and panels."""

    title: str
    panels: tuple[Panel, ...] = ()
    tiles: tuple[Tile, ...] = ()
    pictures: tuple[tuple[str, str], ...] = ()
    """Titles and SVG of the main plots, for places that show only those."""
    text: str = ""
    """HTML between the heading and the tiles."""

    @property
    def html(self) -> str:
        """The section as HTML, with a note of the filters that hold for none of it."""
        parts: tuple[Tile | Panel, ...] = (*self.tiles, *self.panels)
        common = (
            frozenset.intersection(*(part.ignored for part in parts))
            if parts
            else frozenset()
        )
        note = _note(common, False)
        small = f'<p class="lead">{escape(note)}</p>' if note else ""
        tiles = "".join(tile.html(common) for tile in self.tiles)
        panels = "".join(panel.html(common) for panel in self.panels)
        if tiles:
            tiles = f'<div class="tiles">{tiles}</div>'
        return (
            f"<section><h2>{escape(self.title)}</h2>{small}{self.text}"
            f'<div class="grid">{tiles}{panels}</div></section>'
        )


def held_to(filters: Filters, *questions: str) -> dict[str, Any]:
    """How far the filters hold for the answers to some questions, for a Panel or Tile."""
    ignored = (filters.ignored_by(question) for question in questions)
    return {
        "ignored": frozenset.union(*ignored),
        "by_months": any(map(filters.widened_by, questions)),
    }


def _small(note: str) -> str:
    return f"<small>{escape(note)}</small>" if note else ""


def _note(ignored: frozenset[str], by_months: bool) -> str:
    words = [
        word for word in ("period", "program", "page", "currency") if word in ignored
    ]
    parts = [f"Not filtered by {' or '.join(words)}."] if words else []
    if by_months:
        parts.append("Whole months of the period.")
    return " ".join(parts)


@dataclass(frozen=True)
class Link:
    """A text that leads somewhere."""

    text: str
    address: str


def member_link(row: Mapping[str, Any]) -> Any:
    """A row's member as a link to the member's page."""
    key, name = row["member_key"], row["member"]
    return Link(text(name), f"?member={quote(str(key))}") if key else name


def page_link(row: Mapping[str, Any]) -> Any:
    """A row's roster page as a link to its page here."""
    return Link(text(row["page"]), f"?page={quote(str(row['page_key']))}")


def linked(rows: Rows, **columns: Callable[[Mapping[str, Any]], Any]) -> Rows:
    """The rows with some columns as links."""
    return [
        {**row, **{name: link(row) for name, link in columns.items()}} for row in rows
    ]


def anchor(link: Link) -> str:
    """A link as HTML; one that is neither http(s) nor of this app is text only."""
    is_ours = link.address.startswith("?")
    if not is_ours and urlsplit(link.address).scheme not in ("http", "https"):
        return escape(link.text)
    # The app's own links replace the page, so that they work in its frame as well.
    target = ' target="_self"' if is_ours else ' target="_blank" rel="noopener"'
    return f'<a href="{escape(link.address)}"{target}>{escape(link.text)}</a>'


def facts(pairs: Mapping[str, Any]) -> str:
    """Names and values, one under the other; what is not known says so."""
    rows = "".join(
        f"<dt>{escape(name)}</dt><dd>"
        f"{anchor(value) if isinstance(value, Link) else escape(text(value))}</dd>"
        for name, value in pairs.items()
    )
    return f"<dl>{rows}</dl>"


def drawn(rows: Rows, chart: Callable[[Rows], Any]) -> str:
    """A chart of the rows as SVG; without a number or a yes or no in them, a sentence."""
    values = [value for row in rows for value in row.values()]
    if not any(isinstance(v, bool) or (v and _is_number(v)) for v in values):
        return _NOTHING
    return charts.svg(chart(rows))


def table(rows: Rows, *columns: tuple[str, ...]) -> str:
    """The rows as a table; a column is its name, title, and optional form.

    The form ``money`` takes the currency of the row's column ``currency``, or of the one
    named after a colon, as in ``money:commission_currency``.
    """
    if not rows:
        return _NOTHING
    numeric = {name for name, *_ in columns if any(_is_number(r[name]) for r in rows)}

    def cells(row: dict[str, Any]) -> Iterator[str]:
        for name, _, *form in columns:
            value = row[name]
            if isinstance(value, Link):
                shown = anchor(value)
            elif form and form[0].startswith("money"):
                currency = form[0].partition(":")[2] or "currency"
                shown = escape(money(value, row[currency]))
            else:
                shown = escape(_FORMS[form[0]](value) if form else text(value))
            yield f"<td{_numeric_class(name in numeric)}>{shown}</td>"

    header = "".join(
        f"<th{_numeric_class(name in numeric)}>{escape(title)}</th>"
        for name, title, *_ in columns
    )
    body = "".join(f"<tr>{''.join(cells(row))}</tr>" for row in rows)
    return (
        '<div class="wide"><table>'
        f"<thead><tr>{header}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _numeric_class(is_numeric: bool) -> str:
    return ' class="number"' if is_numeric else ""


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def text(value: Any) -> str:
    """A value as a person reads it."""
    if value is None:
        return UNKNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    if _is_number(value):
        return number(value)
    shown = str(value)
    # A hashed name is as good by its first digits.
    is_hash = len(shown) == _HASH_DIGITS and set(shown) <= set("0123456789abcdef")
    return shown[:8] + "…" if is_hash else shown


def number(value: Any) -> str:
    """A count, or a measure with at most one decimal."""
    if value is None:
        return UNKNOWN
    if isinstance(value, int) or value == int(value) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:,.1f}"


def money(value: Any, currency: str | None) -> str:
    """An amount with two decimals and its currency."""
    if value is None:
        return UNKNOWN
    return f"{value:,.2f} {currency or '(no currency)'}"


def at_least(
    value: Any, is_incomplete: Any, form: Callable[[Any], str] = number
) -> str:
    """A sum that may lack parts: a sum of nothing that is known is not known."""
    if value is None or (is_incomplete and not value):
        return UNKNOWN
    return f"at least {form(value)}" if is_incomplete else form(value)


def ratio(value: Any) -> str:
    """A ratio, or a dash where there is none."""
    return NONE if value is None else number(value)


def percent(value: Any) -> str:
    """A share, or a dash where there is none."""
    return NONE if value is None else f"{value:.0%}"


def share(part: Any, whole: Any) -> str:
    """The share that a part has of the whole."""
    return percent(part / whole if whole and part is not None else None)


def time(value: Any) -> str:
    """A timestamp, or never."""
    return "never" if value is None else str(value)


def minute(value: Any) -> str | None:
    """A timestamp to the minute; None when it is not known."""
    return None if value is None else f"{value:%Y-%m-%d %H:%M} UTC"


_FORMS: Mapping[str, Callable[[Any], str]] = {
    "share": percent,
    "ratio": ratio,
    "time": time,
    "optional": lambda value: NONE if value is None else text(value),
}
