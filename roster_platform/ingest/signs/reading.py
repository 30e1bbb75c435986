"""Signs of further pages in one answer, in any of the usual vocabularies.

Words (``words``) are looked for at the top of the answer, in every object around the
list of records, in paging objects inside those, and in the headers. A declared path comes
before any word (dlt's ``total_path``, ``has_more_path``, ``cursor_path``, …).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dlt.common import jsonpath

from roster_platform.ingest.signs import values
from roster_platform.ingest.signs.body import DEEPEST, BodySigns
from roster_platform.ingest.signs.found import Found
from roster_platform.ingest.signs.headers import HeaderSigns
from roster_platform.ingest.signs.page_signs import Around, DeclaredPaths, PageSigns


def signs_of(
    around: Sequence[Around],
    headers: Mapping[str, str],
    rows: int,
    asked: int,
    declared: DeclaredPaths,
) -> PageSigns:
    """Read the signs of one answer.

    ``around`` has the objects around the list of records, from the outermost; ``rows`` is
    the length of the list and ``asked`` the page size that was asked for.
    """
    found = Found()
    in_body = BodySigns(found, rows, asked, no_totals=declared.no_totals)
    in_headers = HeaderSigns(found, in_body)
    if around and declared:
        _read_declared(found, in_headers, around[0][1], headers, declared)
    in_headers.read(headers)
    # From the innermost: what stands next to the records is about them.
    for path, body in reversed(around):
        in_body.paging_objects(path, body, DEEPEST)
        in_body.read_words(path, body, is_paging=False)
    return found.signs()


def _read_declared(
    found: Found,
    in_headers: HeaderSigns,
    body: Mapping[str, Any],
    headers: Mapping[str, str],
    paths: DeclaredPaths,
) -> None:
    for kind in ("total_pages", "total_count"):
        if (path := getattr(paths, kind)) and (
            number := values.number(values.at(path, body))
        ) is not None:
            found.keep(kind, number, path)
    if (
        paths.has_more
        and (more := values.truth(values.at(paths.has_more, body))) is not None
    ):
        found.keep("has_more", more, paths.has_more)
    if paths.cursor:
        _declared_next(found, "cursor", body, paths.cursor)
    if paths.next_url:
        _declared_next(found, "next_url", body, paths.next_url)
    if paths.link_header:
        in_headers.read_link(headers, paths.link_header)
    if paths.cursor_header:
        value = values.header(headers, paths.cursor_header)
        if value:
            found.keep("cursor", value, f"header {paths.cursor_header}")


def _declared_next(found: Found, kind: str, body: Mapping[str, Any], path: str) -> None:
    there = jsonpath.find_values(path, dict(body))
    if not there:
        return
    value = there[0]
    if value is None or value == "" or value is False:
        found.keep_place("ends", path)
    elif isinstance(value, str | int | float):
        found.keep(kind, values.text(value), path)
