"""Writes accesses: those of concurrent requests in one statement, awaited before the answers are given."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID, uuid4

import asyncpg

from guanxi_kit.audit.access import Access, KeptAccess
from guanxi_kit.audit.chain import START, ChainKey
from guanxi_kit.clock import Clock
from guanxi_kit.crypto import Keyring
from guanxi_kit.db import Database

Connection: TypeAlias = "asyncpg.Connection[Any]"

BATCH = 200
MOST_CHARACTERS = 200
KEEP = """
WITH given AS (
  SELECT * FROM unnest($2::bigint[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bool[],
    $9::text[], $10::text[], $11::bytea[], $12::bytea[], $13::text[], $14::bytea[], $15::bytea[])
  AS row (sequence, at, subject, role, action, fields, clear, detail, request_id, look_up, reason_digest, people, mac,
    sealed)
), kept AS (
  INSERT INTO access_audit (chain_id, sequence, at, subject, role, action, fields, clear, detail, request_id, look_up,
    reason_digest, people, mac)
  SELECT $1, sequence, at, subject, role, action, fields, clear, detail, request_id, look_up, reason_digest,
    string_to_array(people, ' ')::uuid[], mac
  FROM given
), named AS (
  INSERT INTO access_person (profile_id, at, chain_id, sequence)
  SELECT person::uuid, at, $1, sequence FROM given, unnest(string_to_array(people, ' ')) AS person
), stated AS (
  INSERT INTO access_reason (chain_id, sequence, sealed)
  SELECT $1, sequence, sealed FROM given WHERE sealed IS NOT NULL
)
INSERT INTO audit_head (chain_id, sequence, mac, seal, at) VALUES ($1, $16, $17, $18, $19)
ON CONFLICT (chain_id) DO UPDATE
SET sequence = excluded.sequence, mac = excluded.mac, seal = excluded.seal, at = excluded.at
"""


def reason_aad(chain_id: UUID, sequence: int) -> bytes:
    """What binds a sealed reason to its row."""
    return b"access reason\0" + chain_id.bytes + sequence.to_bytes(8, "big")


def _is_lost(connection: Connection) -> bool:
    try:
        return bool(connection.is_closed())
    except asyncpg.InterfaceError:
        # The server went away meanwhile: the pool has taken it back, and it answers nothing.
        return True


class _Waiting(NamedTuple):
    access: Access
    at: datetime
    kept: asyncio.Future[None]


class AuditTrail:
    """One chain of accesses, of one process. After a failed write, whose fate is unknown, it begins another chain.

    It keeps a connection of `database` to itself, so that no request that waits for it can stand in its way.
    """

    def __init__(self, database: Database, keyring: Keyring, clock: Clock) -> None:
        self._database = database
        self._keyring = keyring
        self._key = ChainKey(keyring)
        self._clock = clock
        self._waiting: list[_Waiting] = []
        self._writing: asyncio.Task[None] | None = None
        self._lent = AsyncExitStack()
        self._connection: Connection | None = None
        self._begin()

    async def keep(self, access: Access) -> None:
        """Return once the access is durable. Raises what the database raises; then nothing may be shown."""
        kept = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(access, self._clock.now(), kept))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_all(), name="access-audit")
        await kept

    async def close(self) -> None:
        """Wait for what is being written, and give the connection back."""
        if self._writing is not None:
            await self._writing
        await self._lent.aclose()

    def _begin(self) -> None:
        self._chain_id, self._sequence, self._mac = uuid4(), 0, START

    async def _write_all(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
                try:
                    await self._write(batch)
                except Exception as error:
                    self._begin()
                    _settle(batch, error)
                    with suppress(Exception):
                        await self._give_back()
                else:
                    _settle(batch)
        finally:
            self._writing = None

    async def _write(self, batch: Sequence[_Waiting]) -> None:
        rows, macs, mac = [], [], self._mac
        for sequence, waiting in enumerate(batch, self._sequence + 1):
            row = self._row(sequence, waiting)
            mac = self._key.link(mac, row)
            rows.append(row)
            macs.append(mac)
        connection = await self._open()
        # A statement of its own transaction: one round trip, and durable when it returns.
        await connection.execute(KEEP, *self._arguments(rows, macs, batch))
        self._sequence, self._mac = rows[-1].sequence, mac

    async def _open(self) -> Connection:
        if self._connection is None or _is_lost(self._connection):
            await self._give_back()
            self._connection = await self._lent.enter_async_context(self._database.connection())
        return self._connection

    async def _give_back(self) -> None:
        self._connection = None
        await self._lent.aclose()

    def _row(self, sequence: int, waiting: _Waiting) -> KeptAccess:
        access = waiting.access
        return KeptAccess(
            chain_id=self._chain_id,
            sequence=sequence,
            at=waiting.at,
            subject=_storable(access.subject),
            role=access.role,
            action=_storable(access.action),
            fields=access.fields,
            clear=access.clear,
            detail=_storable(access.detail),
            request_id=access.request_id,
            look_up=None if access.look_up is None else look_up_digest(self._keyring, access.look_up),
            reason_digest=None if access.reason is None else reason_digest(self._keyring, access.reason),
            people=tuple(sorted(set(access.people))),
        )

    def _arguments(
        self, rows: Sequence[KeptAccess], macs: Sequence[bytes], batch: Sequence[_Waiting]
    ) -> tuple[Any, ...]:
        last, mac = rows[-1], macs[-1]
        return (
            self._chain_id,
            [row.sequence for row in rows],
            [row.at for row in rows],
            [row.subject for row in rows],
            [row.role for row in rows],
            [row.action for row in rows],
            [row.fields for row in rows],
            [row.clear for row in rows],
            [row.detail for row in rows],
            [row.request_id for row in rows],
            [row.look_up for row in rows],
            [row.reason_digest for row in rows],
            [" ".join(str(person) for person in row.people) for row in rows],
            macs,
            [self._sealed(row, waiting.access.reason) for row, waiting in zip(rows, batch, strict=True)],
            last.sequence,
            mac,
            self._key.end(self._chain_id, last.sequence, mac),
            last.at,
        )

    def _sealed(self, row: KeptAccess, reason: str | None) -> bytes | None:
        if reason is None:
            return None
        return self._keyring.seal(reason.encode(), reason_aad(row.chain_id, row.sequence))


def _settle(batch: Sequence[_Waiting], error: Exception | None = None) -> None:
    for waiting in batch:
        if not waiting.kept.done():
            if error is None:
                waiting.kept.set_result(None)
            else:
                waiting.kept.set_exception(error)


def look_up_digest(keyring: Keyring, look_up: bytes) -> bytes:
    """Return what the audit keeps of a look-up: not the hash itself, which goes when its person is erased."""
    return keyring.blind("access look-up", look_up.hex())


def reason_digest(keyring: Keyring, reason: str) -> bytes:
    """Return the keyed digest of a stated reason, which the chain covers."""
    return keyring.blind("access reason", reason)


def _storable(text: str) -> str:
    """Return what a column and its index can hold; who reads stays recognisable."""
    return text[:MOST_CHARACTERS].replace("\0", "")
