"""Durable timers: how many fire a second, how late they are under load among 100,000, and what open cases cost.

GUANXI_BENCH_SCALE (1 by default) makes all amounts smaller for a trial; the figures then mean nothing.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from bench import open_cases
from bench.firing import Firing, firing
from guanxi_kit.timers import Timer, arm

SCALE = float(os.environ.get("GUANXI_BENCH_SCALE", "1"))
PENDING = max(2_000, int(100_000 * SCALE))
RATE = int(os.environ.get("GUANXI_BENCH_RATE", "500"))
SECONDS = max(5, int(60 * SCALE))
CHUNK = 10_000


async def measure(tell: Callable[[str], None]) -> dict[str, Any]:
    """Rate of arming and firing, lateness beside traffic, and processor time of the clocks of open cases."""
    async with firing() as world:
        rates = await _rates(world)
        tell(f"armed {rates['armed']:,}/s, fired {rates['fired']:,}/s, each with a row and an event")
        lateness = await _lateness(world)
        tell(f"late among {PENDING:,} pending, {RATE}/s due beside traffic: {lateness} (asked: p99 < 1 s)")
        cases = await open_cases.measure(world, PENDING, SECONDS)
        tell(f"clocks of {PENDING:,} open cases: {cases} (asked: < 5 % of a core)")
    return {"scale": SCALE, "pending": PENDING, "rates": rates, "lateness": lateness, "cases": cases}


async def _rates(world: Firing) -> dict[str, int]:
    due = datetime.now(UTC) - timedelta(seconds=1)
    timers = [Timer("effect", uuid4(), due) for _ in range(PENDING)]
    began = time.perf_counter()
    await _arm(world, timers)
    armed = time.perf_counter() - began
    began = time.perf_counter()
    fired = await world.loop().turn()
    seconds = time.perf_counter() - began
    assert fired == PENDING == await world.admin.fetchval("SELECT count(*) FROM interaction.effect")
    assert await world.admin.fetchval("SELECT count(*) FROM interaction.timer") == 0
    return {"armed": round(PENDING / armed), "fired": round(PENDING / seconds)}


async def _lateness(world: Firing) -> dict[str, Any]:
    """Of timers armed up to five seconds before they are due, while as many as asked wait for a later day."""
    chance = random.Random(5)
    far = datetime.now(UTC) + timedelta(days=1)
    await _arm(
        world,
        [Timer("effect", uuid4(), far + timedelta(seconds=chance.random() * 86_400)) for _ in range(PENDING)],
    )
    world.db.lateness.clear()
    loop = world.loop()
    beside = [asyncio.create_task(world.traffic()), asyncio.create_task(loop.run())]
    wanted = 0
    ends = time.monotonic() + SECONDS
    while time.monotonic() < ends:
        began, now = time.monotonic(), datetime.now(UTC)
        soon = [
            Timer("effect", uuid4(), now + timedelta(seconds=chance.random() * 5)) for _ in range(RATE // 10)
        ]
        await _arm(world, soon)
        wanted += len(soon)
        await asyncio.sleep(max(0.0, 0.1 - (time.monotonic() - began)))
    await asyncio.sleep(7)
    beside[0].cancel()
    await loop.stop()
    with suppress(asyncio.CancelledError):
        await beside[0]
    await beside[1]
    found = sorted(world.db.lateness)
    assert len(found) == wanted, f"{len(found)} of {wanted} fired"
    traffic = await world.admin.fetchval("SELECT count(*) FROM interaction.traffic")
    return {
        "p50_ms": round(1000 * found[len(found) // 2]),
        "p99_ms": round(1000 * found[len(found) * 99 // 100]),
        "max_ms": round(1000 * found[-1]),
        "fired_per_second": round(wanted / SECONDS),
        "traffic_rows_per_second": round(traffic / (SECONDS + 7)),
    }


async def _arm(world: Firing, timers: list[Timer]) -> None:
    for begin in range(0, len(timers), CHUNK):
        async with world.db.pool.acquire() as connection, connection.transaction():
            await arm(connection, timers[begin : begin + CHUNK])
