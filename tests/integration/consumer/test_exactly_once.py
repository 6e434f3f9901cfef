"""Every record takes effect exactly once, through lost answers, repeated appends, stale owners and dead ones."""

from __future__ import annotations

import asyncio
from functools import partialmethod

import asyncpg
import pytest

from guanxi_kit.clock import SystemClock
from guanxi_kit.consumer import Relay, stream_unit
from guanxi_kit.log.factory import open_producer
from guanxi_kit.testing import eventually

from .stages import FaultyProducer, Stage, encode, has_all, publish


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
