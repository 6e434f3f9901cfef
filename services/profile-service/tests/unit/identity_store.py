"""What a database would hold, for tests of the domain, and touchpoints written in short."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID

from profile_service.domain.census import Block, Census, Known
from profile_service.domain.decisions import Merge, Resolution, Standing, Suggestion
from profile_service.domain.identity import IdentityRules, Membership, TypeRule
from profile_service.domain.resolution import resolve
from profile_service.domain.stake import find_stake

START = datetime(2024, 5, 1, tzinfo=UTC)
RULES = IdentityRules(
    {
        "member": TypeRule(1),
        "phone": TypeRule(2),
        "email": TypeRule(2, must_verify=True),
        "device": TypeRule(9),
        "hint": TypeRule(9, may_link=False),
    },
    100,
)


class Ref(NamedTuple):
    type: str
    hash: bytes
    verified: bool = False


@dataclass(frozen=True)
class Seen:
    touchpoint_id: UUID
    received_at: datetime
    occurred_at: datetime
    identifiers: list[Ref]
    profile_id: UUID | None = None


def seen(number: int, *identifiers: str, of: UUID | None = None, at: datetime | None = None) -> Seen:
    """Touchpoint `number` with identifiers written as `type:value`, strongest first; verified ones end in `!`."""
    touchpoint_id = UUID(bytes=sha256(str(number).encode()).digest()[:16])
    refs = [Ref(text.split(":")[0], text.rstrip("!").encode(), text.endswith("!")) for text in identifiers]
    received_at = START + timedelta(seconds=number)
    return Seen(touchpoint_id, received_at, at or received_at, refs, of)


class Store:
    """Keeps the outcome of each batch, and gives the next one no more of it than it asks for."""

    def __init__(self, rules: IdentityRules = RULES) -> None:
        self.rules = rules
        self.now = START
        self.standings: dict[bytes, Standing] = {}
        self.types: dict[bytes, str] = {}
        self.first_seen: dict[bytes, datetime] = {}
        self.memberships: dict[UUID, Membership] = {}
        self.merges: list[tuple[Merge, datetime]] = []
        self.blocks: list[Block] = []
        self.suggestions: list[Suggestion] = []

    def resolve(self, batch: Sequence[Seen]) -> Resolution:
        """Resolve a batch and keep what comes of it."""
        resolution = resolve(batch, known := self.read(batch), self.rules)
        self.memberships |= known.memberships
        for attachment in resolution.attachments:
            self.standings[attachment.hash] = Standing(attachment.profile_id, verified=attachment.verified)
            self.types[attachment.hash] = attachment.type
            self.first_seen[attachment.hash] = batch[attachment.position].occurred_at
        for hash_, change in resolution.changes.items():
            assert self.standings[hash_] == change.before
            self.standings[hash_] = change.after
        self.merges += [(merge, self.now) for merge in resolution.merges]
        self.suggestions += resolution.suggestions
        return resolution

    def read(self, batch: Sequence[Seen]) -> Known:
        """What a batch is resolved against."""
        known = Known()
        for touchpoint in batch:
            self._remember(known, touchpoint.profile_id)
            for ref in touchpoint.identifiers:
                if ref.hash in self.standings:
                    known.note(ref.hash, self.standings[ref.hash])
                    self._remember(known, self.standings[ref.hash].profile_id)
        stake = find_stake(batch, known, self.rules)
        for customer_id in stake.customers:
            known.customers[customer_id] = self._count(customer_id, known)
        fragments = {p for each in stake.merging for p in known.customers[each].fragments}
        for block in self.blocks:
            if {block.left_profile_id, block.right_profile_id} <= fragments:
                known.block(block)
        for customer_id in stake.merging:
            known.customers[customer_id].merges = self._recent_merges(customer_id)
        return known

    def _remember(self, known: Known, profile_id: UUID | None) -> None:
        if profile_id in self.memberships:
            known.memberships[profile_id] = self.memberships[profile_id]

    def _count(self, customer_id: UUID, known: Known) -> Census:
        census = Census()
        for profile_id, membership in self.memberships.items():
            if membership.customer_id == customer_id:
                census.fragments.append(profile_id)
                known.memberships[profile_id] = membership
        for hash_, standing in self.standings.items():
            if standing.profile_id in census.fragments and not standing.quarantined:
                windowed = self.types[hash_] in self.rules.windowed
                census.add(self.types[hash_], hash_, self.first_seen[hash_] if windowed else None)
        return census

    def _recent_merges(self, customer_id: UUID) -> int:
        rate = self.rules.merges_per_customer
        if rate is None:
            return 0
        return sum(
            self.memberships[merge.home_profile_id].customer_id == customer_id and at > self.now - rate.window
            for merge, at in self.merges
        )

    def owner(self, identifier: str) -> UUID | None:
        """The fragment of an identifier."""
        return self.standings[identifier.encode()].profile_id

    def customer(self, identifier: str) -> UUID:
        """The customer of an identifier."""
        owner = self.owner(identifier)
        assert owner is not None
        return self.memberships[owner].customer_id

    def is_shared(self, identifier: str) -> bool:
        """Whether an identifier is in quarantine."""
        return self.standings[identifier.encode()].quarantined
