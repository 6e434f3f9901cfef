"""What staff see of phone numbers and e-mail addresses: enough to recognise, too little to contact or copy."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

PHONE = "phone"
EMAIL = "email"
MASK = "****"
_MAIL = re.compile(r"[^\s@<>\"',;]+@[^\s@<>\"',;]+")
_PHONE = re.compile(r"(?<![\w+])\+?\d(?:[\s().-]{0,2}\d){6,18}(?!\w)")
_PHONE_NAMES = ("phone", "mobile", "telephone", "tel", "cell", "fax")


def mask_phone(value: str) -> str:
    """Return the first three and last two characters of a phone number."""
    return MASK if len(value) < 8 else f"{value[:3]}{MASK}{value[-2:]}"


def mask_email(value: str) -> str:
    """Return the first character and the domain of an e-mail address."""
    local, at, domain = value.rpartition("@")
    return f"{local[:1]}{MASK}@{domain}" if at else MASK


def mask_identifier(identifier_type: str, value: str) -> str:
    """Mask an identifier by its type; other types than phone and e-mail name nobody outside the platform."""
    if identifier_type == PHONE:
        return mask_phone(value)
    return mask_email(value) if identifier_type == EMAIL else value


def mask_trait(name: str, value: object) -> object:
    """Mask phone numbers and e-mail addresses in a trait, by its name and wherever its text (nested too) has them."""
    if isinstance(value, str):
        return mask_phone(value) if _names_phone(name) else _mask_text(value)
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float):
        return mask_phone(str(value)) if _names_phone(name) else value
    if isinstance(value, Mapping):
        return {key: mask_trait(str(key), inner) for key, inner in value.items()}
    if isinstance(value, Sequence):
        return [mask_trait(name, inner) for inner in value]
    return value


def _names_phone(name: str) -> bool:
    words = re.split(r"[^a-z]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", name).lower())
    return any(word in _PHONE_NAMES for word in words)


def _mask_text(value: str) -> str:
    masked = _MAIL.sub(lambda found: mask_email(found[0]), value)
    return _PHONE.sub(lambda found: mask_phone(found[0]) if _is_dialled(found[0]) else found[0], masked)


def _is_dialled(text: str) -> bool:
    """A plus, or eleven bare digits as a Chinese mobile number: dates and amounts stay readable."""
    digits = re.sub(r"\D", "", text)
    return text.startswith("+") or (len(digits) == 11 and digits.startswith("1"))
