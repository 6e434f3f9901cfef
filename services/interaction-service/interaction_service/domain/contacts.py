"""A contact with a customer, as staff record it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

Kind = Literal["call", "visit", "reception", "exhibition", "message", "other"]
Direction = Literal["inbound", "outbound"]


@dataclass(frozen=True, slots=True)
class Contact:
    """When and how somebody spoke with a customer; what was said is kept apart, under seal.

    `profile_id` is the fragment it is kept under, `staff` are the subjects who took part. `corrects` is the record in
    whose place this one stands, `task_id` the follow-up.
    """

    contact_id: UUID
    profile_id: UUID
    kind: Kind
    direction: Direction
    at: datetime
    recorded_at: datetime
    actor: str
    seconds: int | None = None
    staff: tuple[str, ...] = ()
    case_id: UUID | None = None
    task_id: UUID | None = None
    corrects: UUID | None = None
