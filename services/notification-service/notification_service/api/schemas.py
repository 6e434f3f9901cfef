"""Documents of the notification API."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict


class DecisionDocument(BaseModel):
    """Why (not) sent: a stable code, how often it was decided, and its figures."""

    model_config = ConfigDict(from_attributes=True)

    code: str
    times: int
    first_at: datetime
    last_at: datetime
    detail: dict[str, str | int]


class MessageDocument(BaseModel):
    """A message, without its content: content is never kept."""

    model_config = ConfigDict(from_attributes=True)

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
    decisions: list[DecisionDocument]


class MessagesDocument(BaseModel):
    """A page of messages, newest first."""

    customer_id: UUID
    redirected_from: UUID | None
    items: list[MessageDocument]
    next_cursor: str | None
