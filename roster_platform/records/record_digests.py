"""What a record says, as one short text: two records with one digest say the same.

A digest is over ``name=value`` of the values that are not NULL, in the order of the names,
and of the record's children, so that a new column without values changes no digest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
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
    one's parent among ``rows``, in the order of the parents.
    """
    for texts, parents in children:
        rows = _with_children(rows, texts, parents)
    # Arrow has no such function. One list at once is what Python does quickest.
    digested = [
        hashlib.blake2b(row, digest_size=_BYTES).hexdigest()
        for row in rows.cast(pa.binary()).to_pylist()
    ]
    return pa.array(digested, pa.string())


def _with_children(rows: pa.Array, texts: pa.Array, parents: pa.Array) -> pa.Array:
    """Return the rows with how many children each has, and their texts, behind them."""
    separator = pa.scalar(3 * _SEPARATOR)
    counts = np.bincount(parents.to_numpy(), minlength=len(rows))
    ends = np.concatenate(([0], np.cumsum(counts)))
    of_each = pa.LargeListArray.from_arrays(pa.array(ends, pa.int64()), texts)
    joined = pc.if_else(
        pa.array(counts > 0),
        pc.binary_join(of_each, separator),
        pa.scalar(None, pa.string()),
    )
    # The number keeps the rows of two children apart.
    return pc.binary_join_element_wise(
        *(rows, pa.array(counts).cast(pa.string()), joined, separator),
        null_handling="skip",
    )


def _as_text(values: pa.Array) -> pa.Array:
    if pa.types.is_string(values.type):
        return pc.replace_substring(values, _SEPARATOR, 2 * _SEPARATOR)
    if pa.types.is_timestamp(values.type):
        # As a text it would need the names of time zones.
        values = values.cast(pa.int64())
    elif pa.types.is_date(values.type):
        values = values.cast(pa.int32())
    return values.cast(pa.string())
