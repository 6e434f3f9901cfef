"""Classification events: tags, segments and the lifecycle stage of a customer."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

import msgspec

from guanxi_contracts.envelope import EventType, Instant

TagSource = Literal["rule", "score", "manual"]


class TagChangedV1(msgspec.Struct, kw_only=True):
    """A tag was set on a customer or taken off (`present`)."""

    customer_id: UUID
    tag: str
    present: bool
    source: TagSource
    changed_at: Instant
    expires_at: Instant | None = None


class SegmentEnteredV1(msgspec.Struct, kw_only=True):
    """A customer now fits the rule of a segment."""

    customer_id: UUID
    segment: str
    entered_at: Instant


class SegmentLeftV1(msgspec.Struct, kw_only=True):
    """A customer no longer fits the rule of a segment."""

    customer_id: UUID
    segment: str
    left_at: Instant


class StageChangedV1(msgspec.Struct, kw_only=True):
    """A customer reached another lifecycle stage; `reason` is the code of the rule that decided."""

    customer_id: UUID
    stage: str
    previous_stage: str | None
    reason: str
    changed_at: Instant


TAG_CHANGED = EventType("guanxi.customer.tag_changed.v1", TagChangedV1)
SEGMENT_ENTERED = EventType("guanxi.customer.segment_entered.v1", SegmentEnteredV1)
SEGMENT_LEFT = EventType("guanxi.customer.segment_left.v1", SegmentLeftV1)
STAGE_CHANGED = EventType("guanxi.customer.stage_changed.v1", StageChangedV1)
