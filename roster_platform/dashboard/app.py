"""The dashboard: the report's sections, with filters. ``make dashboard`` runs it."""

import marimo

app = marimo.App(width="full", app_title="Roster Platform")


@app.cell
def _():
    import marimo as mo

    from roster_platform.dashboard.queries import (
        Filters,
        NothingPublishedError,
        Published,
    )
    from roster_platform.dashboard.report import STYLE
    from roster_platform.dashboard.sections import sections
    from roster_platform.ingest.settings import platform_settings

    return (
        Filters,
        NothingPublishedError,
        Published,
        STYLE,
        mo,
        platform_settings,
        sections,
    )


@app.cell
def _(NothingPublishedError, Published, mo, platform_settings):
    published = Published(platform_settings().data_path / "published")
    try:
        default = published.default_filters()
    except NothingPublishedError as error:
        mo.stop(True, mo.callout(str(error), kind="warn"))
    return default, published


@app.cell
def _(default, mo, published):
    def choices(question, name, key):
        rows = published.ask(question)
        return {"All": None} | {row[name]: row[key] for row in rows}

    periods = {"30 days": 30, "90 days": 90, "A year": 365, "Everything": 36_500}
    chosen = mo.ui.dictionary(
        {
            "period": mo.ui.dropdown(periods, value="90 days", label="Period"),
            "program": mo.ui.dropdown(
                choices("programs", "program_name", "program_key"),
                value="All",
                label="Program",
            ),
            "page": mo.ui.dropdown(
                choices("pages", "page_title", "page_key"), value="All", label="Page"
            ),
            "currency": mo.ui.dropdown(
                [row["currency"] for row in published.ask("currencies")],
                value=default.currency,
                label="Currency",
            ),
        }
    )
    return (chosen,)


@app.cell
def _(Filters, STYLE, chosen, mo, published, sections):
    picked = chosen.value
    filters = Filters(
        currency=picked["currency"],
        program_key=picked["program"],
        page_key=picked["page"],
        since=published.default_filters(picked["period"]).since,
    )
    shown = "".join(section.html for section in sections(published, filters))
    lead = f"Published {published.published_at()} UTC, shown from {filters.since} on."
    mo.vstack(
        [
            mo.Html(
                f'<style>{STYLE}</style><div class="roster"><h1>Roster Platform</h1>'
                f'<p class="lead">{lead}</p></div>'
            ),
            mo.hstack(chosen.elements.values(), justify="center", gap=2, wrap=True),
            mo.Html(f'<div class="roster">{shown}</div>'),
        ]
    )
    return


if __name__ == "__main__":
    app.run()
