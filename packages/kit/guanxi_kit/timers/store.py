"""Timers in PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

import asyncpg

from guanxi_kit.timers.model import Timer
from guanxi_kit.timers.schema import SHARDS

Connection: TypeAlias = "asyncpg.Connection[Any]"

FIRST_POSTPONEMENT, LONGEST_POSTPONEMENT = timedelta(seconds=0.5), timedelta(seconds=60)
MOST_DOUBLINGS = 10

ARM = """
INSERT INTO timer AS t (kind, key, name, shard, due_at, turn_at, payload)
SELECT kind, key, name, shard, due_at, due_at, payload
FROM unnest($1::text[], $2::uuid[], $3::text[], $4::smallint[], $5::timestamptz[], $6::jsonb[])
  AS given (kind, key, name, shard, due_at, payload)
ON CONFLICT (kind, key, name) DO UPDATE SET due_at = excluded.due_at, turn_at = excluded.turn_at,
  payload = excluded.payload, tries = 0, failed_at = NULL, reason = NULL
"""
DISARM = """
DELETE FROM timer WHERE kind = $1 AND key = ANY($2::uuid[]) AND ($3::text[] IS NULL OR name = ANY($3::text[]))
"""
NEXT = """
SELECT shard, (
  SELECT turn_at FROM timer
  WHERE timer.shard = shards.shard AND failed_at IS NULL AND kind = ANY($1::text[])
  ORDER BY turn_at LIMIT 1) AS turn_at
FROM generate_series(0, $2::integer - 1) AS shards (shard)
"""
HOLD = "SELECT pg_try_advisory_xact_lock(hashtext(current_schema() || '.timer'), $1)"
DUE = """
SELECT kind, key, name FROM timer
WHERE shard = $1 AND failed_at IS NULL AND turn_at <= $2 AND kind = ANY($3::text[])
ORDER BY turn_at LIMIT $4
"""
TAKE = """
DELETE FROM timer AS t USING unnest($1::text[], $2::uuid[], $3::text[]) AS given (kind, key, name)
WHERE t.kind = given.kind AND t.key = given.key AND t.name = given.name AND t.turn_at <= $4 AND t.failed_at IS NULL
RETURNING t.kind, t.key, t.due_at, t.name, t.payload
"""
TRIES = "SELECT tries FROM timer WHERE kind = $1 AND key = $2 AND name = $3"
POSTPONE = """
UPDATE timer SET tries = tries + 1, turn_at = $5, reason = $6
WHERE kind = $1 AND key = $2 AND name = $3 AND turn_at <= $4
"""
SET_ASIDE = """
UPDATE timer SET failed_at = $4, reason = $5 WHERE kind = $1 AND key = $2 AND name = $3 AND turn_at <= $4
"""
REVIVE = """
UPDATE timer SET failed_at = NULL, turn_at = $2 WHERE failed_at IS NOT NULL AND kind = ANY($1::text[])
"""


class Place(NamedTuple):
    """What there is one timer of."""

    kind: str
    key: UUID
    name: str


def shard_of(key: UUID) -> int:
    """Return the part of the table in which the timers about `key` are."""
    return key.int % SHARDS


async def arm(connection: Connection, timers: Iterable[Timer]) -> None:
    """Arm timers when the open transaction commits; one that is armed already moves.

    Of several for one place the last counts. Lock what they are about before.
    """
    last = {Place(timer.kind, timer.key, timer.name): timer for timer in timers}
    # In one order, so that two that arm the same ones never wait for each other in a circle.
    ordered = [last[place] for place in sorted(last)]
    if not ordered:
        return
    await connection.execute(
        ARM,
        [timer.kind for timer in ordered],
        [timer.key for timer in ordered],
        [timer.name for timer in ordered],
        [shard_of(timer.key) for timer in ordered],
        [timer.due_at for timer in ordered],
        [timer.payload for timer in ordered],
    )


async def disarm(
    connection: Connection, kind: str, keys: Collection[UUID], names: Collection[str] | None = None
) -> None:
    """Remove timers about `keys` when the open transaction commits: those of `names`, or all."""
    if keys:
        await connection.execute(DISARM, kind, list(keys), None if names is None else list(names))


class Timers:
    """The timers of some kinds, as a loop sees them."""

    def __init__(self, connection: Connection, kinds: Sequence[str]) -> None:
        self._connection, self._kinds = connection, list(kinds)

    async def next_turns(self) -> dict[int, datetime]:
        """Return by shard when its next timer is to be fired; a shard without any is not named."""
        rows = await self._connection.fetch(NEXT, self._kinds, SHARDS)
        return {row["shard"]: row["turn_at"] for row in rows if row["turn_at"] is not None}

    async def hold(self, shard: int) -> bool:
        """Take a shard until the transaction ends; False when another loop has it."""
        held: bool = await self._connection.fetchval(HOLD, shard)
        return held

    async def due(self, shard: int, now: datetime, limit: int) -> list[Place]:
        """Return timers of a shard that are to be fired, the longest due first; none is locked."""
        rows = await self._connection.fetch(DUE, shard, now, self._kinds, limit)
        return [Place(row["kind"], row["key"], row["name"]) for row in rows]

    async def take(self, places: Sequence[Place], now: datetime) -> list[Timer]:
        """Remove timers that are to be fired and return them, the longest due first.

        One that was moved or removed since it was found is not among them.
        """
        rows = await self._connection.fetch(
            TAKE,
            [place.kind for place in places],
            [place.key for place in places],
            [place.name for place in places],
            now,
        )
        taken = [Timer(row["kind"], row["key"], row["due_at"], row["name"], row["payload"]) for row in rows]
        return sorted(taken, key=lambda timer: (timer.due_at, timer.kind, timer.key, timer.name))

    async def postpone(self, place: Place, now: datetime, reason: str) -> None:
        """Let a timer be tried again later, and each time after twice as long."""
        tries = await self._connection.fetchval(TRIES, *place) or 0
        until = now + min(LONGEST_POSTPONEMENT, FIRST_POSTPONEMENT * 2 ** min(tries, MOST_DOUBLINGS))
        await self._connection.execute(POSTPONE, *place, now, until, reason)

    async def set_aside(self, place: Place, now: datetime, reason: str) -> None:
        """Take a timer out of the turn."""
        await self._connection.execute(SET_ASIDE, *place, now, reason)

    async def revive(self, now: datetime) -> None:
        """Give those that were set aside another turn."""
        await self._connection.execute(REVIVE, self._kinds, now)
