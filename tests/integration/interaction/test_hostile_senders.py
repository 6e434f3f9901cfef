"""Senders who hold their requests, or send without end: turned away in bounded memory, and nobody else waits."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator

import pytest

import interaction_service.main
from guanxi_kit.testing import eventually

from .conftest import WRITE_KEY, MemoryEngine, Service, ServiceOn, basic
from .test_cloud_events import BATCHED
from .test_hooks import MEMBER, PAID, declared, sent

PIECE = b" " * 65_536
CLOUD = {**basic(WRITE_KEY), "content-type": BATCHED}
DOORS = {"/v1/hooks/till": {"x-signature": "no"}, "/v1/cloudevents": CLOUD, "/v1/batch": basic(WRITE_KEY)}


class Endless:
    """A body of 100 MB that counts what is taken of it."""

    def __init__(self) -> None:
        self.taken = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while self.taken < 100_000_000:
            self.taken += len(PIECE)
            yield PIECE


class Held:
    """Bodies that begin and do not go on; counts those of which the beginning was taken."""

    def __init__(self) -> None:
        self.taken = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"{"
        self.taken += 1
        await asyncio.Event().wait()


@pytest.mark.parametrize("path", DOORS)
async def test_of_a_hundred_megabytes_little_is_taken(service: Service, path: str) -> None:
    await declared(service)
    body = Endless()
    answer = await service.client.post(path, content=body, headers=DOORS[path])
    assert answer.status_code == 413
    assert body.taken <= 600 * 1024
    bomb = gzip.compress(b" " * 20_000_000)
    answer = await service.client.post(
        path, content=bomb, headers={**DOORS[path], "content-encoding": "gzip"}
    )
    assert answer.status_code in (413, 415)


async def test_held_requests_end_and_others_are_served(
    service_on: ServiceOn, memory: MemoryEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interaction_service.main, "READ_SECONDS", 2.0)
    async with service_on(memory, ingest_requests=40) as service:
        await declared(service)
        held = Held()
        waiting = [
            asyncio.create_task(service.client.post(path, content=held, headers=DOORS[path]))
            for path in DOORS
            for _ in range(13)
        ]
        await eventually(lambda: held.taken == len(waiting))
        answer = await sent(service, {"sales": [{**PAID, "member": MEMBER}]})
        assert answer.status_code == 200, answer.text
        assert not any(each.done() for each in waiting)
        answers = await asyncio.gather(*waiting)
        assert {each.status_code for each in answers} == {408}
        assert (await sent(service, {"sales": [{**PAID, "member": MEMBER}]})).status_code == 200
