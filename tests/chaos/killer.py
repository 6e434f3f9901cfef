"""Kills processes at random moments, and brings them back."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

from guanxi_devstack.world import World

ERASING = ("gateway", "profile-api", "database")


def victims(world: World) -> list[str]:
    """Every worker and api, the gateway, and the database if it is ours.

    Workers come up most often, and whom hands and erasers ask for something.
    """
    names = [name for name in world.children if "worker" in name] * 3
    names += [name for name in world.children if "worker" not in name]
    names += ["profile-api"] * 2
    if world.postgres is not None:
        names += ["database"] * 2
    return names


async def keep_killing(
    world: World,
    chance: random.Random,
    until: Callable[[], bool],
    kills: Counter[str],
    erasing: asyncio.Event,
) -> None:
    """Kill (-9) one victim after another until `until()`, each back after a moment; counts them by name in `kills`.

    Whoever takes part in an erasure is killed within one, if there is one (`erasing` is set) before long.
    """
    while not until():
        await asyncio.sleep(chance.uniform(0.3, 2.0))
        name = chance.choice(victims(world))
        if name in ERASING:
            with suppress(TimeoutError):
                await asyncio.wait_for(erasing.wait(), 1.0)
                await asyncio.sleep(chance.uniform(0.0, 0.05))
        kills[name] += 1
        if name == "database":
            await world.kill_database()
            await asyncio.sleep(chance.uniform(0.0, 1.0))
            await world.restart_database()
        else:
            child = world.children[name]
            await child.kill()
            await asyncio.sleep(chance.uniform(0.0, 1.0))
            await child.start()
