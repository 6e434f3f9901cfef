"""Finds personal values in JSON content, by the names of fields and by what texts look like."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeVar
from urllib.parse import unquote

from guanxi_kit.masking.formats import (
    mask_address,
    mask_date,
    mask_email,
    mask_name,
    mask_number,
    mask_phone,
)

# A match starts where a local part can start and never gives back what it took: linear in the length of the text.
# To the last @ of a chain: in `0@ada@example.com` or `a@b.com|ada@example.com` a later part is an address as well.
_MAIL = re.compile(r"(?<![\w.+'!$*^`{|}~-])[\w.+'!$*^`{|}~-]++(?:@[\w.+'!$*^`{|}~-]++)+")
# The borders are ASCII: Chinese text has no spaces around a number.
_PHONE = re.compile(r"(?<![A-Za-z0-9_+])\+?\d(?:[\s().-]{0,2}\d){6,18}(?![A-Za-z0-9_])")
_MOBILE = re.compile(r"(?:(?:00)?86)?1\d{10}")
_IP_ADDRESS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
_CAMEL = re.compile(r"([a-z])([A-Z])")
_SEPARATOR = re.compile(r"[\W_\d]+")
# An address in a link is encoded once, in a link inside a link twice.
_ENCODINGS = 2
# What _PHONE matches has as many characters at least; what is shorter and has neither sign hides nothing.
_SHORTEST_PHONE = 7

_PHONE_WORDS = frozenset(
    ("phone", "phones", "phonenumber", "mobile", "telephone", "tel", "cell", "cellphone", "fax", "msisdn")
)
_LONGEST_NAME = 128
Masking = Callable[[str], str]
Result = TypeVar("Result")
# By the name of a field in lower case, its words joined.
_BY_NAME: dict[str, Masking] = {
    **dict.fromkeys(
        ("firstname", "middlename", "lastname", "fullname", "realname", "givenname", "familyname", "surname",
         "nickname", "contactperson", "contactname", "contact", "customername", "guestname", "patientname",
         "recipient", "recipientname", "consignee", "cardholder"),
        mask_name,
    ),
    **dict.fromkeys(
        ("address", "addresses", "homeaddress", "postaladdress", "shippingaddress", "billingaddress",
         "deliveryaddress", "street", "streetaddress", "addressline", "line", "postalcode", "postcode", "zip",
         "zipcode"),
        mask_address,
    ),
    **dict.fromkeys(("birthday", "birthdate", "dateofbirth", "dob", "born"), mask_date),
    **dict.fromkeys(
        ("idcard", "idnumber", "idno", "nationalid", "identitynumber", "passport", "passportnumber", "ssn", "iban",
         "bankcard", "cardnumber", "bankaccount", "accountnumber", "driverslicence", "driverslicense"),
        mask_number,
    ),
}  # fmt: skip
_CHINESE: tuple[tuple[str, Masking], ...] = (
    ("手机", mask_phone),
    ("电话", mask_phone),
    ("身份证", mask_number),
    ("护照", mask_number),
    ("银行卡", mask_number),
    ("姓名", mask_name),
    ("名字", mask_name),
    ("昵称", mask_name),
    ("联系人", mask_name),
    ("收货人", mask_name),
    ("地址", mask_address),
    ("生日", mask_date),
    ("出生", mask_date),
)


def _remembering(decide: Callable[[str], Result]) -> Callable[[str], Result]:
    """Remember what was decided about names of fields; long ones, as hostile senders have, would fill memory."""
    again = lru_cache(maxsize=4096)(decide)
    return lambda name: again(name) if len(name) <= _LONGEST_NAME else decide(name)


def mask_identifier(identifier_type: str, value: str) -> str:
    """Mask an identifier by its type. Other types than phone and e-mail name nobody outside the platform.

    Except where a system took somebody's address or number for its own id of him: that is masked as in any text.
    """
    if identifier_type == "phone":
        return mask_phone(value)
    return mask_email(value) if identifier_type == "email" else _mask_text(value)


def mask_trait(name: str, value: Any, *, names: bool = True) -> Any:
    """Return a trait of a person as it may be shown: as content, and what is called a name is the person's."""
    if name in ("name", "名称") and isinstance(value, str):
        return mask_name(value) if names else value
    return mask_content(value, name, names=names)


def mask_content(value: Any, name: str = "", *, names: bool = True) -> Any:
    """Return JSON content with personal values masked.

    Under a name that says phone, person, address, birthday or document (`name` is the value's own) everything is one;
    elsewhere phone numbers and e-mail addresses are found in texts, in whole numbers and in the names of fields. A
    text that hides one by URL encoding is returned decoded. A bare `name` stays: in content it is mostly a product's.
    Without `names` those of people stay, too.
    """
    shown: Any = value
    masking = _masking(name)
    if masking is mask_name and not names:
        masking = None
    if isinstance(value, str):
        shown = masking(value) if masking else _mask_text(value)
    elif isinstance(value, bool) or value is None:
        shown = value
    elif isinstance(value, int | float):
        shown = masking(str(value)) if masking else _mask_number(value)
    elif isinstance(value, Mapping):
        shown = {
            _shown_name(str(key)): mask_content(inner, str(key), names=names) for key, inner in value.items()
        }
    elif isinstance(value, Sequence):
        shown = [mask_content(inner, name, names=names) for inner in value]
    return shown


@_remembering
def _masking(name: str) -> Masking | None:
    """Return how values under a field's name are masked, None when the name says nothing."""
    words = _SEPARATOR.split(_CAMEL.sub(r"\1 \2", name).lower())
    if not _PHONE_WORDS.isdisjoint(words):
        return mask_phone
    if found := _BY_NAME.get("".join(words)):
        return found
    return next((masking for word, masking in _CHINESE if word in name), None)


@_remembering
def _shown_name(name: str) -> str:
    """Return the name of a field, which may itself hold a number or an address."""
    return _mask_text(name)


def _mask_number(value: float) -> float | str:
    return mask_phone(str(value)) if isinstance(value, int) and _is_dialled(str(value)) else value


def _mask_text(value: str) -> str:
    if len(value) < _SHORTEST_PHONE and "@" not in value and "%" not in value:
        return value
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
