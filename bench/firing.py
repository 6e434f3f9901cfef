"""interaction-service's schema, and a handler that gives each durable timer an effect row and an event."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from bench.fresh import fresh_schema
from guanxi_kit.clock import SystemClock
from guanxi_kit.consumer import Relay
from guanxi_kit.consumer.unit import StreamUnit
from guanxi_kit.db import Database, open_pool
from guanxi_kit.timers import Timer, TimerHandler, TimerLoop

STREAM = "interaction.timers"
TABLES = """
CREATE TABLE interaction.effect (key uuid NOT NULL, due_at timestamptz NOT NULL);
CREATE TABLE interaction.traffic (id uuid NOT NULL, content bytea NOT NULL);
"""


class Watched(Database):
    """Notes when the timers that a handler has `in_hand` were committed, and how late that was (seconds)."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        super().__init__(pool)
        self.in_hand: list[datetime] = []
        self.lateness: list[float] = []
        self._clock = SystemClock()

    @asynccontextmanager
    async def transaction(self, **options: Any) -> AsyncIterator[asyncpg.Connection]:
        async with super().transaction(**options) as connection:
            yield connection
        if self.in_hand:
            now = self._clock.now()
            self.lateness += [(now - due_at).total_seconds() for due_at in self.in_hand]
            self.in_hand = []


class Effects:
    """One row and one event for each timer."""

    def __init__(self, db: Watched) -> None:
        self._db = db

    async def lock(self, unit: StreamUnit, keys: Sequence[UUID]) -> None:
        """Nobody else writes about these keys."""

    async def fire(self, unit: StreamUnit, timers: Sequence[Timer]) -> None:
        """Write and emit in bulk."""
        await unit.connection.execute(
            "INSERT INTO effect SELECT * FROM unnest($1::uuid[], $2::timestamptz[])",
            [timer.key for timer in timers],
            [timer.due_at for timer in timers],
        )
        for timer in timers:
            unit.emit("effects", timer.key.bytes, b"x" * 200)
        self._db.in_hand += [timer.due_at for timer in timers]


class Firing:
    """The schema's database, and loops on it. Nobody publishes what is emitted."""

    def __init__(self, db: Watched, admin: asyncpg.Connection) -> None:
        self.db, self.admin = db, admin
        self.effects = Effects(db)
        self.relay = Relay(db, None, streams=[STREAM])  # type: ignore[arg-type]

    def loop(self, handlers: dict[str, TimerHandler] | None = None) -> TimerLoop:
        """Return a loop for these kinds of timers; for `effect` alone without any."""
        return TimerLoop(self.db, self.relay, STREAM, handlers or {"effect": self.effects}, SystemClock())

    async def traffic(self) -> None:
        """Insert rows in batches of 500 until cancelled, as a worker that keeps a timeline does."""
        async with self.db.pool.acquire() as connection:
            while True:
                await connection.copy_records_to_table(
                    "traffic", records=[(uuid4(), os.urandom(300)) for _ in range(500)]
                )


@asynccontextmanager
async def firing() -> AsyncIterator[Firing]:
    """Lend a fresh schema: on an embedded server, or on the one of GUANXI_DATABASE_URL."""
    async with fresh_schema("interaction") as fresh:
        owner = await asyncpg.connect(fresh.owner)
        await owner.execute(TABLES)
        await owner.close()
        db = Watched(await open_pool(fresh.settings.database_dsn(), application_name="bench"))
        admin = await asyncpg.connect(fresh.admin)
        try:
            yield Firing(db, admin)
        finally:
            await admin.close()
            await db.close()
