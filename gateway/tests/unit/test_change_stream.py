from __future__ import annotations

import asyncio
import random
from functools import partial
from typing import Any
from uuid import UUID

import pytest

from guanxi_gateway.application.change_feed import ChangeFeed, FellBehind
from guanxi_gateway.application.event_ids import EventId, decode_event_id
from guanxi_kit.log.port import LogRecreated, LogUnavailable, Record
from guanxi_kit.testing import eventually

CUSTOMERS = range(1, 8)


def record(partition: int, offset: int) -> Record:
    return Record("customer.changed", partition, offset, b"", b"{}", (), 0)


def test_the_ring_forgets_the_oldest_and_says_from_where_it_holds() -> None:
    feed = ChangeFeed(3)
    feed.restart(0, (10, 20))
    for partition, offset in ((0, 10), (1, 20), (0, 11), (0, 12)):
        feed.append(record(partition, offset))
    assert feed.floor == (11, 20)
    assert feed.positions == (13, 21)
    assert [(c.record.partition, c.record.offset) for c in feed.after(feed.first, 10)] == [
        (1, 20),
        (0, 11),
        (0, 12),
    ]
    assert feed.covers((11, 20))
    assert not feed.covers((10, 20))
    with pytest.raises(FellBehind):
        feed.after(0, 10)


def test_the_floor_knows_partitions_that_came_later() -> None:
    feed = ChangeFeed(2)
    feed.restart(0, (5,))
    feed.append(record(0, 5))
    feed.widen(2)
    for offset in (0, 1):
        feed.append(record(1, offset))
    assert feed.positions == (6, 2)
    assert feed.floor == (6, 0)
    assert feed.covers((6, 0))


async def test_a_client_hears_what_happens_after_it_came(log: Any, replica: Any, client: Any) -> None:
    log.write(1, 1)
    changes = await replica()
    following = asyncio.create_task(client.follow(changes, lambda c: len(c.events) == 3))
    await eventually(lambda: client.events == ["ready"])
    log.write(1, 2)
    log.write(2, 3)
    await following
    assert client.numbers == {UUID(int=1): [2], UUID(int=2): [3]}


async def test_a_client_cut_off_before_any_change_still_resumes(log: Any, replica: Any, client: Any) -> None:
    changes = await replica()
    await client.follow(changes, lambda c: c.events == ["ready"])
    log.write(1, 1)
    await client.follow(changes, lambda c: bool(c.numbers))
    assert client.numbers == {UUID(int=1): [1]}


@pytest.mark.parametrize("held", [1, 4, 1000])
@pytest.mark.parametrize("seed", range(4))
async def test_every_change_once_and_in_order_through_cuts_restarts_and_replicas(
    log: Any, replica: Any, client: Any, held: int, seed: int
) -> None:
    choose = random.Random(seed)
    replicas = [await replica(held=held), await replica(held=held)]
    await client.follow(replicas[0], lambda c: True)
    number = 0

    def write(count: int) -> None:
        nonlocal number
        for _ in range(count):
            number += 1
            log.write(choose.choice(CUSTOMERS), number)

    def received() -> int:
        return sum(map(len, client.numbers.values()))

    for _ in range(25):
        write(choose.randrange(6))
        wanted = min(number, received() + choose.randrange(5))
        if choose.random() < 0.3:
            replicas[choose.randrange(2)] = await replica(held=held)
        following = asyncio.create_task(
            client.follow(choose.choice(replicas), lambda c, wanted=wanted: received() >= wanted)
        )
        await asyncio.sleep(0)
        write(choose.randrange(4))
        await asyncio.wait_for(following, 20)
    await asyncio.wait_for(client.follow(replicas[0], lambda c: received() >= number), 20)
    assert client.numbers == log.written
    assert "reset" not in client.events


async def test_a_filtered_client_gets_its_customer_only_and_keeps_its_place(
    log: Any, replica: Any, client: Any
) -> None:
    changes = await replica()
    one = UUID(int=1)
    following = asyncio.create_task(client.follow(changes, lambda c: "position" in c.events, one))
    await eventually(lambda: client.events == ["ready"])
    log.write(1, 1)
    await eventually(lambda: client.numbers == {one: [1]})
    for number in range(2, 6):
        log.write(2, number)
    await following
    log.write(2, 6)
    log.write(1, 7)
    await client.follow(changes, lambda c: c.numbers == {one: [1, 7]}, one)
    assert decode_event_id(client.last_id).positions != ()


async def test_what_retention_dropped_is_a_reset_never_a_silence(log: Any, replica: Any, client: Any) -> None:
    first = await replica()
    await client.follow(first, lambda c: True)
    for number in range(30):
        log.write(number % 7 + 1, number)
    log.drop(2)
    second = await replica(held=2)
    await client.follow(second, lambda c: "reset" in c.events)
    assert client.numbers == {}
    log.write(1, 100)
    await client.follow(second, lambda c: bool(c.numbers))
    assert client.numbers == {UUID(int=1): [100]}


async def test_a_place_beyond_the_end_belongs_to_another_log(replica: Any, client: Any) -> None:
    changes = await replica()
    place = EventId(0, (5, 0, 0))
    frames = changes.subscribe(place, None).frames()
    client.take(await anext(frames))
    client.take(await anext(frames))
    assert client.events == ["ready", "reset"]
    assert decode_event_id(client.last_id).positions == (0, 0, 0)
    await frames.aclose()


@pytest.mark.parametrize("place", [EventId(99, (0, 0, 0)), EventId(0, (0, 0, 0, 0))])
async def test_a_place_of_another_log_is_a_reset(replica: Any, client: Any, place: EventId) -> None:
    changes = await replica()
    frames = changes.subscribe(place, None).frames()
    client.take(await anext(frames))
    client.take(await anext(frames))
    assert client.events == ["ready", "reset"]
    await frames.aclose()


async def test_an_unreadable_record_is_passed_over(log: Any, replica: Any, client: Any) -> None:
    changes = await replica()
    following = asyncio.create_task(client.follow(changes, lambda c: len(c.numbers) == 2))
    await eventually(lambda: client.events == ["ready"])
    log.write(1, 1)
    log.write_nonsense()
    log.write(2, 2)
    await asyncio.wait_for(following, 10)


async def test_a_client_that_falls_behind_is_let_go_and_loses_nothing(
    log: Any, replica: Any, client: Any, new_client: Any
) -> None:
    changes = await replica(held=5)

    def arrived(count: int) -> bool:
        return sum(map(len, quick.numbers.values())) == count

    slow, quick = changes.subscribe(None, None).frames(), new_client()
    client.take(await anext(slow))
    following = asyncio.create_task(quick.follow(changes, lambda c: sum(map(len, c.numbers.values())) == 20))
    await eventually(lambda: quick.events == ["ready"])
    for number in range(20):
        log.write(number % 7 + 1, number)
        await eventually(partial(arrived, number + 1))
    with pytest.raises(StopAsyncIteration):
        await anext(slow)
    await following
    await client.follow(changes, lambda c: sum(map(len, c.numbers.values())) == 20)
    assert client.numbers == quick.numbers == log.written


async def test_the_feed_survives_a_log_that_goes_away(
    log: Any, replica: Any, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = await replica()
    following = asyncio.create_task(client.follow(changes, lambda c: len(c.numbers) == 2))
    await eventually(lambda: client.events == ["ready"])
    log.write(1, 1)
    await eventually(lambda: len(client.numbers) == 1)

    async def lost(*_: object, **__: object) -> None:
        raise LogUnavailable("gone")

    with monkeypatch.context() as patch:
        patch.setattr("guanxi_kit.log.memory.clients.MemoryReader.poll", lost)
        log.write(3, 3)
        await eventually(lambda: not changes.following)
    await asyncio.wait_for(following, 10)
    assert client.numbers == log.written
    assert "reset" not in client.events
    await eventually(lambda: changes.following)


async def test_a_feed_overtaken_by_retention_tells_its_clients(
    log: Any, replica: Any, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = await replica()
    following = asyncio.create_task(client.follow(changes, lambda c: 50 in c.numbers.get(UUID(int=1), [])))
    await eventually(lambda: client.events == ["ready"])

    async def lost(*_: object, **__: object) -> None:
        raise LogUnavailable("gone")

    with monkeypatch.context() as patch:
        patch.setattr("guanxi_kit.log.memory.clients.MemoryReader.poll", lost)
        log.write(2, 1)
        await eventually(lambda: not changes.following)
        for number in range(2, 20):
            log.write(number % 7 + 1, number)
        log.drop(1)
    await eventually(lambda: "reset" in client.events)
    log.write(1, 50)
    await asyncio.wait_for(following, 10)
    assert client.events.index("reset") == len(client.events) - 2


@pytest.mark.parametrize("longer", [False, True])
async def test_a_log_made_anew_is_told_to_clients_that_stayed_and_to_those_that_return(
    log: Any, replica: Any, client: Any, new_client: Any, monkeypatch: pytest.MonkeyPatch, longer: bool
) -> None:
    for number in range(10):
        log.write(1, number)
    changes = await replica()
    stayed = new_client()
    following = asyncio.create_task(stayed.follow(changes, lambda c: "reset" in c.events))
    await client.follow(changes, lambda c: True)

    async def lost(*_: object, **__: object) -> None:
        raise LogUnavailable("gone")

    with monkeypatch.context() as patch:
        patch.setattr("guanxi_kit.log.memory.clients.MemoryReader.poll", lost)
        log.write(1, 10)
        await eventually(lambda: not changes.following)
        log.make_anew()
        for number in range(20 if longer else 3):
            log.write(1, number)
    await asyncio.wait_for(following, 10)
    await asyncio.wait_for(client.follow(changes, lambda c: "reset" in c.events), 10)
    assert client.numbers == {}


async def test_a_log_that_says_it_was_made_anew_is_believed(
    log: Any, replica: Any, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = await replica()
    following = asyncio.create_task(client.follow(changes, lambda c: "reset" in c.events))
    await eventually(lambda: client.events == ["ready"])

    async def recreated(*_: object, **__: object) -> None:
        raise LogRecreated("another log")

    with monkeypatch.context() as patch:
        patch.setattr("guanxi_kit.log.memory.clients.MemoryReader.poll", recreated)
        log.write(1, 1)
        await eventually(lambda: not changes.following)
    await asyncio.wait_for(following, 10)
