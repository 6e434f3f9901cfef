"""Persons who act for enterprises: since when, in which role, until when."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple
from uuid import UUID


class ContactKey(NamedTuple):
    """A fragment of an enterprise and one of a person."""

    enterprise_profile_id: UUID
    person_profile_id: UUID


@dataclass(frozen=True, slots=True)
class Contact:
    """What is told of a contact. `told_at` is None where the touchpoint only names the enterprise.

    `states_end`: `until` was entered, None as well; else a contact that is seen after its end has none any more.
    """

    key: ContactKey
    since: datetime
    touchpoint_id: UUID
    told_at: datetime | None = None
    role: str | None = None
    until: datetime | None = None
    states_end: bool = False


def join_contacts(told: Iterable[Contact]) -> list[Contact]:
    """Return one contact for each key: since the first moment, else as told last; the newest role and end count."""
    joined: dict[ContactKey, Contact] = {}
    for contact in sorted(told, key=_place):
        before = joined.get(contact.key)
        joined[contact.key] = contact if before is None else _follow(before, contact)
    return [joined[key] for key in sorted(joined)]


def _place(contact: Contact) -> tuple[bool, datetime, UUID]:
    return contact.told_at is not None, contact.told_at or contact.since, contact.touchpoint_id


def _follow(before: Contact, contact: Contact) -> Contact:
    since = min(before.since, contact.since)
    if contact.told_at is None:
        return replace(before, since=since)
    reopened = before.until is not None and contact.told_at > before.until
    return replace(
        contact,
        since=since,
        role=contact.role or before.role,
        until=contact.until if contact.states_end or reopened else before.until,
        states_end=contact.states_end or before.states_end,
    )
