"""The touchpoints that the benchmarks send: synthetic purchases and page views of a growing crowd."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from bench.http_load import request

_SERIAL = itertools.count()
_ENCODE = msgspec.json.Encoder().encode


def touchpoint(run: str, customers: int) -> dict[str, Any]:
    """Return one Segment message of one of `customers` people; every fourth is a purchase."""
    serial = next(_SERIAL)
    person = serial * 7919 % customers
    message: dict[str, Any] = {
        "messageId": f"{run}-{serial}",
        "userId": f"{run}-{person}",
        "timestamp": datetime.now(UTC).isoformat(),
        "context": {
            "device": {"id": f"{run}-device-{person}"},
            "page": {"url": "https://www.example.com/shop"},
        },
    }
    if serial % 4:
        return message | {"type": "page", "name": "Shop", "properties": {"title": "Shop", "path": "/shop"}}
    return message | {
        "type": "track",
        "event": "Order Completed",
        "properties": {"order_id": f"o-{serial}", "revenue": 42.5, "currency": "CNY", "coupon": "none"},
    }


def headers(write_key: str) -> dict[str, str]:
    """Headers of an ingest request."""
    token = base64.b64encode(f"{write_key}:".encode()).decode()
    return {"authorization": f"Basic {token}", "content-type": "application/json"}


def batches(run: str, write_key: str, *, count: int, size: int, customers: int) -> Iterator[bytes]:
    """Yield `count` requests of `size` fresh touchpoints each."""
    for _ in range(count):
        body = _ENCODE({"batch": [touchpoint(run, customers) for _ in range(size)]})
        yield request("POST", "/v1/batch", body, headers(write_key))


def singles(run: str, write_key: str, *, count: int, customers: int) -> Iterator[bytes]:
    """Yield `count` requests of one fresh touchpoint each."""
    for _ in range(count):
        message = touchpoint(run, customers)
        kind = message.pop("type")
        yield request("POST", f"/v1/{kind}", _ENCODE(message), headers(write_key))
