"""What a batch may change, found before it is resolved: whom to lock, and whom to count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from profile_service.domain.census import Known
from profile_service.domain.guards import Guards
from profile_service.domain.identity import IdentityRules, Sighting


@dataclass(slots=True)
class Stake:
    """`customers` may gain or lose an identifier or take part in a merge; `merging` are those who may meet another.

    `hashes` of identifiers and `named` fragments decide about it.
    """

    customers: set[UUID] = field(default_factory=set)
    merging: set[UUID] = field(default_factory=set)
    hashes: set[bytes] = field(default_factory=set)
    named: set[UUID] = field(default_factory=set)


def find_stake(sightings: Iterable[Sighting], known: Known, rules: IdentityRules) -> Stake:
    """Return what a batch may change, as far as `known` tells."""
    stake = Stake()
    deciding, owner_of, memberships = Guards(known, rules).deciding, known.owners.get, known.memberships
    brought: Counter[bytes] = Counter()
    reached: list[tuple[set[UUID], list[bytes]]] = []
    for sighting in sightings:
        named = sighting.profile_id
        if named is None and len(sighting.identifiers) < 2:
            # It changes nobody, but what it brings a later one of the batch may link.
            for identifier in sighting.identifiers:
                if owner_of(identifier.hash) is None:
                    brought[identifier.hash] += 1
            continue
        there: set[UUID | None] = {named if named in memberships else None} if named is not None else set()
        owners = there.union([owner_of(identifier.hash) for identifier in sighting.identifiers])
        if len(owners) == 1 and None not in owners:
            # Most touchpoints: whichever of these identifiers decide, they are all of one customer.
            continue
        identifiers = deciding(sighting.identifiers)
        if len(identifiers) != len(sighting.identifiers):
            owners = there.union([owner_of(identifier.hash) for identifier in identifiers])
        customers = {memberships[owner].customer_id for owner in owners if owner is not None}
        if None in owners:
            unseen = [identifier.hash for identifier in identifiers if owner_of(identifier.hash) is None]
            brought.update(unseen)
            reached.append((customers, unseen))
        elif len(customers) == 1:
            continue
        if customers:
            stake.customers |= customers
            stake.hashes.update(identifier.hash for identifier in identifiers)
            stake.named |= {named} if named is not None else set()
        if len(customers) > 1:
            stake.merging |= customers
    # An unseen identifier that several touchpoints bring may lead from one customer to the next.
    for customers, unseen in reached:
        if any(brought[hash_] > 1 for hash_ in unseen):
            stake.merging |= customers
    return stake
