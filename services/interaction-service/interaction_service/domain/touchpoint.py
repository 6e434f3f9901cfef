"""The identity of a touchpoint."""

from __future__ import annotations

from hashlib import sha256
from uuid import UUID


def touchpoint_id(channel_id: str, message_id: str) -> UUID:
    """Return the id under which a channel's message counts once, for ever: a digest of both ids."""
    return UUID(bytes=sha256(f"{channel_id}\0{message_id}".encode()).digest()[:16])
