"""From accepting a touchpoint to the unified view having changed, at a steady 500 events a second."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from bench.http_load import run
from bench.platform import world
from bench.traffic import singles
from guanxi_devstack.world import World
from guanxi_kit.http import HttpClient, make_client

RATE = 500
SECONDS = 30
PROBES = 40


async def measure(tell: Callable[[str], None]) -> dict[str, Any]:
    """Milliseconds until the change stream tells of a touchpoint, and until a read shows it, under load."""
    async with world() as running:
        token = running.credentials.token("admin")
        async with make_client(running.url, token=token, timeout=60) as client:
            seen: list[float] = []
            listener = asyncio.create_task(listen(client, seen))
            await send(running, "warm", seconds=5)
            await asyncio.sleep(2)
            seen.clear()
            probe = asyncio.create_task(_probe(running, client))
            outcome = await send(running, "load", seconds=SECONDS)
            reads = await probe
            await asyncio.sleep(2)
            listener.cancel()
            await asyncio.gather(listener, return_exceptions=True)
    result = {
        "rate": round(outcome.per_second),
        "ingest_ms": {"p50": round(outcome.quantile(0.5), 1), "p99": round(outcome.quantile(0.99), 1)},
        "changes": len(seen),
        "view_changed_ms": quantiles(seen),
        "read_shows_it_ms": quantiles(reads),
        "samples_ms": [round(value, 1) for value in seen],
    }
    tell(
        f"latency at {result['rate']}/s: view changed {result['view_changed_ms']}, read shows it {result['read_shows_it_ms']}"
    )
    return result


async def send(running: World, label: str, *, seconds: int, rate: int = RATE) -> Any:
    """Send touchpoints of new people at a steady rate."""
    key = running.credentials.write_keys["web"]
    requests = list(singles(label, key, count=rate * seconds, customers=rate * seconds // 3))
    outcome = await run("127.0.0.1", running.ports.gateway, iter(requests), connections=20, rate=rate)
    assert set(outcome.statuses) == {200}, outcome.statuses
    return outcome


async def listen(client: HttpClient, seen: list[float]) -> None:
    """Collect, for each change a touchpoint caused, the milliseconds since that touchpoint was accepted."""
    async with client.stream("GET", "/v1/changes", timeout=None) as answer:
        async for line in answer.aiter_lines():
            if line.startswith("data:"):
                change = json.loads(line[5:])
                received_at = change.get("received_at")
                if received_at and "touchpoints" in change.get("changed", []):
                    accepted = datetime.fromisoformat(received_at.replace("Z", "+00:00")).timestamp()
                    seen.append((time.time() - accepted) * 1000)


async def _probe(running: World, client: HttpClient) -> list[float]:
    """Post a purchase of a new customer and read until the look-up and the view show it."""
    key = running.credentials.write_keys["store"]
    found: list[float] = []
    for number in range(PROBES):
        user = f"probe-{number}"
        message = {
            "userId": user,
            "event": "Order Completed",
            "properties": {"revenue": 10, "currency": "CNY"},
        }
        started = time.perf_counter()
        answer = await client.post("/v1/track", json=message, auth=(key, ""))
        assert answer.status_code == 200, answer.text
        while not (await client.get("/v1/customers", params={"user_id": user})).json()["items"]:
            await asyncio.sleep(0.002)
        found.append((time.perf_counter() - started) * 1000)
        await asyncio.sleep(SECONDS / PROBES / 2)
    return found


def quantiles(values: list[float]) -> dict[str, float]:
    """Return median, ninth decile and 99th percentile."""
    ordered = sorted(values)
    return {f"p{q}": round(ordered[min(len(ordered) - 1, len(ordered) * q // 100)], 1) for q in (50, 90, 99)}
