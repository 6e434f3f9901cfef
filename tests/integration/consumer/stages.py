"""Two stages on a real PostgreSQL and its event log, whose calls get lost.

`first` acts on `numbers` and publishes to `doubled`, `second` acts on that.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import asyncpg
import msgspec

from guanxi_contracts.envelope import EventType
from guanxi_devstack.pytest_plugin import DatabaseDsns
from guanxi_kit.clock import SystemClock
from guanxi_kit.consumer import (
    KIT_TABLES,
    REPLAYABLE_LETTERS,
    Poison,
    Received,
    Relay,
    Subscription,
    Unit,
    Worker,
)
from guanxi_kit.crypto import Keyring
from guanxi_kit.db import Database, open_pool
from guanxi_kit.log.factory import open_consumer, open_producer
from guanxi_kit.log.port import Consumer, LogUnavailable, Outgoing, Producer

PARTITIONS = 4
EFFECTS = "CREATE TABLE {schema}.effect (number integer NOT NULL);"


class Numbered(msgspec.Struct):
    number: int


NUMBERED = EventType("test.numbered.v1", Numbered)


@dataclass(frozen=True)
class LogSettings:
    url: str
    log_engine: Literal["kafka", "postgres"] = "postgres"
    kafka_idempotence: bool = True

    def log_dsn(self) -> str:
        return self.url

    def bootstrap_servers(self) -> str:
        return ""


def encode(number: int) -> bytes:
    return NUMBERED.encode(Numbered(number), id=str(number), source="test", time=datetime.now(UTC))


class FaultyProducer:
    """Loses some appends and some confirmations."""

    def __init__(self, inner: Producer, chance: random.Random, rate: float) -> None:
        self._inner, self._chance, self._rate = inner, chance, rate

    async def start(self) -> None:
        await self._inner.start()

    async def stop(self) -> None:
        await self._inner.stop()

    async def append(self, records: Sequence[Outgoing]) -> None:
        if self._chance.random() < self._rate:
            raise LogUnavailable("lost before")
        await self._inner.append(records)
        if self._chance.random() < self._rate:
            raise LogUnavailable("lost after")


class FaultyDatabase(Database):
    """Loses some transactions before their commit and some answers after it."""

    chance: random.Random
    rate = 0.0
    lost = 0

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[asyncpg.Connection]:  # type: ignore[override]
        async with super().transaction() as connection:
            yield connection
            if self.chance.random() < self.rate:
                self.lost += 1
                raise ConnectionResetError("lost before the commit")
        if self.chance.random() < self.rate:
            raise ConnectionResetError("lost after the commit")


class Stage:
    """One service: its schema, its handler, and workers that can be started several times over."""

    def __init__(self, dsns: DatabaseDsns, service: str, topic: str, output: str | None) -> None:
        self.dsns, self.service, self.topic, self.output = dsns, service, topic, output
        self.log = LogSettings(dsns.log)
        self.keyring = Keyring.generate()
        self.poison: set[int] = set()
        self.too_large: set[int] = set()
        self.chance = random.Random(7)
        self.rate = 0.0
        self.running: list[tuple[Worker, asyncio.Task[None]]] = []
        self.producers: list[FaultyProducer] = []

    async def create(self) -> None:
        connection = await asyncpg.connect(self.dsns.owner[self.service])
        await connection.execute((KIT_TABLES + REPLAYABLE_LETTERS + EFFECTS).format(schema=self.service))
        await connection.close()
        self.pool = await open_pool(self.dsns.app[self.service], min=1, max=6, application_name="test")
        self.db = FaultyDatabase(self.pool)
        self.db.chance, self.db.rate = self.chance, self.rate

    async def handle(self, unit: Unit, received: Sequence[Received[Numbered]]) -> None:
        numbers = [item.event.data.number for item in received]
        if self.poison & set(numbers):
            raise Poison("a number nobody likes")
        await unit.connection.execute("INSERT INTO effect SELECT unnest($1::int[])", numbers)
        if self.output:
            for item in reversed(received):
                number = item.event.data.number
                if number in self.too_large:
                    unit.outbox.add(item.cause, self.output, b"k", b"x" * 1_000_001)
                unit.outbox.add(item.cause, self.output, str(number).encode(), encode(number))

    async def start(self, group: str, consumer: Consumer | None = None) -> Worker:
        producer = FaultyProducer(open_producer(self.log), self.chance, self.rate)
        await producer.start()
        self.producers.append(producer)
        worker = Worker(
            db=self.db,
            consumer=consumer or open_consumer(self.log, group, [self.topic]),
            relay=Relay(self.db, producer),
            subscriptions=[Subscription(self.topic, {NUMBERED.type: NUMBERED}, self.handle)],
            clock=SystemClock(),
            keyring=self.keyring,
            batch=50,
        )
        self.running.append((worker, asyncio.create_task(worker.run())))
        return worker

    async def stop(self) -> None:
        for worker, _ in self.running:
            await worker.stop()
        await asyncio.gather(*(task for _, task in self.running))
        self.running = []

    async def effects(self) -> list[int]:
        return [row["number"] for row in await self.pool.fetch("SELECT number FROM effect ORDER BY number")]

    async def close(self) -> None:
        await self.stop()
        for producer in self.producers:
            await producer.stop()
        await self.pool.close()


async def publish(stage: Stage, values: Sequence[tuple[int, bytes]]) -> None:
    producer = open_producer(stage.log)
    await producer.start()
    for start in range(0, len(values), 100):
        await producer.append(
            [Outgoing("numbers", str(n).encode(), value) for n, value in values[start : start + 100]]
        )
    await producer.stop()


async def has_all(stage: Stage, numbers: Sequence[int]) -> None:
    found = await stage.effects()
    assert len(found) >= len(numbers)
