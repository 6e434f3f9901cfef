"""A storm of merges through the whole platform, and what it does to everybody else's latency."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import asyncpg
import msgspec

from bench.http_load import LoadResult, request, run
from bench.platform import world
from bench.traffic import headers
from guanxi_devstack.world import World
from guanxi_kit.http import HttpClient, make_client

OTHERS = 200
RATE = 100
"""Touchpoints of others, a second."""
QUIET_SECONDS = 20
AHEAD = 16
"""Merges that are sent and not done yet, at most: what waits in a queue says nothing of merging."""
SIZE = 8
_ENCODE = msgspec.json.Encoder().encode
Message = dict[str, Any]


async def measure(tell: Callable[[str], None], merges: int) -> dict[str, Any]:
    """Milliseconds until others' views have changed: in quiet, while one merge follows the other, and while as
    many of the same touchpoints come that merge nobody any more.
    """
    async with world() as running, make_client(running.url, timeout=60) as client:
        connection = await asyncpg.connect(running.topology.admin_dsn)
        try:
            await _post(running, [_visit(f"other-{n}") for n in range(OTHERS)])
            others = {str(each) for each in await _settled(connection, OTHERS)}
            halves = [
                _visit(f"{half}-{n}", half) for n in range(merges) for half in ("userId", "anonymousId")
            ]
            await _post(running, halves)
            await _settled(connection, OTHERS + 2 * merges)
            quiet = await _listening(running, client, others, asyncio.sleep(QUIET_SECONDS))
            began = time.perf_counter()
            stormy = await _listening(running, client, others, _storm(running, connection, merges))
            seconds = time.perf_counter() - began
            again = _again(running, merges, rate=merges / seconds)
            busy = await _listening(running, client, others, again)
        finally:
            await connection.close()
    before, during, after = _quantiles(quiet), _quantiles(stormy), _quantiles(busy)
    result = {
        "merges": merges,
        "merges_per_second": round(merges / seconds),
        "quiet_ms": before,
        "storm_ms": during,
        "same_without_merging_ms": after,
        "ratio_p99": round(during["p99"] / before["p99"], 2),
    }
    tell(f"merge storm: {result} (asked: p99 of others at most 2 x)")
    return result


async def _storm(running: World, connection: asyncpg.Connection, merges: int) -> None:
    """Send the links, never more than `AHEAD` before they are merged."""
    sent = 0
    while True:
        done = await connection.fetchval("SELECT coalesce(sum(merges), 0) FROM profile.totals")
        if done >= merges:
            return
        if sent < merges and sent - done < AHEAD:
            links = range(sent, min(merges, sent + SIZE))
            await _post(running, [_link(n) for n in links])
            sent = links.stop
        else:
            await asyncio.sleep(0.01)


async def _again(running: World, merges: int, rate: float) -> None:
    """Send the links of people who are one by now, as fast as they merged."""
    key = running.credentials.write_keys["web"]
    requests = (
        request(
            "POST",
            "/v1/batch",
            _ENCODE({"batch": [_link(n) for n in range(start, start + SIZE)]}),
            headers(key),
        )
        for start in range(0, merges, SIZE)
    )
    await run("127.0.0.1", running.ports.api("interaction"), requests, connections=2, rate=rate / SIZE)


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
