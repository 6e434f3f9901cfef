"""Fires timers beside a worker's consumers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from uuid import UUID

import asyncpg
import structlog
from asyncpg import exceptions as pg

from guanxi_kit.clock import Clock
from guanxi_kit.consumer.dead_letters import reason_of
from guanxi_kit.consumer.relay import Relay
from guanxi_kit.consumer.unit import StreamUnit, stream_unit
from guanxi_kit.db import Database, is_transient
from guanxi_kit.telemetry import METRICS
from guanxi_kit.timers.model import Timer, TimerHandler
from guanxi_kit.timers.store import Place, Timers, shard_of

BATCH = 500
PARTS = 8
"""Into how many parts a batch that failed is split to find the timer to blame."""
LONGEST_REST = 0.5
"""A timer armed meanwhile, due at once, is late by no more than this."""
SHORTEST_REST = 0.02
FIRST_DELAY, LONGEST_DELAY = 0.1, 5.0
# Shorter than elsewhere: the timers of a whole batch wait for the one whose row somebody holds.
LOCK_TIMEOUT = "SET LOCAL lock_timeout = '1s'"
_CONTENTION = (pg.TransactionRollbackError, pg.LockNotAvailableError, pg.QueryCanceledError)

log = structlog.get_logger(__name__)


class TimerLoop:
    """A part of a worker process. `stream` names the outbox stream that handlers publish to; `relay` must serve it.

    Up to BATCH timers are removed and fired in one transaction. Several loops share the work by shards: a loop fires
    those that no other holds at the moment. It locks what timers are about before the timers themselves, in the order
    of everybody else; one that was moved meanwhile is left alone. A timer that cannot be fired is found by splitting
    its batch and set aside with its reason until the next start of a worker; one that met a lock is tried again later
    and later. While the database is away all wait.
    """

    def __init__(
        self, db: Database, relay: Relay, stream: str, handlers: Mapping[str, TimerHandler], clock: Clock
    ) -> None:
        self._db, self._relay, self._stream, self._clock = db, relay, stream, clock
        self._handlers = dict(handlers)
        self._kinds = tuple(handlers)
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Fire timers until stopped."""
        delay, revived = FIRST_DELAY, False
        while not self._stopping.is_set():
            try:
                if not revived:
                    await self._revive()
                    revived = True
                await self.turn()
                rest = await self._rest()
                delay = FIRST_DELAY
            except Exception as error:
                # A database that is not migrated yet answers with an error of its own: it will be.
                if not (is_transient(error) or isinstance(error, asyncpg.PostgresError)):
                    raise
                log.warning("timers.retried", reason=type(error).__name__)
                rest, delay = delay, min(delay * 2, LONGEST_DELAY)
            with suppress(TimeoutError):
                async with asyncio.timeout(rest):
                    await self._stopping.wait()

    async def stop(self) -> None:
        """Ask `run` to return after the batch in hand."""
        self._stopping.set()

    async def turn(self) -> int:
        """Fire what is due and not in the hands of another loop, and return how many that were."""
        fired = 0
        while not self._stopping.is_set():
            now, turns = self._clock.now(), await self._next_turns()
            # The shard that waits longest first: none of them starves while there is more to do than can be done.
            due = [shard for shard in sorted(turns, key=turns.__getitem__) if turns[shard] <= now]
            taken = await self._fire_batch(due) if due else 0
            if not taken:
                break
            fired += taken
        return fired

    async def _rest(self) -> float:
        """How long nothing is due, in seconds."""
        turns = (await self._next_turns()).values()
        ahead = min(((at - self._clock.now()).total_seconds() for at in turns), default=LONGEST_REST)
        return min(max(ahead, SHORTEST_REST), LONGEST_REST)

    async def _next_turns(self) -> dict[int, datetime]:
        async with self._db.connection() as connection:
            return await Timers(connection, self._kinds).next_turns()

    async def _revive(self) -> None:
        async with self._db.transaction() as connection:
            await Timers(connection, self._kinds).revive(self._clock.now())

    async def _fire_batch(self, shards: Sequence[int]) -> int:
        """Fire up to a batch of what is due in `shards`; return how many timers were found."""
        found: list[Place] = []
        try:
            async with self._unit() as (unit, timers):
                for shard in shards:
                    if len(found) < BATCH and await timers.hold(shard):
                        found += await timers.due(shard, unit.now, BATCH - len(found))
                fired = await self._fire(unit, timers, found)
        except Exception as error:
            await self._settle(found, error)
        else:
            self._count(fired)
        return len(found)

    async def _fire_again(self, part: Sequence[Place]) -> None:
        """Fire those of a batch that failed which are in nobody's hands and still stand."""
        try:
            async with self._unit() as (unit, timers):
                shards = sorted({shard_of(place.key) for place in part})
                held = {shard: await timers.hold(shard) for shard in shards}
                mine = [place for place in part if held[shard_of(place.key)]]
                fired = await self._fire(unit, timers, mine)
        except Exception as error:
            await self._settle(part, error)
        else:
            self._count(fired)

    @asynccontextmanager
    async def _unit(self) -> AsyncIterator[tuple[StreamUnit, Timers]]:
        async with stream_unit(self._db, self._relay, self._stream, self._clock) as unit:
            yield unit, Timers(unit.connection, self._kinds)

    async def _fire(self, unit: StreamUnit, timers: Timers, found: Sequence[Place]) -> list[Timer]:
        if not found:
            return []
        await unit.connection.execute(LOCK_TIMEOUT)
        for kind, keys in _keys_by_kind(found).items():
            await self._handlers[kind].lock(unit, keys)
        taken = await timers.take(found, unit.now)
        by_kind: dict[str, list[Timer]] = {}
        for timer in taken:
            by_kind.setdefault(timer.kind, []).append(timer)
        for kind in sorted(by_kind):
            await self._handlers[kind].fire(unit, by_kind[kind])
        return taken

    async def _settle(self, found: Sequence[Place], error: Exception) -> None:
        """Fire a batch that failed in parts, putting off what is to blame."""
        contended = isinstance(error, _CONTENTION)
        if not found or (is_transient(error) and not contended):
            raise error
        if len(found) == 1:
            await self._put_off(found[0], reason_of(error), again=contended)
            return
        size = -(-len(found) // PARTS)
        for begin in range(0, len(found), size):
            await self._fire_again(found[begin : begin + size])

    async def _put_off(self, place: Place, reason: str, *, again: bool) -> None:
        now = self._clock.now()
        async with self._db.transaction() as connection:
            timers = Timers(connection, self._kinds)
            await (timers.postpone if again else timers.set_aside)(place, now, reason)
        outcome = "postponed" if again else "set_aside"
        METRICS.timers.labels(kind=place.kind, outcome=outcome).inc()
        write = log.warning if again else log.error
        write(f"timer.{outcome}", kind=place.kind, key=str(place.key), name=place.name, reason=reason)

    def _count(self, fired: Sequence[Timer]) -> None:
        now = self._clock.now()
        for timer in fired:
            late = (now - timer.due_at).total_seconds()
            METRICS.timers.labels(kind=timer.kind, outcome="fired").inc()
            METRICS.timer_lateness.labels(kind=timer.kind).observe(max(0.0, late))


def _keys_by_kind(places: Sequence[Place]) -> dict[str, list[UUID]]:
    """Return the keys of each kind once, both in order."""
    kinds = sorted({place.kind for place in places})
    return {kind: sorted({place.key for place in places if place.kind == kind}) for kind in kinds}
