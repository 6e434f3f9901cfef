"""What the application reads of stored customers."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from profile_service.application.record_ports import RecordReads
from profile_service.application.view_classification import ClassificationReads
from profile_service.domain.consents import Standing
from profile_service.domain.record import CustomerKind
from profile_service.domain.traits import Told
from profile_service.domain.view import ActivitySum, CasesView, SatisfactionView, TasksView


class StoredScore(NamedTuple):
    """A score as it was computed for one customer id; `document` holds the contract's fields."""

    revision: int
    computed_at: datetime
    document: dict[str, Any]


class StoredCustomer(NamedTuple):
    """A customer with the membership version of each fragment and the scores under any of its ids.

    `view_base`: what the version of its view counts from.
    """

    customer_id: UUID
    customer_number: str
    created_at: datetime
    fragments: dict[UUID, int]
    scores: dict[UUID, StoredScore]
    kind: CustomerKind
    view_base: int = 0


class StoredIdentifier(NamedTuple):
    """An identifier in clear, and the fragment that owns it."""

    profile_id: UUID
    type: str
    value: str
    first_seen_at: datetime


class StoredTrait(NamedTuple):
    """What one source tells of a trait, under seal; `since_at` is when it began to tell so, `occurred_at` when last."""

    customer_id: UUID
    profile_id: UUID
    name: str
    channel: str
    sealed: bytes
    occurred_at: datetime
    since_at: datetime
    touchpoint_id: UUID


class StoredValue(NamedTuple):
    """A row of a trait's history, under seal."""

    profile_id: UUID
    channel: str
    sealed: bytes
    occurred_at: datetime
    recorded_at: datetime
    touchpoint_id: UUID


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


class TraitReads(Protocol):
    """Reads of traits over one connection."""

    async def traits(
        self,
        profile_ids: Collection[UUID],
        as_of: datetime | None = None,
        names: Sequence[str] | None = None,
    ) -> Sequence[StoredTrait]:
        """Return what each source tells, or told at a moment, of the customers of these fragments.

        Of these `names` alone, where some are given and no moment is.
        """
        ...

    async def trait_history(
        self, profile_ids: Collection[UUID], name: str, before: Told, limit: int
    ) -> Sequence[StoredValue]:
        """Return at most `limit` values told of one trait before a moment, newest first."""
        ...

    def open_trait(self, profile_id: UUID, name: str, sealed: bytes) -> Any:
        """Return a value in clear; None is a deletion."""
        ...


class CustomerReads(TraitReads, RecordReads, ClassificationReads, Protocol):
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

    async def consents(self, profile_ids: Collection[UUID]) -> Sequence[Standing]:
        """Return what was decided about each purpose and channel, by fragment."""
        ...

    async def cases(self, profile_ids: Collection[UUID]) -> CasesView | None:
        """Return the open cases of fragments; None where none was ever told."""
        ...

    async def tasks(self, profile_ids: Collection[UUID]) -> TasksView | None:
        """Return the open tasks of fragments; None where none was ever told."""
        ...

    async def satisfaction(self, profile_ids: Collection[UUID]) -> SatisfactionView | None:
        """Return what fragments answered last and are asked now; None where none was ever asked."""
        ...

    async def owner(self, identifier_hash: bytes) -> CustomerNumber | None:
        """Return the customer an identifier belongs to."""
        ...

    async def numbered(self, customer_number: str) -> CustomerNumber | None:
        """Return the customer that has a number now: whoever absorbed the one that it was given to."""
        ...

    async def siblings(self, profile_ids: Collection[UUID]) -> dict[UUID, tuple[UUID, list[UUID]]]:
        """Return by given id its customer and all fragments of that; unknown ids are absent."""
        ...

    async def totals(self) -> Totals: ...
