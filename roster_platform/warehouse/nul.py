"""NUL characters, for warehouses whose text cannot have them: spelled ``\\u0000``."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

_SPELLING = "\\u0000"


def without_nul(table: Any) -> Any:
    """The table with NUL characters as the text of their escape, ``\\u0000``.

    Anything but a table is handed on: dlt removes them from records itself.
    """
    if not isinstance(table, pa.Table):
        return table
    for index, field in enumerate(table.schema):
        if pa.types.is_string(field.type):
            spelt = pc.replace_substring(table.column(index), "\0", _SPELLING)
            table = table.set_column(index, field, spelt)
    return table


def text_without_nul(text: str) -> str:
    """The text with NUL characters as the text of their escape."""
    return text.replace("\0", _SPELLING)
