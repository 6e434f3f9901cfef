"""Needs that customers state, and that are not met."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from guanxi_gateway.api.schemas.document import Document

Line = Annotated[str, Field(min_length=1, max_length=200)]


class NeedLogging(BaseModel):
    """What a customer needs; scene and reason are those that the pack declares, where it declares any."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["stated", "unmet"]
    what: Annotated[str, Field(min_length=1, max_length=4_000)]
    scene: Line
    reason: Line | None = None


class LoggedNeed(Document):
    """A need that was logged."""

    need_id: UUID
    profile_id: UUID
    kind: Literal["stated", "unmet"]
    scene: str
    reason: str | None
    actor: str
    logged_at: datetime


class NeedItem(LoggedNeed):
    """A need in a list; what the customer said is masked, null when no key of this installation opens it."""

    what: str | None


class NeedPage(Document):
    """Needs, the newest first. `next_cursor` asks for the page behind; null on the last."""

    items: list[NeedItem]
    next_cursor: str | None


_CUSTOMER = "018f3a52-8c00-7d1e-b0a4-5f2e6c9d1b37"
NEED: dict[str, Any] = {
    "need_id": "4c7f8a52-37cb-4b0e-9a55-d6f0c6a4b8e1",
    "profile_id": _CUSTOMER,
    "kind": "unmet",
    "scene": "after_sales",
    "reason": "form_too_narrow",
    "actor": "agent-7",
    "logged_at": "2024-05-01T08:00:00Z",
}
EXAMPLES: dict[str, dict[str, Any]] = {
    "NeedLogging": {
        "kind": "unmet",
        "what": "Wants a video call instead of a visit",
        "scene": "after_sales",
        "reason": "form_too_narrow",
    },
    "LoggedNeed": NEED,
    "NeedPage": {
        "items": [{**NEED, "what": "Wants a video call instead of a visit"}],
        "next_cursor": None,
    },
}
