"""What notices to staff need from outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple, Protocol
from uuid import UUID

from notification_service.application.ports import Content, Delivery
from notification_service.domain.notices import PlannedNotice, Target, Way

NoticeState = Literal["planned", "sent", "failed", "uncertain"]


class Directory(Protocol):
    """Where staff can be reached."""

    @property
    def locale(self) -> str: ...
    def find(self, recipient: str, team: str) -> Sequence[Target]:
        """Return the addresses of a person, of `team:name`, or of `role:name` in the case's team; none if unknown."""
        ...


class NoticeRenderer(Protocol):
    def render_notice(self, template: str, locale: str, notice: Mapping[str, str]) -> Content: ...


@dataclass(frozen=True, slots=True)
class NoticeInHand:
    """A notice that was taken. `attempt` identifies this reservation; a later one takes it away."""

    notice_id: UUID
    template: str
    case_id: UUID | None
    task_id: UUID | None
    customer_id: UUID | None
    recipient: str
    way: Way
    told: Mapping[str, str]
    planned_at: datetime
    attempt: int
    was_sending: bool


class NoticeOutcome(NamedTuple):
    """What becomes of a notice in hand; `due_at` when it is tried again."""

    notice: NoticeInHand
    state: NoticeState
    reason: str | None = None
    due_at: datetime | None = None


class NoticeStore(Protocol):
    """Notices, inside one transaction. Every change holds only for the reservation that makes it."""

    async def plan(self, notices: Sequence[PlannedNotice], now: datetime) -> None:
        """Insert notices; one that is there already stays as it is."""
        ...

    async def reserve(self, now: datetime, lease_until: datetime, limit: int) -> list[NoticeInHand]: ...
    async def start(self, notices: Sequence[NoticeInHand], lease_until: datetime) -> frozenset[UUID]:
        """Mark notices as being sent, and return those that still are in this reservation."""
        ...

    async def settle(self, outcomes: Sequence[NoticeOutcome], now: datetime) -> None: ...


@dataclass(frozen=True, slots=True)
class Callback:
    """A webhook ready to go: the id is the same at every attempt, so that the receiver takes it once."""

    notice_id: UUID
    target: Target = field(repr=False)
    body: bytes


class CallbackSender(Protocol):
    async def deliver(self, callbacks: Sequence[Callback]) -> Sequence[Delivery]: ...
