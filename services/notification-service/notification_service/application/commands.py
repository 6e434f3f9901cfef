"""What the notification service is told, free of the wire format."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from uuid import UUID


class Membership(NamedTuple):
    """A fragment and the customer it belongs to; the highest version is the truth."""

    profile_id: UUID
    customer_id: UUID
    version: int


class PurchaseMade(NamedTuple):
    """A purchase of a fragment; `members` are the customer's fragments as far as the event tells."""

    touchpoint_id: UUID
    profile_id: UUID
    occurred_at: datetime
    members: tuple[UUID, ...]
