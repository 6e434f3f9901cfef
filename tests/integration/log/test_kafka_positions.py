"""Stored positions against the ends of partitions in Kafka: at the end a worker goes on, behind it it refuses.

Tansu lists wrong ends; noida-db tells the truth. GUANXI_KAFKA_BOOTSTRAP takes an outside Kafka instead.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import uuid4

import asyncpg
import msgspec
import pytest
from aiokafka.admin import AIOKafkaAdminClient
from tests.integration.log.harness import LogAddress, RealEngine, Workbench

from guanxi_contracts.envelope import EventType
from guanxi_devstack.brokers import Broker, Noida, Tansu
from guanxi_devstack.pytest_plugin import DatabaseDsns
from guanxi_kit.clock import SystemClock
from guanxi_kit.consumer import KIT_TABLES, REPLAYABLE_LETTERS, Received, Relay, Subscription, Unit, Worker
from guanxi_kit.crypto import Keyring
from guanxi_kit.db import Database, open_pool
from guanxi_kit.log.port import Consumer, LogRecreated, Outgoing, TopicPartition, TopicSpec
from guanxi_kit.log.sharing import Timing
from guanxi_kit.testing import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

TIMING = Timing(heartbeat=1.0, member_timeout=6.0)
BATCHES = (10, 1, 7)


class Numbered(msgspec.Struct):
    number: int


NUMBERED = EventType("test.numbered.v1", Numbered)


@pytest.fixture(scope="module", params=[Tansu, Noida])
def log(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LogAddress]:
    kind: type[Broker] = request.param
    outside = os.environ.get("GUANXI_KAFKA_BOOTSTRAP")
    if outside:
        yield LogAddress("kafka", outside, timing=TIMING)
        return
    broker = kind(tmp_path_factory.mktemp("broker"))
    broker.start()
    yield LogAddress("kafka", broker.bootstrap, kafka_idempotence=kind is Noida, timing=TIMING)
    broker.stop()


@pytest.fixture
def engine(log: LogAddress) -> RealEngine:
    return RealEngine(log)


@pytest.fixture
async def service(database_dsns: DatabaseDsns) -> AsyncIterator[Service]:
    connection = await asyncpg.connect(database_dsns.owner["profile"])
    await connection.execute((KIT_TABLES + REPLAYABLE_LETTERS).format(schema="profile"))
    await connection.close()
    pool = await open_pool(database_dsns.app["profile"], min=1, max=4, application_name="test")
    yield Service(pool)
    await pool.close()


class Service:
    """A worker of one topic that can be started again and again, and the numbers it has handled."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self.pool = pool
        self.handled: list[int] = []

    async def handle(self, unit: Unit, received: Sequence[Received[Numbered]]) -> None:
        self.handled += [item.event.data.number for item in received]

    @asynccontextmanager
    async def working(
        self, engine: RealEngine, topic: str
    ) -> AsyncIterator[tuple[Consumer, asyncio.Task[None]]]:
        """A running worker, in a group of its own: what counts is the position in the database."""
        producer, consumer = engine.producer(), engine.consumer(uuid4().hex, [topic])
        await producer.start()
        worker = Worker(
            db=Database(self.pool),
            consumer=consumer,
            relay=Relay(Database(self.pool), producer),
            subscriptions=[Subscription(topic, {NUMBERED.type: NUMBERED}, self.handle)],
            clock=SystemClock(),
            keyring=Keyring.generate(),
        )
        task = asyncio.create_task(worker.run())
        try:
            yield consumer, task
        finally:
            await worker.stop()
            await asyncio.gather(task, return_exceptions=True)
            await producer.stop()


async def append(bench: Workbench, topic: str, batches: Sequence[int]) -> None:
    """Append records of ascending numbers, in batches of these sizes."""
    producer = await bench.producer()
    for index, size in enumerate(batches):
        first = sum(batches[:index])
        values = [
            NUMBERED.encode(Numbered(number), id=str(number), source="test", time=datetime.now(UTC))
            for number in range(first, first + size)
        ]
        await producer.append([Outgoing(topic, b"key", value) for value in values])


async def test_the_end_counts_every_record_of_the_last_batch(bench: Workbench) -> None:
    topic = await bench.topic(partitions=1)
    where = TopicPartition(topic, 0)
    reader = await bench.reader()
    await append(bench, topic, BATCHES)
    assert await reader.partitions(topic) == [where]
    assert await reader.end_offsets([where]) == {where: sum(BATCHES)}


async def test_a_worker_that_stands_at_the_end_starts_again_and_goes_on(
    bench: Workbench, engine: RealEngine, service: Service
) -> None:
    topic = await bench.topic(partitions=1)
    await append(bench, topic, BATCHES)
    async with service.working(engine, topic):
        await eventually(lambda: len(service.handled) == sum(BATCHES))
    async with service.working(engine, topic) as (consumer, again):
        await eventually(lambda: again.done() or bool(consumer.assignment()))
        await append(bench, topic, [5])
        await eventually(lambda: again.done() or len(service.handled) == sum(BATCHES) + 5)
        assert not again.done()
    assert service.handled == [*range(sum(BATCHES)), *range(5)]


async def test_a_worker_refuses_a_topic_that_was_made_anew(
    bench: Workbench, log: LogAddress, engine: RealEngine, service: Service
) -> None:
    topic = await bench.topic(partitions=1)
    await append(bench, topic, BATCHES)
    async with service.working(engine, topic):
        await eventually(lambda: len(service.handled) == sum(BATCHES))
    await _make_anew(bench, log, topic)
    await append(bench, topic, [4])
    async with service.working(engine, topic) as (_, again):
        with pytest.raises(LogRecreated, match=f"position {sum(BATCHES)} lies behind the log's end 4"):
            await asyncio.wait_for(again, 30)
    assert len(service.handled) == sum(BATCHES)


async def _make_anew(bench: Workbench, log: LogAddress, topic: str) -> None:
    native = AIOKafkaAdminClient(bootstrap_servers=log.address)
    await native.start()
    try:
        await native.delete_topics([topic])

        async def gone() -> bool:
            return topic not in await native.list_topics()

        await eventually(gone)
    finally:
        await native.close()
    await (await bench.admin()).create_topics([TopicSpec(topic, 1, 7)])
