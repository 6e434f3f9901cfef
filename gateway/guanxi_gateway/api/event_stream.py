"""Sends a stream of frames to one client and lets go of it when it is gone, too slow, or no longer allowed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import AbstractContextManager, aclosing

from fastapi import Response
from fastapi.sse import EventSourceResponse
from starlette.types import Receive, Scope, Send

from guanxi_gateway.metrics import CHANGE_CLIENTS_DROPPED
from guanxi_kit.log.port import LogError
from guanxi_kit.logging import get_logger

_log = get_logger("guanxi.changes")


class TooSlow(Exception):
    """The client did not take what was sent within the time allowed."""


class EventStream(Response):
    """Server-sent events until the frames end, the client leaves, `stopping` is set or `until` returns.

    A client that leaves a frame unread for `send_timeout` seconds is cut off; it holds nobody else up, because
    each client has its own task and reads from the shared feed at its own place.
    """

    media_type = EventSourceResponse.media_type

    def __init__(
        self,
        frames: AsyncGenerator[bytes, None],
        presence: AbstractContextManager[None],
        *,
        stopping: asyncio.Event,
        until: Callable[[], Coroutine[None, None, None]],
        send_timeout: float,
    ) -> None:
        super().__init__()
        self._frames = frames
        self._presence = presence
        self._stopping = stopping
        self._until = until
        self._send_timeout = send_timeout

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the stream."""
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        pump = asyncio.create_task(self._pump(send))
        ends = {
            asyncio.create_task(_disconnected(receive)): "gone",
            asyncio.create_task(self._stopping.wait()): "stopping",
            asyncio.create_task(self._until()): "not allowed any more",
        }
        try:
            with self._presence:
                done, _ = await asyncio.wait({pump, *ends}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (pump, *ends):
                task.cancel()
            await asyncio.gather(pump, *ends, return_exceptions=True)
        reason = next((why for task, why in ends.items() if task in done), None) or _outcome(pump)
        if reason != "gone":
            await self._finish(send, reason)

    async def _pump(self, send: Send) -> None:
        async with aclosing(self._frames) as frames:
            async for frame in frames:
                await self._send(send, {"type": "http.response.body", "body": frame, "more_body": True})

    async def _send(self, send: Send, message: dict[str, object]) -> None:
        try:
            async with asyncio.timeout(self._send_timeout):
                await send(message)
        except TimeoutError:
            raise TooSlow from None

    async def _finish(self, send: Send, reason: str) -> None:
        """End the response so that the client knows it is over and comes again with its last event id."""
        CHANGE_CLIENTS_DROPPED.labels(reason).inc()
        _log.info("change stream ended", reason=reason)
        if reason == "too slow":
            return
        try:
            async with asyncio.timeout(1.0):
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        except TimeoutError:
            return


_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _outcome(pump: asyncio.Task[None]) -> str:
    """Say why the frames ended. Raises what nobody foresaw."""
    if pump.cancelled():
        return "cancelled"
    match pump.exception():
        case None:
            return "fell behind"
        case TooSlow():
            return "too slow"
        case LogError():
            return "log lost"
        case unforeseen:
            raise unforeseen
