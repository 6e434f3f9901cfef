"""What the application reads of stored records."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from profile_service.domain.record import YearlyAmount


class StoredMark(NamedTuple):
    """A value in clear that a source gave last in place of an identifier, and why it is none."""

    type: str
    channel: str
    value: Any
    reason: str
    occurred_at: datetime


class StoredLink(NamedTuple):
    """What a person is in an enterprise, in clear."""

    role: str | None
    since: datetime
    until: datetime | None


class Linked(NamedTuple):
    """A customer at the other end of a link."""

    customer_id: UUID
    customer_number: str
    link: StoredLink


class UndeclaredField(NamedTuple):
    """A field that no purpose covered when it was told; the empty name stands for all that found no room."""

    name: str
    channel: str
    first_at: datetime
    last_at: datetime
    times: int


class RecordReads(Protocol):
    """Reads of records over one connection."""

    async def yearly(self, profile_ids: Collection[UUID], year: int, currency: str) -> YearlyAmount:
        """Return what fragments bought in a business year in one currency."""
        ...

    async def marks(self, profile_ids: Collection[UUID]) -> Sequence[StoredMark]:
        """Return what sources gave last that is no identifier."""
        ...

    async def contacts(
        self, enterprise_ids: Collection[UUID], after: UUID, limit: int
    ) -> Sequence[tuple[UUID, Linked]]:
        """Return at most `limit` persons of an enterprise's fragments behind a fragment of theirs, with that."""
        ...

    async def enterprises(self, person_ids: Collection[UUID], limit: int) -> Sequence[Linked]:
        """Return at most `limit` links to enterprises of a person's fragments, joined by enterprise."""
        ...

    async def undeclared(self, after: tuple[str, str] | None, limit: int) -> Sequence[UndeclaredField]:
        """Return at most `limit` fields that no purpose covered when they were told, behind a name and channel."""
        ...
