"""Addresses as text or as objects with parts, brought to street, house, locality and postcode."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any, NamedTuple

from profile_service.adapters.duplicates.names import latin_words, romanise

_PARTS: Mapping[str, tuple[str, ...]] = {
    "street": ("street", "street1", "line1", "address1", "addressLine1", "streetAddress"),
    "more": ("street2", "line2", "address2", "addressLine2"),
    "city": ("city", "suburb", "locality", "town", "district"),
    "region": ("state", "province", "region"),
    "postcode": ("postalCode", "postal_code", "postcode", "zip", "zipCode"),
}
_HAN = re.compile(r"[\u4e00-\u9fff]")
_CHINESE_AREA = re.compile(
    r"^(?:.{2,8}?(?:省|自治区))?(?:.{2,8}?(?:市|自治州|盟))?(?:.{1,8}?(?:区|县|旗|市))?(?:.{1,6}?(?:镇|乡|街道))?"
)
_CHINESE_SUFFIX = re.compile(r"特别行政区|自治区|自治州|街道|[省市区县旗镇乡号楼栋幢座室单元层弄]")
_DIGITS = re.compile(r"\d+[a-z]?(?=\W|$|[^\W\d_])|\d+")
_POSTCODE = re.compile(r"\b(\d{4,6})(?:-\d{4})?\b(?!.*\b\d{4,6}\b)")
_WORDS = {
    "st": "street", "str": "street", "rd": "road", "ave": "avenue", "av": "avenue", "blvd": "boulevard",
    "dr": "drive", "ln": "lane", "ct": "court", "pl": "place", "cres": "crescent", "cct": "circuit",
    "hwy": "highway", "sq": "square", "tce": "terrace", "apt": "", "unit": "", "flat": "", "no": "",
}  # fmt: skip


class Address(NamedTuple):
    """Parts of an address; `house` holds its numbers in order, joined by hyphens."""

    street: str | None = None
    house: str | None = None
    locality: str | None = None
    postcode: str | None = None


def read_address(value: Any) -> Address:
    """Return the comparable parts of an address; empty for what is none."""
    if isinstance(value, Mapping):
        parts = {name: _first(value, keys) for name, keys in _PARTS.items()}
        if parts["street"] or parts["more"] or parts["city"] or parts["postcode"]:
            street, house = _street(f"{parts['street']} {parts['more']}")
            return Address(street, house, _joined(parts["city"]), _joined(parts["postcode"]))
        value = _first(value, ("full", "formatted", "address", "text"))
    text = unicodedata.normalize("NFKC", value).strip().lower() if isinstance(value, str) else ""
    if not text:
        return Address()
    return _read_chinese(text) if _HAN.search(text) else _read_latin(text)


def _first(value: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    found = next((value[key] for key in keys if value.get(key) not in (None, "")), "")
    return str(found) if isinstance(found, str | int) else ""


def _read_chinese(text: str) -> Address:
    text = text.replace(" ", "")
    area = _CHINESE_AREA.match(text)
    place = area[0] if area else ""
    street, house = _street(text[len(place) :])
    postcode = _POSTCODE.search(text)
    return Address(street, house, _joined(place), postcode[1] if postcode and len(postcode[1]) == 6 else None)


def _read_latin(text: str) -> Address:
    pieces = [piece.strip() for piece in re.split(r"[,;\n]", text) if piece.strip()]
    numbered = next((place for place, piece in enumerate(pieces) if re.match(r"\D{0,8}\d", piece)), 0)
    street, house = _street(pieces[numbered])
    rest = " ".join(pieces[:numbered] + pieces[numbered + 1 :])
    postcode = _POSTCODE.search(rest)
    if postcode:
        rest = rest[: postcode.start()] + rest[postcode.end() :]
    return Address(street, house, _joined(rest), postcode[1] if postcode else None)


def _street(text: str) -> tuple[str | None, str | None]:
    text = unicodedata.normalize("NFKC", text).lower()
    house = "-".join(_DIGITS.findall(text)) or None
    return _joined(_DIGITS.sub(" ", text)), house


def _joined(text: str) -> str | None:
    bare = romanise(_CHINESE_SUFFIX.sub("", text))
    return "".join(_WORDS.get(word, word) for word in latin_words(bare)) or None
