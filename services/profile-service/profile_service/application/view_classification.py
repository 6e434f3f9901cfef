"""Query: how a customer is classified, for the unified view, and the history of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple, Protocol
from uuid import UUID

from profile_service.domain.classification import TagSource

EventKind = Literal["tag", "segment", "stage"]


@dataclass(frozen=True, slots=True)
class TagView:
    """A tag in force: who set it, since when, and when it ends by itself."""

    tag: str
    source: TagSource
    since: datetime
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class SegmentView:
    """A segment the customer is in."""

    segment: str
    since: datetime


@dataclass(frozen=True, slots=True)
class LifecycleView:
    """The stage, the code of the rule that decided, and the figures that rule read then."""

    stage: str
    since: datetime
    reason: str
    evidence: Mapping[str, Any]


class ClassificationView(NamedTuple):
    """The part of the unified view; `changes` never gets smaller for the same fragments."""

    tags: list[TagView]
    segments: list[SegmentView]
    lifecycle: LifecycleView | None
    changes: int


class ClassificationEvent(NamedTuple):
    """One entry of a customer's history, kept under the customer id or fragment it happened to."""

    event_id: int
    profile_id: UUID
    kind: EventKind
    name: str
    present: bool
    at: datetime
    source: str
    actor: str | None
    reason: str | None
    detail: dict[str, Any] | None


class ClassificationReads(Protocol):
    """Reads over one connection; all cost the same whatever the history."""

    async def view(self, customer_id: UUID, fragments: Collection[UUID]) -> ClassificationView: ...
    async def history(
        self, fragments: Collection[UUID], kind: EventKind, before: tuple[datetime, int] | None, limit: int
    ) -> Sequence[ClassificationEvent]:
        """Return entries, the newest first, older than `before` (time and event id)."""
        ...
