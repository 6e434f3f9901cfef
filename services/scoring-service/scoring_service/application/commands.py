"""What scoring is told to do, free of the wire format."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from guanxi_kit.consumer import Cause


class PurchaseFact(NamedTuple):
    """Figures of a purchase, amount in minor units of `currency`."""

    amount_minor: int
    currency: str


class RecordTouchpoint(NamedTuple):
    """Count one touchpoint of a fragment, and take note of the fragment's customer.

    `is_visit`: the customer was there; what staff merely enter is none.
    """

    profile_id: UUID
    customer_id: UUID
    membership_version: int
    occurred_at: datetime
    purchase: PurchaseFact | None
    is_visit: bool
    cause: Cause


class RecordCase(NamedTuple):
    """Take note of how a case of a fragment stands; the highest version is the truth.

    `customer_id` is whom the fragment belongs to as far as the case's service knows.
    """

    case_id: UUID
    profile_id: UUID
    customer_id: UUID
    version: int
    is_complaint: bool
    is_open: bool
    is_overdue: bool
    was_reopened: bool
    opened_at: datetime
    cause: Cause


class RecordAnswer(NamedTuple):
    """Take note that a fragment answered a survey; `is_low`: something was found wanting."""

    profile_id: UUID
    customer_id: UUID
    at: datetime
    is_low: bool
    cause: Cause


class RegroupFragments(NamedTuple):
    """Score the fragments `moved` (fragment, membership version) with `customer_id` from now on.

    They leave `former_customer_id`: the absorbed customer of a merge, or the one that an undone merge is parted from.
    """

    customer_id: UUID
    former_customer_id: UUID
    moved: tuple[tuple[UUID, int], ...]
    cause: Cause
