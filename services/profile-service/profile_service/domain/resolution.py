"""Who is behind each touchpoint of a batch: founds fragments, attaches identifiers, merges customers.

The outcome is that of taking the touchpoints one by one. Without limits the resulting sets of identifiers are the
connected components, whatever the order; where a limit decides, it decides by the order met, and says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple
from uuid import UUID

from profile_service.domain.decisions import Attachment, Merge, Refusal, Resolution
from profile_service.domain.fragments import fragment_id, merge_id
from profile_service.domain.identity import (
    FIRST_VERSION,
    Census,
    Identifier,
    IdentityRules,
    Known,
    Membership,
    Sighting,
)

TOO_MANY_FRAGMENTS = "fragments_per_customer"
MAY_NOT_LINK = "may_link"
TOO_MANY_VALUES = "limit"


class Stake(NamedTuple):
    """What a batch may change: customers that need locks and a census, and the identifiers that decide about it."""

    customers: set[UUID]
    hashes: set[bytes]


def find_stake(sightings: Iterable[Sighting], known: Known) -> Stake:
    """Return the customers that may gain an identifier or take part in a merge, as far as `known` tells."""
    stake = Stake(set(), set())
    owner_of = known.owners.get
    for sighting in sightings:
        identifiers = sighting.identifiers
        if len(identifiers) < 2:
            continue
        owners = {owner_of(identifier.hash) for identifier in identifiers}
        if len(owners) > 1:
            customers = {known.memberships[owner].customer_id for owner in owners if owner is not None}
            if None in owners or len(customers) > 1:
                stake.customers.update(customers)
                stake.hashes.update(identifier.hash for identifier in identifiers)
    return stake


def resolve(sightings: Sequence[Sighting], known: Known, rules: IdentityRules) -> Resolution:
    """Resolve a batch in its order; `known` is brought to the state after it.

    `known` must hold the owners of all identifiers of the batch that were ever seen, and the census of all customers
    in `find_stake`.
    """
    resolver = _Resolver(known, rules)
    for position, sighting in enumerate(sightings):
        resolver.place(position, sighting)
    return resolver.resolution


class _Resolver:
    def __init__(self, known: Known, rules: IdentityRules) -> None:
        self._known = known
        self._rules = rules
        self._unlinking = frozenset(name for name, rule in rules.types.items() if not rule.may_link)
        self.resolution = Resolution()

    def place(self, position: int, sighting: Sighting) -> None:
        """Place one touchpoint: at the fragment of its strongest identifier, which it links with its others."""
        identifiers = self._linking_first(sighting.identifiers)
        owners = self._known.owners
        home = owners.get(identifiers[0].hash) if identifiers else None
        if home is None:
            home = self._new_home(position, sighting, identifiers)
        self.resolution.placements.append(home)
        for identifier in identifiers[1:]:
            owner = owners.get(identifier.hash)
            if owner is None:
                self._attach(position, identifier, home, identifiers[0])
            elif owner != home:
                self._link(position, sighting, identifier, (home, owner), identifiers[0])

    def _linking_first(self, identifiers: Sequence[Identifier]) -> Sequence[Identifier]:
        """Order those that may link before those that may not, else as they come."""
        if len(identifiers) < 2 or not any(self._is_unlinking(identifier.type) for identifier in identifiers):
            return identifiers
        return sorted(identifiers, key=lambda identifier: self._is_unlinking(identifier.type))

    def _is_unlinking(self, identifier_type: str) -> bool:
        return identifier_type in self._unlinking or identifier_type not in self._rules.types

    def _new_home(self, position: int, sighting: Sighting, identifiers: Sequence[Identifier]) -> UUID:
        """Give an unseen strongest identifier to the strongest known one's fragment, or to a new fragment."""
        for identifier in identifiers[1:]:
            owner = self._known.owners.get(identifier.hash)
            if owner is not None and not self._is_unlinking(identifier.type):
                if self._has_room(owner, identifiers[0].type):
                    self._own(position, identifiers[0], owner)
                    return owner
                break
        founded = fragment_id(sighting.touchpoint_id, sighting.received_at)
        self.resolution.founded[founded] = position
        self._known.memberships[founded] = Membership(founded, FIRST_VERSION)
        self._known.customers[founded] = Census([founded])
        if identifiers:
            self._own(position, identifiers[0], founded)
        return founded

    def _census_of(self, profile_id: UUID) -> Census:
        return self._known.customers[self._known.memberships[profile_id].customer_id]

    def _has_room(self, profile_id: UUID, identifier_type: str) -> bool:
        return (
            self._census_of(profile_id).identifiers[identifier_type] < self._rules.rule(identifier_type).limit
        )

    def _own(self, position: int, identifier: Identifier, profile_id: UUID) -> None:
        self._known.owners[identifier.hash] = profile_id
        self._census_of(profile_id).identifiers[identifier.type] += 1
        self.resolution.attachments.append(Attachment(identifier.hash, identifier.type, profile_id, position))

    def _attach(self, position: int, identifier: Identifier, home: UUID, strongest: Identifier) -> None:
        """Attach an unseen identifier; one that finds no room stays unseen, so that it may found or join later."""
        if self._has_room(home, identifier.type):
            self._own(position, identifier, home)
        else:
            self._refuse(position, strongest, identifier, TOO_MANY_VALUES, identifier.type)

    def _link(
        self,
        position: int,
        sighting: Sighting,
        identifier: Identifier,
        fragments: tuple[UUID, UUID],
        strongest: Identifier,
    ) -> None:
        """Merge the customers of two fragments, unless they are one already or a rule refuses."""
        memberships = self._known.memberships
        survivor, absorbed = sorted(
            (memberships[profile_id].customer_id for profile_id in fragments), key=_number
        )
        if survivor == absorbed:
            return
        if self._is_unlinking(identifier.type):
            self._refuse(position, strongest, identifier, MAY_NOT_LINK, identifier.type)
            return
        refusal = self._limit_against(self._known.customers[survivor], self._known.customers[absorbed])
        if refusal is not None:
            self._refuse(position, strongest, identifier, *refusal)
            return
        self.resolution.merges.append(
            Merge(
                merge_id(survivor, absorbed, sighting.touchpoint_id),
                survivor,
                absorbed,
                self._absorb(survivor, absorbed),
                sighting.touchpoint_id,
                identifier.type,
                identifier.hash,
                *fragments,
                strongest.hash,
            )
        )

    def _absorb(self, survivor: UUID, absorbed: UUID) -> tuple[tuple[UUID, int], ...]:
        """Give all fragments of one customer to another; return them with their new versions."""
        memberships = self._known.memberships
        kept, given = self._known.customers[survivor], self._known.customers.pop(absorbed)
        moved = tuple((profile_id, memberships[profile_id].version + 1) for profile_id in given.fragments)
        memberships.update((profile_id, Membership(survivor, version)) for profile_id, version in moved)
        kept.fragments += given.fragments
        kept.identifiers += given.identifiers
        self._known.joined.add(survivor)
        return moved

    def _limit_against(self, kept: Census, given: Census) -> tuple[str, str] | None:
        """Return why these two customers may not become one (reason, type), or None."""
        if len(kept.fragments) + len(given.fragments) > self._rules.fragments_per_customer:
            return TOO_MANY_FRAGMENTS, ""
        for identifier_type in sorted(given.identifiers):
            together = kept.identifiers[identifier_type] + given.identifiers[identifier_type]
            if together > self._rules.rule(identifier_type).limit:
                return TOO_MANY_VALUES, identifier_type
        return None

    def _refuse(
        self, position: int, strongest: Identifier, identifier: Identifier, reason: str, rule_type: str
    ) -> None:
        self.resolution.refusals.append(
            Refusal(position, strongest.hash, identifier.hash, identifier.type, reason, rule_type)
        )


def _number(customer_id: UUID) -> int:
    return customer_id.int
