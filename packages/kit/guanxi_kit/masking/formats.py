"""How much of a value is shown: enough to recognise, too little to contact or copy."""

from __future__ import annotations

import re
from typing import Final

MASK: Final = "****"

# International calling codes have one, two or three digits, and none begins another.
_ONE_DIGIT_CODES = frozenset("17")
_TWO_DIGIT_CODES = re.compile(r"2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]")
_HOME = "86"
_HOME_MOBILE = re.compile(r"(?:86)?(1\d{10})")
_NOT_DIGITS = re.compile(r"\D")
_DATE = re.compile(r"(\d{4})\D\d{1,2}\D\d{1,2}(?!\d).*", re.DOTALL)
# The province or the city in front of a Chinese address.
_REGION = re.compile(r"[\u4e00-\u9fff]{2,8}?(?:省|市|自治区|特别行政区)")


def mask_phone(value: str) -> str:
    """Return 138****5678 for a Chinese mobile number, `+44 77****0871` for one of another country.

    Four digits at least are hidden: of shorter numbers less is shown, of very short ones nothing.
    """
    code, national = _split(value)
    digits = len(national)
    first = min(3, max(0, digits - 8))
    last = 4 if digits >= 8 else 2 if digits >= 6 else 0
    if not last:
        return MASK
    prefix = f"+{code} " if code not in ("", _HOME) else ""
    return f"{prefix}{national[:first]}{MASK}{national[-last:]}"


def mask_email(value: str) -> str:
    """Return the first character and the domain of an e-mail address."""
    local, at, domain = value.rpartition("@")
    return f"{local[:1]}{MASK}@{domain}" if at else MASK


def mask_name(value: str) -> str:
    """Return the first character of each word: 张**, A** L**."""
    words = value.split()
    return " ".join(f"{word[0]}**" for word in words[:4]) if words else value


def mask_address(value: str) -> str:
    """Return the province or city that a Chinese address begins with, of others nothing."""
    region = _REGION.match(value.strip())
    return f"{region[0]}{MASK}" if region else MASK


def mask_date(value: str) -> str:
    """Return the year of a date written year first, of others nothing."""
    date = _DATE.fullmatch(value.strip())
    return f"{date[1]}-**-**" if date else MASK


def mask_number(value: str) -> str:
    """Return the last four characters of a document's or card's number."""
    return f"{MASK}{value[-4:]}" if len(value) > 8 else MASK


def _split(value: str) -> tuple[str, str]:
    """Return calling code, empty where none is told, and national number."""
    written, digits = value.strip(), _NOT_DIGITS.sub("", value)
    if written.startswith("00"):
        digits = digits[2:]
    elif not written.startswith(("+", "\uff0b")):
        home = _HOME_MOBILE.fullmatch(digits)
        return (_HOME, home[1]) if home else ("", digits)
    length = 1 if digits[:1] in _ONE_DIGIT_CODES else 2 if _TWO_DIGIT_CODES.match(digits) else 3
    return digits[:length], digits[length:]
