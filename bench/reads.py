"""Reads and joins when there is much: a million customers, customers with 100,000 touchpoints."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import msgspec

from bench.http_load import request, run
from bench.platform import world
from bench.traffic import headers
from guanxi_devstack.world import World
from guanxi_kit.http import HttpClient, make_client
from guanxi_kit.testing import eventually

MANY = 1_000_000
REAL = 500
READS = 2000
LONG, SHORT = 100_000, 100

# The crowd that makes the tables large. Only its size and its indexes matter: nobody reads these rows.
CROWD = """
INSERT INTO profile.fragment (profile_id, customer_id, version, founded_at)
SELECT md5('c' || n)::uuid, md5('c' || n)::uuid, 1, now() FROM generate_series(1, $1::int) AS n;
INSERT INTO profile.customer (customer_id, customer_number, created_at)
SELECT md5('c' || n)::uuid, 'X' || n, now() FROM generate_series(1, $1::int) AS n;
INSERT INTO profile.identifier (hash, type, profile_id, sealed, first_seen_at, touchpoint_id)
SELECT decode(md5(k || n), 'hex'), 'user_id', md5('c' || n)::uuid, decode(repeat(md5('s' || n), 3), 'hex'), now(),
  md5('t' || n)::uuid FROM generate_series(1, $1::int) AS n, (VALUES ('i'), ('j')) AS kinds (k);
INSERT INTO profile.activity (profile_id, channel, currency, touchpoints, quantity, amount_minor, first_at, last_at)
SELECT md5('c' || n)::uuid, 'web', 'CNY', 5, 5, 1000, now(), now() FROM generate_series(1, $1::int) AS n;
INSERT INTO profile.customer_score (customer_id, revision, computed_at, document)
SELECT md5('c' || n)::uuid, 1, now(), '{}' FROM generate_series(1, $1::int) AS n;
INSERT INTO profile.trait_source (profile_id, name, sealed, channel, occurred_at, recorded_at, touchpoint_id,
  since_at, since_touchpoint_id)
SELECT md5('c' || n)::uuid, 'city', decode(repeat(md5('s' || n), 3), 'hex'), 'web', now(), now(), md5('t' || n)::uuid,
  now(), md5('t' || n)::uuid
FROM generate_series(1, $1::int) AS n
"""


async def measure(tell: Callable[[str], None]) -> dict[str, Any]:
    """Milliseconds of view reads, timeline pages and a join; each against its target."""
    result: dict[str, Any] = {}
    async with world() as running:
        token = running.credentials.token("admin")
        async with make_client(running.url, token=token, timeout=60) as client:
            result["view"] = await _views(running, client, token)
            tell(f"view read with {MANY:,} customers: {result['view']}")
            await send(running, history("long-a", LONG))
            await send(running, history("long-b", LONG))
            await send(running, history("short", SHORT))
            await taken_in(running, REAL + 2 * LONG + SHORT)
            result["timeline"] = await _timelines(running, client, token)
            tell(f"timeline page: {result['timeline']}")
            result["join"] = await _join(running, client)
            tell(f"joining two customers of {LONG:,} touchpoints each: {result['join']}")
    return result


async def _views(running: World, client: HttpClient, token: str) -> dict[str, float]:
    connection = await asyncpg.connect(running.topology.admin_dsn)
    for statement in CROWD.split(";"):
        await connection.execute(statement.replace("$1::int", str(MANY)))
    await connection.execute("VACUUM ANALYZE")
    await connection.close()
    messages = [
        {
            "type": "track",
            "messageId": f"real-{n}",
            "userId": f"real-{n}",
            "event": "Order Completed",
            "properties": {"revenue": 10, "currency": "CNY"},
            "context": {
                "device": {"id": f"real-device-{n}"},
                "traits": {"email": f"real-{n}@example.com", "city": "Xi'an"},
            },
        }
        for n in range(REAL)
    ]
    await send(running, messages)
    await taken_in(running, REAL)
    ids = [await customer_id(client, f"real-{n}") for n in range(REAL)]
    paths = [f"/v1/customers/{ids[n % REAL]}" for n in range(READS)]
    return await _read(running, running.ports.api("profile"), paths, token) | {
        f"gateway {name}": value
        for name, value in (await _read(running, running.ports.gateway, paths, token)).items()
    }


async def _timelines(running: World, client: HttpClient, token: str) -> dict[str, Any]:
    found = {}
    port = running.ports.api("interaction")
    for name in ("short", "long-a", "short", "long-a"):
        path = f"/v1/customers/{await customer_id(client, name)}/timeline?limit=50"
        found[name] = await _read(running, port, [path] * 500, token)
    deep = await _read(
        running, port, [await _deep_page(client, await customer_id(client, "long-a"))] * 500, token
    )
    ratio = found["long-a"]["p50"] / found["short"]["p50"]
    return {
        "100 events": found["short"],
        "100,000 events": found["long-a"],
        "20 pages down": deep,
        "ratio": round(ratio, 2),
    }


async def _deep_page(client: HttpClient, customer: str) -> str:
    path = f"/v1/customers/{customer}/timeline?limit=50"
    cursor = ""
    for _ in range(20):
        cursor = (await client.get(f"{path}&cursor={cursor}" if cursor else path)).json()["next_cursor"]
    return f"{path}&cursor={cursor}"


async def _join(running: World, client: HttpClient) -> dict[str, float]:
    """Link the two by one touchpoint: from posting it to the view showing both."""
    key = running.credentials.write_keys["web"]
    survivor = await customer_id(client, "long-a")
    link = {"type": "identify", "messageId": "join", "userId": "long-a", "anonymousId": "long-b-browser"}
    began = time.perf_counter()
    answer = await client.post("/v1/batch", json={"batch": [link]}, auth=(key, ""))
    assert answer.status_code == 200, answer.text
    while (await client.get(f"/v1/customers/{survivor}")).json()["touchpoints"] < 2 * LONG:
        await asyncio.sleep(0.001)
    visible = (time.perf_counter() - began) * 1000
    await eventually(lambda: _scored_together(running), timeout=20)
    return {"posted_to_joined_view_ms": round(visible, 1)}


async def _scored_together(running: World) -> None:
    connection = await asyncpg.connect(running.topology.admin_dsn)
    try:
        query = (
            "SELECT max(t) FROM (SELECT sum(touchpoints) AS t FROM scoring.feature GROUP BY customer_id) AS s"
        )
        assert await connection.fetchval(query) == 2 * LONG + 1
    finally:
        await connection.close()


def history(user: str, count: int) -> Iterator[dict[str, Any]]:
    """Page views of one customer, an hour apart, back through the years; the second browser is known by long-b only."""
    now = datetime.now(UTC)
    for number in range(count):
        message = {
            "type": "page",
            "messageId": f"{user}-{number}",
            "name": "Shop",
            "timestamp": (now - timedelta(minutes=20 * number)).isoformat(),
            "properties": {"path": "/shop", "title": "Shop"},
        }
        yield message | ({"anonymousId": "long-b-browser"} if user == "long-b" else {"userId": user})


async def send(running: World, messages: Any) -> None:
    key = running.credentials.write_keys["web"]
    items = list(messages)
    requests = (
        request("POST", "/v1/batch", msgspec.json.encode({"batch": items[start : start + 100]}), headers(key))
        for start in range(0, len(items), 100)
    )
    outcome = await run("127.0.0.1", running.ports.api("interaction"), requests)
    assert set(outcome.statuses) == {200}, outcome.statuses


async def taken_in(running: World, count: int) -> None:
    """Wait until at least `count` more touchpoints stand in the timeline."""
    connection = await asyncpg.connect(running.topology.admin_dsn)
    try:
        await eventually(lambda: _stands(connection, count), timeout=300, interval=0.5)
    finally:
        await connection.close()


async def _stands(connection: Any, count: int) -> None:
    for table in ("interaction.touchpoint", "profile.seen_touchpoint"):
        assert await connection.fetchval(f"SELECT count(*) FROM {table}") >= count
    assert await connection.fetchval("SELECT sum(touchpoints) FROM scoring.feature") >= count


async def customer_id(client: HttpClient, user: str) -> str:
    """Look a benchmark customer up."""
    parameter = "anonymous_id" if user.endswith("browser") else "user_id"
    items = (await client.get("/v1/customers", params={parameter: user})).json()["items"]
    return str(items[0]["customer_id"])


async def _read(running: World, port: int, paths: list[str], token: str) -> dict[str, float]:
    requests = [request("GET", path, headers={"authorization": f"Bearer {token}"}) for path in paths]
    await run("127.0.0.1", port, iter(requests[:100]), connections=1)
    outcome = await run("127.0.0.1", port, iter(requests), connections=2)
    assert set(outcome.statuses) == {200}, outcome.statuses
    return {"p50": round(outcome.quantile(0.5), 2), "p99": round(outcome.quantile(0.99), 2)}
