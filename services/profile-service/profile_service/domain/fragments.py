"""Ids that follow from what they stand for, so that working a batch again gives the same ones."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from uuid import UUID

_TIME_BITS = (1 << 48) - 1
_LOW_BITS = (1 << 62) - 1
_VERSION_7 = 7 << 76
_VARIANT = 2 << 62


def fragment_id(touchpoint_id: UUID, received_at: datetime) -> UUID:
    """Return the id of the fragment that a touchpoint founds: UUIDv7 layout, Unix milliseconds then touchpoint bits."""
    milliseconds = int(received_at.timestamp() * 1000) & _TIME_BITS
    bits = touchpoint_id.int
    return UUID(
        int=milliseconds << 80 | _VERSION_7 | (bits >> 64 & 0xFFF) << 64 | _VARIANT | bits & _LOW_BITS
    )


def enterprise_fragment_id(touchpoint_id: UUID, received_at: datetime) -> UUID:
    """Return the id of the fragment of the enterprise that a touchpoint is the first to name."""
    return fragment_id(UUID(bytes=sha256(touchpoint_id.bytes + b"enterprise").digest()[:16]), received_at)


def merge_id(survivor: UUID, absorbed: UUID, touchpoint_id: UUID) -> UUID:
    """Return the id of the merge of two customers on the evidence of one touchpoint."""
    return UUID(bytes=sha256(survivor.bytes + absorbed.bytes + touchpoint_id.bytes).digest()[:16])


def suggestion_id(left: UUID, right: UUID, source: str) -> UUID:
    """Return the id of the suggestion from one source to merge two customers."""
    return UUID(bytes=sha256(left.bytes + right.bytes + source.encode()).digest()[:16])
