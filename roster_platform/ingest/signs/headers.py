"""Signs in the headers of an answer."""

from __future__ import annotations

from collections.abc import Mapping

from requests.utils import parse_header_links

from roster_platform import documents
from roster_platform.ingest.signs import values, words
from roster_platform.ingest.signs.body import BodySigns
from roster_platform.ingest.signs.found import Found


class HeaderSigns:
    """Reads headers, and the words of JSON in them."""

    def __init__(self, found: Found, body: BodySigns) -> None:
        self._found = found
        self._body = body

    def read(self, headers: Mapping[str, str]) -> None:
        """Read every header."""
        self.read_link(headers, "next")
        for name, value in headers.items():
            plain = name[2:] if name[:2] in ("x-", "X-") else name
            word, where = values.word(plain), f"header {name}"
            number = values.number(value)
            if word in {"pagination", "paging"} and value.lstrip().startswith("{"):
                self._json_header(where, value)
            elif word == "contentrange":
                _, _, total = value.rpartition("/")
                if (number := values.number(total)) is not None:
                    self._found.keep("total_count", number, where)
            elif word in words.TOTAL | {"total"} and number is not None:
                self._found.keep("total_count", number, where)
            elif word in words.TOTAL_PAGES and number is not None:
                self._found.keep("total_pages", number, where)
            elif word in words.PAGE_SIZE and number:
                self._found.keep("page_size", number, where)
            elif word in words.NEXT_PAGE and number is not None:
                self._found.keep("next_page", number, where)
            elif word in words.NEXT_PAGE and not value.strip():
                self._found.keep_place("ends", where)
            elif word in words.PREVIOUS and not value.strip():
                self._found.keep_place("begins", where)
            elif word in words.HAS_MORE and (more := values.truth(value)) is not None:
                self._found.keep("has_more", more, where)
            elif word in words.CURSOR and value.strip():
                self._found.keep("cursor", value.strip(), where)

    def _json_header(self, where: str, value: str) -> None:
        """ASP.NET's habit: ``X-Pagination: {"TotalCount": 300, …}``."""
        try:
            body = documents.loads(value.encode())
        except ValueError:
            return
        self._body.read_words(where, body, is_paging=True)

    def read_link(self, headers: Mapping[str, str], next_relation: str) -> None:
        """Read the relations of a ``Link`` header."""
        header = values.header(headers, "Link")
        if not header:
            return
        relations = {
            relation: link["url"]
            for link in parse_header_links(header)
            for relation in link.get("rel", "").lower().split()
        }
        if url := relations.get(next_relation.lower()):
            self._found.keep("next_url", url, "header Link")
        elif relations.keys() & {"first", "last", "prev", "previous"}:
            self._found.keep_place("ends", "header Link")
        if values.leads_to_page_zero(
            relations.get("prev") or relations.get("previous")
        ):
            self._found.keep_place("has_previous", "header Link")
