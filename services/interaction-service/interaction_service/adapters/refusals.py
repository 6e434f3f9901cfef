"""Refused items in PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

import asyncpg
import structlog

from guanxi_kit.clock import Clock
from guanxi_kit.db import Database, is_transient
from interaction_service.application.ports import Unavailable
from interaction_service.application.refusals import KeptRefusal

ADD_SECONDS = 3.0
SWEEP_SECONDS = 600.0
SWEEP_ROWS = 5_000
_COLUMNS = """refusal_id, channel_id, channel, way, state, received_at, kept_until, field, reason, settled_at,
settled_by"""
# One array of tombstones a row cannot be unnested with the others, so that they travel joined: 16 bytes each.
_ADD = """
INSERT INTO refusal (refusal_id, channel_id, channel, way, state, received_at, kept_until, field, reason, tombstones,
                     sealed)
SELECT id, channel_id, channel, way, state, at, until, field, reason,
       ARRAY(SELECT substring(joined FROM n * 16 + 1 FOR 16) FROM generate_series(0, length(joined) / 16 - 1) AS n),
       sealed
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::timestamptz[],
            $8::text[], $9::text[], $10::bytea[], $11::bytea[])
  AS given (id, channel_id, channel, way, state, at, until, field, reason, joined, sealed)
ON CONFLICT (refusal_id) DO NOTHING
"""
_PAGE = f"""
SELECT {_COLUMNS} FROM refusal
WHERE ($1::text IS NULL OR channel = $1) AND ($2::text IS NULL OR state = $2)
  AND ($3::timestamptz IS NULL OR (received_at, refusal_id) < ($3, $4::uuid))
ORDER BY received_at DESC, refusal_id DESC LIMIT $5
"""  # noqa: S608
_ONE = f"SELECT {_COLUMNS}, sealed FROM refusal WHERE refusal_id = $1"  # noqa: S608
_SETTLE = """
UPDATE refusal SET state = $2, field = $3, reason = $4, settled_at = $5, settled_by = $6 WHERE refusal_id = $1
"""
_SWEEP = """
DELETE FROM refusal WHERE refusal_id IN (SELECT refusal_id FROM refusal WHERE kept_until < $1 LIMIT $2)
"""
_log = structlog.get_logger(__name__)
Connection: TypeAlias = "asyncpg.Connection[Any]"


class StoredRefusal(NamedTuple):
    """A refused item; `sealed` is None in lists."""

    refusal_id: UUID
    channel_id: UUID
    channel: str
    way: str
    state: str
    received_at: datetime
    kept_until: datetime
    field: str
    reason: str
    settled_at: datetime | None
    settled_by: str | None
    sealed: bytes | None = None


class PostgresRefusals:
    """Adds refused items, each request's in one statement."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def add(self, refusals: Sequence[KeptRefusal]) -> None:
        """Return once they are durable. Raises Unavailable."""
        # An id twice in one statement would conflict with itself.
        rows = list({one.refusal_id: one for one in refusals}.values())
        columns = [
            [getattr(one, name) for one in rows]
            for name in ("refusal_id", "channel_id", "channel", "way", "state", "received_at", "kept_until")
        ]
        columns += [[one.field for one in rows], [one.reason for one in rows]]
        columns += [[b"".join(one.tombstones) for one in rows], [one.sealed for one in rows]]
        try:
            async with asyncio.timeout(ADD_SECONDS), self._db.connection() as connection:
                await connection.execute(_ADD, *columns)
        except Exception as error:
            if not is_transient(error):
                raise
            raise Unavailable("refused items cannot be kept") from error


async def page_of_refusals(
    connection: Connection,
    channel: str | None,
    state: str | None,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[StoredRefusal]:
    """Return a page, the newest first."""
    at, behind = after or (None, None)
    return [StoredRefusal(*row) for row in await connection.fetch(_PAGE, channel, state, at, behind, limit)]


async def read_refusal(
    connection: Connection, refusal_id: UUID, *, locked: bool = False
) -> StoredRefusal | None:
    """Return one, and (`locked`) keep others from settling it until the transaction ends."""
    row = await connection.fetchrow(f"{_ONE} FOR UPDATE" if locked else _ONE, refusal_id)
    return None if row is None else StoredRefusal(*row)


async def settle_refusal(
    connection: Connection,
    refusal_id: UUID,
    *,
    state: str,
    field: str,
    reason: str,
    at: datetime | None,
    by: str | None,
) -> None:
    """Write down what became of one."""
    await connection.execute(_SETTLE, refusal_id, state, field, reason, at, by)


class RefusalSweep:
    """A part of a worker process that removes what was kept long enough."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Sweep until stopped."""
        while not self._stopping.is_set():
            await self.sweep()
            with suppress(TimeoutError):
                async with asyncio.timeout(SWEEP_SECONDS):
                    await self._stopping.wait()

    async def sweep(self) -> int:
        """Remove what is due and return how many; a database that is away is left for the next time."""
        gone = 0
        try:
            while True:
                async with self._db.connection() as connection:
                    status = await connection.execute(_SWEEP, self._clock.now(), SWEEP_ROWS)
                removed = int(status.rpartition(" ")[2])
                gone += removed
                if removed < SWEEP_ROWS:
                    return gone
        except Exception as error:
            if not is_transient(error):
                raise
            _log.warning("refusals.sweep_postponed", reason=type(error).__name__)
            return gone

    async def stop(self) -> None:
        """Ask `run` to return."""
        self._stopping.set()
