"""The one program that starts a whole platform; `make run`, the end-to-end tests, chaos and benchmarks reuse it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Self

from guanxi_devstack.bootstrap import bootstrap, create_database, derive_passwords, secret_of
from guanxi_devstack.children import Child, ChildSpec, last_lines, rotate
from guanxi_devstack.credentials import Credentials, load_credentials
from guanxi_devstack.ports import holder_of, is_free
from guanxi_devstack.postgres import EmbeddedPostgres
from guanxi_devstack.preparation import create_topics, prepare_services
from guanxi_devstack.topology import HOST, Ports, Topology, WorldOptions
from guanxi_kit.http import HttpClient, TransportError, make_client

READY_SECONDS = 120.0
UPKEEP_SECONDS = 3600.0
DATABASE = "guanxi"
Progress = Callable[[str], None]


class WorldFailed(Exception):
    """The platform did not start, or a part of it died; the message is for the person who started it."""


class World:
    """A whole platform on this machine: database, event log, four services (api and workers) and the gateway.

    Use it as an asynchronous context manager, or call `start` and `stop`. `progress` is told each step.
    """

    def __init__(self, options: WorldOptions, progress: Progress = lambda step: None) -> None:
        self.options = options
        self.ports = Ports(options.base_port)
        self.postgres: EmbeddedPostgres | None = None
        self.children: dict[str, Child] = {}
        self._progress = progress
        self._topology: Topology | None = None
        self._database_expected_to_run = False

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def topology(self) -> Topology:
        """Commands, environments and connection strings; known once started."""
        if self._topology is None:
            raise WorldFailed("the platform was not started")
        return self._topology

    @property
    def credentials(self) -> Credentials:
        """Tokens and write keys."""
        return self.topology.credentials

    @property
    def url(self) -> str:
        """Of the gateway."""
        return self.topology.url

    async def start(self) -> None:
        """Start everything and return once every process is ready. Raises WorldFailed; call `stop` then too."""
        options = self.options
        options.folder.mkdir(parents=True, exist_ok=True)
        credentials = load_credentials(options.folder / "secrets")
        self._progress("PostgreSQL")
        admin_dsn = await self._start_database()
        passwords = derive_passwords(secret_of(admin_dsn))
        self._topology = Topology(options, self.ports, credentials, admin_dsn, passwords)
        self._refuse_taken_ports()
        self._progress("Roles and schemas")
        await bootstrap(admin_dsn, self._topology.passwords)
        self._progress("Topics")
        await create_topics(self._topology)
        self._progress("Tables and channels")
        await prepare_services(self._topology)
        await self._start_processes()

    async def stop(self) -> None:
        """Stop all in order: gateway, apis, workers, database. Each finishes what it has begun."""
        for part in ("gateway", "-api", "-worker"):
            chosen = [child for name, child in self.children.items() if part in name]
            await asyncio.gather(*(child.stop() for child in chosen))
        self._database_expected_to_run = False
        if self.postgres is not None:
            await asyncio.to_thread(self.postgres.stop)

    def child(self, service: str, role: str = "api", number: int = 1) -> Child:
        """A process: child("profile", "worker", 2), child("gateway")."""
        name = service if service == "gateway" else f"{service}-{role}"
        return self.children[f"{name}-{number}" if number > 1 else name]

    async def kill(self, service: str, role: str = "api", number: int = 1) -> None:
        """Kill a process at once (SIGKILL), as a crash would."""
        await self.child(service, role, number).kill()

    async def restart(self, service: str, role: str = "api", number: int = 1) -> None:
        """Start a process that was killed or stopped; returns before it is ready (`wait_ready`)."""
        await self.child(service, role, number).start()

    async def kill_database(self) -> None:
        """Kill the embedded database at once."""
        self._database_expected_to_run = False
        await asyncio.to_thread(self._embedded().kill)

    async def restart_database(self) -> None:
        """Bring the embedded database back, on the same port."""
        await asyncio.to_thread(self._embedded().start)
        self._database_expected_to_run = True

    async def wait_ready(self, seconds: float = READY_SECONDS) -> None:
        """Return once every process answers that it is ready. Raises WorldFailed naming those that do not."""
        deadline = time.monotonic() + seconds
        waiting = dict(self.children)
        async with make_client(timeout=2.0) as client:
            while waiting:
                self._raise_for_dead()
                answers = await asyncio.gather(*(_is_ready(client, child.spec) for child in waiting.values()))
                waiting = {
                    name: child
                    for (name, child), ready in zip(waiting.items(), answers, strict=True)
                    if not ready
                }
                if waiting and time.monotonic() > deadline:
                    raise WorldFailed(_unready(waiting.values(), seconds))
                if waiting:
                    self._progress(
                        f"Processes ready: {len(self.children) - len(waiting)}/{len(self.children)}"
                    )
                    await asyncio.sleep(0.25)

    async def watch(self) -> None:
        """Run until a process dies that nobody told to; then raise WorldFailed with its last words."""
        upkeep_due = time.monotonic() + UPKEEP_SECONDS
        while True:
            self._raise_for_dead()
            await asyncio.sleep(0.3)
            if time.monotonic() > upkeep_due:
                upkeep_due += UPKEEP_SECONDS
                await create_topics(self.topology)

    async def _start_database(self) -> str:
        outside = self.options.database_url
        if outside:
            return outside
        self._refuse_taken_port(self.ports.postgres, "PostgreSQL")
        postgres = EmbeddedPostgres(self.options.folder / "postgres", port=self.ports.postgres)
        self.postgres = postgres
        await asyncio.to_thread(postgres.start)
        self._database_expected_to_run = True
        await create_database(postgres.dsn(), DATABASE)
        return postgres.dsn(DATABASE)

    async def _start_processes(self) -> None:
        specs = [*self.topology.apis(), *self.topology.workers(), self.topology.gateway()]
        self.children = {spec.name: Child(spec) for spec in specs}
        for child in self.children.values():
            rotate(child.spec.log_file)
            await child.start()
        await self.wait_ready()

    def _refuse_taken_ports(self) -> None:
        for spec in (self.topology.gateway(), *self.topology.apis(), *self.topology.workers()):
            self._refuse_taken_port(spec.port, spec.name)

    def _refuse_taken_port(self, port: int, name: str) -> None:
        if self.options.base_port is None or is_free(port, HOST):
            return
        holder = holder_of(port)
        by = f" by process {holder}" if holder else ""
        raise WorldFailed(
            f"port {port} ({name}) is in use{by}. Stop that process, or choose other ports: GUANXI_PORT=9080 make run"
        )

    def _raise_for_dead(self) -> None:
        if self._database_expected_to_run and self.postgres is not None and not self.postgres.is_alive():
            raise WorldFailed(f"PostgreSQL died. Its last lines:\n{last_lines(self.postgres.log_file, 12)}")
        for name, child in self.children.items():
            if child.died:
                log = child.spec.log_file
                raise WorldFailed(f"{name} died (exit code {child.exit_code}, {log}):\n{child.last_lines()}")

    def _embedded(self) -> EmbeddedPostgres:
        if self.postgres is None:
            raise WorldFailed("the database is an outside one")
        return self.postgres


async def _is_ready(client: HttpClient, spec: ChildSpec) -> bool:
    with contextlib.suppress(TransportError):
        return (await client.get(f"http://{HOST}:{spec.port}/readyz")).status_code == 200
    return False


def _unready(children: Iterable[Child], seconds: float) -> str:
    parts = [f"{child.spec.name} ({child.spec.log_file}):\n{child.last_lines()}" for child in children]
    return f"not ready after {seconds:.0f} s: " + "\n".join(parts)
