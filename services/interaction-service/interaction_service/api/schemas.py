"""Published shapes of the service's answers and requests."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

Kind = Literal["identify", "track", "page", "screen", "group", "alias"]


class PurchaseFigures(BaseModel):
    """Figures of a purchase in minor units of the currency."""

    amount_minor: int
    currency: str
    quantity: int


class PageView(BaseModel):
    """The page a touchpoint happened on, as the SDK reported it."""

    url: str | None
    path: str | None
    title: str | None
    referrer: str | None


class TimelineContent(BaseModel):
    """What a touchpoint is about; phone numbers and e-mail addresses are masked. `actor` is who of staff entered it."""

    properties: dict[str, Any]
    traits: dict[str, Any]
    group: dict[str, Any]
    category: str | None
    page: PageView | None
    actor: str | None


class TimelineItem(BaseModel):
    """One touchpoint. `content` is null when no key of this installation opens it."""

    touchpoint_id: UUID
    profile_id: UUID
    occurred_at: datetime
    received_at: datetime
    channel: str
    kind: Kind
    name: str | None
    purchase: PurchaseFigures | None
    moments: list[str] = Field(description="Names of the key moments that it is.")
    content: TimelineContent | None


class Timeline(BaseModel):
    """One page, newest first. With a filter it may be short although there is a next one."""

    items: list[TimelineItem]
    next_cursor: str | None
    looked_back_to: datetime | None = Field(
        description="How far this page looked, also where it found nothing; null: to the first touchpoint."
    )


class MomentLabels(BaseModel):
    """What a key moment is called."""

    zh: str
    en: str


class MomentOfCustomer(BaseModel):
    """A key moment that a customer had, its first and its last touchpoint."""

    moment: str
    labels: MomentLabels
    first_at: datetime
    first_touchpoint_id: UUID
    last_at: datetime
    last_touchpoint_id: UUID


class Moments(BaseModel):
    """The latest first."""

    items: list[MomentOfCustomer]


class RefusedMessage(BaseModel):
    """A message that was not accepted."""

    index: int = Field(description="Place in the batch, from 0.")
    message_id: str | None
    field: str
    reason: str


class Accepted(BaseModel):
    """What became of the messages of a request. The accepted ones are durable."""

    success: Literal[True]
    accepted: int
    refused: list[RefusedMessage]
