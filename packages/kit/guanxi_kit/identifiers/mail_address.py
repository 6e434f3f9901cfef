"""E-mail addresses to lower case with an ASCII domain."""

from __future__ import annotations

import re

from email_validator import EmailNotValidError, validate_email

_MAX_ADDRESS, _MAX_LOCAL = 254, 64
# Plain addresses that email-validator accepts as they are; it needs some 100 microseconds to say so.
_PLAIN = re.compile(
    r"[a-z0-9_+-]++(?:\.[a-z0-9_+-]++)*+"
    r"@(?:(?!xn--|[a-z0-9]{2}--)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+"
    r"(?!arpa$|invalid$|local$|localhost$|onion$|test$)[a-z]{2,63}"
)


class NotEmailError(ValueError):
    """The text is no e-mail address; the message says why, without repeating it."""


def fast_email(text: str) -> str | None:
    """Return the normal form of a plain address, or None when `slow_email` must decide."""
    lower = text.lower()
    if len(lower) <= _MAX_ADDRESS and lower.find("@") <= _MAX_LOCAL and _PLAIN.fullmatch(lower):
        return lower
    return None


def slow_email(text: str) -> str:
    """Return the normal form of any address, international ones included. Raises NotEmailError. No DNS."""
    try:
        found = validate_email(text.lower(), check_deliverability=False)
    except (EmailNotValidError, UnicodeError) as error:
        raise NotEmailError("is not an e-mail address") from error
    address = f"{found.local_part}@{found.ascii_domain}".lower()
    if len(address) > _MAX_ADDRESS or address.find("@") > _MAX_LOCAL:
        raise NotEmailError("is longer than an e-mail address may be")
    return address
