"""Stories of people who merge and part again, as the events that the other services hear of."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from guanxi_contracts.customer import CustomerMergedV1, CustomerSplitV1, MovedFragment
from profile_service.domain.parting import Edge, part

AT = datetime(2024, 5, 1, 8, tzinfo=UTC)


def merged(into: UUID, absorbed: UUID, moved: dict[UUID, int], merge_id: UUID) -> CustomerMergedV1:
    """A merge with the new versions of the fragments that moved."""
    return CustomerMergedV1(
        merge_id=merge_id,
        customer_id=into,
        absorbed_customer_id=absorbed,
        moved=[MovedFragment(profile_id, version) for profile_id, version in moved.items()],
        touchpoint_id=merge_id,
        identifier_type="phone",
        merged_at=AT,
    )


def split(into: UUID, parted_from: UUID, moved: dict[UUID, int], merge_id: UUID) -> CustomerSplitV1:
    """An undone merge with the new versions of the fragments that left."""
    return CustomerSplitV1(
        merge_id=merge_id,
        customer_id=into,
        parted_from=parted_from,
        moved=[MovedFragment(profile_id, version) for profile_id, version in moved.items()],
        split_at=AT,
    )


@dataclass
class Story:
    """Merges and undos by chance; `memberships` says who belongs where at this moment, with the version."""

    chance: random.Random
    memberships: dict[UUID, tuple[UUID, int]]
    edges: list[Edge] = field(default_factory=list)
    events: list[CustomerMergedV1 | CustomerSplitV1] = field(default_factory=list)

    @classmethod
    def of(cls, size: int, chance: random.Random) -> Story:
        """Begin with people numbered from 1, each alone."""
        people = [UUID(int=number) for number in range(1, size + 1)]
        return cls(chance, {person: (person, 1) for person in people})

    def go_on(self) -> None:
        """Merge two people, or undo a merge."""
        one, other = self.chance.sample(sorted(self.memberships), 2)
        if self._customer(one) == self._customer(other):
            self.undo(self.chance.choice([edge for edge in self.edges if self._touches(edge, one)]))
        else:
            self.merge(one, other)

    def merge(self, one: UUID, other: UUID) -> None:
        """Tie two people of different customers."""
        into, absorbed = sorted((self._customer(one), self._customer(other)))
        merge_id = UUID(int=10**6 + len(self.events))
        self.edges.append(Edge(merge_id, one, other))
        self.events.append(merged(into, absorbed, self._move(self._members(absorbed), into), merge_id))

    def undo(self, edge: Edge) -> None:
        """Take a tie away."""
        whole = self._customer(edge.home_profile_id)
        parting = part(
            self._members(whole), [e for e in self.edges if self._touches(e, whole)], edge.merge_id
        )
        self.edges.remove(edge)
        moved = self._move(sorted(parting.leaving), parting.customer_id)
        self.events.append(split(parting.customer_id, whole, moved, edge.merge_id))

    def _customer(self, person: UUID) -> UUID:
        return self.memberships[person][0]

    def _members(self, customer: UUID) -> list[UUID]:
        return [person for person, (belongs, _) in self.memberships.items() if belongs == customer]

    def _touches(self, edge: Edge, person: UUID) -> bool:
        return self._customer(edge.home_profile_id) == self._customer(person)

    def _move(self, people: list[UUID], customer: UUID) -> dict[UUID, int]:
        moved = {person: self.memberships[person][1] + 1 for person in people}
        self.memberships |= {person: (customer, version) for person, version in moved.items()}
        return moved
