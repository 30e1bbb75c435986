"""What a record says, as one short text: two records with one digest say the same.

A digest is over ``name=value`` of the values that are not NULL, in the order of the names,
and of the record's children, so that a new column without values changes no digest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

_SEPARATOR = "\x1f"
_BYTES = 8


def row_texts(columns: Mapping[str, pa.Array]) -> pa.Array:
    """Return each row as one text, from which its values can be distinguished."""
    parts = [
        pc.binary_join_element_wise(pa.scalar(name), _as_text(values), "=")
        for name, values in sorted(columns.items())
    ]
    return pc.binary_join_element_wise(*parts, _SEPARATOR, null_handling="skip")


def digests(rows: pa.Array, children: Sequence[tuple[pa.Array, pa.Array]]) -> pa.Array:
    """Return the digest of each row, 16 hexadecimal digits.

    ``children`` are pairs of arrays: the texts of a child's rows, and the place of each
    one's parent among ``rows``.
    """
    texts: list[str] = rows.to_pylist()
    for rows_of_child, parents in children:
        found: dict[int, list[str]] = {}
        for text, parent in zip(
            rows_of_child.to_pylist(), parents.to_pylist(), strict=True
        ):
            found.setdefault(parent, []).append(text)
        # The number keeps the rows of two children apart.
        for place, text in enumerate(texts):
            of_parent = found.get(place, ())
            texts[place] = (2 * _SEPARATOR + _SEPARATOR).join(
                (text, str(len(of_parent)), *of_parent)
            )
    return pa.array(map(_digest, texts), pa.string())


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=_BYTES).hexdigest()


def _as_text(values: pa.Array) -> pa.Array:
    if pa.types.is_string(values.type):
        return pc.replace_substring(values, _SEPARATOR, 2 * _SEPARATOR)
    if pa.types.is_timestamp(values.type):
        # As a text it would need the names of time zones.
        values = values.cast(pa.int64())
    elif pa.types.is_date(values.type):
        values = values.cast(pa.int32())
    return values.cast(pa.string())
