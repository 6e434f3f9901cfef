"""Customer events: a unified view changed, two customers became one."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

import msgspec

from guanxi_contracts.envelope import EventType, Instant

ChangedPart = Literal["created", "touchpoints", "purchases", "identifiers", "traits", "scores", "merged"]


class CustomerChangedV1(msgspec.Struct, kw_only=True):
    """The unified view of a customer changed.

    `received_at` is when the oldest touchpoint behind it was accepted.
    """

    customer_id: UUID
    changed: list[ChangedPart]
    changed_at: Instant
    received_at: Instant | None = None


class MovedFragment(msgspec.Struct, frozen=True):
    """A fragment that now belongs to the surviving customer, with its new membership version."""

    profile_id: UUID
    membership_version: int


class CustomerMergedV1(msgspec.Struct, kw_only=True):
    """Two customers were found to be one person. `identifier_type` and `touchpoint_id` are the evidence."""

    merge_id: UUID
    customer_id: UUID
    absorbed_customer_id: UUID
    moved: list[MovedFragment]
    touchpoint_id: UUID
    identifier_type: str
    merged_at: Instant


CUSTOMER_CHANGED = EventType("guanxi.customer.changed.v1", CustomerChangedV1)
CUSTOMER_MERGED = EventType("guanxi.customer.merged.v1", CustomerMergedV1)
