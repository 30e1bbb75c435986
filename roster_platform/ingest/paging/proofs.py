"""What the answers themselves say about the end of a read, in words."""

from __future__ import annotations

from roster_platform.ingest.paging.requests import Style
from roster_platform.ingest.signs.page_signs import PageSigns, Sign


def no_more(signs: PageSigns) -> str:
    """Return the proof of an answer that says so."""
    assert signs.has_more is not None
    return f"{signs.has_more.where} says that no more follows"


def total_reached(total: Sign[int]) -> str:
    """Return the proof of as many records as the API has announced."""
    return f"the total of {total.value:,} ({total.where}) was reached"


def contradiction(
    last: PageSigns, style: Style | None, total: Sign[int] | None, rows: int
) -> str | None:
    """Return what the last answer says against the end of a read; None for nothing.

    ``total`` is what the API has announced, ``rows`` how many records were read.
    """
    if total is not None and total.value > rows:
        return (
            f"the answer says that there are {total.value:,} records "
            f"({total.where}), and {rows:,} were read"
        )
    is_of_page = last.cursor_may_be_of_this_page and style == "links"
    more = last.more
    if more and style != "one" and not is_of_page:
        return f"the last answer says that more follows ({more})"
    return None


def repeated(number: int, earlier: int, style: Style | None) -> str:
    """Return what a page that was sent before says of how it was asked for."""
    words = {
        "cursors": "cursor_param",
        "offsets": "offset_param and limit_param",
    }.get(style or "", "page_param")
    return (
        f"page {number} is the same as page {earlier}, so the API may ignore "
        f"how it is asked ({words}). If one answer has everything, declare "
        "`paginator: single_page`"
    )


def explained(problem: str, rows: int, setting: str) -> str:
    """Return a contradiction, with what was done and what a person can do."""
    return (
        f"{problem}. The {rows:,} records that were read are loaded and nothing "
        "is marked as deleted. Declare how the API pages, in dlt's words "
        f"(total_path, has_more_path, cursor_path, next_url_path, …): {setting}."
    )
