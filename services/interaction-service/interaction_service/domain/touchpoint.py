"""The identity of a touchpoint."""

from __future__ import annotations

from hashlib import sha256
from uuid import UUID

import msgspec

_BIN_OF_16 = b"\xc4\x10"
# A msgpack decoder makes a UUID of 16 bytes in an eighth of the time that UUID's own constructor takes.
_READ_UUID = msgspec.msgpack.Decoder(UUID).decode


def touchpoint_id(channel_id: str, message_id: str) -> UUID:
    """Return the id under which a channel's message counts once, for ever: a digest of both ids."""
    return _READ_UUID(_BIN_OF_16 + sha256(f"{channel_id}\0{message_id}".encode()).digest()[:16])
