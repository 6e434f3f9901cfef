"""A storm of merges through the whole platform, and what it does to everybody else's latency."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import matplotlib as mpl
import msgspec

from bench.http_load import LoadResult, request, run
from bench.platform import world
from bench.traffic import headers
from guanxi_devstack.world import World
from guanxi_kit.http import HttpClient, make_client

mpl.use("svg")
import matplotlib.pyplot as plt

MERGES = int(os.environ.get("GUANXI_BENCH_MERGES", "100000"))
PACE = int(os.environ.get("GUANXI_BENCH_PACE", "200"))
"""Merges a second, one after the other without a rest: below what the machine can do, since what waits in a queue
says nothing of merging."""
OTHERS = 200
RATE = 100
"""Touchpoints of others, a second."""
QUIET_SECONDS = 30
SIZE = 5
PICTURE = Path(__file__).parents[1] / "docs" / "benchmarks-merge-storm.svg"
_ENCODE = msgspec.json.Encoder().encode
Message = dict[str, Any]


async def measure(tell: Callable[[str], None]) -> dict[str, Any]:
    """Milliseconds until others' views have changed: in quiet, and while one merge follows the other."""
    async with world() as running, make_client(running.url, timeout=60) as client:
        connection = await asyncpg.connect(running.topology.admin_dsn)
        try:
            await _post(running, [_visit(f"other-{n}") for n in range(OTHERS)])
            others = {str(each) for each in await _settled(connection, OTHERS)}
            halves = [
                _visit(f"{half}-{n}", half) for n in range(MERGES) for half in ("userId", "anonymousId")
            ]
            await _post(running, halves)
            await _settled(connection, OTHERS + 2 * MERGES)
            await connection.execute("VACUUM ANALYZE", timeout=600)
            tell(f"{2 * MERGES:,} customers wait to be merged")
            quiet = await _listening(running, client, others, asyncio.sleep(QUIET_SECONDS))
            began = time.perf_counter()
            stormy = await _listening(running, client, others, _storm(running, connection))
            seconds = time.perf_counter() - began
        finally:
            await connection.close()
    before, during = _quantiles(quiet), _quantiles(stormy)
    result = {
        "merges": MERGES,
        "merges_per_second": round(MERGES / seconds),
        "others_per_second": RATE,
        "quiet_ms": before,
        "storm_ms": during,
        "ratio_p99": round(during["p99"] / before["p99"], 2),
    }
    tell(f"merge storm: {result} (asked: p99 of others at most 2 x)")
    _plot(result)
    return result


async def _storm(running: World, connection: asyncpg.Connection) -> None:
    """Send links that merge two customers each, until all have merged."""
    key = running.credentials.write_keys["web"]
    requests = (
        request(
            "POST",
            "/v1/batch",
            _ENCODE({"batch": [_link(n) for n in range(start, min(MERGES, start + SIZE))]}),
            headers(key),
        )
        for start in range(0, MERGES, SIZE)
    )
    outcome = await run(
        "127.0.0.1", running.ports.api("interaction"), requests, connections=2, rate=PACE / SIZE
    )
    assert set(outcome.statuses) == {200}, outcome.statuses
    while await connection.fetchval("SELECT coalesce(sum(merges), 0) FROM profile.totals") < MERGES:
        await asyncio.sleep(0.05)


async def _listening(running: World, client: HttpClient, others: set[str], meanwhile: Any) -> list[float]:
    """Let others come at a steady rate while something goes on; return the milliseconds of each changed view."""
    seen: list[float] = []
    listener = asyncio.create_task(_listen(running, client, others, seen))
    await asyncio.sleep(1)
    visits = asyncio.create_task(_visits(running))
    await meanwhile
    visits.cancel()
    with suppress(asyncio.CancelledError):
        await visits
    await asyncio.sleep(2)
    listener.cancel()
    await asyncio.gather(listener, return_exceptions=True)
    return seen


async def _listen(running: World, client: HttpClient, others: set[str], seen: list[float]) -> None:
    token = running.credentials.token("admin")
    authorization = {"authorization": f"Bearer {token}"}
    async with client.stream("GET", "/v1/changes", headers=authorization, timeout=None) as answer:
        async for line in answer.aiter_lines():
            if not line.startswith("data:"):
                continue
            change = json.loads(line[5:])
            if change.get("customer_id") in others and "touchpoints" in change.get("changed", []):
                accepted = datetime.fromisoformat(change["received_at"].replace("Z", "+00:00"))
                seen.append((time.time() - accepted.timestamp()) * 1000)


async def _visits(running: World) -> LoadResult:
    key = running.credentials.write_keys["web"]

    def endless() -> Iterator[bytes]:
        number = 0
        while True:
            number += 1
            body = _ENCODE(_visit(f"other-{number % OTHERS}"))
            yield request("POST", "/v1/page", body, headers(key))

    return await run("127.0.0.1", running.ports.gateway, endless(), connections=4, rate=RATE)


async def _post(running: World, messages: list[Message]) -> None:
    key = running.credentials.write_keys["web"]
    requests = (
        request("POST", "/v1/batch", _ENCODE({"batch": messages[start : start + 100]}), headers(key))
        for start in range(0, len(messages), 100)
    )
    outcome = await run("127.0.0.1", running.ports.api("interaction"), requests, connections=2)
    assert set(outcome.statuses) == {200}, outcome.statuses


async def _settled(connection: asyncpg.Connection, touchpoints: int) -> list[Any]:
    """Wait until so many touchpoints are in every service; return the customers there are."""
    query = "SELECT (SELECT coalesce(sum(touchpoints), 0) FROM {}) >= $1"
    for table in ("profile.totals", "scoring.feature"):
        while not await connection.fetchval(query.format(table), touchpoints):
            await asyncio.sleep(0.1)
    return [row[0] for row in await connection.fetch("SELECT customer_id FROM profile.customer LIMIT 1000")]


def _visit(person: str, known_by: str = "userId") -> Message:
    page = {"type": "page", "name": "Shop", "timestamp": datetime.now(UTC).isoformat()}
    return {**page, known_by: person}


def _link(number: int) -> Message:
    """What merges the two halves of a person."""
    return {"type": "identify", "userId": f"userId-{number}", "anonymousId": f"anonymousId-{number}"}


def _quantiles(values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    return {f"p{q}": round(ordered[min(len(ordered) - 1, len(ordered) * q // 100)], 1) for q in (50, 99)}


def _plot(result: dict[str, Any]) -> None:
    figure, axes = plt.subplots(figsize=(6, 3.4))
    places = range(2)
    for shift, (name, color) in enumerate({"quiet_ms": "#a0aec0", "storm_ms": "#2b6cb0"}.items()):
        values = [result[name]["p50"], result[name]["p99"]]
        axes.bar([place + 0.35 * shift for place in places], values, 0.33, label=name[:-3], color=color)
    axes.axhline(result["quiet_ms"]["p99"] * 2, color="#c53030", linestyle="--", label="2 x p99 in quiet")
    axes.set_xticks([place + 0.17 for place in places], ["p50", "p99"])
    axes.set_ylabel("ms to the changed view")
    axes.set_title(f"others, while {result['merges']:,} merges come at {result['merges_per_second']}/s")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(PICTURE)
    plt.close(figure)
