"""Values one by one to their declared types: exact, or reported as a misfit.

A column is converted at once where all of its values have a usual form (``columns``). The
same value in another spelling becomes the same value: money as a number, a text or an
object with its currency; timestamps in ISO 8601, RFC 2822, or counted from 1970; flags as
words. What could mean two values (``12,50``, cents of an unnamed currency) is a misfit, and
stays as text next to its column.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from roster_platform.catalogue import DataType
from roster_platform.records.conversion.arrow_types import ARROW_TYPES, DECIMAL, Values
from roster_platform.records.conversion.columns import convert_all
from roster_platform.records.conversion.money import amount_in
from roster_platform.records.conversion.text import (
    LARGEST_EXACT,
    as_json,
    as_key,
    as_text,
)
from roster_platform.records.conversion.timestamps import (
    FIRST_SECOND,
    LAST_SECOND,
    NO_DATE,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
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


def _one_bigint(value: Any) -> int:
    if isinstance(value, bool) or (
        isinstance(value, float)
        and not (value.is_integer() and abs(value) < LARGEST_EXACT)
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
        if factor * FIRST_SECOND <= number < factor * LAST_SECOND:
            return _EPOCH + timedelta(microseconds=int(number * (1_000_000 // factor)))
    raise ValueError


def _is_no_date(text: str) -> bool:
    return text == NO_DATE or text.startswith(
        (f"{NO_DATE}T00:00:00", f"{NO_DATE} 00:00:00")
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
    "json": as_json,
}
