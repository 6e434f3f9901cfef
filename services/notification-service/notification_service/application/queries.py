"""Reading messages and why they were (not) sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from notification_service.domain.messages import State


class Place(NamedTuple):
    """Where a message stands in the list, newest first."""

    planned_at: datetime
    send_id: UUID


class LoggedDecision(NamedTuple):
    """A decision about a message: how often it was made, first and last."""

    code: str
    times: int
    first_at: datetime
    last_at: datetime
    detail: dict[str, Any]


@dataclass(slots=True)
class LoggedMessage:
    """A message as logged."""

    send_id: UUID
    journey: str
    step: int
    channel: str
    template: str
    profile_id: UUID
    state: State
    reason: str | None
    provider: str | None
    attempts: int
    planned_at: datetime
    changed_at: datetime
    sent_at: datetime | None
    decisions: list[LoggedDecision] = field(default_factory=list)


class MessageReader(Protocol):
    async def customer_of(self, customer_id: UUID) -> UUID | None: ...
    async def fragments_of(self, customer_id: UUID) -> list[UUID]: ...
    async def messages_of(
        self, customer_id: UUID, after: Place | None, limit: int
    ) -> list[LoggedMessage]: ...
    async def decisions_of(self, send_ids: Sequence[UUID]) -> dict[UUID, list[LoggedDecision]]: ...


@dataclass(frozen=True, slots=True)
class MessagePage:
    """Messages of a customer's fragments, newest first; `next` is where the following page begins."""

    customer_id: UUID
    items: list[LoggedMessage]
    next: Place | None
    people: list[UUID]


async def message_page(
    reader: MessageReader, customer_id: UUID, after: Place | None, limit: int
) -> MessagePage:
    """Return a page of the messages of the customer that this id means today; empty for an id never heard of."""
    current = await reader.customer_of(customer_id) or customer_id
    found = await reader.messages_of(current, after, limit + 1)
    items = found[:limit]
    decisions = await reader.decisions_of([message.send_id for message in items])
    for message in items:
        message.decisions = decisions.get(message.send_id, [])
    following = Place(items[-1].planned_at, items[-1].send_id) if len(found) > limit else None
    return MessagePage(current, items, following, await reader.fragments_of(current) or [current])
