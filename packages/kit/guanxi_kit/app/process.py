"""The entry point of every service: `python -m <service> api | worker | migrate`."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import NoReturn, Protocol, TypeVar

import uvloop
from fastapi import FastAPI

from guanxi_kit.app.factory import create_app
from guanxi_kit.app.health import Check, NotReady
from guanxi_kit.app.server import Fatal, HttpServer
from guanxi_kit.crypto import KeyringError
from guanxi_kit.db import DatabaseUnavailable
from guanxi_kit.logging import configure_logging, get_logger
from guanxi_kit.migrate import MigrationError
from guanxi_kit.settings import ServiceSettings, SettingsError
from guanxi_kit.telemetry import configure_tracing

_log = get_logger("guanxi.process")
_EXPECTED = (SettingsError, KeyringError, DatabaseUnavailable, MigrationError, Fatal)


class Part(Protocol):
    """A piece of a worker. `run` works until `stop` was called and its work is put down; it raises to end the process."""

    async def run(self) -> None: ...
    async def stop(self) -> None: ...


@dataclass(frozen=True)
class WorkerProcess:
    """What a worker runs: `parts` start together and stop one after another in their order, each after the other ended."""

    parts: Sequence[Part]
    readiness: Sequence[Check] = ()


SettingsT = TypeVar("SettingsT", bound=ServiceSettings)
ApiFactory = Callable[[SettingsT], FastAPI]
WorkerFactory = Callable[[SettingsT], AbstractAsyncContextManager[WorkerProcess]]
Command = Callable[[SettingsT, Sequence[str]], Awaitable[int | None]]


def run(
    service: str,
    settings_type: type[SettingsT],
    *,
    api: ApiFactory[SettingsT] | None = None,
    worker: WorkerFactory[SettingsT] | None = None,
    migrate: Callable[[SettingsT], Awaitable[object]] | None = None,
    commands: Mapping[str, Command[SettingsT]] | None = None,
    argv: Sequence[str] | None = None,
) -> NoReturn:
    """Do what the command line says and exit: 0 when told to stop, 1 after a failure (one line says why), 2 for usage.

    `api` makes the application (open pools in its lifespan); `worker` is an async context manager that opens what the
    parts need, gives them, and closes it; `migrate` brings the schema up; `commands` take the remaining arguments.
    SIGTERM and SIGINT stop gracefully within settings.shutdown_seconds.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    actions = _actions(service, api, worker, migrate, commands or {}, arguments[1:])
    if not arguments or arguments[0] not in actions:
        sys.stderr.write(f"usage: {service} {' | '.join(actions)}\n")
        sys.exit(2)
    name = arguments[0]
    configure_logging(service, name)
    try:
        role = name if name in ("api", "worker", "migrate") else "command"
        settings = settings_type.load(service=service, role=role)
        configure_logging(service, name, settings.log_level)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            status = runner.run(_traced(settings, actions[name]))
    except _EXPECTED as error:
        _log.critical(f"{service} {name} cannot run: {error}")
        status = 1
    except KeyboardInterrupt:
        status = 130
    except Exception as error:
        _log.critical(f"{service} {name} failed: {type(error).__name__}", exc_info=error)
        status = 1
    sys.exit(status)


Action = Callable[[SettingsT], Awaitable[int | None]]


def _actions(
    service: str,
    api: ApiFactory[SettingsT] | None,
    worker: WorkerFactory[SettingsT] | None,
    migrate: Callable[[SettingsT], Awaitable[object]] | None,
    commands: Mapping[str, Command[SettingsT]],
    rest: Sequence[str],
) -> dict[str, Action[SettingsT]]:
    actions: dict[str, Action[SettingsT]] = {}
    if api is not None:
        make_api = api
        actions["api"] = lambda settings: _serve_api(settings, make_api)
    if worker is not None:
        make_worker = worker
        actions["worker"] = lambda settings: _serve_worker(settings, make_worker)
    if migrate is not None:
        upgrade = migrate

        async def migrated(settings: SettingsT) -> int:
            await upgrade(settings)
            _log.info("schema is up to date")
            return 0

        actions["migrate"] = migrated
    for name, command in commands.items():
        actions[name] = lambda settings, command=command: command(settings, rest)  # type: ignore[misc]
    return actions


async def _traced(settings: SettingsT, action: Action[SettingsT]) -> int:
    provider = configure_tracing(settings)
    try:
        return await action(settings) or 0
    finally:
        if provider is not None:
            await asyncio.to_thread(provider.shutdown)


def _stop_signal() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


async def _serve_api(settings: SettingsT, make_api: ApiFactory[SettingsT]) -> int:
    stop = _stop_signal()
    server = HttpServer(make_api(settings), settings)
    serving = asyncio.create_task(server.serve())
    stopping = asyncio.create_task(_stopped(stop))
    await _first(serving, stopping)
    stopping.cancel()
    server.stop()
    await serving
    return 0


async def _first(*tasks: asyncio.Task[None]) -> None:
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)


async def _serve_worker(settings: SettingsT, make_worker: WorkerFactory[SettingsT]) -> int:
    stop = _stop_signal()

    async def starting() -> None:
        raise NotReady("starting")

    checks = [Check("worker", starting)]
    server = HttpServer(create_app(f"{settings.service} worker", settings, readiness=checks), settings)
    serving = asyncio.create_task(server.serve())
    try:
        async with make_worker(settings) as process:
            checks[:] = process.readiness
            await _run_parts(process.parts, stop, serving, settings.shutdown_seconds)
    finally:
        server.stop()
        await serving
    return 0


async def _stopped(stop: asyncio.Event) -> None:
    await stop.wait()


async def _run_parts(
    parts: Sequence[Part], stop: asyncio.Event, serving: asyncio.Task[None], shutdown_seconds: float
) -> None:
    running = [asyncio.create_task(part.run(), name=type(part).__name__) for part in parts]
    stopping = asyncio.create_task(_stopped(stop))
    try:
        await _first(serving, stopping, *running)
        ended: asyncio.Task[None] | None = next((task for task in running if task.done()), None)
        if ended is not None and not stop.is_set():
            ended.result()
            raise Fatal(f"{ended.get_name()} ended without being told to")
        async with asyncio.timeout(shutdown_seconds):
            for part, task in zip(parts, running, strict=True):
                await part.stop()
                await task
    except TimeoutError:
        raise Fatal(
            f"not stopped within {shutdown_seconds:g} s; what was unfinished will be taken again"
        ) from None
    finally:
        for task in (stopping, *running):
            task.cancel()
        await asyncio.gather(stopping, *running, return_exceptions=True)
