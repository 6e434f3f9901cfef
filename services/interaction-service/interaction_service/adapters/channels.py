"""Channels and their write keys."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from hashlib import sha256
from secrets import token_urlsafe

import structlog

from guanxi_kit.clock import Clock
from guanxi_kit.db import Database, is_transient
from interaction_service.application.ports import Channel, Unavailable

REFRESH_SECONDS = 10.0
MISS_SECONDS = 1.0

_NAME = re.compile(r"[\w-]{1,64}")
_KEY = re.compile(r"[A-Za-z0-9_-]{16,256}")
_log = structlog.get_logger(__name__)


def hash_key(write_key: str) -> bytes:
    """Return what is stored of a write key. Keys are random, so a plain digest gives nothing away."""
    return sha256(write_key.encode("utf-8", "surrogatepass")).digest()


class ChannelDirectory:
    """All enabled channels, read anew every REFRESH_SECONDS; a database that is away stops no ingest."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._by_hash: Mapping[bytes, Channel] | None = None
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()

    async def find(self, write_key: str) -> Channel | None:
        """Return the enabled channel of a key. Raises Unavailable when no channel was ever read."""
        digest = hash_key(write_key)
        if self._age() >= REFRESH_SECONDS:
            await self._refresh(REFRESH_SECONDS)
        channel = self._channels().get(digest)
        if channel is None and self._age() >= MISS_SECONDS:
            await self._refresh(MISS_SECONDS)
            channel = self._channels().get(digest)
        return channel

    async def load(self) -> None:
        """Read the channels now."""
        async with self._db.connection() as connection:
            rows = await connection.fetch(
                "SELECT channel_id, name, kind, write_key_hash FROM channel WHERE enabled"
            )
        self._by_hash = {
            row["write_key_hash"]: Channel(str(row["channel_id"]), row["name"], row["kind"]) for row in rows
        }
        self._read_at = self._clock.monotonic()

    def _channels(self) -> Mapping[bytes, Channel]:
        if self._by_hash is None:
            raise Unavailable("the channels could not be read yet")
        return self._by_hash

    def _age(self) -> float:
        return self._clock.monotonic() - self._read_at

    async def _refresh(self, age: float) -> None:
        """Read the channels unless another request just did; keep the old ones when the database is away."""
        if self._reading.locked() and self._by_hash is not None:
            return
        async with self._reading:
            if self._age() < age:
                return
            try:
                await self.load()
            except Exception as error:
                if not is_transient(error):
                    raise
                self._read_at = self._clock.monotonic() - REFRESH_SECONDS + MISS_SECONDS
                _log.warning("channels.stale", error=type(error).__name__)


class ChannelRefused(ValueError):
    """The channel cannot be made as asked; the message says why."""


async def add_channel(db: Database, *, name: str, kind: str, write_key: str | None) -> str | None:
    """Create the channel if it is missing and return the write key if it is new, else None.

    A given `write_key` becomes the channel's key in place of the one it had. Raises ChannelRefused when another
    channel has it, or for a name, kind or key that cannot be one.
    """
    if not _NAME.fullmatch(name) or not _NAME.fullmatch(kind):
        raise ChannelRefused("name and kind must be letters, digits, _ or -, at most 64")
    if write_key is not None and not _KEY.fullmatch(write_key):
        raise ChannelRefused("a write key has 16 to 256 letters, digits, _ or -")
    key = write_key or token_urlsafe(24)
    async with db.transaction() as connection:
        await connection.execute("LOCK TABLE channel IN SHARE ROW EXCLUSIVE MODE")
        known = await connection.fetchrow(
            "SELECT channel_id, write_key_hash FROM channel WHERE name = $1", name
        )
        if known is not None and (write_key is None or known["write_key_hash"] == hash_key(key)):
            return None
        holder = await connection.fetchval(
            "SELECT name FROM channel WHERE write_key_hash = $1", hash_key(key)
        )
        if holder is not None:
            raise ChannelRefused(f"channel {holder} has this write key")
        await connection.execute(
            "INSERT INTO channel (name, kind, write_key_hash) VALUES ($1, $2, $3)"
            " ON CONFLICT (name) DO UPDATE SET write_key_hash = excluded.write_key_hash",
            name,
            kind,
            hash_key(key),
        )
    return key
