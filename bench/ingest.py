"""Ingest over HTTP against the floor, A/B interleaved in one session on one log."""

from __future__ import annotations

import asyncio
import statistics
import sys
from collections.abc import Callable
from typing import Any

from bench.http_load import run
from bench.platform import world
from bench.traffic import batches, singles
from guanxi_devstack.children import Child, ChildSpec
from guanxi_devstack.ports import find_free_port
from guanxi_devstack.world import World
from guanxi_kit.http import TransportError, make_client
from guanxi_kit.testing import eventually

ROUNDS = 4
BATCHES = 300
SINGLES = 5000


async def measure(tell: Callable[[str], None]) -> dict[str, Any]:
    """Events per second of ours and of the floor, for batches of 100 and for single events, and their ratios."""
    async with world() as running:
        for name, child in running.children.items():
            if name != "interaction-api":
                await child.stop()
        floor = await _start_floor(running)
        try:
            result = {}
            for kind in ("batches of 100", "single events"):
                rates = await _interleave(running, floor.spec.port, kind)
                ours, bare = (statistics.median(rates[who]) for who in ("ours", "floor"))
                result[kind] = {
                    "ours": round(ours),
                    "floor": round(bare),
                    "ratio": round(ours / bare, 2),
                    "rounds": rates,
                }
                tell(f"ingest, {kind}: {ours:,.0f}/s, floor {bare:,.0f}/s, ratio {ours / bare:.2f}")
            return result
        finally:
            await floor.kill()


async def _start_floor(running: World) -> Child:
    port = find_free_port()
    environment = running.topology.common_environment(port)
    log_file = running.options.folder / "logs" / "floor.log"
    floor = Child(
        ChildSpec(
            "floor", (sys.executable, "-m", "bench.floor_server", str(port)), port, log_file, environment
        )
    )
    await floor.start()
    await eventually(lambda: _answers(port), timeout=20)
    return floor


async def _answers(port: int) -> None:
    async with make_client() as client:
        try:
            answer = await client.post(f"http://127.0.0.1:{port}/", content=b'{"messageId":"m","userId":"u"}')
        except TransportError as error:
            raise AssertionError from error
        assert answer.status_code == 200


async def _interleave(running: World, floor_port: int, kind: str) -> dict[str, list[float]]:
    key = running.credentials.write_keys["web"]
    ports = {"ours": running.ports.api("interaction"), "floor": floor_port}
    rates: dict[str, list[float]] = {"ours": [], "floor": []}
    for number in range(ROUNDS + 1):
        for who, port in ports.items():
            label = f"{who}-{kind[:2]}-{number}"
            if kind == "single events":
                size, requests = 1, list(singles(label, key, count=SINGLES, customers=5000))
            else:
                size, requests = 100, list(batches(label, key, count=BATCHES, size=100, customers=5000))
            outcome = await run("127.0.0.1", port, iter(requests), connections=16 if size == 1 else 8)
            assert set(outcome.statuses) == {200}, outcome.statuses
            if number:  # the first round warms up
                rates[who].append(outcome.per_second * size)
            await asyncio.sleep(0.2)
    return rates
