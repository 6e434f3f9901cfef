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
from interaction_service.adapters.survey_news import SURVEY
from interaction_service.application.imports.prepare_rows import IMPORT
from interaction_service.application.ports import Channel, Unavailable
from interaction_service.application.staff_edits import STAFF

REFRESH_SECONDS = 10.0
MISS_SECONDS = 1.0
LOAD_SECONDS = 2.0
_CHANNELS = "SELECT channel_id, name, kind, write_key_hash FROM channel WHERE enabled"

RESERVED = {STAFF: "what staff enter", IMPORT: "imported files", SURVEY: "answers of surveys"}
_NAMED = "SELECT channel_id, name, kind FROM channel WHERE name = $1 AND enabled"

_NAME = re.compile(r"[\w-]{1,64}")
_KEY = re.compile(r"[A-Za-z0-9_-]{16,256}")
_log = structlog.get_logger(__name__)


def hash_key(write_key: str) -> bytes:
    """Return what is stored of a write key. Keys are random, so a plain digest gives nothing away."""
    return sha256(write_key.encode("utf-8", "surrogatepass")).digest()


class ChannelDirectory:
    """All enabled channels, read anew every REFRESH_SECONDS in the background.

    A database that is away stops no known channel. A key that is not known is looked for in the database before it is
    turned away, at most once in MISS_SECONDS: SDKs throw away what is turned away.
    """

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._by_hash: Mapping[bytes, Channel] = {}
        self._read_at = self._tried_at = float("-inf")
        self._reading = asyncio.Lock()
        self._refresh: asyncio.Task[None] | None = None

    async def find(self, write_key: str) -> Channel | None:
        """Return the enabled channel of a key. Raises Unavailable when the database is needed and away."""
        digest = hash_key(write_key)
        channel = self._by_hash.get(digest)
        now = self._clock.monotonic()
        if channel is None and now - self._read_at >= MISS_SECONDS:
            await self.load()
            channel = self._by_hash.get(digest)
        elif now - self._tried_at >= REFRESH_SECONDS and (self._refresh is None or self._refresh.done()):
            self._refresh = asyncio.create_task(self._refresh_quietly(), name="channels")
        return channel

    async def load(self) -> None:
        """Read the channels, unless that was done a moment ago. Raises Unavailable, at once when it just failed."""
        async with self._reading:
            now = self._clock.monotonic()
            if now - self._read_at < MISS_SECONDS:
                return
            if now - self._tried_at < MISS_SECONDS:
                raise Unavailable("the channels cannot be read")
            self._tried_at = now
            try:
                async with asyncio.timeout(LOAD_SECONDS), self._db.connection() as connection:
                    rows = await connection.fetch(_CHANNELS)
            except Exception as error:
                if not is_transient(error):
                    raise
                raise Unavailable("the channels cannot be read") from error
            self._by_hash = {
                row["write_key_hash"]: Channel(str(row["channel_id"]), row["name"], row["kind"])
                for row in rows
            }
            self._read_at = now

    async def check(self) -> None:
        """Raise Unavailable unless the channels were read at least once (readiness)."""
        if self._read_at == float("-inf"):
            await self.load()

    async def _refresh_quietly(self) -> None:
        try:
            await self.load()
        except Unavailable:
            _log.warning("channels.stale", seconds=round(self._clock.monotonic() - self._read_at))


async def channel_named(db: Database, name: str) -> Channel | None:
    """Return the enabled channel of a name; that of imported files is always there."""
    if name == IMPORT:
        return Channel(IMPORT, IMPORT, IMPORT)
    async with db.connection() as connection:
        row = await connection.fetchrow(_NAMED, name)
    return None if row is None else Channel(str(row["channel_id"]), row["name"], row["kind"])


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
    if name in RESERVED:
        raise ChannelRefused(f"the channel {name} is that of {RESERVED[name]}")
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
