"""The one spelling of a roster page's id, whatever was pasted.

A page id is a UUID, which people copy in capitals, in braces, or as the address it stands
in. Two spellings of one page would be two pages: every member twice.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Collection, Iterable
from urllib.parse import urlsplit

from roster_platform.errors import ConfigurationError
from roster_platform.spelling import QUOTES, visible

_SAFE = re.compile(r"[A-Za-z0-9_-]{1,64}")
_UUID = re.compile(
    r"(?<![0-9a-f])[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}(?![0-9a-f])",
    re.IGNORECASE,
)
_AROUND = " \t\r\n{}()<>" + QUOTES
SETTING = (
    "page_ids under [sources.autorosters_source] in .dlt/secrets.toml "
    "(SOURCES__AUTOROSTERS_SOURCE__PAGE_IDS, a JSON list or a comma list)"
)
WHERE_IT_IS = (
    "The id of a page is a UUID such as 3f2a0c1e-8b7d-4c55-9e10-2f6d8a1b4c70; the "
    "address that Auto Rosters' API is asked under, /api/roster/<id>, ends with it"
)


def listed(page_ids: Iterable[str]) -> str:
    """Return page ids as SQL lists them. They must be validated: they become its text."""
    return ", ".join(f"'{one}'" for one in page_ids)


def page_id(text: str) -> str:
    """Return the one spelling of a page id: in small letters, a UUID with hyphens.

    Capitals, blanks, invisible characters, quotes, braces, ``urn:uuid:`` and the address
    around a UUID are no part of it. Raises ConfigurationError for what is no page id.
    """
    pasted = visible(text).strip(_AROUND)
    # Browsers copy addresses without their beginning.
    is_address = "/" in pasted or pasted.lower().startswith("urn:")
    found = (
        _UUID.findall(pasted) if is_address else _UUID.fullmatch(pasted) and [pasted]
    )
    if found and len(set(map(str.lower, found))) == 1:
        return str(uuid.UUID(found[0]))
    if is_address:
        raise ConfigurationError(_about_address(pasted))
    if not is_safe(text.strip()):
        raise ConfigurationError(
            f"{text[:200]!r} is not an Auto Rosters page id. {WHERE_IT_IS}. Other ids "
            f"have 1 to 64 letters, digits, '_' and '-'. Correct {SETTING}."
        )
    return text.strip().lower()


def page_ids(texts: Iterable[str]) -> list[str]:
    """Return page ids in their one spelling and their order, without repeats.

    Raises ConfigurationError for the first that is no page id.
    """
    return list(dict.fromkeys(map(page_id, texts)))


def is_uuid(text: str) -> bool:
    """Return whether an id is a UUID, as Auto Rosters documents them."""
    return _UUID.fullmatch(text) is not None


def is_safe(text: str) -> bool:
    """Return whether an id may stand in a path, a file's name and SQL."""
    return _SAFE.fullmatch(text) is not None


def as_known(wanted: Iterable[str], known: Collection[str]) -> list[str]:
    """Return page ids as they are spelled where they are known already.

    A warehouse, or a Dagster instance, of an older version may know a page in capitals:
    it stays that page, and is not retired and read anew.
    """
    spelt = {page_id(one): one for one in known if is_safe(one)}
    return [one if one in known else spelt.get(page_id(one), one) for one in wanted]


def _about_address(address: str) -> str:
    parts = [part for part in urlsplit(address).path.split("/") if part]
    slug = (
        f" Its last part, {parts[-1][:60]!r}, is the page's own name." if parts else ""
    )
    return (
        f"{address[:200]!r} is not an Auto Rosters page id, but the address of a page."
        f"{slug} {WHERE_IT_IS}. Correct {SETTING}."
    )
