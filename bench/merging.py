"""Joining and undoing customers with long histories, end to end through the gateway, beside customers with short ones.

GUANXI_BENCH_EVENTS and GUANXI_BENCH_ROUNDS make it smaller (100,000 events a customer, 60 rounds).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import matplotlib as mpl
import msgspec

from bench.http_load import request, run
from bench.platform import world
from bench.traffic import headers
from guanxi_devstack.world import World
from guanxi_kit.http import HttpClient, make_client
from guanxi_kit.testing import eventually

mpl.use("svg")
import matplotlib.pyplot as plt

SHORT = 100
BROWSERS = 5
TARGET_MS = 50.0
PICTURE = Path(__file__).parents[1] / "docs" / "benchmarks-merging.svg"
FOLLOWED = """
SELECT (SELECT customer_id FROM interaction.membership WHERE profile_id = $1) = $2::uuid
  AND (SELECT customer_id FROM scoring.feature WHERE profile_id = $1) = $2::uuid
  AND (SELECT customer_id FROM notification.membership WHERE profile_id = $1) = $2::uuid
  AND EXISTS (SELECT FROM scoring.customer_score WHERE customer_id = $2::uuid)
"""


async def measure(tell: Callable[[str], None]) -> dict[str, Any]:
    """Milliseconds from sending the command to its answer, and until every service follows."""
    events = int(os.environ.get("GUANXI_BENCH_EVENTS", "100000"))
    rounds = int(os.environ.get("GUANXI_BENCH_ROUNDS", "60"))
    result: dict[str, Any] = {"events": events, "rounds": rounds}
    async with world() as running:
        people = {"short": SHORT, "long": events}
        for name, count in people.items():
            for side in ("a", "b"):
                await _send(running, _history(f"{name}-{side}", count))
        connection = await asyncpg.connect(running.topology.admin_dsn)
        total = sum(2 * (count + BROWSERS) for count in people.values())
        await eventually(lambda: _stands(connection, total), timeout=900, interval=0.5)
        tell(f"{total:,} touchpoints are in every view")
        await connection.execute("VACUUM ANALYZE")
        token = running.credentials.token("admin")
        async with make_client(running.url, token=token, timeout=60) as client:
            ids = {
                name: [await _customer_id(client, f"{name}-{side}") for side in ("a", "b")] for name in people
            }
            for name in people:
                await _round(client, connection, ids[name])  # Connections and caches are made once.
            found: dict[str, list[dict[str, float]]] = {name: [] for name in people}
            for _ in range(rounds):
                for name in people:
                    found[name].append(await _round(client, connection, ids[name]))
        await connection.close()
    for name, samples in found.items():
        result[name] = {key: _spread([sample[key] for sample in samples]) for key in samples[0]}
        tell(f"{people[name]:,} events each: {result[name]}")
    for key in ("merge_ms", "undo_ms"):
        result[f"{key} ratio"] = round(result["long"][key]["p50"] / result["short"][key]["p50"], 2)
    _plot(result)
    return result


async def _round(client: HttpClient, connection: Any, ids: list[str]) -> dict[str, float]:
    """Join two customers and part them again, each followed until every service knows."""
    survivor, absorbed = sorted(ids)
    began = time.perf_counter()
    merged = await client.post("/v1/merges", json={"customer_ids": ids, "reason": "measured"})
    answered = time.perf_counter()
    assert merged.status_code == 200, merged.text
    await eventually(lambda: _follow(connection, absorbed, survivor), timeout=30, interval=0.002)
    joined = time.perf_counter()
    undone = await client.post(f"/v1/merges/{merged.json()['merge_id']}/undo", json={"reason": "measured"})
    parted = time.perf_counter()
    assert undone.status_code == 200, undone.text
    await eventually(lambda: _follow(connection, absorbed, absorbed), timeout=30, interval=0.002)
    return {
        "merge_ms": (answered - began) * 1000,
        "merge_everywhere_ms": (joined - began) * 1000,
        "undo_ms": (parted - joined) * 1000,
        "undo_everywhere_ms": (time.perf_counter() - joined) * 1000,
    }


async def _follow(connection: Any, profile_id: str, customer_id: str) -> None:
    assert await connection.fetchval(FOLLOWED, profile_id, customer_id)


def _spread(samples: list[float]) -> dict[str, float]:
    ordered = sorted(samples)
    return {
        name: round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 1)
        for name, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99))
    }


def _history(user: str, count: int) -> Iterator[dict[str, Any]]:
    """Page views and purchases of one person in several browsers, back through the years; then who that was."""
    now = datetime.now(UTC)
    for number in range(count):
        message: dict[str, Any] = {
            "messageId": f"{user}-{number}",
            "timestamp": (now - timedelta(minutes=20 * number)).isoformat(),
        }
        if number % 10:
            browser = f"{user}-browser-{number % BROWSERS}"
            yield message | {"type": "page", "name": "Shop", "anonymousId": browser}
        else:
            order = {"revenue": 42.5, "currency": "CNY"}
            yield message | {
                "type": "track",
                "event": "Order Completed",
                "userId": user,
                "properties": order,
            }
    for number in range(BROWSERS):
        browser = f"{user}-browser-{number}"
        yield {
            "type": "identify",
            "messageId": f"{user}-who-{number}",
            "userId": user,
            "anonymousId": browser,
        }


async def _send(running: World, messages: Iterator[dict[str, Any]]) -> None:
    key = running.credentials.write_keys["web"]
    items = list(messages)
    requests = (
        request("POST", "/v1/batch", msgspec.json.encode({"batch": items[start : start + 100]}), headers(key))
        for start in range(0, len(items), 100)
    )
    outcome = await run("127.0.0.1", running.ports.api("interaction"), requests)
    assert set(outcome.statuses) == {200}, outcome.statuses


async def _stands(connection: Any, count: int) -> None:
    assert await connection.fetchval("SELECT sum(touchpoints) FROM profile.activity") == count
    assert await connection.fetchval("SELECT sum(touchpoints) FROM scoring.feature") == count
    assert await connection.fetchval("SELECT count(*) FROM interaction.touchpoint") == count


async def _customer_id(client: HttpClient, user: str) -> str:
    items = (await client.get("/v1/customers", params={"user_id": user})).json()["items"]
    return str(items[0]["customer_id"])


def _plot(result: dict[str, Any]) -> None:
    figure, axes = plt.subplots(figsize=(8, 3.2))
    names = ["merge_ms", "merge_everywhere_ms", "undo_ms", "undo_everywhere_ms"]
    labels = ["merge: answered", "merge: followed everywhere", "undo: answered", "undo: followed everywhere"]
    for place, (kind, colour) in enumerate((("short", "#cbd5e0"), ("long", "#2b6cb0"))):
        events = SHORT if kind == "short" else result["events"]
        p50 = [result[kind][name]["p50"] for name in names]
        rows = [row + 0.4 * place for row in range(len(names))]
        axes.barh(rows, p50, height=0.36, color=colour, label=f"{events:,} events each")
        axes.scatter([result[kind][name]["p99"] for name in names], rows, marker="|", color="#1a202c")
    axes.axvline(TARGET_MS, color="#c53030", linestyle=":", label=f"target {TARGET_MS:.0f} ms")
    axes.set_yticks([row + 0.2 for row in range(len(names))], labels)
    axes.invert_yaxis()
    axes.set_xlabel("ms, p50 (marker: p99)")
    axes.legend(frameon=False, fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(PICTURE)
    plt.close(figure)
