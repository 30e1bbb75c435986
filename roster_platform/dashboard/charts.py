"""Charts of the answers: Altair, turned into SVG without a browser or network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from roster_platform.dashboard.queries import Rows

if TYPE_CHECKING:
    import altair as alt

# Okabe and Ito's colours, which people with any colour vision can tell apart.
PALETTE = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#CC79A7",
    "#56B4E9",
    "#D55E00",
    "#F0E442",
    "#999999",
)
_STATUS_COLOURS = {
    "On Track": "#009E73",
    "At Risk": "#F0E442",
    "Warning": "#E69F00",
    "Critical": "#D55E00",
    "On Leave": "#56B4E9",
    "Unknown": "#BBBBBB",
}
_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"
_WIDTH, _HEIGHT = 470, 210
_MOST_POINTS = 120


def svg(chart: alt.Chart | alt.LayerChart) -> str:
    """The chart as an inline SVG that scales with its column."""
    import vl_convert

    styled = chart.configure(
        background="transparent",
        font=_FONT,
        view={"stroke": None},
        axis={
            "labelColor": "#555",
            "titleColor": "#555",
            "titleFontWeight": "normal",
            "gridColor": "#e8e8ee",
            "domainColor": "#c8c8d0",
            "tickColor": "#c8c8d0",
        },
        legend={"title": None, "orient": "top", "labelColor": "#333"},
    )
    drawn = vl_convert.vegalite_to_svg(styled.to_json())
    return drawn.replace("<svg ", '<svg role="img" ', 1)


def _data(rows: Rows) -> Any:
    import altair as alt

    return alt.InlineData(
        values=[{name: _plain(value) for name, value in row.items()} for row in rows]
    )


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | str):
        return value
    return value.isoformat() if hasattr(value, "isoformat") else float(value)


def _chart(rows: Rows) -> alt.Chart:
    import altair as alt

    return alt.Chart(_data(rows), width=_WIDTH, height=_HEIGHT)


def _colour(field: str, names: list[str] | None = None) -> Any:
    import altair as alt

    scale = alt.Scale(range=list(PALETTE))
    if names:
        scale = alt.Scale(domain=names, range=list(PALETTE[: len(names)]))
    return alt.Color(field, type="nominal", scale=scale, sort=names)


def _time_axis() -> alt.Axis:
    import altair as alt

    return alt.Axis(format="%d %b", tickCount=8, labelOverlap=True)


def stacked_bars(
    rows: Rows,
    x: str,
    y: str,
    by: str,
    names: list[str],
    unit: Literal["utcyearweek", "utcyearmonthdate"],
) -> alt.Chart:
    """Bars over time, one per ``unit``, stacked by a word."""
    import altair as alt

    return (
        _chart(rows)
        .mark_bar()
        .encode(
            x=alt.X(
                x,
                type="temporal",
                timeUnit=unit,
                title=None,
                axis=_time_axis(),
            ),
            y=alt.Y(y, type="quantitative", title=y),
            color=_colour(by, names),
        )
    )


def lines(rows: Rows, x: str, y: str, by: str, y_format: str = "") -> alt.Chart:
    """One straight line per word over time; points show where there is data."""
    import altair as alt

    return (
        _chart(rows)
        .mark_line(point=len(rows) <= _MOST_POINTS, strokeWidth=2)
        .encode(
            x=alt.X(x, type="temporal", title=None, axis=_time_axis()),
            y=alt.Y(y, type="quantitative", title=y, axis=alt.Axis(format=y_format)),
            color=_colour(by),
        )
    )


def ranked_bars(rows: Rows, x: str, y: str, by: str, order: str) -> alt.Chart:
    """One bar per day, stacked by a word, in the given order."""
    import altair as alt

    ranked = {row[by]: row[order] for row in rows}
    names = sorted(ranked, key=lambda name: (ranked[name], name))
    return (
        _chart(rows)
        .mark_bar()
        .encode(
            x=alt.X(
                x,
                type="temporal",
                timeUnit="utcyearmonthdate",
                title=None,
                axis=_time_axis(),
            ),
            y=alt.Y(y, type="quantitative", stack="zero", title=y),
            color=alt.Color(
                by,
                type="nominal",
                sort=names,
                scale=alt.Scale(scheme="viridis", domain=names),
                legend=alt.Legend(columns=5, symbolLimit=20, labelLimit=110),
            ),
            order=alt.Order(order, type="quantitative"),
        )
    )


def bars(rows: Rows, x: str, y: str, x_format: str = ",d") -> alt.LayerChart:
    """One horizontal bar per word, in the order of the rows, with its number."""
    import altair as alt

    names = [row[y] for row in rows]
    base = _chart(rows).encode(
        x=alt.X(x, type="quantitative", title=None, axis=None),
        y=alt.Y(y, type="nominal", sort=names, title=None),
    )
    return base.mark_bar(color=PALETTE[0]) + base.mark_text(
        align="left", dx=4, color="#333"
    ).encode(text=alt.Text(x, type="quantitative", format=x_format))


def grouped_bars(rows: Rows, x: str, y: str, by: str, names: list[str]) -> alt.Chart:
    """Bars side by side within each month."""
    import altair as alt

    shown = [{**row, x: row[x].strftime("%Y-%m")} for row in rows]
    return (
        _chart(shown)
        .mark_bar()
        .encode(
            x=alt.X(x, type="ordinal", title=None, axis=alt.Axis(labelAngle=-40)),
            xOffset=alt.XOffset(by, type="nominal", sort=names),
            y=alt.Y(y, type="quantitative", title=y),
            color=_colour(by, names),
        )
    )


def statuses(rows: Rows) -> alt.Chart:
    """Members by activity status, one bar per page."""
    import altair as alt

    names = list(_STATUS_COLOURS)
    order = {name: place for place, name in enumerate(names)}
    shown = [{**row, "place": order[row["status"]]} for row in rows]
    pages = len({row["page"] for row in rows})
    return (
        _chart(shown)
        .properties(height=max(60, 17 * pages))
        .mark_bar()
        .encode(
            x=alt.X(
                "members",
                type="quantitative",
                stack="normalize",
                title=None,
                axis=alt.Axis(format="%"),
            ),
            y=alt.Y("page", type="nominal", title=None, axis=alt.Axis(labelLimit=170)),
            color=alt.Color(
                "status",
                type="nominal",
                scale=alt.Scale(domain=names, range=list(_STATUS_COLOURS.values())),
            ),
            order=alt.Order("place", type="quantitative"),
        )
    )


def shares(rows: Rows) -> alt.Chart:
    """The share of members that holds each certification, page by page."""
    import altair as alt

    pages = len({row["page"] for row in rows})
    return (
        _chart(rows)
        .properties(height=max(60, 17 * pages))
        .mark_rect(stroke="white")
        .encode(
            x=alt.X("name", type="nominal", title=None, axis=alt.Axis(labelAngle=-40)),
            y=alt.Y("page", type="nominal", title=None, axis=alt.Axis(labelLimit=170)),
            color=alt.Color(
                "share",
                type="quantitative",
                scale=alt.Scale(scheme="blues", domain=[0, 1]),
                legend=alt.Legend(format="%", gradientLength=120, gradientThickness=8),
            ),
        )
    )


def matrix(rows: Rows) -> alt.Chart:
    """Return who holds which certification on one page."""
    import altair as alt

    members = len({row["member"] for row in rows})
    return (
        _chart(rows)
        .properties(height=max(60, 15 * members))
        .mark_rect(stroke="white")
        .encode(
            x=alt.X(
                "name",
                type="nominal",
                title=None,
                axis=alt.Axis(labelAngle=-40, orient="top"),
            ),
            y=alt.Y(
                "member", type="nominal", title=None, axis=alt.Axis(labelLimit=170)
            ),
            color=alt.Color(
                "is_held",
                type="nominal",
                scale=alt.Scale(domain=[True, False], range=[PALETTE[2], "#eeeef2"]),
                legend=alt.Legend(labelExpr="datum.value ? 'held' : 'not held'"),
            ),
        )
    )
