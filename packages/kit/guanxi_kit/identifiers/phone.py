"""Telephone numbers to E.164."""

from __future__ import annotations

import re

import phonenumbers

# Both shapes are already what phonenumbers would make of them, which costs it some 30 microseconds.
_CHINESE_MOBILE = re.compile(r"(?:(?:\+|00)?86)?[ -]?(1[3-9][0-9])[ -]?([0-9]{4})[ -]?([0-9]{4})")
_CHINESE_E164 = re.compile(r"\+861[3-9][0-9]{9}")
_NANP_E164 = re.compile(r"\+1[2-9][0-9]{2}[2-9][0-9]{6}")
_APOSTROPHES = "'`\u2019"
_POSSIBLE = re.compile(r"(?:tel:)?\(?\+?[0-9][0-9()+\-./~·\s]{2,48}", re.IGNORECASE)


class NotPhoneError(ValueError):
    """The text is no telephone number; the message says why, without repeating it."""


def fast_phone(text: str, region: str) -> str | None:
    """Return the E.164 form of the most frequent shapes, or None when `slow_phone` must decide."""
    if text.startswith("+") and _CHINESE_E164.fullmatch(text):
        return text
    if region != "CN":
        return None
    if match := _CHINESE_MOBILE.fullmatch(text):
        return f"+86{match[1]}{match[2]}{match[3]}"
    return text if _NANP_E164.fullmatch(text) else None


def slow_phone(text: str, region: str) -> str:
    """Return the E.164 form of a number written in any way. Raises NotPhoneError.

    A number of the home country must be assigned; a foreign one need only have a possible length, because
    the known ranges of other countries age faster than they are updated here. What spreadsheets and data frames do to
    numbers is undone: an apostrophe in front, `.0` behind.
    """
    text = text.lstrip(_APOSTROPHES).removesuffix(".0")
    if not _POSSIBLE.fullmatch(text):
        raise NotPhoneError("is not a telephone number")
    try:
        number = phonenumbers.parse(text.lower().removeprefix("tel:"), region)
    except phonenumbers.NumberParseException as error:
        raise NotPhoneError("is not a telephone number") from error
    if number.extension:
        raise NotPhoneError("has an extension, so it is a shared line")
    home = number.country_code == phonenumbers.country_code_for_region(region)
    fits = phonenumbers.is_valid_number(number) if home else phonenumbers.is_possible_number(number)
    if not fits:
        raise NotPhoneError("is not a possible telephone number")
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
