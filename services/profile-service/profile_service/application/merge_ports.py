"""What commands on merges need of the outside. Implementations work within the transaction they were made for."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Literal, NamedTuple, Protocol
from uuid import UUID

from profile_service.domain.identity import Membership
from profile_service.domain.parting import Edge

HandRule = Literal["manual", "suggestion"]


class Decision(NamedTuple):
    """Who decided something, why and when."""

    actor: str
    reason: str
    at: datetime


class JoinedByHand(NamedTuple):
    """Two customers whom a person made one: `moved` fragments with their new versions, and the fragments now tied."""

    merge_id: UUID
    customer_id: UUID
    absorbed_customer_id: UUID
    moved: tuple[tuple[UUID, int], ...]
    edge: Edge
    rule: HandRule


class StoredMerge(NamedTuple):
    """A merge of the journal: its edge, its evidence, and when and by whom it was undone, if it was.

    `identifier_hash` is empty where a person merged; `strongest_hash` is None where the touchpoint named the customer.
    """

    edge: Edge
    identifier_hash: bytes
    strongest_hash: bytes | None
    undone_at: datetime | None
    undone_by: str | None


class MergeJournal(Protocol):
    """Merges, and the customers they hold together."""

    async def lock(self, customers: Collection[UUID]) -> None:
        """Keep other transactions from changing these customers until this one ends."""
        ...

    async def merge(self, merge_id: UUID) -> StoredMerge | None: ...
    async def customers_of(self, profile_ids: Collection[UUID]) -> dict[UUID, UUID]:
        """Return the customer that each of these fragments belongs to now; unknown ones are absent."""
        ...

    async def members(self, customer_id: UUID) -> dict[UUID, Membership]:
        """Return the fragments of a customer."""
        ...

    async def edges(self, profile_ids: Collection[UUID]) -> Sequence[Edge]:
        """Return the merges that hold among these fragments."""
        ...

    async def move(self, memberships: Mapping[UUID, Membership]) -> None:
        """Give fragments of locked customers their new memberships."""
        ...

    async def mark_joined(self, profile_ids: Collection[UUID], joined: bool) -> None:
        """Note on fragments whether they are alone."""
        ...

    async def join(self, joined: JoinedByHand, decision: Decision) -> None:
        """Record a merge by hand; open suggestions that the two are one are answered by it."""
        ...

    async def undo(self, merge: StoredMerge, decision: Decision) -> None:
        """Note that a merge holds no more, and keep its evidence from merging the same two again."""
        ...

    async def count_merges(self, merges: int) -> None:
        """Add to the total of merges that hold."""
        ...
