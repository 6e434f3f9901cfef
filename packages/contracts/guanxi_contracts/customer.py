"""Customer events: a unified view changed, two customers became one, a merge was undone."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

import msgspec

from guanxi_contracts.envelope import EventType, Instant

ChangedPart = Literal[
    "created",
    "touchpoints",
    "purchases",
    "identifiers",
    "traits",
    "scores",
    "merged",
    "split",
    "record",
    "tags",
    "segments",
    "lifecycle",
    "consents",
    "cases",
    "tasks",
    "satisfaction",
    "erased",
]


class CustomerChangedV1(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The unified view of a customer changed.

    `received_at` is when the oldest touchpoint behind it was accepted. `names` says which traits, tags, segments or
    stage a part is about, as `part:name`; names only, never values.
    """

    customer_id: UUID
    changed: list[ChangedPart]
    changed_at: Instant
    received_at: Instant | None = None
    names: list[str] = []


class MovedFragment(msgspec.Struct, frozen=True):
    """A fragment that now belongs to the surviving customer, with its new membership version."""

    profile_id: UUID
    membership_version: int


class CustomerMergedV1(msgspec.Struct, kw_only=True):
    """Two customers were found to be one person. `identifier_type` and `touchpoint_id` are the evidence.

    A merge by hand has the type `manual`, and the merge's own id in place of a touchpoint's.
    """

    merge_id: UUID
    customer_id: UUID
    absorbed_customer_id: UUID
    moved: list[MovedFragment]
    touchpoint_id: UUID
    identifier_type: str
    merged_at: Instant


class CustomerSplitV1(msgspec.Struct, kw_only=True):
    """A merge was undone: the `moved` fragments left `parted_from` and are `customer_id` from now on."""

    merge_id: UUID
    customer_id: UUID
    parted_from: UUID
    moved: list[MovedFragment]
    split_at: Instant


CUSTOMER_CHANGED = EventType("guanxi.customer.changed.v1", CustomerChangedV1)
CUSTOMER_MERGED = EventType("guanxi.customer.merged.v1", CustomerMergedV1)
CUSTOMER_SPLIT = EventType("guanxi.customer.split.v1", CustomerSplitV1)
