"""Journeys, and whom a purchase enrols in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Step:
    """Send `template` over `channel`."""

    channel: str
    template: str


@dataclass(frozen=True, slots=True)
class Journey:
    """What follows a purchase, or a survey of this `form`.

    With `first_only` a customer is enrolled once for ever, over all fragments.

    `version` names this wording of the journey in the ids of its messages. A purchase older than `max_age` starts
    nothing, so that imports of history stay silent; it still was the first, and enrols.
    """

    id: str
    version: str
    first_only: bool
    max_age: timedelta
    steps: tuple[Step, ...]
    form: str | None = None

    def is_too_old(self, occurred_at: datetime, now: datetime) -> bool:
        """True when a purchase of that moment is too long ago to be answered."""
        return now - occurred_at > self.max_age


@dataclass(frozen=True, slots=True)
class PurchaseSeen:
    """A purchase of a fragment, with all fragments its customer was known to have."""

    touchpoint_id: UUID
    profile_id: UUID
    occurred_at: datetime
    people: frozenset[UUID]


@dataclass(frozen=True, slots=True)
class Enrolment:
    """Purchases that belong to one customer: `first` is the earliest of them, `people` all fragments concerned."""

    first: PurchaseSeen
    others: tuple[PurchaseSeen, ...]
    people: frozenset[UUID]


def group_by_customer(purchases: Sequence[PurchaseSeen]) -> list[Enrolment]:
    """Join purchases whose fragments overlap, directly or through others; each group is one customer."""
    root: dict[UUID, UUID] = {}

    def find(person: UUID) -> UUID:
        root.setdefault(person, person)
        while root[person] != person:
            root[person] = root[root[person]]
            person = root[person]
        return person

    for purchase in purchases:
        for person in purchase.people:
            root[find(person)] = find(purchase.profile_id)
    groups: dict[UUID, list[PurchaseSeen]] = {}
    for purchase in purchases:
        groups.setdefault(find(purchase.profile_id), []).append(purchase)
    return [_enrolment(group) for group in groups.values()]


def _enrolment(group: Iterable[PurchaseSeen]) -> Enrolment:
    first, *others = sorted(group, key=lambda purchase: (purchase.occurred_at, purchase.touchpoint_id.bytes))
    return Enrolment(first, tuple(others), first.people.union(*(other.people for other in others)))
