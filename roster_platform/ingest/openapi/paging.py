"""How a document says that an operation is paged, in the words of dlt's paginators."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from roster_platform.ingest.openapi.document import Operation, Parameter
from roster_platform.ingest.openapi.schemas import Schema
from roster_platform.ingest.signs import words
from roster_platform.records.field_mapping import style_key

_PAGES = words.of(
    "page pagenumber pageno pagenum pageindex pagenr p currentpage pageid"
)
_SIZES = words.PAGE_SIZE | words.of("count maxresults pagelen rows top first n")
_OFFSETS = words.of("offset skip start startindex startat from pageoffset")
_CURSORS = (
    words.CURSOR
    | words.WEAK_CURSOR
    | words.WEAK_CURSOR_IN_PAGING
    | words.of("startafter aftercursor pagecursor nextpage position scrollid")
)
_SINCE = re.compile(
    r"(updated|modified|changed)(at|on|date|time)?(since|after|from|gte?|min|start)"
    r"|(since|after|min|from)(updated|modified|changed)\w*|modifiedsince|since|updatedat"
)
_ORDERS = words.of(
    "sort sortby order orderby ordering sortorder sortdirection direction dir"
)
_USUAL_SIZE = 100
_DEEPEST = 4


@dataclass(frozen=True)
class DocumentedPaging:
    """How one operation is paged.

    ``paginator`` is what a mapping has to say, None where the reader asks like that
    without. ``params`` are sent with each request. ``signs`` are the paths in the answer
    that say how the list continues, by kind: ``total``, ``pages``, ``more``, ``cursor``,
    ``link``.
    """

    said: str
    paginator: Mapping[str, Any] | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    page: Parameter | None = None
    first: int = 1
    size: Parameter | None = None
    offset: Parameter | None = None
    cursor: Parameter | None = None
    signs: Mapping[str, str] = field(default_factory=dict)
    since: Parameter | None = None
    order: Parameter | None = None
    open: Sequence[str] = ()

    @property
    def cap(self) -> int | None:
        """The largest page, where the document has it."""
        most = self.size.schema.maximum if self.size else None
        return int(most) if most else None


def paging_of_operation(operation: Operation, selector: str | None) -> DocumentedPaging:
    """Read how an operation is paged; ``selector`` is the path of its records."""
    query = operation.query
    page, size = _named(query, _PAGES), _named(query, _SIZES)
    offset, cursor = _named(query, _OFFSETS), _named(query, _CURSORS)
    if page is None and cursor is None and offset is None:
        # `page[number]` and `page[size]` are one word each.
        page = next((p for p in query if style_key(_bare(p.name)) in _PAGES), None)
    signs = dict(_signs(operation.answer, selector, has_cursor=cursor is not None))
    first = _first_page(page) if page else 1
    if page:
        said = f"page numbers ({page.name})"
        usual = page.name == "page" and first == 1
        paginator = (
            None
            if usual
            else {"type": "page_number", "base_page": first, "page_param": page.name}
        )
    elif offset:
        said = f"offset and limit ({offset.name}{f', {size.name}' if size else ''})"
        paginator = {
            "type": "offset",
            "limit": _size(size),
            "offset_param": offset.name,
        }
        paginator |= {"limit_param": size.name} if size else {}
    elif cursor and "cursor" in signs:
        said = f"a cursor ({signs['cursor']}, sent as {cursor.name})"
        paginator = {
            "type": "cursor",
            "cursor_path": signs["cursor"],
            "cursor_param": cursor.name,
        }
    elif "link" in signs:
        said = f"links to the next page ({signs['link']})"
        paginator = {"type": "json_link", "next_url_path": signs["link"]}
    else:
        said, paginator = "the document does not say", None
    params: dict[str, Any] = {}
    if size and not (offset and not page):
        is_usual = style_key(size.name) == "pagesize" and size.name == "pageSize"
        if not is_usual or _size(size) != _USUAL_SIZE:
            params[size.name] = _size(size)
    known = [page, size, offset, cursor]
    more, open_ = _required(query, known)
    return DocumentedPaging(
        said=said,
        paginator=paginator,
        params={**params, **more},
        page=page,
        first=first,
        size=size,
        offset=offset if not page else None,
        cursor=cursor if not page and not offset else None,
        signs=signs,
        since=next((p for p in query if _SINCE.fullmatch(_letters(p.name))), None),
        order=_named(query, _ORDERS),
        open=[*open_, *([] if paginator or page else [_UNSAID])],
    )


_UNSAID = (
    "the document does not say how it is paged; it is asked by page, and `roster-platform "
    "probe` proves it"
)


def _bare(name: str) -> str:
    """``page[number]`` as ``page`` and ``number``, in one."""
    return name.replace("[", "").replace("]", "")


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.casefold())


def _named(query: Sequence[Parameter], known: Collection[str]) -> Parameter | None:
    """The parameter of one of these names; the plainest, where there are several."""
    found = [
        each
        for each in query
        if _letters(each.name) in known or _letters(_unprefixed(each.name)) in known
    ]
    return min(found, key=lambda each: len(each.name)) if found else None


def _unprefixed(name: str) -> str:
    """``$top`` and ``_limit`` are words, too."""
    return name.lstrip("$_")


def _first_page(page: Parameter) -> int:
    schema = page.schema
    for said in (schema.minimum, schema.default):
        if isinstance(said, int | float) and int(said) in (0, 1):
            return int(said)
    counts_from_0 = re.search(
        r"(from|at|start\w*|base[d]?) 0\b|zero|\b0-(based|index)",
        page.description,
        re.I,
    )
    return 0 if counts_from_0 else 1


def _size(size: Parameter | None) -> int:
    """How many records are asked for: a hundred, unless the document allows fewer."""
    schema = size.schema if size else Schema()
    if schema.enum and all(isinstance(each, int) for each in schema.enum):
        allowed = [each for each in schema.enum if each <= _USUAL_SIZE]
        return max(allowed or [min(schema.enum)])
    most = int(schema.maximum) if schema.maximum else _USUAL_SIZE
    return max(1, min(_USUAL_SIZE, most))


def _required(
    query: Sequence[Parameter], known: Sequence[Parameter | None]
) -> tuple[dict[str, Any], list[str]]:
    """What has to be sent with each request, and what nobody can know."""
    params: dict[str, Any] = {}
    unknown = []
    for each in query:
        if not each.is_required or each in known:
            continue
        values = [each.schema.default, *each.schema.enum[:1]]
        value = next((v for v in values if v is not None), None)
        if value is None:
            unknown.append(
                f"the parameter {each.name} is required: set it in params of the endpoint"
            )
        else:
            params[each.name] = value
    return params, unknown


_KINDS: Mapping[str, tuple[Collection[str], Collection[str]]] = {
    "total": (words.TOTAL | words.DOUBTFUL_TOTAL, words.DOUBTFUL_TOTAL_IN_PAGING),
    "pages": (words.TOTAL_PAGES, ()),
    "more": (words.HAS_MORE, words.HAS_MORE_IN_PAGING),
    "cursor": (words.CURSOR, words.WEAK_CURSOR | words.WEAK_CURSOR_IN_PAGING),
    "link": (words.NEXT_URL, ()),
}
"""The words of each kind: anywhere around the list, and in paging objects only."""
_NUMBERS = {"total", "pages"}


def _signs(
    answer: Schema | None, selector: str | None, *, has_cursor: bool
) -> Iterator[tuple[str, str]]:
    """The paths of what an answer says of its pages, by kind; the plainest of each."""
    found: dict[str, str] = {}
    for path, schema, is_paging in _around(answer, selector or ""):
        word = style_key(path.rpartition(".")[2])
        if has_cursor and word in words.NEXT_URL and not schema.format.startswith("ur"):
            # What is sent back in a parameter is no address.
            found.setdefault("cursor", path)
            continue
        for kind, (anywhere, in_paging) in _KINDS.items():
            if word not in anywhere and not (is_paging and word in in_paging):
                continue
            if _can_be(kind, schema) and kind not in found:
                found[kind] = path
    if "link" in found and found["link"] == found.get("cursor"):
        found.pop("cursor")
    yield from found.items()


def _can_be(kind: str, schema: Schema) -> bool:
    if kind in _NUMBERS:
        return bool(schema.types & {"integer", "number"}) or not schema.types
    if kind == "more":
        return "boolean" in schema.types or not schema.types
    if kind == "link":
        return "string" in schema.types or not schema.types
    return bool(schema.types & {"string", "integer"}) or not schema.types


def _around(
    schema: Schema | None, selector: str, path: str = "", depth: int = _DEEPEST
) -> Iterator[tuple[str, Schema, bool]]:
    """Each plain value around the list, its path, and whether its object is of paging."""
    is_paging = style_key(path.rpartition(".")[2]) in words.PAGING_OBJECTS
    for name, inner in (schema.properties if schema and depth else {}).items():
        here = f"{path}.{name}" if path else name
        if here == selector:
            continue
        if inner.properties:
            yield from _around(inner, selector, here, depth - 1)
        else:
            yield here, inner, is_paging
