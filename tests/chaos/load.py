"""Load that never gives up: a batch is sent again, with the same message ids, until it is acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tests.chaos.people import Population
from tests.chaos.ways import Importer, Way, by_hook, by_sdk

from guanxi_devstack.world import World
from guanxi_kit.http import HttpClient, TransportError, make_client

BATCH = 20
FILE_ROWS = 60
SENDERS = 2
"""Of each way but that of files."""
REPEAT_CHANCE = 0.05


async def keep_sending(world: World, people: Population, until: Callable[[], bool]) -> int:
    """Send by every way until `until()`; returns how many times a batch had to be repeated."""
    ways = {"SDK": by_sdk(world), "webhook": by_hook(world)}
    senders = [_sender(world, people, name, way, until) for name, way in ways.items() for _ in range(SENDERS)]
    repeats = await asyncio.gather(*senders, _import(world, people, until))
    return sum(repeats)


async def _sender(world: World, people: Population, name: str, way: Way, until: Callable[[], bool]) -> int:
    repeats = 0
    async with make_client(world.url, timeout=10.0) as client:
        while not until():
            batch = people.touchpoints(BATCH)
            while not await way(client, batch):
                repeats += 1
                await asyncio.sleep(0.2)
            people.accept(batch, name)
            if people.chance.random() < REPEAT_CHANCE:
                await _repeat(client, by_sdk(world), people)
            await asyncio.sleep(0.02)
    return repeats


async def _import(world: World, people: Population, until: Callable[[], bool]) -> int:
    importer = Importer(world)
    while not until():
        batch = people.touchpoints(FILE_ROWS, people.never_erased)
        await importer.take(batch)
        people.accept(batch, "import")
    return importer.repeated


async def _repeat(client: HttpClient, way: Way, people: Population) -> None:
    """Send an old batch again, as a channel does that lost its own state; whichever way it came at first."""
    start = people.chance.randrange(max(1, len(people.accepted) - BATCH))
    old = people.accepted[start : start + BATCH]
    try:
        await way(client, old)
    except TransportError:
        return
