"""Names of events that no pack declares, in PostgreSQL: so many for each channel, the rest under one row."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, TypeAlias

import asyncpg
import structlog

from guanxi_kit.db import Database, is_transient
from interaction_service.application.event_names import OTHERS, EventNames, Sighting

MAX_STORED = 10_000
FLUSH_SECONDS = 5.0
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('interaction.event_name', 0))"
_THERE = "SELECT channel, name FROM event_name WHERE channel = ANY($1::text[])"
_ADD = """
INSERT INTO event_name AS e (channel, name, first_at, last_at, times, violations, reason)
SELECT * FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::timestamptz[], $5::bigint[], $6::bigint[],
                     $7::text[])
ON CONFLICT (channel, name) DO UPDATE
SET first_at = least(e.first_at, excluded.first_at), last_at = greatest(e.last_at, excluded.last_at),
    times = e.times + excluded.times, violations = e.violations + excluded.violations,
    reason = coalesce(excluded.reason, e.reason)
"""
_PAGE = """
SELECT channel, name, first_at, last_at, times, violations, reason FROM event_name
WHERE ($1::text IS NULL OR channel = $1) AND ($2::text IS NULL OR (channel, name) > ($2, $3))
ORDER BY channel, name LIMIT $4
"""
_log = structlog.get_logger(__name__)
Connection: TypeAlias = "asyncpg.Connection[Any]"


async def page_of_names(
    connection: Connection, channel: str | None, after: tuple[str, str] | None, limit: int
) -> list[Sighting]:
    """Return a page of all that was counted, by channel and name."""
    behind = after or (None, None)
    return [Sighting(*row) for row in await connection.fetch(_PAGE, channel, *behind, limit)]


async def store_sightings(connection: Connection, sightings: Sequence[Sighting]) -> None:
    """Add what was counted within the open transaction; names beyond the bound are counted together."""
    await connection.execute(_LOCK)
    channels = sorted({one.channel for one in sightings})
    there = {(row["channel"], row["name"]) for row in await connection.fetch(_THERE, channels)}
    left = {name: MAX_STORED - sum(one[0] == name for one in there) for name in channels}
    rows: dict[tuple[str, str], Sighting] = {}
    for one in sightings:
        key = (one.channel, one.name)
        if key not in there and one.name != OTHERS:
            if left[one.channel] > 0:
                left[one.channel] -= 1
            else:
                key = (one.channel, OTHERS)
        rows[key] = _added(rows.get(key), one._replace(name=key[1]))
    await connection.execute(_ADD, *zip(*rows.values(), strict=True))


def _added(before: Sighting | None, one: Sighting) -> Sighting:
    if before is None:
        return one
    return one._replace(
        first_at=min(before.first_at, one.first_at),
        times=before.times + one.times,
        violations=before.violations + one.violations,
        reason=one.reason or before.reason,
    )


class NameFlush:
    """Stores what one process counted, every FLUSH_SECONDS and when it ends."""

    def __init__(self, db: Database, names: EventNames) -> None:
        self._db = db
        self._names = names
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> NameFlush:
        self._task = asyncio.create_task(self._run(), name="event-names")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await self.flush()

    async def flush(self) -> None:
        """Store what was counted; with the database away it is lost, for it is no more than a hint."""
        sightings = self._names.take()
        if not sightings:
            return
        try:
            async with self._db.transaction() as connection:
                await store_sightings(connection, sightings)
        except Exception as error:
            if not is_transient(error):
                raise
            _log.warning("event_names.lost", names=len(sightings), reason=type(error).__name__)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            await self.flush()
