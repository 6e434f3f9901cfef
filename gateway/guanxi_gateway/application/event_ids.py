"""Event ids of the change stream: the positions of all partitions, so that any replica can resume from them.

Layout, base64url without padding: one version byte, four bytes that name the log, then one varint per partition,
in the order of the partitions.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Sequence
from typing import NamedTuple

_VERSION = 1
_HEADER_BYTES = 5
_MAX_CHARS = 4096
_MAX_POSITION = 2**63 - 1
_ALPHABET = re.compile(r"[A-Za-z0-9_-]+")


class InvalidEventId(ValueError):
    """The text is not an event id that this platform gave out."""


class EventId(NamedTuple):
    """Where a client stands: `positions[p]` is the next offset it wants of partition p of the log `log_mark`."""

    log_mark: int
    positions: tuple[int, ...]


def mark_of(log_id: str) -> int:
    """Return the 32-bit mark of a log id: enough to notice that a log was created anew."""
    return zlib.crc32(log_id.encode())


def encode_event_id(log_mark: int, positions: Sequence[int]) -> str:
    """Return the opaque event id of a place in the log."""
    out = bytearray((_VERSION,))
    out += log_mark.to_bytes(4, "big")
    for position in positions:
        rest = position
        while rest > 0x7F:
            out.append(rest & 0x7F | 0x80)
            rest >>= 7
        out.append(rest)
    return base64.urlsafe_b64encode(out).rstrip(b"=").decode()


def decode_event_id(text: str) -> EventId:
    """Return the place that an event id names. Raises InvalidEventId."""
    if len(text) > _MAX_CHARS or not _ALPHABET.fullmatch(text):
        raise InvalidEventId("not an event id of this stream")
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError) as error:
        raise InvalidEventId("not an event id of this stream") from error
    if len(raw) <= _HEADER_BYTES or raw[0] != _VERSION:
        raise InvalidEventId("not an event id of this stream, or of another version")
    return EventId(int.from_bytes(raw[1:_HEADER_BYTES], "big"), _varints(raw[_HEADER_BYTES:]))


def _varints(raw: bytes) -> tuple[int, ...]:
    values: list[int] = []
    value = shift = 0
    for byte in raw:
        value |= (byte & 0x7F) << shift
        if value > _MAX_POSITION:
            raise InvalidEventId("a position is out of range")
        if byte & 0x80:
            shift += 7
            continue
        values.append(value)
        value = shift = 0
    if shift:
        raise InvalidEventId("the event id is cut short")
    return tuple(values)
