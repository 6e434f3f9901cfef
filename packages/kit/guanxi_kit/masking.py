"""What staff see of phone numbers and e-mail addresses: enough to recognise, too little to contact or copy."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import unquote

MASK: Final = "****"

# A match starts where a local part can start and never gives back what it took: linear in the length of the text.
_MAIL = re.compile(r"(?<![\w.+'!$*^`{|}~-])[\w.+'!$*^`{|}~-]++@[\w-]+(?:\.[\w-]+)*")
# The borders are ASCII: Chinese text has no spaces around a number.
_PHONE = re.compile(r"(?<![A-Za-z0-9_+])\+?\d(?:[\s().-]{0,2}\d){6,18}(?![A-Za-z0-9_])")
_MOBILE = re.compile(r"(?:(?:00)?86)?1\d{10}")
_IP_ADDRESS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
_PHONE_WORDS = frozenset(
    ("phone", "phones", "phonenumber", "mobile", "telephone", "tel", "cell", "cellphone", "fax", "msisdn")
)
_CHINESE_PHONE_WORDS = ("手机", "电话")
_CAMEL = re.compile(r"([a-z])([A-Z])")
_SEPARATOR = re.compile(r"[\W_\d]+")
# An address in a link is encoded once, in a link inside a link twice.
_ENCODINGS = 2


def mask_phone(value: str) -> str:
    """Return the first three and last two characters of a phone number."""
    return MASK if len(value) < 8 else f"{value[:3]}{MASK}{value[-2:]}"


def mask_email(value: str) -> str:
    """Return the first character and the domain of an e-mail address."""
    local, at, domain = value.rpartition("@")
    return f"{local[:1]}{MASK}@{domain}" if at else MASK


def mask_identifier(identifier_type: str, value: str) -> str:
    """Mask an identifier by its type; other types than phone and e-mail name nobody outside the platform."""
    if identifier_type == "phone":
        return mask_phone(value)
    return mask_email(value) if identifier_type == "email" else value


def mask_content(value: Any, name: str = "") -> Any:
    """Return JSON content with phone numbers and e-mail addresses masked.

    Under a name that says phone (`name` is the value's own) everything is one; elsewhere they are found in texts, in
    whole numbers and in the names of fields. A text that hides one by URL encoding is returned decoded.
    """
    if isinstance(value, str):
        return mask_phone(value) if _names_phone(name) else _mask_text(value)
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float):
        return mask_phone(str(value)) if _names_phone(name) else _mask_number(value)
    if isinstance(value, Mapping):
        return {_mask_text(str(key)): mask_content(inner, str(key)) for key, inner in value.items()}
    if isinstance(value, Sequence):
        return [mask_content(inner, name) for inner in value]
    return value


def _names_phone(name: str) -> bool:
    words = _SEPARATOR.split(_CAMEL.sub(r"\1 \2", name).lower())
    return any(word in _PHONE_WORDS for word in words) or any(word in name for word in _CHINESE_PHONE_WORDS)


def _mask_number(value: float) -> float | str:
    return mask_phone(str(value)) if isinstance(value, int) and _is_dialled(str(value)) else value


def _mask_text(value: str) -> str:
    shown = text = _mask_plain(value)
    for _ in range(_ENCODINGS):
        if "%" not in text:
            break
        text = unquote(text)
        masked = _mask_plain(text)
        if masked != text:
            shown = text = masked
    return shown


def _mask_plain(text: str) -> str:
    masked = _MAIL.sub(lambda found: mask_email(found[0]), text) if "@" in text else text
    return _PHONE.sub(lambda found: mask_phone(found[0]) if _is_dialled(found[0]) else found[0], masked)


def _is_dialled(text: str) -> bool:
    """A plus, or digits as of a Chinese mobile number: dates, amounts and IP addresses stay readable."""
    if text.startswith("+"):
        return True
    return _MOBILE.fullmatch(re.sub(r"\D", "", text)) is not None and _IP_ADDRESS.fullmatch(text) is None
