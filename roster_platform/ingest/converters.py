"""Values as they come, to the declared types: exact, or reported as a misfit.

A column is converted at once where all of its values have a usual form (``convert_all``),
and value by value otherwise (``convert_each``). The same value in another spelling becomes
the same value: money as a number, a text or an object with its currency; timestamps in
ISO 8601, RFC 2822, or counted from 1970; flags as words. What could mean two values
(``12,50``, cents of an unnamed currency) is a misfit, and stays as text next to its column.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from roster_platform import documents
from roster_platform.catalogue import DataType
from roster_platform.ingest.money import amount_in

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
_TIMESTAMP = ARROW_TYPES["timestamp"]
# What Python can hold, and so whoever reads the warehouse with it.
_EARLIEST = pa.scalar(datetime.min.replace(tzinfo=UTC), _TIMESTAMP)
_LATEST = pa.scalar(datetime.max.replace(tzinfo=UTC), _TIMESTAMP)
_YEAR_2 = pa.scalar(datetime(2, 1, 1, tzinfo=UTC), _TIMESTAMP)
_NO_DATE = "0001-01-01"
"""How .NET writes that there is no date (``default(DateTime)``)."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_SECOND, _LAST_SECOND = 631_152_000, 4_102_444_800
"""1990 to 2100: numbers in this range count seconds, those 1000 times as large count
milliseconds, and any other number is not a timestamp."""
_LARGEST_EXACT = 2**53
_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_COUNTED = re.compile(r"\d{9,}(\.\d+)?", re.ASCII)
_DOTNET_DATE = re.compile(r"/Date\((-?\d+)([+-]\d{4})?\)/", re.ASCII)
_RFC_2822 = re.compile(
    r"(?:[A-Za-z]{3},\s*)?\d{1,2}\s+[A-Za-z]{3}\s+\d{4}\s+\d{2}:\d{2}(:\d{2})?"
    r"\s+([+-]\d{4}|GMT|UTC?|Z)",
    re.ASCII,
)
_NAMED_UTC = re.compile(r"\s*(?:UTC|GMT)$")
_FLAGS = {
    **dict.fromkeys(("true", "yes", "y", "t", "1", "on"), True),
    **dict.fromkeys(("false", "no", "n", "f", "0", "off"), False),
}
_SCALE = Decimal(1).scaleb(-DECIMAL.scale)
# What sums of doubles add beyond the digits that were meant.
_FLOAT_NOISE = Decimal("1e-6")
_ROUNDED = f"rounded to {DECIMAL.scale} decimals"
_MISFITS = (ValueError, TypeError, InvalidOperation, OverflowError)


class _Inexact(Exception):
    """A value that is close to what was sent, and what was done to it."""

    def __init__(self, value: Any, problem: str, *, keeps_text: bool) -> None:
        super().__init__(problem)
        self.value = value
        self.problem = problem
        self.keeps_text = keeps_text


@dataclass(frozen=True)
class Converted:
    """A column converted value by value.

    ``texts`` has what did not fit, or not exactly, ``currencies`` the currency of each
    amount that came with one.
    """

    values: pa.Array
    texts: pa.Array
    currencies: pa.Array
    misfits: int
    problems: Mapping[str, int]


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


def convert_each(values: Values, data_type: DataType) -> Converted:
    """Convert a column value by value; what does not fit stays as text."""
    convert = _ONE[data_type]
    if isinstance(values, pa.Array):
        values = values.to_pylist()
    converted: list[Any] = [None] * len(values)
    texts: list[str | None] = [None] * len(values)
    currencies: list[str | None] = [None] * len(values)
    misfits = 0
    problems: Counter[str] = Counter()
    for place, value in enumerate(values):
        if value is None:
            continue
        try:
            if data_type == "decimal" and isinstance(value, dict):
                amount, currencies[place] = amount_in(value)
                converted[place] = None if amount is None else convert(amount)
            else:
                converted[place] = convert(value)
        except _Inexact as inexact:
            converted[place] = inexact.value
            problems[inexact.problem] += 1
            texts[place] = as_text(value) if inexact.keeps_text else None
        except _MISFITS:
            currencies[place] = None
            misfits += 1
            texts[place] = as_text(value)
    return Converted(
        pa.array(converted, ARROW_TYPES[data_type]),
        pa.array(texts, pa.string()),
        pa.array(currencies, pa.string()),
        misfits,
        problems,
    )


def as_text(value: Any) -> str | None:
    """Return a value as text: strings as they are, everything else as JSON."""
    return value if isinstance(value, str) else _as_json(value)


def as_timestamp(value: Any) -> datetime | None:
    """Return a value as a timestamp (UTC); None where it is not one, or no date."""
    try:
        return None if value is None else _one_timestamp(value)
    except _MISFITS:
        return None


def latest(values: Values, than: str | None) -> str | None:
    """Return the latest of some timestamps, as it was sent, and of ``than``."""
    timestamps = convert_all(values, "timestamp")
    if timestamps is None:
        timestamps = convert_each(values, "timestamp").values
    newest = pc.max(timestamps)
    before = as_timestamp(than)
    if not newest.is_valid or (before and newest.as_py() <= before):
        return than
    sent = values[pc.index(timestamps, newest).as_py()]
    return as_text(sent.as_py() if isinstance(values, pa.Array) else sent)


def _as_json(value: Any) -> str | None:
    return None if value is None else documents.dumps(value).decode()


def _are_integers(values: Sequence[Any]) -> bool:
    return set(map(type, values)) <= {int, type(None)}


def _text(values: Values) -> pa.Array:
    if isinstance(values, pa.Array):
        return values
    if _are_integers(values):
        return pc.cast(pa.array(values, pa.int64()), pa.string())
    return pa.array(values, pa.string())


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
            factor * _FIRST_SECOND <= ends["min"].as_py()
            and ends["max"].as_py() < factor * _LAST_SECOND
        ):
            return pc.cast(pc.cast(numbers, pa.timestamp(unit, tz="UTC")), _TIMESTAMP)
    raise ValueError


def _without_no_dates(values: pa.Array, texts: pa.Array) -> pa.Array:
    is_no_date = pc.match_substring_regex(texts, rf"^{_NO_DATE}([T ]00:00:00|$)")
    return pc.if_else(is_no_date, pa.scalar(None, values.type), values)


def _date_column(values: Values) -> pa.Array:
    texts = _text(values)
    dates = pc.cast(texts, pa.date32())
    first = pc.min(dates).as_py()
    if first is not None and first.year == 1:
        dates = _without_no_dates(dates, texts)
    return dates


def _json(values: Values) -> pa.Array:
    return pa.array(map(_as_json, values), pa.string())


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


_NONE = type(None)
_JSON_TYPES: Mapping[DataType, set[type]] = {
    "text": {str, _NONE},
    "timestamp": {str, _NONE},
    "date": {str, _NONE},
    "bigint": {int, _NONE},
    "decimal": {int, float, str, _NONE},
    "bool": {bool, _NONE},
}


def as_key(value: Any) -> str:
    """Return a value as text, integers and keys as their digits."""
    # An id that some serializer made a float of is no other id; beyond this size nobody
    # knows the digits that were meant.
    if isinstance(value, float) and value.is_integer() and abs(value) < _LARGEST_EXACT:
        value = int(value)
    return as_text(value) or ""


def _one_bigint(value: Any) -> int:
    if isinstance(value, bool) or (
        isinstance(value, float)
        and not (value.is_integer() and abs(value) < _LARGEST_EXACT)
    ):
        raise ValueError
    if isinstance(value, str) and not _INTEGER.fullmatch(value):
        raise ValueError
    number = int(value)
    if not -(2**63) <= number < 2**63:
        raise OverflowError
    return number


def _one_double(value: Any) -> float:
    if isinstance(value, bool):
        raise ValueError
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        raise ValueError
    number = float(value)
    if not math.isfinite(number) or (isinstance(value, int) and int(number) != value):
        raise ValueError
    return number


def _one_decimal(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        raise ValueError
    number = Decimal(_amount(str(value)))
    rounded = number.quantize(_SCALE)
    if len(rounded.as_tuple().digits) > DECIMAL.precision:
        raise ValueError
    if rounded == number:
        return rounded
    if abs(rounded - number) < _FLOAT_NOISE:
        raise _Inexact(rounded, f"float noise, {_ROUNDED}", keeps_text=False)
    raise _Inexact(rounded, _ROUNDED, keeps_text=True)


# A separator of thousands between groups of three. A comma before the last digits
# ("12,50") would be twelve and a half to some; after a group of thousands it is certain.
_GROUPED = re.compile(
    r"[+-]?\d{1,3}([, '\u2019\u00a0\u2009\u202f])\d{3}(\1\d{3})*(\.\d*)?"
)
_GROUPED_BY_DOTS = re.compile(
    r"[+-]?\d{1,3}(\.\d{3})+,\d{1,2}|[+-]?\d{1,3}(\.\d{3}){2,}"
)
_GROUPED_BY_BLANKS = re.compile(
    r"[+-]?\d{1,3}([ '\u2019\u00a0\u2009\u202f])\d{3}(\1\d{3})*,\d{1,2}"
)
_CURRENCY_CODE = re.compile(r"^[A-Za-z]{3}(?=[\s\d.+-])|(?<=[\s\d.])[A-Za-z]{3}$")


def _amount(text: str) -> str:
    """The number in an amount: ``12.00 USD``, ``€12``, ``$1,200.50``, ``1.234,50``.

    Raises ValueError where it is not certain which number that is.
    """
    text = _CURRENCY_CODE.sub("", text.strip())
    text = "".join(c for c in text if unicodedata.category(c) != "Sc").strip()
    if _GROUPED_BY_DOTS.fullmatch(text):
        text = text.replace(".", "").replace(",", ".")
    elif match := _GROUPED_BY_BLANKS.fullmatch(text):
        text = text.replace(match[1], "").replace(",", ".")
    elif match := _GROUPED.fullmatch(text):
        text = text.replace(match[1], "")
    if not _NUMBER.fullmatch(text):
        raise ValueError
    return text


def _one_bool(value: Any) -> bool:
    if isinstance(value, str):
        value = _FLAGS.get(value.strip().lower())
    if isinstance(value, bool):
        return value
    if value in (0, 1):
        return bool(value)
    raise ValueError


def _one_timestamp(value: Any) -> datetime | None:
    if isinstance(value, bool):
        raise ValueError
    if isinstance(value, int | float):
        return _counted(Decimal(str(value)))
    if not isinstance(value, str):
        raise ValueError
    text = value.strip()
    if _is_no_date(text):
        return None
    if _COUNTED.fullmatch(text):
        return _counted(Decimal(text))
    if match := _DOTNET_DATE.fullmatch(text):
        return _EPOCH + timedelta(milliseconds=int(match[1]))
    return _in_utc(_parsed(text))


def _parsed(text: str) -> datetime:
    """A timestamp in ISO 8601 or RFC 2822, with or without a zone."""
    if _RFC_2822.fullmatch(text):
        return parsedate_to_datetime(text)
    return datetime.fromisoformat(_NAMED_UTC.sub("Z", text))


def _in_utc(timestamp: datetime) -> datetime:
    if timestamp.tzinfo is None:
        return timestamp.replace(tzinfo=UTC)
    return timestamp.astimezone(UTC)


def _counted(number: Decimal) -> datetime:
    for factor in (1, 1000):
        if factor * _FIRST_SECOND <= number < factor * _LAST_SECOND:
            return _EPOCH + timedelta(microseconds=int(number * (1_000_000 // factor)))
    raise ValueError


def _is_no_date(text: str) -> bool:
    return text == _NO_DATE or text.startswith(
        (f"{_NO_DATE}T00:00:00", f"{_NO_DATE} 00:00:00")
    )


def _one_date(value: Any) -> date | None:
    is_text = isinstance(value, str)
    if is_text and _is_no_date(text := value.strip()):
        return None
    # Midnight where the text says so, whatever its zone.
    timestamp: datetime | None
    if is_text and not _COUNTED.fullmatch(text) and not _DOTNET_DATE.fullmatch(text):
        timestamp = _parsed(text)
    else:
        timestamp = _one_timestamp(value)
    if timestamp is None:
        return None
    if timestamp.time() != datetime.min.time():
        raise ValueError
    return timestamp.date()


_ONE: Mapping[DataType, Callable[[Any], Any]] = {
    "text": as_key,
    "bigint": _one_bigint,
    "double": _one_double,
    "decimal": _one_decimal,
    "bool": _one_bool,
    "timestamp": _one_timestamp,
    "date": _one_date,
    "json": _as_json,
}
