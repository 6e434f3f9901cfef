"""A place in a timeline, as an opaque cursor."""

from __future__ import annotations

import base64
import binascii
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FORMAT = struct.Struct(">q16s")


class BadCursor(ValueError):
    """The cursor was not made by this service."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a touchpoint stands in its customer's timeline. The next page begins behind it."""

    occurred_at: datetime
    touchpoint_id: UUID

    def to_cursor(self) -> str:
        """Return the place as URL-safe text."""
        micros = (self.occurred_at - _EPOCH) // timedelta(microseconds=1)
        return base64.urlsafe_b64encode(_FORMAT.pack(micros, self.touchpoint_id.bytes)).decode().rstrip("=")

    @classmethod
    def from_cursor(cls, cursor: str) -> Place:
        """Return the place of a cursor. Raises BadCursor."""
        try:
            raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
            micros, identity = _FORMAT.unpack(raw)
            return cls(_EPOCH + timedelta(microseconds=micros), UUID(bytes=identity))
        except (binascii.Error, struct.error, OverflowError, ValueError):
            raise BadCursor("must be the next_cursor of an earlier page") from None
