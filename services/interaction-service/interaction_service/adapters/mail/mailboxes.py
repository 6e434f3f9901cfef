"""Declared mailboxes and how far each was read, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeAlias
from uuid import UUID, uuid4

import asyncpg
import msgspec

from guanxi_kit.crypto import Keyring
from guanxi_kit.db import Database
from interaction_service.adapters.mail.imap import Security
from interaction_service.application.ports import Channel

Connection: TypeAlias = "asyncpg.Connection[Any]"

_DECLARE = """
INSERT INTO mailbox AS standing (channel_id, document, sealed, declared_by, declared_at, turn_at)
SELECT channel_id, $2, $3, $4, $5, $5 FROM channel WHERE channel_id = $1
ON CONFLICT (channel_id) DO UPDATE SET document = excluded.document, sealed = excluded.sealed,
    declared_by = excluded.declared_by, declared_at = excluded.declared_at, turn_at = excluded.turn_at, turn = NULL,
    failure = NULL,
    uid_validity = CASE WHEN $6 THEN standing.uid_validity END,
    last_uid = CASE WHEN $6 THEN standing.last_uid ELSE 0 END
"""
_READ = """
SELECT mailbox.*, channel.name, channel.kind, channel.enabled AS channel_enabled
FROM mailbox JOIN channel USING (channel_id)
"""
_OF_ONE = f"{_READ} WHERE channel.name = $1"
_CLAIM = f"""
WITH due AS (
    SELECT channel_id FROM mailbox JOIN channel USING (channel_id)
    WHERE turn_at <= $1 AND enabled AND (document->>'enabled')::boolean
    ORDER BY turn_at LIMIT $4 FOR UPDATE OF mailbox SKIP LOCKED),
taken AS (UPDATE mailbox SET turn = $2, turn_at = $3 FROM due WHERE mailbox.channel_id = due.channel_id
    RETURNING mailbox.channel_id)
{_READ} WHERE channel_id IN (SELECT channel_id FROM due)
"""  # noqa: S608 - parts of this module
_MOVE = """
UPDATE mailbox SET uid_validity = $3, last_uid = $4, taken = taken + $5, refused = refused + $6, turn_at = $7
WHERE channel_id = $1 AND turn = $2 RETURNING true
"""
_END = """
UPDATE mailbox SET turn = NULL, turn_at = $3, failure = $4::text,
    read_at = CASE WHEN $4::text IS NULL THEN $5::timestamptz ELSE read_at END
WHERE channel_id = $1 AND turn = $2
"""


class MailboxDocument(msgspec.Struct, frozen=True):
    """A declaration. Mails that arrived before `since` stay unread; those from `own_addresses` are left out."""

    host: str
    port: int
    security: Security
    username: str
    folder: str
    own_addresses: list[str]
    since: datetime
    poll_seconds: int
    enabled: bool

    def is_the_same_folder(self, other: MailboxDocument) -> bool:
        """True when UIDs of one hold for the other."""
        return (self.host, self.username, self.folder) == (other.host, other.username, other.folder)


@dataclass(frozen=True, slots=True)
class Position:
    """Where reading goes on: behind `last_uid`, while the folder has this UIDVALIDITY."""

    uid_validity: int | None
    last_uid: int


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A declared mailbox as it stands."""

    channel: Channel
    document: MailboxDocument
    password: str
    position: Position
    declared_by: str
    declared_at: datetime
    read_at: datetime | None
    failure: str | None
    taken: int
    refused: int


@dataclass(frozen=True, slots=True)
class Turn:
    """A mailbox in hand. Another's turn, or another declaration, takes it away."""

    turn: UUID
    mailbox: Mailbox


def password_aad(channel_id: UUID) -> bytes:
    """What binds a password to its mailbox."""
    return b"mailbox\0" + channel_id.bytes


async def declare_mailbox(
    connection: Connection,
    keyring: Keyring,
    channel_id: UUID,
    document: MailboxDocument,
    password: str,
    *,
    actor: str,
    now: datetime,
    same_folder: bool,
) -> None:
    """Declare a channel's mailbox within the open transaction; reading goes on where it was in the same folder."""
    sealed = keyring.seal(password.encode(), password_aad(channel_id))
    plain = msgspec.to_builtins(document)
    await connection.execute(_DECLARE, channel_id, plain, sealed, actor, now, same_folder)


async def read_mailbox(connection: Connection, keyring: Keyring, name: str) -> Mailbox | None:
    """Return the mailbox of the channel of that name."""
    row = await connection.fetchrow(_OF_ONE, name)
    return None if row is None else _mailbox(row, keyring)


class MailboxTurns:
    """Who reads which mailbox: a turn ends with its lease, and what it then writes has no effect."""

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self._database = database
        self._keyring = keyring

    async def claim(self, now: datetime, lease: timedelta, most: int) -> list[Turn]:
        """Take mailboxes that are due and that nobody has in hand."""
        turn = uuid4()
        async with self._database.transaction() as connection:
            rows = await connection.fetch(_CLAIM, now, turn, now + lease, most)
        return [Turn(turn, _mailbox(row, self._keyring)) for row in rows]

    async def move(
        self, turn: Turn, position: Position, *, taken: int, refused: int, lease_until: datetime
    ) -> bool:
        """Keep how far it was read; False when the turn was taken away."""
        async with self._database.transaction() as connection:
            return bool(
                await connection.fetchval(
                    _MOVE,
                    UUID(turn.mailbox.channel.channel_id),
                    turn.turn,
                    position.uid_validity,
                    position.last_uid,
                    taken,
                    refused,
                    lease_until,
                )
            )

    async def end(self, turn: Turn, next_at: datetime, failure: str | None, now: datetime) -> None:
        """End the turn; a `failure` is shown to whoever asks."""
        async with self._database.transaction() as connection:
            channel_id = UUID(turn.mailbox.channel.channel_id)
            await connection.execute(_END, channel_id, turn.turn, next_at, failure, now)


def _mailbox(row: Mapping[str, Any], keyring: Keyring) -> Mailbox:
    channel_id: UUID = row["channel_id"]
    return Mailbox(
        channel=Channel(str(channel_id), row["name"], row["kind"]),
        document=msgspec.convert(row["document"], MailboxDocument),
        password=keyring.open(row["sealed"], password_aad(channel_id)).decode(),
        position=Position(row["uid_validity"], row["last_uid"]),
        declared_by=row["declared_by"],
        declared_at=row["declared_at"],
        read_at=row["read_at"],
        failure=row["failure"],
        taken=row["taken"],
        refused=row["refused"],
    )
