"""A place in a timeline, as an opaque cursor."""

from __future__ import annotations

import base64
import binascii
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
BINDING_BYTES = 4
_FORMAT = struct.Struct(f">q16s{BINDING_BYTES}s")


class BadCursor(ValueError):
    """The cursor was not made by this service, or for another list."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a touchpoint stands in its customer's timeline. The next page begins behind it."""

    occurred_at: datetime
    touchpoint_id: UUID

    @classmethod
    def above(cls, end: datetime) -> Place:
        """Return the place behind which stands all that was before `end`, and nothing else."""
        return cls(end, UUID(int=0))

    def to_cursor(self, binding: bytes) -> str:
        """Return the place as URL-safe text; `binding` (4 bytes) says of which list."""
        micros = (self.occurred_at - _EPOCH) // timedelta(microseconds=1)
        return (
            base64.urlsafe_b64encode(_FORMAT.pack(micros, self.touchpoint_id.bytes, binding))
            .decode()
            .rstrip("=")
        )

    @classmethod
    def from_cursor(cls, cursor: str, binding: bytes) -> Place:
        """Return the place of a cursor of this list. Raises BadCursor."""
        try:
            raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
            micros, identity, bound = _FORMAT.unpack(raw)
            place = cls(_EPOCH + timedelta(microseconds=micros), UUID(bytes=identity))
        except (binascii.Error, struct.error, OverflowError, ValueError):
            raise BadCursor("must be the next_cursor of an earlier page") from None
        if bound != binding:
            raise BadCursor("is that of a page with another filter")
        return place
