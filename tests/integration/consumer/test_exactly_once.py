"""Every record takes effect exactly once, through lost answers, repeated appends, stale owners and bad records.

Two stages on a real PostgreSQL and its event log: `first` acts on `numbers` and publishes to `doubled`,
`second` acts on that.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partialmethod
from typing import Any, Literal, cast

import asyncpg
import msgspec
import pytest

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
    stream_unit,
)
from guanxi_kit.crypto import Keyring
from guanxi_kit.db import Database, open_pool
from guanxi_kit.log.factory import open_admin, open_consumer, open_producer
from guanxi_kit.log.port import (
    Consumer,
    LogRecreated,
    LogUnavailable,
    OnAssigned,
    OnRevoked,
    Outgoing,
    Producer,
    TopicPartition,
    TopicSpec,
)
from guanxi_kit.telemetry import METRICS
from guanxi_kit.testing import eventually

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


@pytest.fixture
async def first(database_dsns: DatabaseDsns) -> AsyncIterator[Stage]:
    admin = open_admin(LogSettings(database_dsns.log_owner))
    await admin.start()
    await admin.create_topics([TopicSpec(name, PARTITIONS, 7) for name in ("numbers", "doubled")])
    await admin.stop()
    stage = Stage(database_dsns, "profile", "numbers", "doubled")
    await stage.create()
    yield stage
    await stage.close()


@pytest.fixture
async def second(database_dsns: DatabaseDsns, first: Stage) -> AsyncIterator[Stage]:
    stage = Stage(database_dsns, "scoring", "doubled", None)
    await stage.create()
    yield stage
    await stage.close()


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


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_lost_answers_and_stale_owners_double_nothing(first: Stage, second: Stage, seed: int) -> None:
    """Two groups share one set of positions, so that each batch has a stale owner; 15 % of all calls are lost."""
    for stage in (first, second):
        stage.chance.seed(seed)
        stage.rate = stage.db.rate = 0.15
    numbers = list(range(800))
    await publish(first, [(n, encode(n)) for n in numbers])
    for group in ("owner", "stale"):
        await first.start(group)
        await second.start(group)
    await eventually(lambda: has_all(second, numbers), timeout=60)
    await first.stop()
    await second.stop()
    assert await first.effects() == numbers
    assert await second.effects() == numbers


async def test_what_a_dead_owner_left_in_the_outbox_is_published_by_the_next(
    first: Stage, second: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Relay, "stop", partialmethod(Relay.stop, timeout=0.2))
    numbers = list(range(300))
    await publish(first, [(n, encode(n)) for n in numbers])
    first.rate = 1.0
    await first.start("group")
    await eventually(lambda: has_all(first, numbers))
    for _, task in first.running:
        task.cancel()
    await asyncio.gather(*(task for _, task in first.running), return_exceptions=True)
    first.running = []
    assert await first.pool.fetchval("SELECT sum(record_count) FROM outbox") == len(numbers)
    first.rate = 0.0
    await first.start("group")
    await second.start("group")
    await eventually(lambda: has_all(second, numbers))
    assert await second.effects() == numbers
    assert await first.effects() == numbers
    await eventually(lambda: outbox_is_empty(first))


KEEP = """
CREATE TABLE profile.kept AS SELECT * FROM profile.outbox;
CREATE FUNCTION profile.keep() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
  'BEGIN INSERT INTO profile.kept SELECT NEW.*; RETURN NEW; END';
CREATE TRIGGER keep AFTER INSERT ON profile.outbox FOR EACH ROW EXECUTE FUNCTION profile.keep();
"""


async def test_rows_whose_removal_the_database_forgot_are_removed_again(
    first: Stage, second: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A removal is not durable at once: after a crash rows of an owner that lives on may stand again."""
    monkeypatch.setattr("guanxi_kit.consumer.relay.SWEEP_SECONDS", 0.2)
    owner = await asyncpg.connect(first.dsns.owner[first.service])
    await owner.execute(KEEP)
    numbers = list(range(100))
    await publish(first, [(n, encode(n)) for n in numbers])
    await first.start("group")
    await second.start("group")
    await eventually(lambda: has_all(second, numbers))
    await eventually(lambda: outbox_is_empty(first))
    await owner.execute("ALTER TABLE profile.outbox DISABLE TRIGGER keep")
    await owner.execute("INSERT INTO profile.outbox OVERRIDING SYSTEM VALUE SELECT * FROM profile.kept")
    await owner.close()
    assert not await first.pool.fetchval("SELECT count(*) = 0 FROM kept")
    await eventually(lambda: outbox_is_empty(first))
    await publish(first, [(100, encode(100))])
    await eventually(lambda: has_all(second, [*numbers, 100]))
    assert await second.effects() == [*numbers, 100]


async def outbox_is_empty(stage: Stage) -> None:
    assert await stage.pool.fetchval("SELECT count(*) FROM outbox") == 0


async def test_one_bad_message_stops_nobody(first: Stage) -> None:
    numbers = list(range(200))
    values = [(n, encode(n)) for n in numbers]
    bad = {
        17: b'{"specversion": "1.0", "type": "test.num',
        41: encode(41).replace(b'"number":41', b'"number":"41"'),
        59: b"\x00",
        83: encode(83).replace(b".v1", b".v9"),
        97: b'"' + b"x" * 900_000 + b'"',
    }
    first.poison = {120, 121}
    await publish(first, [(n, bad.get(n, value)) for n, value in values])
    await first.start("group")
    expected = [n for n in numbers if n not in bad and n not in first.poison]
    await eventually(lambda: has_all(first, expected))
    assert await first.effects() == expected
    letters = await first.pool.fetch("SELECT * FROM dead_letter ORDER BY id")
    assert len(letters) == 7
    reasons = " | ".join(sorted(row["reason"] for row in letters))
    for part in (
        "not a CloudEvent",
        "$.data.number",
        "unknown event type 'test.numbered.v9'",
        "a number nobody likes",
    ):
        assert part in reasons
    for row in letters:
        aad = f"{row['topic']}/{row['partition']}/{row['record_offset']}".encode()
        assert first.keyring.open(row["sealed_value"], aad) in {
            *bad.values(),
            *(encode_any(values, first.poison)),
        }


def encode_any(values: Sequence[tuple[int, bytes]], wanted: set[int]) -> list[bytes]:
    return [value for n, value in values if n in wanted]


async def test_an_output_that_no_log_takes_parks_its_record(first: Stage) -> None:
    first.too_large = {3}
    await publish(first, [(n, encode(n)) for n in range(10)])
    await first.start("group")
    expected = [n for n in range(10) if n != 3]
    await eventually(lambda: has_all(first, expected))
    assert await first.effects() == expected
    assert await first.pool.fetchval("SELECT count(*) FROM dead_letter WHERE reason LIKE 'doubled: %'") == 1


class LateConsumer:
    """A consumer of a log that cannot be reached the first times."""

    def __init__(self, inner: Consumer, times: int) -> None:
        self._inner, self._times = inner, times

    async def start(self, on_assigned: OnAssigned, on_revoked: OnRevoked) -> None:
        self._times -= 1
        if self._times >= 0:
            raise LogUnavailable("not there yet")
        await self._inner.start(on_assigned, on_revoked)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


async def test_a_worker_started_before_its_log_joins_later(first: Stage) -> None:
    await publish(first, [(1, encode(1))])
    consumer = LateConsumer(open_consumer(first.log, "group", [first.topic]), times=3)
    await first.start("group", cast(Consumer, consumer))
    await eventually(lambda: has_all(first, [1]))


async def test_stopping_while_an_assignment_fails_ends(first: Stage) -> None:
    first.db.rate = 1.0
    await first.start("group")
    await eventually(lambda: first.db.lost >= 2)
    await asyncio.wait_for(first.stop(), 15)


async def test_a_fault_of_the_surroundings_parks_nothing(first: Stage) -> None:
    connection = await asyncpg.connect(first.dsns.owner["profile"])
    await connection.execute("ALTER TABLE profile.effect RENAME TO mislaid")
    await publish(first, [(1, encode(1))])
    before = retries()
    await first.start("group")
    await eventually(lambda: retries() > before)
    await connection.execute("ALTER TABLE profile.mislaid RENAME TO effect")
    await connection.close()
    await eventually(lambda: has_all(first, [1]))
    assert await first.pool.fetchval("SELECT count(*) FROM dead_letter") == 0


def retries() -> float:
    return float(METRICS.records.labels(topic="numbers", outcome="retried")._value.get())


async def test_a_log_made_anew_is_refused(first: Stage) -> None:
    await publish(first, [(1, encode(1))])
    await first.start("group")
    await eventually(lambda: has_all(first, [1]))
    await first.stop()
    await first.pool.execute("UPDATE consumer_position SET log_id = 'another log'")
    await first.start("group")
    ((_, task),) = first.running
    with pytest.raises(LogRecreated, match="belongs to log another log"):
        await asyncio.wait_for(task, 20)
    first.running = []


async def test_a_position_behind_the_end_is_refused(first: Stage) -> None:
    await publish(first, [(1, encode(1))])
    await first.start("group")
    await eventually(lambda: has_all(first, [1]))
    await first.stop()
    await first.pool.execute("UPDATE consumer_position SET next_offset = 1000000")
    await first.start("group")
    ((_, task),) = first.running
    with pytest.raises(LogRecreated, match="lies behind the log's end"):
        await asyncio.wait_for(task, 20)
    first.running = []


class OvertakenConsumer:
    """A consumer beside which another worker goes on when it first looks where the log ends."""

    def __init__(self, inner: Consumer, meanwhile: Callable[[], Awaitable[None]]) -> None:
        self._inner = inner
        self._meanwhile: Callable[[], Awaitable[None]] | None = meanwhile

    async def end_offsets(self, partitions: Sequence[TopicPartition]) -> Any:
        ends = await self._inner.end_offsets(partitions)
        meanwhile, self._meanwhile = self._meanwhile, None
        if meanwhile is not None:
            await meanwhile()
        return ends

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


async def test_an_owner_that_goes_on_while_another_takes_over_makes_no_log_look_recreated(
    first: Stage,
) -> None:
    async def meanwhile() -> None:
        await publish(first, [(n, encode(n)) for n in range(20)])
        await eventually(lambda: has_all(first, range(20)))

    await first.start("owner")
    consumer = OvertakenConsumer(open_consumer(first.log, "group", [first.topic]), meanwhile)
    await first.start("group", cast(Consumer, consumer))
    await eventually(lambda: has_all(first, range(20)))
    await first.stop()
    assert await first.effects() == list(range(20))


async def test_events_of_a_stream_from_several_processes_arrive_once_and_in_order(
    first: Stage, second: Stage
) -> None:
    """Timers in two processes share one stream; whoever publishes reads the table, so that none overtakes."""
    first.rate = 0.1
    relays: list[Relay] = []
    producers = [FaultyProducer(open_producer(first.log), first.chance, first.rate) for _ in range(2)]
    for producer in producers:
        await producer.start()
        relays.append(Relay(first.db, producer, streams=["timer"]))
        await relays[-1].start()

    async def emit(relay: Relay, numbers: range) -> None:
        for number in numbers:
            async with stream_unit(first.db, relay, "timer", SystemClock()) as unit:
                unit.emit("doubled", b"one key", encode(number))

    await asyncio.gather(emit(relays[0], range(0, 100)), emit(relays[1], range(100, 200)))
    await second.start("group")
    await eventually(lambda: has_all(second, range(200)))
    assert await second.effects() == list(range(200))
    for relay, producer in zip(relays, producers, strict=True):
        await relay.stop()
        await producer.stop()
