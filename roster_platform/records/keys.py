"""Keys by which values are compared: ``<column>_key``, made of a column at load.

People type e-mails, codes, handles and currencies into forms, and two spellings of one of
them have to meet. SQL cannot see to that alike on every warehouse (Unicode's forms and
letters are not the same everywhere), so Arrow does, once, before anything is written. The
column itself stays as it was sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from roster_platform.catalogue import KeyKind
from roster_platform.spelling import INVISIBLE

KEYS_VERSION = 1
"""To be raised when texts get other keys than before: records are written again then."""

# A control character is white space here: what a form lets in, nobody meant.
_WHITE_SPACE = r"[\s\p{Z}\p{Cc}]+"
# Discord's old form is name#1234; where an account was renamed, #0 is what is left of it.
_DISCRIMINATOR = r"\s*#\s*(?:0|\d{4})$"


def comparing_key(values: pa.Array, kind: KeyKind) -> pa.Array:
    """Return what texts of one kind are compared by; empty where nothing is left of one.

    A missing text stays missing.
    """
    return _KEYS[kind](values)


def _code(values: pa.Array) -> pa.Array:
    """Codes and ids of links: letters alike, white space around them gone."""
    folded = _folded(values)
    spaced = pc.replace_substring_regex(folded, _WHITE_SPACE, " ")
    return pc.utf8_trim_whitespace(spaced)


def _email(values: pa.Array) -> pa.Array:
    """E-mail addresses: no white space in them, and no ``mailto:``."""
    bare = pc.replace_substring_regex(_folded(values), _WHITE_SPACE, "")
    return pc.replace_substring_regex(bare, "^<?(?:mailto:)?([^<>]*)>?$", r"\1")


def _handle(values: pa.Array) -> pa.Array:
    """Handles: without ``@`` before and without Discord's discriminator behind them."""
    named = pc.replace_substring_regex(_code(values), "^@+ ?", "")
    return pc.replace_substring_regex(named, _DISCRIMINATOR, "")


def _currency(values: pa.Array) -> pa.Array:
    """Currencies: the letters of their code, large."""
    bare = pc.replace_substring_regex(_folded(values), _WHITE_SPACE, "")
    return pc.utf8_upper(bare)


def _folded(values: pa.Array) -> pa.Array:
    """Texts in one form and in small letters, without what cannot be seen."""
    texts = pc.cast(values, pa.string())
    seen = pc.replace_substring_regex(texts, INVISIBLE, "")
    small = pc.utf8_lower(pc.utf8_normalize(seen, "NFKC"))
    return pc.utf8_normalize(small, "NFKC")


_KEYS: Mapping[KeyKind, Callable[[pa.Array], pa.Array]] = {
    "code": _code,
    "currency": _currency,
    "email": _email,
    "handle": _handle,
}
