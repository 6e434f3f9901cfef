"""What commands on merges need beside the structure of customers, within the transaction they were made for."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID

from profile_service.application.ports import Structure
from profile_service.domain.parting import Edge


class Decision(NamedTuple):
    """Who decided something, why and when."""

    actor: str
    reason: str
    at: datetime


class StoredMerge(NamedTuple):
    """A merge of the journal: its edge, its evidence, and when and by whom it was undone, if it was.

    `identifier_hash` is empty where a person merged; `strongest_hash` is None where the touchpoint named the customer.
    """

    edge: Edge
    identifier_hash: bytes
    strongest_hash: bytes | None
    undone_at: datetime | None
    undone_by: str | None


class Journal(Structure, Protocol):
    """The structure of customers, with the merges that hold it together."""

    async def merge(self, merge_id: UUID) -> StoredMerge | None: ...
    async def edges(self, profile_ids: Collection[UUID]) -> Sequence[Edge]:
        """Return the merges that hold among all fragments of a customer."""
        ...

    async def undo(self, merge: StoredMerge, decision: Decision) -> None:
        """Note that a merge holds no more, and keep its evidence from merging the same two again."""
        ...

    async def raise_views(self, profile_ids: Collection[UUID], heads: Collection[UUID]) -> None:
        """Let the views of these customers count from above what was shown of all these fragments together."""
        ...

    async def mark_alone(self, profile_id: UUID) -> None:
        """Note on a fragment that it is a customer by itself."""
        ...
