"""The Arrow type of each declared type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import pyarrow as pa

from roster_platform.catalogue import DataType

Values: TypeAlias = Sequence[Any] | pa.Array

DECIMAL = pa.decimal128(18, 4)
ARROW_TYPES: Mapping[DataType, pa.DataType] = {
    "text": pa.string(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "decimal": DECIMAL,
    "bool": pa.bool_(),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "date": pa.date32(),
    "json": pa.string(),
}
