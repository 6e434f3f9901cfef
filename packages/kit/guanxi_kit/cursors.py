"""Cursors of lists: of those that are ordered by a time and an id, and of others."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

import msgspec

from guanxi_kit.errors import FieldError, Problem

T = TypeVar("T")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
NEWEST = datetime.max.replace(tzinfo=UTC), UUID(int=2**128 - 1)
"""Where a list begins that shows the newest first. A query that begins behind a place in any case has one plan."""


def encode_cursor(at: datetime, id: UUID) -> str:
    """Return the text that says where a page ends."""
    micros = (at - _EPOCH) // _MICROSECOND
    return _text(micros.to_bytes(8, "big", signed=True) + id.bytes)


def decode_cursor(cursor: str, field: str = "cursor") -> tuple[datetime, UUID]:
    """Return the time and id in a cursor. Raises Problem 400 that names `field`."""
    try:
        raw = _bytes(cursor)
        micros = int.from_bytes(raw[:8], "big", signed=True)
        return _EPOCH + micros * _MICROSECOND, UUID(bytes=raw[8:])
    except (binascii.Error, ValueError, OverflowError):
        raise wrong_cursor(field) from None


def encode_place(place: Any) -> str:
    """Return the text of a place in a list that is ordered otherwise; `place` is what msgspec writes as JSON."""
    return _text(msgspec.json.encode(place))


def decode_place(cursor: str, kind: type[T]) -> T:
    """Return the place in a cursor, of the type that was encoded. Raises Problem 400."""
    try:
        return msgspec.json.decode(_bytes(cursor), type=kind)
    except (binascii.Error, ValueError, msgspec.MsgspecError):
        raise wrong_cursor() from None


def wrong_cursor(field: str = "cursor") -> Problem:
    """Return the problem of a cursor that nobody gave out."""
    fault = FieldError(field, "is not one this list gave out")
    return Problem(400, detail="The request is not valid.", errors=[fault])


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _bytes(cursor: str) -> bytes:
    return base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
