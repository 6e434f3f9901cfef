"""A worker takes its partitions, from whoever had them, where its position stands, or refuses a log that is another."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, cast

import pytest

from guanxi_kit.log.factory import open_consumer
from guanxi_kit.log.port import Consumer, LogRecreated, LogUnavailable, OnAssigned, OnRevoked, TopicPartition
from guanxi_kit.testing import eventually

from .stages import Stage, encode, has_all, publish


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
    await asyncio.wait_for(first.stop(), 60)


async def test_a_log_made_anew_is_refused(first: Stage) -> None:
    await publish(first, [(1, encode(1))])
    await first.start("group")
    await eventually(lambda: has_all(first, [1]))
    await first.stop()
    await first.pool.execute("UPDATE consumer_position SET log_id = 'another log'")
    await first.start("group")
    ((_, task),) = first.running
    with pytest.raises(LogRecreated, match="belongs to log another log"):
        await asyncio.wait_for(task, 60)
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
        await asyncio.wait_for(task, 60)
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
