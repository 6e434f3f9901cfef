"""Received -> resolved -> timeline, view and score: ours against bare scripts, the same events in the same session."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from typing import Any

import asyncpg

from bench.floor_pipeline import CHANGED, RESOLVED, SCORED, TABLES
from bench.http_load import run
from bench.platform import world
from bench.traffic import batches
from guanxi_devstack.world import World
from guanxi_kit.log.factory import open_admin
from guanxi_kit.log.port import TopicSpec
from guanxi_kit.settings import ServiceSettings

EVENTS = 60_000
CUSTOMERS = 20_000
STAGES = ("profile", "interaction", "scoring")
_DONE = (
    "SELECT (SELECT coalesce(sum(touchpoints), 0) FROM profile.totals) >= $1"
    " AND (SELECT count(*) FROM interaction.touchpoint) >= $1"
    " AND (SELECT coalesce(sum(touchpoints), 0) FROM scoring.feature) >= $1"
)


async def measure(tell: Callable[[str], None]) -> dict[str, Any]:
    """Events per second through all stages: floor, ours with one worker a service, ours with two."""
    rates: dict[str, Any] = {}
    for workers in (1, 2):
        async with world(workers=workers) as running:
            await _fill(running)
            if workers == 1:
                rates["floor"] = round(EVENTS / await _floor(running))
                tell(f"pipeline floor: {rates['floor']:,}/s")
            rates[f"{workers} worker{'s' * (workers > 1)}"] = round(EVENTS / await _ours(running, workers))
            tell(f"pipeline, {workers} worker(s) a service: {list(rates.values())[-1]:,}/s")
    rates["ratio"] = round(rates["1 worker"] / rates["floor"], 2)
    rates["two to one"] = round(rates["2 workers"] / rates["1 worker"], 2)
    tell(f"pipeline ratio {rates['ratio']}, two workers to one {rates['two to one']}")
    return rates


async def _fill(running: World) -> None:
    """Stop everything but ingest, and let it take all events in."""
    for name, child in running.children.items():
        if name != "interaction-api":
            await child.stop()
    key = running.credentials.write_keys["web"]
    requests = batches("pipe", key, count=EVENTS // 100, size=100, customers=CUSTOMERS)
    outcome = await run("127.0.0.1", running.ports.api("interaction"), requests)
    assert set(outcome.statuses) == {200}, outcome.statuses
    await running.child("interaction").stop()


async def _ours(running: World, workers: int) -> float:
    """Seconds from the first batch taken in to the last event in all three places."""
    connection = await asyncpg.connect(running.topology.admin_dsn)
    for service in STAGES:
        for number in range(1, workers + 1):
            await running.restart(service, "worker", number)
    began = time.perf_counter()
    started = 0.0
    while not await connection.fetchval(_DONE, EVENTS):
        if not started and await connection.fetchval("SELECT count(*) > 0 FROM profile.totals"):
            started = time.perf_counter()
        await asyncio.sleep(0.02 if not started else 0.1)
        if time.perf_counter() - began > 300:
            raise TimeoutError("the pipeline did not finish")
    await connection.close()
    return time.perf_counter() - started


async def _floor(running: World) -> float:
    topology = running.topology
    connection = await asyncpg.connect(topology.admin_dsn)
    await connection.execute(TABLES)
    await connection.close()
    await _create_topics(running)
    environment = {**topology.common_environment(1), "FLOOR_DSN": topology.admin_dsn}
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bench.floor_pipeline",
            stage,
            str(EVENTS),
            stdout=asyncio.subprocess.PIPE,
            env=environment,
        )
        for stage in ("identity", "timeline", "score")
    ]
    try:
        async with asyncio.timeout(300):
            times = [
                float(await process.stdout.readline())
                for process in processes
                for _ in range(2)
                if process.stdout
            ]
    finally:
        for process in processes:
            process.kill()
            await process.wait()
    return max(times) - min(times)


async def _create_topics(running: World) -> None:
    settings = ServiceSettings.load(
        service="bench",
        role="command",
        log_engine="kafka" if running.options.kafka_bootstrap else "postgres",
        log_url=running.topology.dsn("log_owner"),
        kafka_bootstrap=running.options.kafka_bootstrap,
    )
    admin = open_admin(settings)
    await admin.start()
    await admin.create_topics(
        [TopicSpec(name, running.options.partitions or 12, 7) for name in (RESOLVED, CHANGED, SCORED)]
    )
    await admin.stop()
