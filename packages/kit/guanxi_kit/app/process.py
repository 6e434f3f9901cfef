"""The entry point of every service: `python -m <service> api | worker | migrate`."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from functools import partial
from importlib import import_module
from typing import Any, NoReturn, TypeVar

import uvloop
from fastapi import FastAPI

from guanxi_kit.app.server import HttpServer
from guanxi_kit.app.worker import WorkerProcess, serve_worker
from guanxi_kit.failures import FatalError
from guanxi_kit.logging import configure_logging, get_logger
from guanxi_kit.migrate import run_migrations
from guanxi_kit.settings import ServiceSettings
from guanxi_kit.telemetry import configure_tracing

_log = get_logger("guanxi.process")

SettingsT = TypeVar("SettingsT", bound=ServiceSettings)
ApiFactory = Callable[[SettingsT], FastAPI]
WorkerFactory = Callable[[SettingsT], AbstractAsyncContextManager[WorkerProcess]]
Migrate = Callable[[SettingsT], Awaitable[object]]
Command = Callable[[SettingsT, Sequence[str]], Awaitable[int | None]]
_Action = Callable[[SettingsT], Awaitable[int | None]]

# A batch makes tens of thousands of objects that all die with it; collecting in the middle of one finds nothing.
_GC_THRESHOLD = 100_000


def run(
    service: str,
    settings_type: type[SettingsT],
    *,
    api: ApiFactory[SettingsT] | None = None,
    worker: WorkerFactory[SettingsT] | None = None,
    migrate: Migrate[SettingsT] | None = None,
    commands: Mapping[str, Command[SettingsT]] | None = None,
    argv: Sequence[str] | None = None,
) -> NoReturn:
    """Do what the command line says and exit: 0 when told to stop, 1 after a failure that one line names, 2 for usage.

    `api` makes the application (pools open in its lifespan); `worker` is an async context manager that opens what
    the parts need, gives them, and closes it; `migrate` brings the schema up; `commands` take the remaining
    arguments. SIGTERM and SIGINT stop gracefully within settings.shutdown_seconds.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    actions: dict[str, _Action[SettingsT]] = {}
    if api is not None:
        actions["api"] = partial(_serve_api, api=api)
    if worker is not None:
        actions["worker"] = partial(_serve_worker, worker=worker)
    if migrate is not None:
        actions["migrate"] = partial(_migrate, migrate=migrate)
    for name, command in (commands or {}).items():
        actions[name] = partial(_command, command=command, arguments=arguments[1:])
    if not arguments or arguments[0] not in actions:
        sys.stderr.write(f"usage: {service} {' | '.join(actions)}\n")
        sys.exit(2)
    sys.exit(_perform(service, arguments[0], settings_type, actions[arguments[0]]))


def run_service(
    service: str,
    settings_type: type[SettingsT],
    *,
    package: str,
    schema: str,
    commands: Mapping[str, Command[SettingsT]] | None = None,
) -> NoReturn:
    """Run a role of a service: `make_api` and `make_worker` of its package's `main`, or the migrations of its schema.

    `main` is imported by the roles that serve: a migration need not wait for all that they have.
    """

    async def migrate(settings: SettingsT) -> None:
        await run_migrations(settings, f"{package}:migrations", schema)

    main = f"{package}.main"
    run(
        service,
        settings_type,
        api=_imported(main, "make_api"),
        worker=_imported(main, "make_worker"),
        migrate=migrate,
        commands=commands,
    )


def _perform(service: str, name: str, settings_type: type[SettingsT], action: _Action[SettingsT]) -> int:
    configure_logging(service, name)
    try:
        role = name if name in ("api", "worker", "migrate") else "command"
        settings = settings_type.load(service=service, role=role)
        configure_logging(service, name, settings.log_level)
        gc.freeze()
        gc.set_threshold(_GC_THRESHOLD, 20, 20)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_traced(settings, action))
    except FatalError as error:
        _log.critical(f"{service} {name}: {error}")
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        _log.critical(f"{service} {name} failed", exc_info=error)
    return 1


def _imported(module: str, name: str) -> Callable[..., Any]:
    """Return the function `name` of a module that is imported at its first call, for what one role alone needs."""

    def call(*arguments: Any) -> Any:
        return getattr(import_module(module), name)(*arguments)

    return call


async def _traced(settings: SettingsT, action: _Action[SettingsT]) -> int:
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


async def _serve_api(settings: SettingsT, *, api: ApiFactory[SettingsT]) -> None:
    stop = _stop_signal()
    app = api(settings)
    gc.freeze()
    server = HttpServer(app, settings)
    serving = asyncio.create_task(server.serve())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait((serving, stopping), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    server.stop()
    if not server.started:
        serving.cancel()
    with suppress(asyncio.CancelledError):
        await serving


async def _serve_worker(settings: SettingsT, *, worker: WorkerFactory[SettingsT]) -> None:
    stop = _stop_signal()
    process = worker(settings)
    gc.freeze()
    await serve_worker(settings, process, stop)


async def _migrate(settings: SettingsT, *, migrate: Migrate[SettingsT]) -> None:
    await migrate(settings)
    _log.info("schema is up to date")


async def _command(
    settings: SettingsT, *, command: Command[SettingsT], arguments: Sequence[str]
) -> int | None:
    return await command(settings, arguments)
