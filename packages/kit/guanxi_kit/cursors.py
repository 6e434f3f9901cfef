"""Cursors of lists that are ordered by a time and an id."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime, timedelta
from uuid import UUID

from guanxi_kit.errors import FieldError, Problem

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def encode_cursor(at: datetime, id: UUID) -> str:
    """Return the text that says where a page ends."""
    micros = (at - _EPOCH) // _MICROSECOND
    return base64.urlsafe_b64encode(micros.to_bytes(8, "big", signed=True) + id.bytes).decode().rstrip("=")


def decode_cursor(cursor: str, field: str = "cursor") -> tuple[datetime, UUID]:
    """Return the time and id in a cursor. Raises Problem 400 that names `field`."""
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        micros = int.from_bytes(raw[:8], "big", signed=True)
        return _EPOCH + micros * _MICROSECOND, UUID(bytes=raw[8:])
    except (binascii.Error, ValueError, OverflowError):
        raise Problem(
            400,
            detail="The request is not valid.",
            errors=[FieldError(field, "is not one this list gave out")],
        ) from None
