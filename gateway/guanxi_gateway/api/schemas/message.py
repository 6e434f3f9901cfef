"""Messages to a customer."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from guanxi_gateway.api.schemas.document import Document


class Decision(Document):
    """Why (not) sent: a stable code, how often it was decided, and its figures."""

    code: str
    times: int
    first_at: datetime
    last_at: datetime
    detail: dict[str, str | int]


class MessageItem(Document):
    """A message, without its content: content is never kept."""

    send_id: UUID
    journey: str
    step: int
    channel: str
    template: str
    profile_id: UUID
    state: Literal["planned", "reserved", "sending", "sent", "failed", "uncertain", "skipped"]
    reason: str | None
    provider: str | None
    attempts: int
    planned_at: datetime
    changed_at: datetime
    sent_at: datetime | None
    decisions: list[Decision]


class MessagePage(Document):
    """Messages, the newest first. `next_cursor` asks for the page behind this one; null on the last.

    `redirected_from` is the id asked for when a merge has replaced it.
    """

    customer_id: UUID
    redirected_from: UUID | None
    items: list[MessageItem]
    next_cursor: str | None
