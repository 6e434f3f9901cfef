"""The state that a batch is resolved against, and that it is brought to."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from profile_service.domain.decisions import Standing
from profile_service.domain.identity import Membership, TypeRule


@dataclass(slots=True)
class Census:
    """All fragments of a customer, and how many identifiers of each type they own together, in quarantine aside.

    `seen`: of types whose limit has a window, when each identifier was first seen; `merges`: how many of the
    customer's merges are as recent as the merge rate counts.
    """

    fragments: list[UUID] = field(default_factory=list)
    identifiers: Counter[str] = field(default_factory=Counter)
    seen: dict[str, dict[bytes, datetime]] = field(default_factory=dict)
    merges: int = 0

    def held(self, identifier_type: str, rule: TypeRule, at: datetime) -> int:
        """Return how many identifiers count against a limit at a moment."""
        if rule.window is None:
            return self.identifiers[identifier_type]
        seen = self.seen.get(identifier_type, {})
        return sum(abs(first_seen_at - at) < rule.window for first_seen_at in seen.values())

    def add(self, identifier_type: str, hash_: bytes, first_seen_at: datetime | None) -> None:
        """Count an identifier in; the moment is None where the type has no window."""
        self.identifiers[identifier_type] += 1
        if first_seen_at is not None:
            self.seen.setdefault(identifier_type, {})[hash_] = first_seen_at

    def remove(self, identifier_type: str, hash_: bytes) -> datetime | None:
        """Count an identifier out; return when it was first seen where the type has a window."""
        self.identifiers[identifier_type] -= 1
        return self.seen.get(identifier_type, {}).pop(hash_, None)

    def absorb(self, other: Census) -> None:
        """Take over all that another customer has; the merge itself counts, too."""
        self.fragments += other.fragments
        self.identifiers += other.identifiers
        for identifier_type, seen in other.seen.items():
            self.seen.setdefault(identifier_type, {}).update(seen)
        self.merges += other.merges + 1


class Block(NamedTuple):
    """Evidence of an undone merge: it may not merge the customers of these two fragments again."""

    left_profile_id: UUID
    right_profile_id: UUID
    identifier_hash: bytes
    strongest_hash: bytes | None


@dataclass(slots=True)
class Known:
    """State to resolve against.

    `owners`: fragment of each identifier hash in force; `quarantined`: by hash those in quarantine, with the fragment
    of their own; `verified`, `changes`: what is out of the ordinary about identifiers; `memberships`: at least of
    every fragment named here; `customers`: the census of every customer that the batch may change; `joined`: customers
    of several fragments; `enterprises`: fragments that touchpoints name and that are no person's; `blocks`: by each
    hash they name, the blocks between customers that the batch may merge.
    """

    owners: dict[bytes, UUID] = field(default_factory=dict)
    quarantined: dict[bytes, UUID | None] = field(default_factory=dict)
    verified: set[bytes] = field(default_factory=set)
    changes: dict[bytes, int] = field(default_factory=dict)
    memberships: dict[UUID, Membership] = field(default_factory=dict)
    customers: dict[UUID, Census] = field(default_factory=dict)
    joined: set[UUID] = field(default_factory=set)
    enterprises: set[UUID] = field(default_factory=set)
    blocks: defaultdict[bytes, list[Block]] = field(default_factory=lambda: defaultdict(list))

    def note(self, hash_: bytes, standing: Standing) -> None:
        """Take in how an identifier stands."""
        if standing.quarantined:
            self.owners.pop(hash_, None)
            self.quarantined[hash_] = standing.profile_id
        elif standing.profile_id is not None:
            self.owners[hash_] = standing.profile_id
        if standing.verified:
            self.verified.add(hash_)
        else:
            self.verified.discard(hash_)
        if standing.changes:
            self.changes[hash_] = standing.changes

    def standing(self, hash_: bytes) -> Standing:
        """Return how an identifier stands that was seen before."""
        quarantined = hash_ in self.quarantined
        return Standing(
            self.quarantined[hash_] if quarantined else self.owners[hash_],
            quarantined,
            hash_ in self.verified,
            self.changes.get(hash_, 0),
        )

    def renew(self, hashes: Iterable[bytes], newer: Known) -> None:
        """Replace what is known of these identifiers by what was read later."""
        for hash_ in hashes:
            self.owners.pop(hash_, None)
            self.quarantined.pop(hash_, None)
            self.verified.discard(hash_)
            self.changes.pop(hash_, None)
        self.owners |= newer.owners
        self.quarantined |= newer.quarantined
        self.verified |= newer.verified
        self.changes |= newer.changes
        self.memberships |= newer.memberships
        self.joined |= newer.joined

    def census_of(self, profile_id: UUID) -> Census:
        """Return the census of a fragment's customer."""
        return self.customers[self.memberships[profile_id].customer_id]

    def block(self, block: Block) -> None:
        """Take in a block, under each hash by which it is looked for."""
        self.blocks[block.identifier_hash].append(block)
        if block.strongest_hash is not None:
            self.blocks[block.strongest_hash].append(block)
