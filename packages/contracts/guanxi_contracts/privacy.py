"""Privacy events: a person is to be erased, a place says what became of it."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

import msgspec

from guanxi_contracts.envelope import EventType, Instant

ReceiptState = Literal["pending", "sent", "acknowledged", "done", "retained", "failed"]
Tombstone = Annotated[bytes, msgspec.Meta(min_length=16, max_length=16)]
HeldKind = Literal["consents", "purchases"]


class LegalHold(msgspec.Struct, frozen=True):
    """A kind of record that the law wants kept, and the ground for it. Whoever holds it stops using it."""

    kind: HeldKind
    ground: str


class ErasureRequestedV1(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Everything kept under these fragments is to be erased, now and whenever this event is read again.

    `tombstones` are keyed hashes of the identifiers' hashes: they recognise what comes back later and reveal nothing.
    `customer_ids` are all ids under which the person was known. Nothing in this event is personal data.
    """

    request_id: UUID
    customer_ids: list[UUID]
    profile_ids: list[UUID]
    tombstones: list[Tombstone]
    requested_at: Instant
    holds: list[LegalHold] = []


class ErasureReceiptV1(msgspec.Struct, kw_only=True):
    """What became of an erasure in one place.

    `erased` counts what was removed, by kind. `legal_ground` says why `retained` data stays.
    """

    request_id: UUID
    place: str
    state: ReceiptState
    erased: dict[str, int]
    at: Instant
    legal_ground: str | None = None


ERASURE_REQUESTED = EventType("guanxi.privacy.erasure_requested.v1", ErasureRequestedV1)
ERASURE_RECEIPT = EventType("guanxi.privacy.erasure_receipt.v1", ErasureReceiptV1)
