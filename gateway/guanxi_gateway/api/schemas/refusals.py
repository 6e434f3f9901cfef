"""Refused items, and events that no pack names."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from guanxi_gateway.api.schemas.document import Document

RefusalState = Literal["open", "quarantined", "replayed", "discarded"]


class RefusedItem(Document):
    """A refused item; its content is read one by one."""

    refusal_id: UUID
    channel: str
    way: Literal["message", "event", "item", "body"] = Field(
        description="A Segment message, a CloudEvent, an item of a webhook's payload, or the whole body of one."
    )
    state: RefusalState
    received_at: datetime
    kept_until: datetime
    field: str
    reason: str
    settled_at: datetime | None
    settled_by: str | None


class RefusedItemPage(Document):
    """A page, the newest first. `next_cursor` asks for the page behind this one; null on the last."""

    items: list[RefusedItem]
    next_cursor: str | None


class RefusedContent(RefusedItem):
    """A refused item with what was sent, masked unless asked for in clear; `item` is null where it was too large."""

    item: Any


class MendedItem(BaseModel):
    """What to send in place of the item; without it the item goes as it is."""

    model_config = ConfigDict(extra="forbid")

    item: Any = None


class RefusalSettled(Document):
    """What became of a refused item."""

    refusal_id: UUID
    state: RefusalState
    accepted: int


class UnknownEvent(Document):
    """An event that no pack names, or that violates its schema; the empty name stands for those beyond the bound."""

    channel: str
    name: str
    first_at: datetime
    last_at: datetime
    times: int
    violations: int
    reason: str | None


class UnknownEventPage(Document):
    """A page by channel and name."""

    items: list[UnknownEvent]
    next_cursor: str | None


_ID = "0b7f3a52-8c00-5d1e-b0a4-5f2e6c9d1b37"
_REFUSED: dict[str, Any] = {
    "refusal_id": _ID,
    "channel": "till-7",
    "way": "item",
    "state": "open",
    "received_at": "2026-05-20T08:00:00Z",
    "kept_until": "2026-06-19T08:00:00Z",
    "field": "timestamp",
    "reason": "is not of the type that the mapping expects",
    "settled_at": None,
    "settled_by": None,
}
EXAMPLES: dict[str, dict[str, Any]] = {
    "RefusedItemPage": {"items": [_REFUSED], "next_cursor": None},
    "RefusedContent": {
        **_REFUSED,
        "item": {"id": "s-1", "paid_at": "soon", "member": {"phone": "120****0142"}},
    },
    "MendedItem": {"item": {"id": "s-1", "paid_at": 1779264000, "member": {"id": "m-1"}}},
    "RefusalSettled": {"refusal_id": _ID, "state": "replayed", "accepted": 1},
    "UnknownEventPage": {
        "items": [
            {
                "channel": "web",
                "name": "Danced",
                "first_at": "2026-05-20T08:00:00Z",
                "last_at": "2026-05-20T09:00:00Z",
                "times": 12,
                "violations": 0,
                "reason": None,
            }
        ],
        "next_cursor": None,
    },
}
