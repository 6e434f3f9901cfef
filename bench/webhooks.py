"""Webhooks against the Segment batch path: the same touchpoints, a hundred a request, A/B interleaved."""

from __future__ import annotations

import asyncio
import hmac
import itertools
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from bench.http_load import request, run
from bench.platform import world
from bench.traffic import batches
from guanxi_devstack.world import World
from guanxi_kit.http import make_client

ROUNDS = 4
BATCHES = 200
SIZE = 100
CUSTOMERS = 5000
SECRET = "bench-secret"
_SERIAL = itertools.count()
_ENCODE = msgspec.json.Encoder().encode
_IDS = {"messageId": "id", "userId": "user", "timestamp": "at"}
_CONTEXT = {"device": {"id": "device"}, "page": {"url": "url"}}
DECLARATION: dict[str, Any] = {
    "kind": "bench",
    "verify": {
        "scheme": "hmac",
        "header": "x-signature",
        "template": "{timestamp}.{body}",
        "timestamp_header": "x-timestamp",
    },
    "each": "events",
    "when": [
        {
            "if": "kind == 'visit'",
            "message": {
                "type": "page",
                **_IDS,
                "name": "'Shop'",
                "properties": {"title": "title", "path": "path"},
                "context": _CONTEXT,
            },
        },
        {
            "if": "kind == 'order'",
            "message": {
                "type": "track",
                **_IDS,
                "event": "'Order Completed'",
                "properties": {
                    "order_id": "order.no",
                    "revenue": "order.total",
                    "currency": "order.currency",
                },
                "context": _CONTEXT,
            },
        },
    ],
}


async def measure(tell: Callable[[str], None]) -> dict[str, Any]:
    """Events per second by webhook and by /v1/batch, and the ratio; asked are 0.5."""
    async with world() as running:
        for name, child in running.children.items():
            if name != "interaction-api":
                await child.stop()
        await _declare(running)
        rates = await _interleave(running)
        hook, batch = (statistics.median(rates[who]) for who in ("webhook", "batch"))
        tell(f"webhooks of {SIZE}: {hook:,.0f}/s, /v1/batch {batch:,.0f}/s, ratio {hook / batch:.2f}")
        return {
            "webhook": round(hook),
            "batch": round(batch),
            "ratio": round(hook / batch, 2),
            "rounds": rates,
        }


async def _declare(running: World) -> None:
    url = f"http://127.0.0.1:{running.ports.api('interaction')}"
    async with make_client(url, token=running.credentials.token("admin")) as client:
        answer = await client.put(
            "/v1/channels/bench", json={"declaration": DECLARATION, "secrets": {"secret": [SECRET]}}
        )
        assert answer.status_code == 200, answer.text


def _item(label: str) -> dict[str, Any]:
    serial = next(_SERIAL)
    person = serial * 7919 % CUSTOMERS
    item: dict[str, Any] = {
        "id": f"{label}-{serial}",
        "user": f"{label}-{person}",
        "at": datetime.now(UTC).isoformat(),
        "device": f"{label}-device-{person}",
        "url": "https://www.example.com/shop",
    }
    if serial % 4:
        return item | {"kind": "visit", "title": "Shop", "path": "/shop"}
    return item | {"kind": "order", "order": {"no": f"o-{serial}", "total": 42.5, "currency": "CNY"}}


def _hooks(label: str) -> Iterator[bytes]:
    for _ in range(BATCHES):
        body = _ENCODE({"events": [_item(label) for _ in range(SIZE)]})
        timestamp = str(int(time.time()))
        digest = hmac.digest(SECRET.encode(), timestamp.encode() + b"." + body, "sha256").hex()
        headers = {"content-type": "application/json", "x-timestamp": timestamp, "x-signature": digest}
        yield request("POST", "/v1/hooks/bench", body, headers)


async def _interleave(running: World) -> dict[str, list[float]]:
    key, port = running.credentials.write_keys["web"], running.ports.api("interaction")
    rates: dict[str, list[float]] = {"webhook": [], "batch": []}
    for number in range(ROUNDS + 1):
        for who, found in rates.items():
            label = f"{who}-{number}"
            if who == "webhook":
                requests = list(_hooks(label))
            else:
                requests = list(batches(label, key, count=BATCHES, size=SIZE, customers=CUSTOMERS))
            outcome = await run("127.0.0.1", port, iter(requests), connections=8)
            assert set(outcome.statuses) == {200}, outcome.statuses
            if number:  # the first round warms up
                found.append(outcome.per_second * SIZE)
            await asyncio.sleep(0.2)
    return rates
