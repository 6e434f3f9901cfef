"""What a service tells of an erasure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from guanxi_contracts.catalog import PRIVACY_RECEIPT_TOPIC
from guanxi_contracts.privacy import ERASURE_RECEIPT, ErasureReceiptV1, ReceiptState


class ReceiptRecord(NamedTuple):
    """A receipt as a record to publish."""

    topic: str
    key: bytes
    value: bytes


def receipt_of(
    request_id: UUID,
    place: str,
    state: ReceiptState,
    erased: Mapping[str, int],
    *,
    now: datetime,
    legal_ground: str | None = None,
) -> ReceiptRecord:
    """Return the record of `privacy.receipt`; `place` is the service's name, `erased` counts rows by kind."""
    receipt = ErasureReceiptV1(
        request_id=request_id,
        place=place,
        state=state,
        erased=dict(erased),
        at=now,
        legal_ground=legal_ground,
    )
    value = ERASURE_RECEIPT.encode(
        receipt, id=f"{request_id}.{place}.{state}", source=place, time=now, subject=str(request_id)
    )
    return ReceiptRecord(PRIVACY_RECEIPT_TOPIC.name, request_id.bytes, value)
