"""Who is behind each touchpoint of a batch: founds fragments, attaches identifiers, merges customers.

The outcome is that of taking the touchpoints one by one. Without limits the resulting sets of identifiers are the
connected components, whatever the order; where a limit decides, it decides by the order met, and says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from profile_service.domain.census import Census, Known
from profile_service.domain.decisions import (
    MAY_NOT_LINK,
    NOT_VERIFIED,
    OF_ENTERPRISE,
    QUARANTINED,
    TOO_MANY_FRAGMENTS,
    TOO_MANY_MERGES,
    TOO_MANY_VALUES,
    Merge,
    Refusal,
    Resolution,
    Suggestion,
    SuggestionSource,
)
from profile_service.domain.fragments import fragment_id, merge_id
from profile_service.domain.guards import Guards, Trust
from profile_service.domain.identity import FIRST_VERSION, Identifier, IdentityRules, Membership, Sighting
from profile_service.domain.standings import Standings

_REVIEWED: dict[str, SuggestionSource] = {TOO_MANY_FRAGMENTS: "cluster_size", TOO_MANY_MERGES: "merge_rate"}


def resolve(sightings: Sequence[Sighting], known: Known, rules: IdentityRules) -> Resolution:
    """Resolve a batch in its order; `known` is brought to the state after it.

    `known` must hold how all identifiers of the batch stand that were ever seen, the memberships of the fragments it
    names, and the census of all customers in `find_stake`, with the blocks and recent merges of those that may merge.
    """
    resolver = _Resolver(known, rules)
    for position, sighting in enumerate(sightings):
        resolver.place(position, sighting)
    return resolver.resolution


class _Case(NamedTuple):
    """A touchpoint at its place; `strongest` placed it, None where it named the customer."""

    position: int
    sighting: Sighting
    home: UUID
    strongest: Identifier | None


class _Resolver:
    def __init__(self, known: Known, rules: IdentityRules) -> None:
        self._known = known
        self._guards = Guards(known, rules)
        self.resolution = Resolution()
        self._standings = Standings(known, rules, self.resolution)
        self._suggested: set[tuple[UUID, UUID, str]] = set()

    def place(self, position: int, sighting: Sighting) -> None:
        """Place one touchpoint: with the customer it names, or its strongest identifier; link the others to that."""
        identifiers = self._guards.arrange(sighting.identifiers)
        named = sighting.profile_id
        if named is not None and named in self._known.memberships:
            home, strongest = named, None
        else:
            home = self._home(position, sighting, identifiers)
            strongest = identifiers[0] if identifiers else None
            identifiers = identifiers[1:]
        self.resolution.placements.append(home)
        if identifiers:
            case = _Case(position, sighting, home, strongest)
            for identifier in identifiers:
                if home in self._known.enterprises:
                    self._refuse(case, identifier, OF_ENTERPRISE)
                else:
                    self._meet(case, identifier)

    def _home(self, position: int, sighting: Sighting, identifiers: Sequence[Identifier]) -> UUID:
        """Return the fragment of the strongest identifier."""
        if not identifiers:
            return self._found(position, sighting)
        first = identifiers[0]
        if first.hash in self._known.quarantined:
            return self._fragment_of_its_own(position, sighting, first)
        home = self._known.owners.get(first.hash)
        if home is None:
            return self._new_home(position, sighting, identifiers)
        if first.verified:
            self._standings.verify(position, first)
        return home

    def _new_home(self, position: int, sighting: Sighting, identifiers: Sequence[Identifier]) -> UUID:
        """Give an unseen strongest identifier to the strongest known one's fragment, or to a new fragment."""
        first, home = identifiers[0], None
        for identifier in identifiers[1:]:
            owner = self._known.owners.get(identifier.hash)
            if owner is not None and self._joins(identifier):
                if self._guards.has_room(owner, first.type, sighting.occurred_at, through=identifier.type):
                    home = owner
                break
        if home is None:
            home = self._found(position, sighting)
        self._standings.attach(position, first, home, sighting.occurred_at)
        return home

    def _joins(self, identifier: Identifier) -> bool:
        guards = self._guards
        return guards.trust(identifier) is Trust.LINKING and not guards.is_unproven_claim(identifier)

    def _fragment_of_its_own(self, position: int, sighting: Sighting, identifier: Identifier) -> UUID:
        """Return where the traffic goes that has nothing but an identifier in quarantine."""
        own = self._known.quarantined[identifier.hash]
        if own is None:
            own = self._found(position, sighting)
            self._standings.rehome(position, identifier, own)
        return own

    def _found(self, position: int, sighting: Sighting) -> UUID:
        founded = fragment_id(sighting.touchpoint_id, sighting.received_at)
        self.resolution.founded[founded] = position
        self._known.memberships[founded] = Membership(founded, FIRST_VERSION)
        self._known.customers[founded] = Census([founded])
        return founded

    def _meet(self, case: _Case, identifier: Identifier) -> None:
        """Bring another identifier of a placed touchpoint together with its home, as far as it is trusted."""
        owner = self._known.owners.get(identifier.hash)
        memberships = self._known.memberships
        with_home = owner is not None and (
            owner == case.home or memberships[owner].customer_id == memberships[case.home].customer_id
        )
        if with_home:
            if identifier.verified:
                self._standings.verify(case.position, identifier)
            return
        trust = self._guards.trust(identifier)
        if trust is Trust.SHARED:
            self._refuse(case, identifier, QUARANTINED)
        elif trust is Trust.UNPROVEN:
            self._refuse(case, identifier, NOT_VERIFIED)
        elif owner is None:
            self._attach(case, identifier)
        elif trust is Trust.UNLINKING:
            self._refuse(case, identifier, MAY_NOT_LINK)
        elif self._guards.is_unproven_claim(identifier):
            self._take_over(case, identifier)
        else:
            self._link(case, identifier, owner)

    def _attach(self, case: _Case, identifier: Identifier) -> None:
        """Attach an unseen identifier; one that finds no room stays unseen, so that it may found or join later."""
        if self._has_room(case, identifier):
            self._standings.attach(case.position, identifier, case.home, case.sighting.occurred_at)
        else:
            self._refuse(case, identifier, TOO_MANY_VALUES, identifier.type)

    def _take_over(self, case: _Case, identifier: Identifier) -> None:
        """Give an identifier to the first who proves to hold it; whoever only named it keeps all else."""
        if self._has_room(case, identifier):
            self._standings.transfer(case.position, identifier, case.home, recycled=False)
        else:
            self._refuse(case, identifier, TOO_MANY_VALUES, identifier.type)

    def _link(self, case: _Case, identifier: Identifier, owner: UUID) -> None:
        """Merge the customers of two fragments, unless something stands against it."""
        memberships, sighting = self._known.memberships, case.sighting
        strongest_hash = None if case.strongest is None else case.strongest.hash
        one, other = memberships[case.home].customer_id, memberships[owner].customer_id
        survivor, absorbed = (one, other) if one.int < other.int else (other, one)
        objection = self._guards.objection(
            (survivor, absorbed), identifier, strongest_hash, sighting.occurred_at
        )
        if objection is not None:
            self._refuse(case, identifier, *objection)
            if objection.reason == TOO_MANY_VALUES:
                self._yield(case, identifier)
            elif objection.reason in _REVIEWED:
                self._suggest(case, identifier, (survivor, absorbed), _REVIEWED[objection.reason])
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
                case.home,
                owner,
                strongest_hash,
            )
        )
        if identifier.verified:
            self._standings.verify(case.position, identifier)

    def _yield(self, case: _Case, identifier: Identifier) -> None:
        """Decide what becomes of an identifier that two people have who cannot be one.

        Whoever proves to hold it takes it over, once: numbers are given to new holders. After that, and without a
        proof, it is shared.
        """
        first_change = self._known.changes.get(identifier.hash, 0) == 0
        if identifier.verified and first_change and self._has_room(case, identifier):
            self._standings.transfer(case.position, identifier, case.home, recycled=True)
        else:
            self._standings.quarantine(case.position, identifier)

    def _has_room(self, case: _Case, identifier: Identifier) -> bool:
        through = identifier.type if case.strongest is None else case.strongest.type
        return self._guards.has_room(case.home, identifier.type, case.sighting.occurred_at, through=through)

    def _absorb(self, survivor: UUID, absorbed: UUID) -> tuple[tuple[UUID, int], ...]:
        """Give all fragments of one customer to another; return them with their new versions."""
        memberships = self._known.memberships
        given = self._known.customers.pop(absorbed)
        moved = tuple((profile_id, memberships[profile_id].version + 1) for profile_id in given.fragments)
        memberships.update((profile_id, Membership(survivor, version)) for profile_id, version in moved)
        self._known.customers[survivor].absorb(given)
        self._known.joined.add(survivor)
        return moved

    def _suggest(
        self, case: _Case, identifier: Identifier, customers: tuple[UUID, UUID], source: SuggestionSource
    ) -> None:
        key = (*customers, source)
        if key not in self._suggested:
            self._suggested.add(key)
            self.resolution.suggestions.append(Suggestion(*customers, source, identifier.type, case.position))

    def _refuse(self, case: _Case, identifier: Identifier, reason: str, rule_type: str = "") -> None:
        strongest = case.home.bytes if case.strongest is None else case.strongest.hash
        self.resolution.refusals.append(
            Refusal(case.position, strongest, identifier.hash, identifier.type, reason, rule_type)
        )
