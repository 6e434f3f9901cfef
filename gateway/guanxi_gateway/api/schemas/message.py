"""Messages to a customer."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel


class MessageItem(BaseModel):
    """A message and what became of it."""

    send_id: UUID
    customer_id: UUID
    journey: str
    template: str
    channel: str
    status: str
    reason: str | None
    decided_at: datetime


class MessagePage(BaseModel):
    """Messages, the newest first. `next_cursor` asks for the page behind this one; null on the last."""

    items: list[MessageItem]
    next_cursor: str | None
