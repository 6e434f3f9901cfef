"""Brings any raw value to clean text: NFKC, trimmed, without invisible or control characters."""

from __future__ import annotations

import re
import unicodedata

MAX_LENGTH = 256
_INVISIBLE = re.compile("[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff]")
_REFUSED = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


class NotTextError(ValueError):
    """The raw value cannot be an identifier; the message says why, without repeating the value."""


def clean_text(raw: object) -> str:
    """Return `raw` (text or a whole number) as clean text, at most 256 characters. Raises NotTextError."""
    if not isinstance(raw, str):
        return _number_text(raw)
    if len(raw) > 4 * MAX_LENGTH:
        raise NotTextError(f"is longer than {MAX_LENGTH} characters")
    text = raw.strip()
    if not text.isascii():
        text = _fold(text)
    elif not text.isprintable():
        raise NotTextError("contains a control character")
    if len(text) > MAX_LENGTH:
        raise NotTextError(f"is longer than {MAX_LENGTH} characters")
    return text


def _number_text(raw: object) -> str:
    if isinstance(raw, int) and not isinstance(raw, bool) and -(10**64) < raw < 10**64:
        return str(raw)
    raise NotTextError("must be text or a whole number")


def _fold(text: str) -> str:
    # Invisible characters go first: taken out later they would let letters and accents meet anew.
    text = unicodedata.normalize("NFKC", _INVISIBLE.sub("", text)).strip()
    if any(unicodedata.category(character) in _REFUSED for character in text):
        raise NotTextError("contains a control character")
    return text
