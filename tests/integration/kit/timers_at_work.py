"""Timers of items, and loops that fire them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import asyncpg
import msgspec
from tests.integration.kit.mortal import MortalDatabase

from guanxi_kit.consumer import Relay
from guanxi_kit.consumer.unit import StreamUnit
from guanxi_kit.testing import ManualClock
from guanxi_kit.timers import Timer, TimerLoop, arm

STREAM = "scoring.timers"
TABLES = """
CREATE TABLE {schema}.item (key uuid PRIMARY KEY);
CREATE TABLE {schema}.effect (key uuid NOT NULL, name text NOT NULL, due_at timestamptz NOT NULL);
"""


class Writing:
    """Locks the items, writes what fired, and emits it; raises for names in `bad`."""

    def __init__(self) -> None:
        self.bad: set[str] = set()
        self.again: dict[str, Timer] = {}
        self.batches: list[int] = []

    async def lock(self, unit: StreamUnit, keys: Sequence[UUID]) -> None:
        await unit.connection.fetch(
            "SELECT 1 FROM item WHERE key = ANY($1::uuid[]) ORDER BY key FOR UPDATE", list(keys)
        )

    async def fire(self, unit: StreamUnit, timers: Sequence[Timer]) -> None:
        self.batches.append(len(timers))
        for timer in timers:
            if timer.name in self.bad:
                raise ValueError("13912345678")
            unit.emit("effects", b"k", f"{timer.key} {timer.name}".encode())
        await unit.connection.executemany(
            "INSERT INTO effect VALUES ($1, $2, $3)", [(each.key, each.name, each.due_at) for each in timers]
        )
        await arm(unit.connection, [self.again.pop(each.name) for each in timers if each.name in self.again])


class Timers:
    """A schema with timers, and loops on it."""

    def __init__(self, db: MortalDatabase) -> None:
        self.db = db
        self.clock = ManualClock()
        self.writing = Writing()

    def loop(self) -> TimerLoop:
        relay = Relay(self.db, None, streams=[STREAM])  # type: ignore[arg-type]
        return TimerLoop(self.db, relay, STREAM, {"item": self.writing}, self.clock)

    def timer(self, number: int, seconds: float, name: str = "") -> Timer:
        return Timer("item", UUID(int=number), self.clock.now() + timedelta(seconds=seconds), name)

    async def arm(self, *timers: Timer) -> None:
        async with self.db.pool.acquire() as connection, connection.transaction():
            await arm(connection, timers)

    async def fired(self) -> list[tuple[int, str]]:
        rows = await self.db.pool.fetch("SELECT key, name FROM effect ORDER BY due_at, key, name")
        return [(row["key"].int, row["name"]) for row in rows]

    async def emitted(self) -> list[str]:
        rows = await self.db.pool.fetch("SELECT records FROM outbox")
        return sorted(record[2].decode() for row in rows for record in msgspec.msgpack.decode(row["records"]))

    async def standing(self) -> list[asyncpg.Record]:
        found: list[asyncpg.Record] = await self.db.pool.fetch("SELECT * FROM timer ORDER BY key, name")
        return found
