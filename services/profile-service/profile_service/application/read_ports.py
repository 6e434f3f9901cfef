"""What the application reads of stored customers."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from profile_service.domain.view import ActivitySum


class StoredScore(NamedTuple):
    """A score as it was computed for one customer id; `document` holds the contract's fields."""

    revision: int
    computed_at: datetime
    document: dict[str, Any]


class StoredCustomer(NamedTuple):
    """A customer with the membership version of each fragment and the scores under any of its ids."""

    customer_id: UUID
    customer_number: str
    created_at: datetime
    fragments: dict[UUID, int]
    scores: dict[UUID, StoredScore]


class StoredIdentifier(NamedTuple):
    """An identifier in clear, and the fragment that owns it."""

    profile_id: UUID
    type: str
    value: str
    first_seen_at: datetime


class StoredTrait(NamedTuple):
    """A trait of a customer in clear, `value` as Python value."""

    customer_id: UUID
    name: str
    value: Any
    channel: str
    occurred_at: datetime


class CustomerNumber(NamedTuple):
    """A customer as a look-up finds it."""

    customer_id: UUID
    customer_number: str


class Totals(NamedTuple):
    """Exact totals of the whole platform."""

    customers: int
    fragments: int
    touchpoints: int
    merges: int


class CustomerReads(Protocol):
    """Reads over one connection. All cost the same whatever the history of a customer."""

    async def customer(self, profile_id: UUID) -> StoredCustomer | None:
        """Return the customer that a fragment, or a customer id ever given out, belongs to now."""
        ...

    async def activity(self, profile_ids: Collection[UUID]) -> Sequence[ActivitySum]: ...
    async def identifiers(
        self, profile_ids: Collection[UUID], identifier_type: str | None = None
    ) -> Sequence[StoredIdentifier]:
        """Return identifiers, of one type or all, in the order they were first seen."""
        ...

    async def traits(self, profile_ids: Collection[UUID]) -> Sequence[StoredTrait]:
        """Return the traits of the customers of these fragments, of each the value that was true last."""
        ...

    async def owner(self, identifier_hash: bytes) -> CustomerNumber | None:
        """Return the customer an identifier belongs to."""
        ...

    async def siblings(self, profile_ids: Collection[UUID]) -> dict[UUID, tuple[UUID, list[UUID]]]:
        """Return by given id its customer and all fragments of that; unknown ids are absent."""
        ...

    async def totals(self) -> Totals: ...
