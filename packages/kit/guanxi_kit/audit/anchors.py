"""Anchors: the ends of all chains, written down from time to time and logged, so that a lost tail is noticed."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import datetime
from typing import Any, NamedTuple

import asyncpg

from guanxi_kit.audit.chain import START, Anchored, ChainKey
from guanxi_kit.clock import Clock
from guanxi_kit.crypto import Keyring
from guanxi_kit.db import Database, is_transient
from guanxi_kit.logging import get_logger

LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('audit_anchor.' || current_schema(), 0))"
GROWN = "SELECT chain_id, sequence, mac FROM audit_head WHERE sequence > anchored ORDER BY at, chain_id LIMIT 1000"
LAST = "SELECT number, at, seal FROM audit_anchor ORDER BY number DESC LIMIT 1"
INSERT = """
INSERT INTO audit_anchor (number, at, chain_id, sequence, mac, seal)
SELECT number, $2, chain_id, sequence, mac, seal
FROM unnest($1::bigint[], $3::uuid[], $4::bigint[], $5::bytea[], $6::bytea[])
AS given (number, chain_id, sequence, mac, seal)
"""
MARK = """
UPDATE audit_head SET anchored = given.sequence FROM unnest($1::uuid[], $2::bigint[]) AS given (chain_id, sequence)
WHERE audit_head.chain_id = given.chain_id
"""
_log = get_logger("guanxi.audit")


class Anchor(NamedTuple):
    """The last anchor: its number, time and hash. Whoever knows it can tell whether anchors were taken away."""

    number: int
    at: datetime
    seal: bytes


async def last_anchor(connection: asyncpg.Connection[Any]) -> Anchor | None:
    """Return the last anchor there is."""
    row = await connection.fetchrow(LAST)
    return None if row is None else Anchor(*row)


async def anchor_chains(connection: asyncpg.Connection[Any], key: ChainKey, now: datetime) -> Anchor | None:
    """Anchor the chains that have grown, in the open transaction; return the last new anchor, if there is any."""
    await connection.execute(LOCK)
    grown = await connection.fetch(GROWN)
    if not grown:
        return None
    before = await last_anchor(connection)
    number, seal = (before.number, before.seal) if before else (0, START)
    numbers, seals = [], []
    for chain_id, sequence, mac in grown:
        number += 1
        seal = key.anchor(seal, Anchored(number, now, chain_id, sequence, mac))
        numbers.append(number)
        seals.append(seal)
    chains, sequences = [row["chain_id"] for row in grown], [row["sequence"] for row in grown]
    await connection.execute(INSERT, numbers, now, chains, sequences, [row["mac"] for row in grown], seals)
    await connection.execute(MARK, chains, sequences)
    return Anchor(number, now, seal)


class AuditAnchors:
    """A part of a worker process that anchors every `seconds`."""

    def __init__(self, database: Database, keyring: Keyring, clock: Clock, *, seconds: float) -> None:
        self._database = database
        self._key = ChainKey(keyring)
        self._clock = clock
        self._seconds = seconds
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Anchor until stopped, and once more then."""
        while not self._stopping.is_set():
            await self.anchor()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._seconds):
                    await self._stopping.wait()
        await self.anchor()

    async def anchor(self) -> None:
        """Anchor what has grown and log the last anchor; a database that is away is left for the next time."""
        try:
            async with self._database.transaction() as connection:
                anchor = await anchor_chains(connection, self._key, self._clock.now())
        except Exception as error:
            if not is_transient(error):
                raise
            _log.warning("audit.anchor_postponed", reason=type(error).__name__)
            return
        if anchor is not None:
            _log.info("audit.anchored", number=anchor.number, seal=anchor.seal.hex())

    async def stop(self) -> None:
        """Ask `run` to return."""
        self._stopping.set()
