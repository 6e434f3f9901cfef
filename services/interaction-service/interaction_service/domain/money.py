"""Amounts of money as integers of the currency's minor unit."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

MAX_MINOR = 10**15
_MAX_EXPONENT = 30
_MAX_TEXT = 40
_SCALES = {digits: Decimal(10**digits) for digits in (0, 2, 3)}

_NO_MINOR_UNIT = frozenset(
    ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF")
)  # fmt: skip
_THREE_DIGITS = frozenset(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"))


class BadAmount(ValueError):
    """The value is no amount of money; the message is a reason that reads after the field's name."""


def minor_digits(currency: str) -> int:
    """Digits behind the point of an ISO 4217 currency: 2 for CNY, 0 for JPY, 3 for KWD."""
    if currency in _NO_MINOR_UNIT:
        return 0
    return 3 if currency in _THREE_DIGITS else 2


def read_number(value: object) -> Decimal:
    """Return a JSON number, or a text that is one: exactly, up to 15 significant digits. Raises BadAmount."""
    if isinstance(value, float):
        value = repr(value)
    elif (
        isinstance(value, bool)
        or not isinstance(value, int | str)
        or (isinstance(value, str) and len(value) > _MAX_TEXT)
    ):
        raise BadAmount("must be a number")
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise BadAmount("must be a number") from None
    if not number.is_finite():
        raise BadAmount("must be a finite number")
    if abs(number.adjusted()) > _MAX_EXPONENT:
        raise BadAmount("is absurdly large or small")
    return number


def to_minor(amount: Decimal, currency: str) -> int:
    """Return `amount` (major units) in minor units, half a unit rounded up.

    Raises BadAmount for a negative amount, and for 10^15 minor units or more, which is no purchase but a mistake.
    """
    if amount < 0:
        raise BadAmount("must not be negative")
    if amount.adjusted() > 18:
        raise BadAmount("is absurdly large")
    minor = int((amount * _SCALES[minor_digits(currency)]).to_integral_value(ROUND_HALF_UP))
    if minor >= MAX_MINOR:
        raise BadAmount("is absurdly large")
    return minor


def to_count(number: Decimal) -> int:
    """Return a quantity as a whole number, half rounded up (1.5 kg count as 2). Raises BadAmount."""
    if number < 0:
        raise BadAmount("must not be negative")
    if number.adjusted() > 8:
        raise BadAmount("is absurdly large")
    return int(number.to_integral_value(ROUND_HALF_UP))
