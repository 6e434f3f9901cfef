"""A person as two records of one are compared: normalised columns, each absent where nothing is known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import get_type_hints

COMMON = 200
"""A blocking key that more people share than this says too little: nobody is compared because of it."""


@dataclass(frozen=True, slots=True)
class Person:
    """Comparable columns of one customer; text is lower-case ASCII where a writing system allows it.

    `given` and `family` are as in Latin letters (pinyin of Chinese names), `*_han` the Chinese characters. Dates are
    digits: `birthday` YYYYMMDD, the other three its parts and the day and month swapped. Phones are digits.
    """

    given: str | None = None
    family: str | None = None
    given_han: str | None = None
    family_han: str | None = None
    given_head: str | None = None
    given_tail: str | None = None
    birthday: str | None = None
    birth_swapped: str | None = None
    birth_year_month: str | None = None
    birth_year_day: str | None = None
    birth_month_day: str | None = None
    street: str | None = None
    house: str | None = None
    locality: str | None = None
    postcode: str | None = None
    gender: str | None = None
    phones: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    mailboxes: tuple[str, ...] = ()

    @property
    def is_comparable(self) -> bool:
        """Whether there is a name, without which nobody can be told from the rest of a household."""
        return self.given is not None or self.family is not None


LISTS = frozenset(name for name, kind in get_type_hints(Person).items() if kind == tuple[str, ...])
COLUMNS = tuple(field.name for field in fields(Person))
KEYS = (
    "name", "name_year", "birth_family", "birth_given", "birth_area", "birth_street", "home", "street_area",
    "street_place", "house_area", "family_area", "given_area", "phone", "phone_head", "phone_tail", "mailbox",
    "birthday", "family", "given", "area",
)  # fmt: skip
"""Kinds of blocking keys: two people are compared when they share a value of one kind."""

WIDE_KEYS = ("birthday", "family", "given", "area")
"""Kinds that find what several errors hide, where there are not too many people for them."""

MOST_PAIRS = 10
"""Pairs for each person that a wide kind may bring; beyond that it is left out."""

ONLINE_KEYS = frozenset((
    "name", "name_year", "birth_family", "birth_given", "home", "given_area", "phone", "phone_head", "phone_tail",
    "mailbox",
))  # fmt: skip
"""Kinds that find candidates for one customer at a time; the others are for the search among all."""

ONLINE_COMMON = 30
"""As `COMMON`, for one customer at a time."""


def blocking_keys(person: Person) -> Iterator[tuple[str, str]]:
    """Yield (kind, value) of a person, at most one of each kind.

    Given and family name go in alphabetical order, so that swapping them makes no difference.
    """
    names = sorted(name for name in (person.given, person.family) if name)
    if len(names) > 1:
        yield "name", " ".join(names)
        if person.birthday:
            yield "name_year", f"{' '.join(names)} {person.birthday[:4]}"
    for kind, value in (("birthday", person.birthday), ("family", person.family), ("given", person.given)):
        if value:
            yield kind, value
    yield from _birth_keys(person)
    yield from _home_keys(person)
    yield from _contact_keys(person)


def _birth_keys(person: Person) -> Iterator[tuple[str, str]]:
    if not person.birthday:
        return
    if person.family:
        yield "birth_family", f"{person.birthday} {person.family[0]}"
    if person.given:
        yield "birth_given", f"{person.birthday} {person.given[0]}"
    if area := person.postcode or person.locality:
        yield "birth_area", f"{person.birthday} {area}"
    if person.street:
        yield "birth_street", f"{person.birthday} {person.street[:5]}"


def _home_keys(person: Person) -> Iterator[tuple[str, str]]:
    if person.street and person.house:
        yield "home", f"{person.house} {person.street}"
    if person.street and person.locality:
        yield "street_place", f"{person.locality} {person.street[:6]}"
    if area := person.postcode or person.locality:
        yield "area", area
    if not person.postcode:
        return
    if person.street:
        yield "street_area", f"{person.postcode} {person.street[:6]}"
    if person.house:
        yield "house_area", f"{person.postcode} {person.house}"
    if person.family:
        yield "family_area", f"{person.postcode} {person.family}"
    if person.given:
        yield "given_area", f"{person.postcode} {person.given}"


def _contact_keys(person: Person) -> Iterator[tuple[str, str]]:
    if person.phones:
        phone = person.phones[0]
        yield "phone", phone
        if len(phone) > 7:
            yield "phone_head", f"{phone[:-4]} {person.given[0] if person.given else ''}"
            yield "phone_tail", phone[-6:]
    if person.mailboxes:
        yield "mailbox", person.mailboxes[0]
