"""Makes a comparable person of what is stored of a customer."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from profile_service.adapters.duplicates.addresses import read_address
from profile_service.adapters.duplicates.names import Name, read_name, read_parts
from profile_service.domain.duplicates.person import Person

GIVEN = ("firstName", "first_name", "given_name", "givenName")
FAMILY = ("lastName", "last_name", "family_name", "familyName", "surname")
BIRTHDAY = ("birthday", "birth_date", "birthDate", "date_of_birth", "dob")
PHONES = ("phone", "mobile", "telephone")
EMAILS = ("email",)
TRAITS = frozenset(("name", "address", "gender", *GIVEN, *FAMILY, *BIRTHDAY, *PHONES, *EMAILS))
"""Traits that are looked at."""

TRAITS_OF = {
    "given_name": ("name", *GIVEN, *FAMILY),
    "family_name": ("name", *GIVEN, *FAMILY),
    "birthday": BIRTHDAY,
    "address": ("address",),
    "phone": PHONES,
    "email": EMAILS,
    "gender": ("gender",),
}
"""Traits that a field is made of."""

_HELD = 3
_TELLING = 3
_PLACEHOLDERS = frozenset(("19000101", "19700101", "18991230", "19000000", "00000000", "11111111"))
_YEAR_FIRST = re.compile(r"^\D*(\d{4})\D+(\d{1,2})\D+(\d{1,2})(?:\D|$)")
_YEAR_LAST = re.compile(r"^\D*(\d{1,2})\D+(\d{1,2})\D+(\d{4})\D*$")
_GENDERS = {
    **dict.fromkeys(("m", "male", "man", "男", "男性", "先生"), "m"),
    **dict.fromkeys(("f", "female", "woman", "女", "女性", "女士"), "f"),
}
Normalise = Callable[[str, str], str | None]
"""Returns the normal form of a value of an identifier type, or None."""


def make_person(
    traits: Mapping[str, Any], identifiers: Iterable[tuple[str, str]], normalise: Normalise
) -> Person:
    """Return the comparable columns; `identifiers` are (type, value in clear) of any types."""
    held = list(identifiers)
    name = _name(traits)
    address = read_address(traits.get("address"))
    birthday = _birthday(_first(traits, BIRTHDAY))
    phones = _values("phone", held, _told(traits, PHONES), normalise)
    emails = _values("email", held, _told(traits, EMAILS), normalise)
    han = name.given_han if name.given_han and len(name.given_han) > 1 else None
    year, month, day = (birthday[:4], birthday[4:6], birthday[6:]) if birthday else ("", "", "")
    return Person(
        given=name.given,
        family=name.family,
        given_han=name.given_han,
        family_han=name.family_han,
        given_head=han[0] if han else None,
        given_tail=han[-1] if han else None,
        birthday=birthday,
        birth_swapped=year + day + month or None,
        birth_year_month=year + month or None,
        birth_year_day=f"{year}-{day}" if birthday else None,
        birth_month_day=month + day or None,
        street=address.street,
        house=address.house,
        locality=address.locality,
        postcode=address.postcode,
        gender=_GENDERS.get(str(traits.get("gender", "")).strip().lower()),
        phones=phones,
        emails=emails,
        mailboxes=tuple(dict.fromkeys(box for email in emails if (box := _mailbox(email, name)))),
    )


def _name(traits: Mapping[str, Any]) -> Name:
    given, family = _text(_first(traits, GIVEN)), _text(_first(traits, FAMILY))
    if given or family:
        return read_parts(given, family)
    return read_name(_text(traits.get("name")))


def _first(traits: Mapping[str, Any], names: Iterable[str]) -> Any:
    return next((traits[name] for name in names if traits.get(name) not in (None, "")), None)


def _text(value: Any) -> str:
    return value.strip()[:200] if isinstance(value, str) else ""


def _birthday(value: Any) -> str | None:
    """Return YYYYMMDD as written, be it a day of the calendar or a slip of the pen; None for what is no date."""
    text = str(value).strip() if isinstance(value, str | int) else ""
    digits = re.sub(r"\D", "", text)
    if found := _YEAR_FIRST.match(text):
        digits = found[1] + found[2].zfill(2) + found[3].zfill(2)
    elif found := _YEAR_LAST.match(text):
        day, month = (found[1], found[2]) if int(found[1]) > 12 else (found[2], found[1])
        digits = found[3] + month.zfill(2) + day.zfill(2)
    return digits if len(digits) == 8 and digits not in _PLACEHOLDERS else None


def _told(traits: Mapping[str, Any], names: Iterable[str]) -> list[str]:
    values = (traits.get(name) for name in names)
    return [str(value) for value in values if isinstance(value, str | int) and value]


def _values(
    kind: str, identifiers: Iterable[tuple[str, str]], told: Iterable[str], normalise: Normalise
) -> tuple[str, ...]:
    """Return the newest few values of an identifier type; those that are told wrong stay as they were told."""
    clean = _dialled if kind == "phone" else _mailed
    found = [clean(value) for held, value in identifiers if held == kind]
    found += [clean(normalise(kind, text) or text) for text in told]
    return tuple(dict.fromkeys(value for value in reversed(found) if value))[:_HELD]


def _mailbox(email: str, name: Name) -> str | None:
    """Return what stands before the @, unless it says no more than the name: strangers of one name share that."""
    box = email.partition("@")[0]
    rest = re.sub(r"[\W_]", "", box)
    for part in sorted(filter(None, (name.given, name.family)), key=len, reverse=True):
        rest = rest.replace(part, "", 1)
    return box if len(rest) >= _TELLING else None


def _dialled(value: str) -> str | None:
    digits = re.sub(r"\D", "", value)
    return digits if len(digits) >= 7 else None


def _mailed(value: str) -> str | None:
    return value.lower() if "@" in value[1:] else None
