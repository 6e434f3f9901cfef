"""Which keys each process has, told in the database; and taking over what the keyring's file says."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import asyncpg

from guanxi_kit.app import Check, NotReady
from guanxi_kit.clock import Clock
from guanxi_kit.crypto import Keyring
from guanxi_kit.db import Database, is_transient
from guanxi_kit.logging import get_logger

LOOK_SECONDS = 0.5
TELL = timedelta(seconds=10)
GONE = timedelta(seconds=60)

_log = get_logger("guanxi.keys")

_TELL = """
INSERT INTO keyring_user (process_id, role, host, key_ids, primary_key_id, fault, seen_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (process_id) DO UPDATE SET key_ids = excluded.key_ids, primary_key_id = excluded.primary_key_id,
  fault = excluded.fault, seen_at = excluded.seen_at
"""
_FORGET = "DELETE FROM keyring_user WHERE process_id = $1 OR seen_at < $2"
_USERS = """
SELECT role, host, key_ids, primary_key_id, fault, seen_at FROM keyring_user WHERE seen_at > $1 ORDER BY role, host
"""


@dataclass(frozen=True, slots=True)
class User:
    """A process and its keys, as it told last. `fault` says why it cannot take over what its keyring file says now."""

    role: str
    host: str
    key_ids: Sequence[int]
    primary_key_id: int
    fault: str | None
    seen_at: datetime


async def users_of(connection: asyncpg.Connection[Any], now: datetime) -> list[User]:
    """Return the processes that were there within the last minute."""
    return [User(**row) for row in await connection.fetch(_USERS, now - GONE)]


class KeyringUser:
    """A part of every process that holds a keyring: looks at its file twice a second, tells its keys every 10."""

    def __init__(self, keyring: Keyring, database: Database, role: str, clock: Clock) -> None:
        self._keyring = keyring
        self._database = database
        self._role = role
        self._clock = clock
        self._process_id = uuid4()
        self._told: tuple[Any, ...] = ()
        self._told_at: datetime | None = None
        self._stopping = asyncio.Event()

    @property
    def readiness(self) -> Check:
        """Says what is wrong with the keyring's file; the process serves on with the keys it has."""
        return Check("keyring", self._file_is_usable, advisory=True)

    async def run(self) -> None:
        """Follow the file until stopped."""
        while not self._stopping.is_set():
            self._keyring.refresh()
            try:
                await self._tell()
            except Exception as error:
                if not (is_transient(error) or isinstance(error, asyncpg.PostgresError)):
                    raise
                _log.warning("keys not told", reason=type(error).__name__)
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._stopping.wait()
        with suppress(Exception):
            async with asyncio.timeout(1.0):
                await self._forget()

    async def stop(self) -> None:
        """Ask `run` to return."""
        self._stopping.set()

    @asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        """Run beside the block."""
        task = asyncio.create_task(self.run(), name="keyring")
        try:
            yield
        finally:
            await self.stop()
            await task

    async def _tell(self) -> None:
        ring, now = self._keyring, self._clock.now()
        keys = (sorted(ring.key_ids), ring.primary_key_id, ring.fault)
        if keys == self._told and self._told_at is not None and now - self._told_at < TELL:
            return
        async with self._database.connection() as connection:
            await connection.execute(_TELL, self._process_id, self._role, socket.gethostname(), *keys, now)
        self._told, self._told_at = keys, now

    async def _forget(self) -> None:
        async with self._database.connection() as connection:
            await connection.execute(_FORGET, self._process_id, self._clock.now() - 10 * GONE)

    async def _file_is_usable(self) -> None:
        if self._keyring.fault is not None:
            raise NotReady(self._keyring.fault)
