"""Declarations of channels: every version that ever held, with its secrets under seal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

import asyncpg
import msgspec

from guanxi_kit.crypto import Keyring

_LATEST = """
SELECT DISTINCT ON (channel_id) channel_id, name, kind, enabled, version, document, sealed, created_by, d.created_at
FROM channel JOIN channel_declaration AS d USING (channel_id)
"""
_OF_ALL = f"{_LATEST} ORDER BY channel_id, version DESC"
_OF_ONE = f"{_LATEST} WHERE name = $1 ORDER BY channel_id, version DESC"
_CHANNEL = "SELECT channel_id FROM channel WHERE name = $1 FOR UPDATE"
_INSERT = """
INSERT INTO channel_declaration (channel_id, version, document, sealed, created_by, created_at)
VALUES ($1, $2, $3, $4, $5, $6)
"""
_KIND = "UPDATE channel SET kind = $2 WHERE channel_id = $1"
_SECRETS = msgspec.json.Decoder(dict[str, list[str]])

Connection: TypeAlias = "asyncpg.Connection[Any]"


class Declared(NamedTuple):
    """The declaration that holds for a channel; `document` is JSON, `secrets` by name."""

    channel_id: UUID
    name: str
    kind: str
    enabled: bool
    version: int
    document: Any
    secrets: Mapping[str, Sequence[str]]
    created_by: str
    created_at: datetime


def secrets_aad(channel_id: UUID, version: int) -> bytes:
    """What binds secrets to their declaration."""
    return b"channel\0" + channel_id.bytes + version.to_bytes(4, "big")


async def read_declarations(connection: Connection, keyring: Keyring) -> list[Declared]:
    """Return the declaration of every channel that has one."""
    return [_declared(row, keyring) for row in await connection.fetch(_OF_ALL)]


async def read_declaration(connection: Connection, keyring: Keyring, name: str) -> Declared | None:
    """Return the declaration of one channel."""
    row = await connection.fetchrow(_OF_ONE, name)
    return None if row is None else _declared(row, keyring)


async def declare(
    connection: Connection,
    keyring: Keyring,
    *,
    name: str,
    kind: str,
    document: Any,
    secrets: Mapping[str, Sequence[str]],
    actor: str,
    now: datetime,
) -> int:
    """Write the next version of a channel's declaration within the open transaction; return its number."""
    channel_id = await connection.fetchval(_CHANNEL, name)
    before = await connection.fetchval(
        "SELECT max(version) FROM channel_declaration WHERE channel_id = $1", channel_id
    )
    version = (before or 0) + 1
    sealed = keyring.seal(msgspec.json.encode(secrets), secrets_aad(channel_id, version))
    await connection.execute(_KIND, channel_id, kind)
    await connection.execute(_INSERT, channel_id, version, document, sealed, actor, now)
    return version


def _declared(row: asyncpg.Record, keyring: Keyring) -> Declared:
    plain = keyring.open(row["sealed"], secrets_aad(row["channel_id"], row["version"]))
    return Declared(
        channel_id=row["channel_id"],
        name=row["name"],
        kind=row["kind"],
        enabled=row["enabled"],
        version=row["version"],
        document=row["document"],
        secrets=_SECRETS.decode(plain),
        created_by=row["created_by"],
        created_at=row["created_at"],
    )
