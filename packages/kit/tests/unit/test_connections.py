"""Connections as a hostile client holds them, over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from itertools import chain, count
from typing import Any

import pytest
from fastapi import Request
from fastapi.responses import StreamingResponse

from guanxi_kit.app import connections, create_app
from guanxi_kit.app.server import HttpServer
from guanxi_kit.errors import Problem
from guanxi_kit.settings import ServiceSettings

MORE_PATIENCE = 1.0
"""In seconds, where nobody is to lose a connection: a busy machine may stand still for less than that."""


@pytest.fixture(autouse=True)
def _little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "PART_SECONDS", 0.3)
    monkeypatch.setattr(connections, "UNREAD_SECONDS", 0.3)


@asynccontextmanager
async def serving(ended: asyncio.Event | None = None) -> AsyncIterator[int]:
    settings = ServiceSettings(service="patient", port=0)
    app = create_app("Patient", settings)

    @app.post("/take")
    async def take(request: Request) -> dict[str, int]:
        return {"bytes": len(await request.body())}

    @app.post("/refuse")
    async def refuse() -> dict[str, Any]:
        raise Problem(413, detail="Too much.")

    @app.get("/long")
    async def long() -> StreamingResponse:
        async def pieces() -> AsyncIterator[bytes]:
            try:
                for _ in range(200):
                    yield b"x" * 100_000
            finally:
                app.state.ended.set()

        return StreamingResponse(pieces())

    app.state.ended = ended or asyncio.Event()

    @app.get("/slow")
    async def slow() -> dict[str, Any]:
        await asyncio.sleep(1.5 * MORE_PATIENCE)
        return {}

    server = HttpServer(app, settings)
    task = asyncio.create_task(server.serve())
    try:
        yield server.port
    finally:
        server.stop()
        await task


async def told(port: int, pieces: Iterable[bytes], every: float = 0.0) -> bytes:
    """Send pieces and return all that comes until the server closes.

    Whoever still sends may find the connection reset: then what came before counts.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    came = bytearray()

    async def listen() -> None:
        with suppress(ConnectionResetError):
            while more := await reader.read(65_536):
                came.extend(more)

    answer = asyncio.create_task(listen())
    try:
        for piece in pieces:
            if answer.done():
                break
            writer.write(piece)
            await asyncio.sleep(every)
        await asyncio.wait_for(answer, 20)
        return bytes(came)
    finally:
        writer.close()


HEAD = b"POST /take HTTP/1.1\r\nhost: here\r\ncontent-length: 100000\r\n"


@pytest.mark.parametrize(
    ("pieces", "answer"),
    [
        ((), b""),
        ((b"POST /ta",), b"HTTP/1.1 408 "),
        ((HEAD,), b"HTTP/1.1 408 "),
        ((HEAD + b"\r\n", b"x"), b"HTTP/1.1 408 "),
        ((HEAD + b"\r\n", *[b"x"] * 40), b"HTTP/1.1 408 "),
        ((b"POST /take HTTP/1.1\r\nx-long: ", *[b"x" * 60_000] * 4), b"HTTP/1.1 431 "),
        ((b"POST /take HTTP/1.1\r\n", *[b"x-many: 1\r\n" * 6_000] * 4), b"HTTP/1.1 431 "),
    ],
    ids=[
        "silence",
        "half a line",
        "half a head",
        "half a body",
        "a dripping body",
        "a long head",
        "many fields",
    ],
)
async def test_who_holds_a_connection_loses_it(pieces: tuple[bytes, ...], answer: bytes) -> None:
    async with serving() as port:
        came = await told(port, pieces, every=0.02)
    assert came.startswith(answer)
    assert bool(came) is bool(answer)


async def test_a_body_that_goes_on_after_its_refusal_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "PART_BYTES", 1_000)
    head = b"POST /refuse HTTP/1.1\r\nhost: here\r\ncontent-length: 900000000\r\n\r\n"
    without_end = (b"x" * 2_000 for _ in count())
    async with serving() as port:
        answer = await told(port, chain((head,), without_end), every=0.02)
    assert answer.startswith(b"HTTP/1.1 413")


async def test_an_answer_that_nobody_reads_is_given_up_and_one_read_slowly_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ended = asyncio.Event()
    async with serving(ended) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1)
        writer.write(b"GET /long HTTP/1.1\r\nhost: here\r\n\r\n")
        await asyncio.wait_for(ended.wait(), 20)
        writer.close()
        monkeypatch.setattr(connections, "UNREAD_SECONDS", MORE_PATIENCE)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /long HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n")
        came = 0
        while piece := await reader.read(2_000_000):
            came += len(piece)
            await asyncio.sleep(0.01)
        assert came > 20_000_000
        writer.close()


async def test_a_slow_application_and_a_steady_sender_lose_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "PART_BYTES", 1_000)
    monkeypatch.setattr(connections, "PART_SECONDS", MORE_PATIENCE)
    async with serving() as port:
        slow = told(port, [b"GET /slow HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n"])
        body = [b"x" * 10_000] * 10
        steady = told(port, [HEAD + b"connection: close\r\n\r\n", *body], every=MORE_PATIENCE / 6)
        answers = await asyncio.gather(slow, steady)
    assert [answer[:12] for answer in answers] == [b"HTTP/1.1 200", b"HTTP/1.1 200"]
    assert answers[1].endswith(b'{"bytes":100000}')
