"""Deadlines: each wait ends in its time, whatever became of the others."""

from __future__ import annotations

import asyncio

import pytest

from interaction_service.application.deadlines import Deadlines


async def test_a_wait_ends_in_its_time() -> None:
    loop = asyncio.get_running_loop()
    started = loop.time()
    with pytest.raises(TimeoutError), Deadlines(0.05).wait():
        await asyncio.Event().wait()
    assert 0.05 <= loop.time() - started < 5
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_a_finished_wait_neither_expires_nor_delays_the_next() -> None:
    deadlines = Deadlines(0.2)
    loop = asyncio.get_running_loop()
    with deadlines.wait():
        pass
    await asyncio.sleep(0.1)
    started = loop.time()
    with pytest.raises(TimeoutError), deadlines.wait():
        await asyncio.Event().wait()
    assert 0.2 <= loop.time() - started < 5


async def test_waits_that_began_later_expire_later() -> None:
    deadlines = Deadlines(1.0)
    ended: list[int] = []

    async def one(number: int) -> None:
        with pytest.raises(TimeoutError), deadlines.wait():
            await asyncio.Event().wait()
        ended.append(number)

    async with asyncio.TaskGroup() as group:
        for number in range(3):
            group.create_task(one(number))
            await asyncio.sleep(0.05)
        assert not ended
    assert ended == [0, 1, 2]


async def test_a_cancellation_from_elsewhere_is_no_timeout() -> None:
    waiting = asyncio.Event()

    async def one() -> None:
        with Deadlines(60).wait():
            waiting.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(one())
    await asyncio.wait_for(waiting.wait(), 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_an_error_within_passes_and_nested_waits_keep_apart() -> None:
    with pytest.raises(ValueError, match="own"), Deadlines(60).wait():
        raise ValueError("own")
    with Deadlines(60).wait():
        with pytest.raises(TimeoutError), Deadlines(0.02).wait():
            await asyncio.Event().wait()
        await asyncio.sleep(0)
