"""What staff see of phone numbers and e-mail addresses in content: enough to recognise, too little to contact."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

MASK = "****"
_MAIL = re.compile(r"[\w.+'-]+(?:@|%40)[\w-]+(?:\.[\w-]+)+")
_PHONE = re.compile(r"(?<![\w+])\+?\d(?:[\s().-]{0,2}\d){6,18}(?!\w)")
_PHONE_NAMES = frozenset(("phone", "mobile", "telephone", "tel", "cell", "fax", "手机", "手机号", "电话"))
_CAMEL = re.compile(r"([a-z])([A-Z])")
_SEPARATOR = re.compile(r"[\W_\d]+")


def mask_phone(value: str) -> str:
    """Return the first three and last two characters of a phone number."""
    return MASK if len(value) < 8 else f"{value[:3]}{MASK}{value[-2:]}"


def mask_email(value: str) -> str:
    """Return the first character and the domain of an e-mail address."""
    local, at, domain = value.replace("%40", "@").rpartition("@")
    return f"{local[:1]}{MASK}@{domain}" if at else MASK


def mask_content(value: Any, name: str = "") -> Any:
    """Return JSON content with phone numbers and e-mail addresses masked, by name and wherever texts have them."""
    if isinstance(value, str):
        return mask_phone(value) if _names_phone(name) else _mask_text(value)
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float):
        return mask_phone(str(value)) if _names_phone(name) else _mask_number(value)
    if isinstance(value, Mapping):
        return {key: mask_content(inner, str(key)) for key, inner in value.items()}
    if isinstance(value, Sequence):
        return [mask_content(inner, name) for inner in value]
    return value


def _names_phone(name: str) -> bool:
    words = _SEPARATOR.split(_CAMEL.sub(r"\1 \2", name).lower())
    return any(word in _PHONE_NAMES for word in words)


def _mask_number(value: float) -> float | str:
    return mask_phone(str(value)) if isinstance(value, int) and _is_dialled(str(value)) else value


def _mask_text(value: str) -> str:
    masked = value
    if "@" in value or "%40" in value:
        masked = _MAIL.sub(lambda found: mask_email(found[0]), value)
    return _PHONE.sub(lambda found: mask_phone(found[0]) if _is_dialled(found[0]) else found[0], masked)


def _is_dialled(text: str) -> bool:
    """A plus, or eleven bare digits as a Chinese mobile number: dates and amounts stay readable."""
    digits = re.sub(r"\D", "", text)
    return text.startswith("+") or (len(digits) == 11 and digits.startswith("1"))
