"""Channels and their write keys."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from secrets import token_urlsafe

import asyncpg

from guanxi_kit.clock import Clock
from guanxi_kit.db import Database
from interaction_service.adapters.directory import Connection, Directory
from interaction_service.adapters.survey_news import SURVEY
from interaction_service.application.imports.prepare_rows import IMPORT
from interaction_service.application.ports import Channel
from interaction_service.application.staff_edits import STAFF

_CHANNELS = "SELECT channel_id, name, kind, write_key_hash FROM channel WHERE enabled"

RESERVED = {STAFF: "what staff enter", IMPORT: "imported files", SURVEY: "answers of surveys"}
_NAMED = "SELECT channel_id, name, kind FROM channel WHERE name = $1 AND enabled"

_NAME = re.compile(r"[\w-]{1,64}")
_KEY = re.compile(r"[A-Za-z0-9_-]{16,256}")


def hash_key(write_key: str) -> bytes:
    """Return what is stored of a write key. Keys are random, so a plain digest gives nothing away."""
    return sha256(write_key.encode("utf-8", "surrogatepass")).digest()


class ChannelDirectory(Directory[bytes, Channel, asyncpg.Record]):
    """All enabled channels, by the digest of their write key."""

    def __init__(self, db: Database, clock: Clock) -> None:
        super().__init__("channels", db, clock)

    async def find(self, write_key: str) -> Channel | None:
        """Return the enabled channel of a key. Raises Unavailable when the database is needed and away."""
        return await self.entry(hash_key(write_key))

    async def _read(self, connection: Connection) -> Sequence[asyncpg.Record]:
        rows: list[asyncpg.Record] = await connection.fetch(_CHANNELS)
        return rows

    def _made(self, read: Sequence[asyncpg.Record]) -> Mapping[bytes, Channel]:
        return {
            row["write_key_hash"]: Channel(str(row["channel_id"]), row["name"], row["kind"]) for row in read
        }


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
