"""A customer's timeline."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from guanxi_gateway.api.schemas.document import Document

TouchpointKind = Literal["identify", "track", "page", "screen", "group", "alias"]


class PurchaseFigures(Document):
    """Figures of a purchase in minor units of the currency."""

    amount_minor: int
    currency: str
    quantity: int


class PageView(Document):
    """The page that a touchpoint happened on."""

    url: str | None
    path: str | None
    title: str | None
    referrer: str | None


class TimelineContent(Document):
    """What a touchpoint is about; phone numbers and e-mail addresses are masked. `actor` is who of staff entered it."""

    properties: dict[str, Any]
    traits: dict[str, Any]
    group: dict[str, Any]
    category: str | None
    page: PageView | None
    actor: str | None


class TimelineItem(Document):
    """One touchpoint. `content` is null when no key of this installation opens it."""

    touchpoint_id: UUID
    profile_id: UUID
    occurred_at: datetime
    received_at: datetime
    channel: str
    kind: TouchpointKind
    name: str | None
    purchase: PurchaseFigures | None
    moments: list[str] = Field(description="Names of the key moments that it is.")
    content: TimelineContent | None


class TimelinePage(Document):
    """Touchpoints, the newest first. `next_cursor` asks for the page behind this one; null on the last.

    With a filter a page may be short although there is a next one.
    """

    items: list[TimelineItem]
    next_cursor: str | None
    looked_back_to: datetime | None = Field(
        description="How far this page looked, also where it found nothing; null: to the first touchpoint."
    )


class MomentLabels(Document):
    """What a key moment is called."""

    zh: str
    en: str


class MomentOfCustomer(Document):
    """A key moment that a customer had, its first and its last touchpoint."""

    moment: str
    labels: MomentLabels
    first_at: datetime
    first_touchpoint_id: UUID
    last_at: datetime
    last_touchpoint_id: UUID


class CustomerMoments(Document):
    """Key moments, the latest first."""

    items: list[MomentOfCustomer]
