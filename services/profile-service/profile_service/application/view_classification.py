"""Query: how a customer is classified, for the unified view, and how that came about."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple, Protocol
from uuid import UUID

from profile_service.domain.classification_view import LifecycleView, SegmentView, TagView

EventKind = Literal["tag", "segment", "stage"]
Place = tuple[datetime, UUID]
"""Where a page of the history ends: the moment and number of an event."""


class ClassificationView(NamedTuple):
    """The part of the unified view; `changes` never gets smaller for the same fragments."""

    tags: list[TagView]
    segments: list[SegmentView]
    lifecycle: LifecycleView | None
    changes: int


@dataclass(frozen=True, slots=True)
class ClassificationEvent:
    """One entry of a customer's history, kept under the customer id or fragment it happened to."""

    event_id: UUID
    profile_id: UUID
    name: str
    present: bool
    at: datetime
    source: str
    actor: str | None
    reason: str | None
    detail: dict[str, Any] | None


class ClassificationReads(Protocol):
    """Reads over one connection; all cost the same whatever the history."""

    async def classification(self, customer_id: UUID, fragments: Collection[UUID]) -> ClassificationView:
        """Return how a customer is classified."""
        ...

    async def classification_history(
        self, fragments: Collection[UUID], kind: EventKind, before: Place | None, limit: int
    ) -> Sequence[ClassificationEvent]:
        """Return entries, the newest first, older than `before`."""
        ...
