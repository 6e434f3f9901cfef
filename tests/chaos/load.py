"""Load that never gives up: a batch is sent again, with the same message ids, until it is acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tests.chaos.people import Population

from guanxi_devstack.world import World
from guanxi_kit.http import HttpClient, TransportError, make_client

BATCH = 20
SENDERS = 4
REPEAT_CHANCE = 0.05


async def keep_sending(world: World, people: Population, until: Callable[[], bool]) -> int:
    """Send until `until()`; returns how many times a batch had to be repeated."""
    repeats = await asyncio.gather(*(_sender(world, people, until) for _ in range(SENDERS)))
    return sum(repeats)


async def _sender(world: World, people: Population, until: Callable[[], bool]) -> int:
    repeats = 0
    key = world.credentials.write_keys["web"]
    async with make_client(world.url, timeout=10.0) as client:
        while not until():
            batch = people.touchpoints(BATCH)
            while True:
                try:
                    answer = await client.post("/v1/batch", json={"batch": batch}, auth=(key, ""))
                except TransportError:
                    answer = None
                if answer is not None and answer.status_code == 200:
                    assert not answer.json().get("refused"), answer.text
                    break
                assert answer is None or answer.status_code >= 500 or answer.status_code == 429, answer.text
                repeats += 1
                await asyncio.sleep(0.2)
            people.accepted += batch
            if people.chance.random() < REPEAT_CHANCE:
                await _repeat(client, key, people)
            await asyncio.sleep(0.02)
    return repeats


async def _repeat(client: HttpClient, key: str, people: Population) -> None:
    """Send an old batch again, as a channel does that lost its own state."""
    start = people.chance.randrange(max(1, len(people.accepted) - BATCH))
    old = people.accepted[start : start + BATCH]
    try:
        await client.post("/v1/batch", json={"batch": old}, auth=(key, ""))
    except TransportError:
        return
