"""One storm: load and kills for a while, then the verdict."""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections.abc import Callable
from dataclasses import replace

from tests.chaos.killer import keep_killing
from tests.chaos.load import keep_sending
from tests.chaos.mail import smtp_server
from tests.chaos.people import Population
from tests.chaos.verdict import check

from guanxi_devstack.topology import WorldOptions
from guanxi_devstack.world import World


async def storm(
    options: WorldOptions, *, seconds: float, people: int, seed: int, tell: Callable[[str], None]
) -> None:
    """Start a platform, keep load and kills on for `seconds`, stop both, check. Raises AssertionError with what differs."""
    population = Population(people, random.Random(seed), uuid.uuid4().hex[:8])
    with smtp_server() as (inbox, address):
        options = replace(options, settings={**options.settings, "GUANXI_SMTP_URL": address})
        async with World(options) as world:
            end = time.monotonic() + seconds
            repeats, kills = await asyncio.gather(
                keep_sending(world, population, lambda: time.monotonic() > end),
                keep_killing(
                    world,
                    random.Random(seed),
                    lambda: time.monotonic() > end,
                    lambda name: tell(f"{len(population.accepted):>7} accepted, kill -9 {name}"),
                ),
            )
            await world.wait_ready()
            tell(
                f"{len(population.accepted)} touchpoints accepted, {repeats} batches repeated, kills: {dict(kills)}"
            )
            await check(world, population, inbox, tell)
            tell(
                f"exactly once: {len(population.accepted)} touchpoints, {population.customers()} customers,"
                f" {len(inbox.recipients)} welcome mails, {sum(kills.values())} kills"
            )
