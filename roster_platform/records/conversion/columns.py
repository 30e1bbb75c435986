"""Whole columns to their declared types at once, where all values have a usual form."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from roster_platform.catalogue import DataType
from roster_platform.records.conversion.arrow_types import ARROW_TYPES, DECIMAL, Values
from roster_platform.records.conversion.text import as_json
from roster_platform.records.conversion.timestamps import (
    FIRST_SECOND,
    LAST_SECOND,
    NO_DATE,
)

_TIMESTAMP = ARROW_TYPES["timestamp"]
# What Python can hold, and so whoever reads the warehouse with it.
_EARLIEST = pa.scalar(datetime.min.replace(tzinfo=UTC), _TIMESTAMP)
_LATEST = pa.scalar(datetime.max.replace(tzinfo=UTC), _TIMESTAMP)
_YEAR_2 = pa.scalar(datetime(2, 1, 1, tzinfo=UTC), _TIMESTAMP)
_NONE = type(None)
_JSON_TYPES: Mapping[DataType, set[type]] = {
    "text": {str, _NONE},
    "timestamp": {str, _NONE},
    "date": {str, _NONE},
    "bigint": {int, _NONE},
    "decimal": {int, float, str, _NONE},
    "bool": {bool, _NONE},
}


def convert_all(values: Values, data_type: DataType) -> pa.Array | None:
    """Convert a whole column at once; None where its values are not all of one form."""
    try:
        return _FAST[data_type](values)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return None


def is_usual(values: Values, data_type: DataType) -> bool:
    """Return whether values are of the JSON type that Arrow takes for the declared one."""
    if isinstance(values, pa.Array) or data_type not in _JSON_TYPES:
        return True
    return set(map(type, values)) <= _JSON_TYPES[data_type]


def _text(values: Values) -> pa.Array:
    if isinstance(values, pa.Array):
        return values
    if _are_integers(values):
        return pc.cast(pa.array(values, pa.int64()), pa.string())
    return pa.array(values, pa.string())


def _are_integers(values: Sequence[Any]) -> bool:
    return set(map(type, values)) <= {int, type(None)}


def _number(arrow_type: pa.DataType, *unwanted: type) -> Callable[[Values], pa.Array]:
    def convert(values: Values) -> pa.Array:
        if isinstance(values, pa.Array):
            return values
        # Arrow reads True as 1 and cuts 1.5 to 1; both are drift.
        if any(isinstance(value, unwanted) for value in values):
            raise TypeError
        return pa.array(values, arrow_type)

    return convert


def _decimal(values: Values) -> pa.Array:
    return pc.cast(_text(values), DECIMAL)


def _bool(values: Values) -> pa.Array:
    return values if isinstance(values, pa.Array) else pa.array(values, pa.bool_())


def _timestamp(values: Values) -> pa.Array:
    if not isinstance(values, pa.Array) and any(values) and _are_integers(values):
        return _counted_timestamps(pa.array(values, pa.int64()))
    texts = _text(values)
    timestamps = _cast_timestamps(texts)
    ends = pc.min_max(timestamps)
    if not ends["min"].is_valid:
        return timestamps
    if not (
        _EARLIEST.value <= ends["min"].value and ends["max"].value <= _LATEST.value
    ):
        raise OverflowError
    if ends["min"].value < _YEAR_2.value:
        timestamps = _without_no_dates(timestamps, texts)
    return timestamps


def _cast_timestamps(texts: pa.Array) -> pa.Array:
    # .NET writes seven decimals, which only nanoseconds can hold.
    for unit in ("us", "ns"):
        with suppress(pa.ArrowInvalid):
            return _in_microseconds(pc.cast(texts, pa.timestamp(unit, tz="UTC")))
        with suppress(pa.ArrowInvalid):
            naive = pc.cast(texts, pa.timestamp(unit))
            return _in_microseconds(pc.assume_timezone(naive, "UTC"))
    raise ValueError


def _in_microseconds(timestamps: pa.Array) -> pa.Array:
    if timestamps.type.unit == "ns":
        timestamps = pc.floor_temporal(timestamps, unit="microsecond")
    return pc.cast(timestamps, _TIMESTAMP)


def _counted_timestamps(numbers: pa.Array) -> pa.Array:
    """Seconds, or milliseconds, since 1970; raises ValueError where it is not certain."""
    ends = pc.min_max(numbers)
    for factor, unit in ((1, "s"), (1000, "ms")):
        if (
            factor * FIRST_SECOND <= ends["min"].as_py()
            and ends["max"].as_py() < factor * LAST_SECOND
        ):
            return pc.cast(pc.cast(numbers, pa.timestamp(unit, tz="UTC")), _TIMESTAMP)
    raise ValueError


def _without_no_dates(values: pa.Array, texts: pa.Array) -> pa.Array:
    is_no_date = pc.match_substring_regex(texts, rf"^{NO_DATE}([T ]00:00:00|$)")
    return pc.if_else(is_no_date, pa.scalar(None, values.type), values)


def _date_column(values: Values) -> pa.Array:
    texts = _text(values)
    dates = pc.cast(texts, pa.date32())
    first = pc.min(dates).as_py()
    if first is not None and first.year == 1:
        dates = _without_no_dates(dates, texts)
    return dates


def _json(values: Values) -> pa.Array:
    return pa.array(map(as_json, values), pa.string())


_FAST: Mapping[DataType, Callable[[Values], pa.Array]] = {
    "text": _text,
    "bigint": _number(pa.int64(), bool, float),
    "double": _number(pa.float64(), bool),
    "decimal": _decimal,
    "bool": _bool,
    "timestamp": _timestamp,
    "date": _date_column,
    "json": _json,
}
