"""The dashboard: the report's sections with filters, members, pages and exports.

``roster-platform dashboard`` (or ``make dashboard``) serves it.
"""

import marimo

app = marimo.App(width="full", app_title="Roster Platform")


@app.cell
def _():
    import marimo as mo

    from roster_platform.dashboard.choices import by_label, label_of
    from roster_platform.dashboard.elements import table
    from roster_platform.dashboard.queries import (
        Filters,
        NothingPublishedError,
        Published,
    )
    from roster_platform.dashboard.sections import incomplete_notice, sections
    from roster_platform.dashboard.sections.people import member_page, roster_page
    from roster_platform.dashboard.style import APP_STYLE, STYLE
    from roster_platform.settings.platform import platform_settings

    return (
        APP_STYLE,
        Filters,
        NothingPublishedError,
        Published,
        STYLE,
        by_label,
        incomplete_notice,
        label_of,
        member_page,
        mo,
        platform_settings,
        roster_page,
        sections,
        table,
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
def _(APP_STYLE, STYLE, incomplete_notice, mo, published):
    asked = mo.query_params().to_dict()
    views = ["Overview", "Members", "Pages", "Exports"]
    first = "Members" if "member" in asked else "Pages" if "page" in asked else views[0]
    view = mo.ui.radio(views, value=first, inline=True, label="Show")
    mo.vstack(
        [
            mo.Html(
                f"<style>{STYLE}{APP_STYLE}</style>"
                '<div class="roster"><h1>Roster Platform</h1>'
                f'<p class="lead">Published {published.published_at()} UTC.</p>'
                f"{incomplete_notice(published)}</div>"
            ),
            mo.hstack([view], justify="center"),
        ]
    )
    return asked, view


@app.cell
def _(by_label, default, mo, published):
    def choices(question, name, key):
        return {"All": None} | by_label(published.ask(question), name, key)

    periods = {"30 days": 30, "90 days": 90, "A year": 365, "Everything": None}
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
def _(Filters, chosen, mo, published, sections, view):
    mo.stop(view.value != "Overview")
    picked = chosen.value
    filters = Filters(
        currency=picked["currency"],
        program_key=picked["program"],
        page_key=picked["page"],
        since=published.default_filters(picked["period"]).since,
    )
    shown = "".join(s.html for s in sections(published, filters, links=True))
    since = f"Shown from {filters.since} on." if filters.since else "All that is known."
    mo.vstack(
        [
            mo.hstack(chosen.elements.values(), justify="center", gap=1, wrap=True),
            mo.Html(f'<div class="roster"><p class="lead">{since}</p>{shown}</div>'),
        ]
    )
    return


@app.cell
def _(mo):
    search = mo.ui.text(
        label="Find a member", placeholder="A name, handle, e-mail or id"
    )
    return (search,)


@app.cell
def _(asked, by_label, label_of, mo, published, search):
    wanted = search.value.strip() or asked.get("member", "")
    members = by_label(
        published.about("find_members", search=wanted), "member", "member_key"
    )
    member = mo.ui.dropdown(
        members,
        value=label_of(members, asked.get("member")) or next(iter(members), None),
        label="Member",
    )
    return (member,)


@app.cell
def _(member, member_page, mo, published, search, view):
    mo.stop(view.value != "Members")
    mo.vstack(
        [
            mo.hstack([search, member], justify="center", gap=1, wrap=True),
            mo.Html(
                f'<div class="roster">{member_page(published, member.value).html}</div>'
            )
            if member.value
            else mo.md("No member has this name, handle, e-mail or id."),
        ]
    )
    return


@app.cell
def _(asked, by_label, label_of, mo, published):
    pages = by_label(published.ask("pages"), "page_title", "page_key")
    page = mo.ui.dropdown(
        pages,
        value=label_of(pages, asked.get("page")) or next(iter(pages), None),
        label="Page",
    )
    return (page,)


@app.cell
def _(mo, page, published, roster_page, view):
    mo.stop(view.value != "Pages")
    mo.vstack(
        [
            mo.hstack([page], justify="center"),
            mo.Html(
                f'<div class="roster">{roster_page(published, page.value).html}</div>'
            )
            if page.value
            else mo.md("No roster page is known."),
        ]
    )
    return


@app.cell
def _(mo, published):
    exports = published.exports()
    report = mo.ui.dropdown(
        list(exports), value=next(iter(exports), None), label="Report"
    )
    return exports, report


@app.cell
def _(exports, mo, published, report, table, view):
    mo.stop(view.value != "Exports")
    mo.stop(
        not report.value, mo.md("No report is exported yet. Publish the marts again.")
    )

    def download(ending, label):
        path = published.folder / "exports" / f"{report.value}.{ending}"
        # Read when it is asked for, and not before.
        return mo.download(path.read_bytes, filename=path.name, label=label)

    listed = table(
        [{"report": name, **facts} for name, facts in exports.items()],
        ("report", "Report"),
        ("rows", "Rows"),
        ("sheets", "Sheets in XLSX"),
        ("shortened_cells", "Texts shortened in XLSX"),
    )
    mo.vstack(
        [
            mo.hstack(
                [report, download("xlsx", "Excel (XLSX)"), download("csv", "CSV")],
                justify="center",
                gap=1,
                wrap=True,
            ),
            mo.Html(f'<div class="roster"><div class="whole">{listed}</div></div>'),
        ]
    )
    return


if __name__ == "__main__":
    app.run()
