"""A worker process: its parts, and its health over HTTP, in one event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from guanxi_kit.app.factory import create_app
from guanxi_kit.app.health import Check, NotReady
from guanxi_kit.app.server import HttpServer
from guanxi_kit.failures import FatalError
from guanxi_kit.settings import ServiceSettings


class Part(Protocol):
    """A piece of a worker.

    `run` works until `stop` was called and its work is put down, then returns; it raises to end the process.
    """

    async def run(self) -> None: ...
    async def stop(self) -> None: ...


@runtime_checkable
class ProgressPart(Part, Protocol):
    """A part whose `check`, shown under its name, raises while it makes no progress."""

    @property
    def name(self) -> str: ...
    async def check(self) -> None: ...


@dataclass(frozen=True)
class WorkerProcess:
    """What a worker runs: `parts` start together, and stop in their order, each after the one before has ended."""

    parts: Sequence[Part]
    readiness: Sequence[Check] = ()


async def serve_worker(
    settings: ServiceSettings, worker: AbstractAsyncContextManager[WorkerProcess], stop: asyncio.Event
) -> None:
    """Run a worker until `stop` is set, with /healthz, /readyz and /metrics on settings.port from the first moment.

    Raises FatalError when the port is taken, when a part ends by itself, or when stopping takes longer than
    settings.shutdown_seconds; what a part raises passes.
    """
    checks = [Check("worker", _starting)]
    server = HttpServer(create_app(f"{settings.service} worker", settings, readiness=checks), settings)
    serving = asyncio.create_task(server.serve())
    opened = asyncio.Event()

    async def work() -> None:
        async with worker as process:
            opened.set()
            checks[:] = [*process.readiness, *_progress_checks(process.parts)]
            await _run_parts(process.parts, stop, settings.shutdown_seconds)

    working = asyncio.create_task(work())
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait((working, stopping, serving), return_when=asyncio.FIRST_COMPLETED)
        if serving.done() or not opened.is_set():
            working.cancel()
        with suppress(asyncio.CancelledError):
            await working
    finally:
        stopping.cancel()
        server.stop()
        await serving


def _progress_checks(parts: Sequence[Part]) -> list[Check]:
    """A part that can tell whether it makes progress (`check`) counts for readiness."""
    return [Check(part.name, part.check) for part in parts if isinstance(part, ProgressPart)]


async def _starting() -> None:
    raise NotReady("starting")


async def _run_parts(parts: Sequence[Part], stop: asyncio.Event, shutdown_seconds: float) -> None:
    running = [asyncio.create_task(part.run(), name=type(part).__name__) for part in parts]
    stopping = asyncio.create_task(stop.wait())
    waited: list[asyncio.Task[Any]] = [stopping, *running]
    try:
        await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        for task in running:
            if task.done() and not stop.is_set():
                task.result()
                raise FatalError(f"{task.get_name()} ended without being told to")
        await _stop_in_order(parts, running, shutdown_seconds)
    finally:
        for task in waited:
            task.cancel()
        await asyncio.gather(*waited, return_exceptions=True)


async def _stop_in_order(
    parts: Sequence[Part], running: Sequence[asyncio.Task[None]], shutdown_seconds: float
) -> None:
    try:
        async with asyncio.timeout(shutdown_seconds) as limit:
            for part, task in zip(parts, running, strict=True):
                await part.stop()
                await task
    except TimeoutError:
        if not limit.expired():
            raise
        raise FatalError(
            f"did not stop within {shutdown_seconds:g} s; what is unfinished is taken again at the next start"
        ) from None
