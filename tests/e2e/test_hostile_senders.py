"""Hostile senders against real processes: refused, in bounded memory, and nobody else waits."""

from __future__ import annotations

import asyncio
import base64
import gzip
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psutil
import pytest

from guanxi_devstack.world import World
from guanxi_kit.http import HttpClient, make_client

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.parametrize("world_options", ["postgres"], indirect=True, scope="session"),
]

HELD = 150
PIECE = b" " * 65_536
MOST_GROWTH = 96 * 2**20
NAMES, OF_A_BATCH = {"interaction": 12_500, "gateway": 2_500}, 2_500
"""Different names of events; a process remembers 10,000."""
DEEP = b'{"batch":' + b"[" * 10_000 + b"]" * 10_000 + b"}"
BOMB = gzip.compress(b" " * 100_000_000)


async def endless() -> AsyncIterator[bytes]:
    """Yield 100 MB without saying so before."""
    for _ in range(1_600):
        yield PIECE


@asynccontextmanager
async def held(port: int, credential: dict[str, str]) -> AsyncIterator[None]:
    """Hold connections: silent ones, with half a head, and with half a body."""
    head = "".join(f"{name}: {value}\r\n" for name, value in credential.items())
    begun = f"POST /v1/batch HTTP/1.1\r\nhost: here\r\n{head}content-length: 90000\r\n".encode()
    writers = []
    for number in range(HELD):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write((b"", begun, begun + b'\r\n{"batch":[')[number % 3])
        writers.append(writer)
    try:
        yield
    finally:
        for writer in writers:
            writer.close()


async def timed(client: HttpClient, path: str, **options: Any) -> tuple[int, float]:
    began = time.monotonic()
    answer = await client.post(path, timeout=30, **options)
    return answer.status_code, time.monotonic() - began


@pytest.mark.parametrize("service", ["interaction", "gateway"])
async def test_hostile_senders_harm_nobody(world: World, service: str) -> None:
    port = world.ports.gateway if service == "gateway" else world.ports.api(service)
    key = base64.b64encode(f"{world.credentials.write_keys['web']}:".encode()).decode()
    credential = {"authorization": f"Basic {key}"}
    process = psutil.Process(world.child(service).pid)
    json = {**credential, "content-type": "application/json"}
    before = process.memory_info().rss
    async with held(port, credential), make_client(f"http://127.0.0.1:{port}") as client:
        hostile = [
            timed(client, "/v1/batch", content=endless(), headers=json),
            timed(client, "/v1/batch", content=PIECE * 1_600, headers=json),
            timed(client, "/v1/batch", content=BOMB, headers={**json, "content-encoding": "gzip"}),
            timed(client, "/v1/batch", content=DEEP, headers=json),
        ]
        refused = asyncio.gather(*hostile)
        answers = [
            await timed(client, "/v1/batch", json=batch_of(service, begin), headers=credential)
            for begin in range(0, NAMES[service], OF_A_BATCH)
        ]
        assert [status for status, _ in await refused] == [413, 413, 413, 400]
        assert {status for status, _ in answers} == {200}
        assert max(seconds for _, seconds in answers) < 20
        assert process.memory_info().rss - before < MOST_GROWTH


def batch_of(service: str, begin: int) -> dict[str, Any]:
    """Return events that all have different names."""
    return {
        "batch": [
            {
                "type": "track",
                "userId": "hostile",
                "event": f"{service} {number}",
                "messageId": f"{service}{number}",
            }
            for number in range(begin, begin + OF_A_BATCH)
        ]
    }
