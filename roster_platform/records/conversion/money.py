"""An amount of money that comes as an object: the amount, and the currency it names.

``{"amount": "12.50", "currency": "USD"}``, ``{"value": 12.5, "currencyCode": "USD"}`` and
``{"amount_cents": 1250, "currency": "USD"}`` are the same. Whatever could mean two amounts
is refused with a ValueError: cents of an unnamed currency, or two amounts that differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from roster_platform.records.field_mapping import style_key

AMOUNT = frozenset({"amount", "value"})
MINOR_AMOUNT = frozenset(
    {
        *("cents", "amountcents", "amountincents", "valueincents", "centamount"),
        *("minor", "minorunits", "amountminor", "amountinminorunits", "minoramount"),
    }
)
CURRENCY = frozenset({"currency", "currencycode", "currencyiso", "isocode", "code"})
_DIGITS = frozenset({"fractiondigits", "exponent", "decimalplaces", "minorunit"})
_IGNORED = frozenset(
    {"type", "symbol", "currencysymbol", "formatted", "display", "displayvalue"}
)
# ISO 4217: the currencies whose minor unit is not a hundredth.
_FRACTION_DIGITS: Mapping[str, int] = {
    code: digits
    for digits, codes in {
        0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
        3: "BHD IQD JOD KWD LYD OMR TND",
        4: "CLF UYW",
    }.items()
    for code in codes.split()
}


def amount_in(money: Mapping[str, Any]) -> tuple[Any, str | None]:
    """Return the amount of a money object, and its currency where it names one.

    Raises ValueError for an object that is not certainly an amount of money.
    """
    parts = {style_key(name): value for name, value in money.items()}
    amounts = [parts[word] for word in AMOUNT & parts.keys()]
    minor = [parts[word] for word in MINOR_AMOUNT & parts.keys()]
    currencies = [parts[word] for word in CURRENCY & parts.keys()]
    known = AMOUNT | MINOR_AMOUNT | CURRENCY | _DIGITS | _IGNORED
    if (
        len(parts) < len(money)
        or parts.keys() - known
        or len(amounts) > 1
        or len(minor) > 1
        or len(currencies) > 1
        or not (amounts or minor)
    ):
        raise ValueError
    currency = _currency(currencies[0] if currencies else None)
    if not minor:
        return amounts[0], currency
    major = _major(minor[0], parts, currency)
    if amounts and _number(amounts[0]) != major:
        raise ValueError
    return major, currency


def _currency(code: Any) -> str | None:
    if code is None or code == "":
        return None
    if isinstance(code, str) and len(code.strip()) == 3 and code.strip().isalpha():
        return code.strip().upper()
    raise ValueError


def _major(
    minor: Any, parts: Mapping[str, Any], currency: str | None
) -> Decimal | None:
    if minor is None:
        return None
    if isinstance(minor, bool) or not isinstance(minor, int | str):
        raise ValueError
    said = [parts[word] for word in _DIGITS & parts.keys()]
    if said and not (isinstance(said[0], int) and 0 <= said[0] <= 4):
        raise ValueError
    if not said and currency is None:
        raise ValueError
    digits = said[0] if said else _FRACTION_DIGITS.get(currency or "", 2)
    if digits != 2 and any("cent" in word for word in MINOR_AMOUNT & parts.keys()):
        # This currency has none.
        raise ValueError
    return _number(int(minor)).scaleb(-digits)


def _number(amount: Any) -> Decimal:
    if isinstance(amount, bool) or not isinstance(amount, str | int | float):
        raise ValueError
    try:
        return Decimal(str(amount))
    except InvalidOperation:
        raise ValueError from None
