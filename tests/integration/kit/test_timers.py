"""Durable timers: each fires exactly once, whoever dies, in order with what they are about, and found by index."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
import pytest
from tests.integration.kit.mortal import Killed, mortal_database
from tests.integration.kit.timers_at_work import TABLES, Timers, Writing

from guanxi_devstack.pytest_plugin import DatabaseDsns
from guanxi_kit.consumer import KIT_TABLES
from guanxi_kit.consumer.unit import StreamUnit
from guanxi_kit.telemetry import METRICS
from guanxi_kit.testing import eventually, waits_for_a_lock
from guanxi_kit.timers import TIMER_TABLE, Timer, arm, disarm
from guanxi_kit.timers.aside import Asides, drop_asides, page_of_asides, retry_asides
from guanxi_kit.timers.loop import LONGEST_REST
from guanxi_kit.timers.schema import SHARDS
from guanxi_kit.timers.store import DUE, NEXT, TAKE


@pytest.fixture
async def timers(database_dsns: DatabaseDsns) -> AsyncIterator[Timers]:
    tables = KIT_TABLES + TIMER_TABLE + TABLES
    async with mortal_database(database_dsns, tables, seed=7, connections=8) as database:
        yield Timers(database)


async def test_each_fires_once_with_several_loops_through_faults_and_kills(timers: Timers) -> None:
    await timers.arm(*(timers.timer(number, number % 40 / 10) for number in range(3000)))
    timers.db.faults = timers.db.kills = True
    killed = 0

    async def work() -> None:
        nonlocal killed
        for _ in range(200):
            try:
                await timers.loop().turn()
            except ConnectionResetError:
                pass
            except Killed:
                killed += 1
            timers.clock.advance(0.05)

    await asyncio.gather(work(), work(), work())
    assert await timers.fired() == sorted(
        ((number, "") for number in range(3000)), key=lambda each: (each[0] % 40, each[0])
    )
    assert await timers.emitted() == sorted(f"{UUID(int=number)} " for number in range(3000))
    assert await timers.standing() == []
    assert killed > 2


async def test_cancelled_between_effect_and_commit_nothing_has_happened(timers: Timers) -> None:
    await timers.arm(timers.timer(1, 0))
    reached = asyncio.Event()

    class Hanging(Writing):
        async def fire(self, unit: StreamUnit, due: Sequence[Timer]) -> None:
            await super().fire(unit, due)
            reached.set()
            await asyncio.Event().wait()

    working, timers.writing = timers.writing, Hanging()
    dying = asyncio.create_task(timers.loop().turn())
    await reached.wait()
    assert await timers.loop().turn() == 0
    dying.cancel()
    with suppress(asyncio.CancelledError):
        await dying
    assert await timers.fired() == []
    timers.writing = working
    assert await timers.loop().turn() == 1
    assert await timers.fired() == [(1, "")]


async def test_armed_anew_it_moves_and_disarmed_it_is_gone(timers: Timers) -> None:
    await timers.arm(
        timers.timer(1, 5), timers.timer(1, 10), timers.timer(2, 10, "a"), timers.timer(2, 10, "b")
    )
    await timers.arm(timers.timer(2, 20, "a"), timers.timer(3, 10), timers.timer(4, 10))
    async with timers.db.pool.acquire() as connection:
        await disarm(connection, "item", [UUID(int=3), UUID(int=2)], ["", "c"])
        await disarm(connection, "item", [UUID(int=4)])
    timers.clock.advance(9.999)
    assert await timers.loop().turn() == 0
    timers.writing.again = {"b": timers.timer(2, 30, "b")}
    timers.clock.advance(0.001)
    await timers.loop().turn()
    assert await timers.fired() == [(1, ""), (2, "b")]
    timers.clock.advance(60)
    await timers.loop().turn()
    assert await timers.fired() == [(1, ""), (2, "b"), (2, "a"), (2, "b")]


async def test_who_holds_an_item_and_moves_its_timer_meets_no_deadlock_and_is_heeded(timers: Timers) -> None:
    await timers.db.pool.execute("INSERT INTO item VALUES ($1)", UUID(int=1))
    await timers.arm(timers.timer(1, 0), timers.timer(2, 0))
    async with timers.db.transaction() as connection:
        await connection.execute("SELECT 1 FROM item FOR UPDATE")
        turn = asyncio.create_task(timers.loop().turn())
        await eventually(lambda: waits_for_a_lock(timers.db))
        await arm(connection, [timers.timer(1, 60)])
    await turn
    assert await timers.fired() == [(2, "")]
    timers.clock.advance(60)
    await timers.loop().turn()
    assert await timers.fired() == [(2, ""), (1, "")]


async def test_one_that_cannot_be_fired_is_set_aside_alone_until_a_worker_starts_anew(timers: Timers) -> None:
    await timers.arm(
        *(timers.timer(number, number / 1000) for number in range(600)), timers.timer(77, 0, "bad")
    )
    timers.writing.bad = {"bad"}
    timers.clock.advance(1)
    aside = METRICS.timers.labels(kind="item", outcome="set_aside")
    before = aside._value.get()
    await timers.loop().turn()
    assert timers.writing.batches[:2] == [500, 63]
    assert len(await timers.fired()) == len(await timers.emitted()) == 600
    (left,) = await timers.standing()
    assert (left["name"], left["reason"], left["failed_at"]) == ("bad", "ValueError", timers.clock.now())
    assert aside._value.get() == before + 1
    assert await timers.loop().turn() == 0
    timers.writing.bad = set()
    loop = timers.loop()
    running = asyncio.create_task(loop.run())
    await eventually(lambda: _count(timers, 601))
    await loop.stop()
    await running


async def test_operators_retry_or_drop_each_once_beside_loops_and_each_other(timers: Timers) -> None:
    names = [f"bad-{number}" for number in range(12)]
    await timers.arm(*(timers.timer(1, 0, name) for name in names))
    timers.writing.bad = set(names)
    await timers.loop().turn()
    async with timers.db.pool.acquire() as connection:
        first = await page_of_asides(connection, "item", after=None, limit=7)
        rest = await page_of_asides(connection, None, after=first[-1].place, limit=7)
    assert {one.name for one in (*first, *rest)} == set(names)
    assert first[0].fault == "ValueError"
    timers.writing.bad = {"bad-3"}

    async def retry(name: str) -> int:
        async with timers.db.pool.acquire() as connection:
            return await retry_asides(connection, Asides("item", UUID(int=1), name), timers.clock.now())

    async def drop(name: str) -> int:
        async with timers.db.pool.acquire() as connection:
            return await drop_asides(connection, Asides("item", UUID(int=1), name))

    acts = [act(name) for name in names for act in (retry, drop, retry)]
    counted = await asyncio.gather(*acts, *(timers.loop().turn() for _ in range(3)))
    while await timers.loop().turn():
        pass
    fired = [name for _, name in await timers.fired()]
    assert len(fired) == len(set(fired)) == len(await timers.emitted())
    left = [row["name"] for row in await timers.standing()]
    assert set(left) <= {"bad-3"}
    dropped = sum(counted[1 : len(acts) : 3])
    assert len(fired) + len(left) + dropped == len(names)


async def _count(timers: Timers, wanted: int) -> bool:
    return len(await timers.fired()) == wanted


async def test_one_whose_item_is_locked_for_long_is_tried_again_later_and_holds_up_nobody(
    timers: Timers,
) -> None:
    await timers.db.pool.execute("INSERT INTO item VALUES ($1)", UUID(int=SHARDS))
    await timers.arm(*(timers.timer(SHARDS * number, 0) for number in range(4)))
    async with timers.db.transaction() as connection:
        await connection.execute("SELECT 1 FROM item FOR UPDATE")
        await timers.loop().turn()
        assert [number for number, _ in await timers.fired()] == [0, 2 * SHARDS, 3 * SHARDS]
    (left,) = await timers.standing()
    assert (left["tries"], left["reason"], left["failed_at"]) == (1, "LockNotAvailableError 55P03", None)
    assert left["turn_at"] - left["due_at"] == timedelta(seconds=0.5)
    timers.clock.advance(0.5)
    assert await timers.loop().turn() == 1


async def test_a_sleeping_loop_notices_a_timer_armed_for_soon(
    timers: Timers, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = timers.loop()
    choose_rest, rests = loop._rest, asyncio.Queue[float]()

    async def rest() -> float:
        seconds = await choose_rest()
        await rests.put(seconds)
        return seconds

    monkeypatch.setattr(loop, "_rest", rest)
    await timers.arm(timers.timer(1, 3600))
    running = asyncio.create_task(loop.run())
    assert await rests.get() == LONGEST_REST
    await timers.arm(timers.timer(2, 0))
    await eventually(lambda: _count(timers, 1))
    await loop.stop()
    await running


@pytest.mark.parametrize("analyzed", [False, True])
async def test_what_is_due_is_found_by_index_among_a_hundred_thousand(timers: Timers, analyzed: bool) -> None:
    now = timers.clock.now()
    async with timers.db.pool.acquire() as connection:
        await connection.execute(
            "INSERT INTO timer (kind, key, shard, due_at, turn_at)"
            " SELECT 'item', md5(n::text)::uuid, n % $1::int, $2::timestamptz + n * interval '1 s',"
            " $2 + n * interval '1 s' FROM generate_series(1, 100000) AS n",
            SHARDS,
            now,
        )
        if analyzed:
            await connection.execute("ANALYZE timer")
        keys = [UUID(int=number) for number in range(500)]
        soon: datetime = now + timedelta(minutes=10)
        for statement, arguments in (
            (NEXT, (["item"], SHARDS)),
            (DUE, (1, soon, ["item"], 500)),
            (TAKE, (["item"] * 500, keys, [""] * 500, soon)),
        ):
            plan = await connection.fetchval(f"EXPLAIN (FORMAT JSON) {statement}", *arguments)
            text = msgspec.json.encode(plan).decode() if not isinstance(plan, str) else plan
            assert "Seq Scan" not in text, (statement, text)
            assert "timer_turn_idx" in text or "timer_pkey" in text
