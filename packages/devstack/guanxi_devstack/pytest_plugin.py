"""Pytest fixtures: one real PostgreSQL server a session, one fresh database a test, with or without tables.

GUANXI_DATABASE_URL (a superuser's or database creator's connection string) takes an outside server instead.
"""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, TypeVar

import asyncpg
import pytest

from guanxi_devstack.bootstrap import (
    SERVICES,
    bootstrap,
    create_database,
    derive_passwords,
    quote_identifier,
    secret_of,
    with_database,
    with_login,
)
from guanxi_devstack.database_stock import DatabaseStock
from guanxi_devstack.postgres import EmbeddedPostgres
from guanxi_kit.migrate import run_migrations
from guanxi_kit.packs import reading
from guanxi_kit.packs.located_yaml import read_yaml
from guanxi_kit.settings import ServiceSettings

T = TypeVar("T")
SettingsT = TypeVar("SettingsT", bound=ServiceSettings)

# A thousand databases are made and dropped, each with a checkpoint that would sync every file of the others, and nobody
# cuts the power here. For dozens of databases autovacuum would start several times a second.
SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "512MB",
    "autovacuum_naptime": "60s",
}


@dataclass(frozen=True)
class DatabaseDsns:
    """Connection strings of one database: administrator's, each service's and the log's.

    `app` and `owner` are keyed by service name ("profile"); `log` and `log_owner` are for schema `event_log`.
    """

    name: str
    admin: str
    app: Mapping[str, str]
    owner: Mapping[str, str]
    log: str
    log_owner: str

    def settings(self, kind: type[SettingsT], service: str, **more: Any) -> SettingsT:
        """Settings of a service ("profile") that finds its schema and the event log here."""
        return kind.load(
            service=f"{service}-service",
            database_url=self.app[service],
            database_owner_url=self.owner[service],
            log_engine="postgres",
            log_url=self.log,
            **more,
        )


@dataclass(frozen=True)
class DatabaseServer:
    """The server of this test session: its administrator's connection string and the passwords of our roles.

    `embedded` is None when GUANXI_DATABASE_URL names an outside server.
    """

    admin: str
    embedded: EmbeddedPostgres | None
    passwords: Mapping[str, str] = field(repr=False)

    def dsns(self, database: str) -> DatabaseDsns:
        """Connection strings of a database of this server."""
        admin = with_database(self.admin, database)

        def login(role: str) -> str:
            return with_login(admin, role, self.passwords[role])

        return DatabaseDsns(
            name=database,
            admin=admin,
            app={service: login(f"{service}_app") for service in SERVICES},
            owner={service: login(f"{service}_owner") for service in SERVICES},
            log=login("log_app"),
            log_owner=login("log_owner"),
        )


@pytest.fixture(scope="session", autouse=True)
def packs_read_once() -> Iterator[None]:
    """The files of packs, which hundreds of tests load, are read as YAML once for each text."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(reading, "read_yaml", cache(read_yaml))
        yield


@pytest.fixture(scope="session")
def database_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DatabaseServer]:
    """A running PostgreSQL server with our roles."""
    outside = os.environ.get("GUANXI_DATABASE_URL")
    if outside:
        yield DatabaseServer(outside, None, derive_passwords(secret_of(outside)))
        return
    embedded = EmbeddedPostgres(tmp_path_factory.mktemp("postgres"), settings=SETTINGS)
    embedded.start()
    try:
        yield DatabaseServer(embedded.dsn(), embedded, derive_passwords(embedded.password))
    finally:
        embedded.stop()


@pytest.fixture(scope="session")
def database_stock(database_server: DatabaseServer) -> Iterator[DatabaseStock]:
    """What makes the databases of tests ahead of them."""
    stock = DatabaseStock(database_server.admin)
    yield stock
    stock.close()


@pytest.fixture(scope="session")
def database_template(database_server: DatabaseServer) -> Iterator[str]:
    """Name of a bootstrapped, empty database to copy."""
    name = f"guanxi_template_{uuid.uuid4().hex}"

    async def create() -> None:
        await create_database(database_server.admin, name)
        await bootstrap(with_database(database_server.admin, name), database_server.passwords)

    run_apart(create)
    yield name
    run_apart(lambda: _drop(database_server.admin, name))


@pytest.fixture(scope="session")
def migrated_template(
    database_server: DatabaseServer, database_template: str, database_stock: DatabaseStock
) -> Iterator[Callable[..., str]]:
    """Give the name of a database with the tables of some services ("profile", ...); migrated once a session."""
    names: list[str] = []

    @cache
    def migrated(*services: str) -> str:
        name = database_stock.take(database_template)
        names.append(name)
        run_apart(lambda: _migrate(database_server.dsns(name), services))
        return name

    yield migrated
    for name in names:
        database_stock.give_back(name)


@pytest.fixture
def copied_dsns(
    database_server: DatabaseServer, database_stock: DatabaseStock
) -> Iterator[Callable[[str], DatabaseDsns]]:
    """Give by the name of a template a copy of it that lives as long as the test."""
    names: list[str] = []

    def copied(template: str) -> DatabaseDsns:
        names.append(database_stock.take(template))
        return database_server.dsns(names[-1])

    yield copied
    for name in names:
        database_stock.give_back(name)


@pytest.fixture
def database_dsns(copied_dsns: Callable[[str], DatabaseDsns], database_template: str) -> DatabaseDsns:
    """A fresh database with roles and schemas, without any table."""
    return copied_dsns(database_template)


@pytest.fixture
def migrated_dsns(
    copied_dsns: Callable[[str], DatabaseDsns], migrated_template: Callable[..., str]
) -> Callable[..., DatabaseDsns]:
    """Give a fresh database with the tables of some services ("profile", ...)."""
    return lambda *services: copied_dsns(migrated_template(*services))


def run_apart(work: Callable[[], Awaitable[T]]) -> T:
    """Run `work()` to its end in an event loop of its own thread, whether or not this thread has a loop."""

    async def body() -> T:
        return await work()

    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(lambda: asyncio.run(body())).result()


async def _migrate(dsns: DatabaseDsns, services: Sequence[str]) -> None:
    for service in services:
        settings = dsns.settings(ServiceSettings, service, role="migrate")
        await run_migrations(settings, str(files(f"{service}_service") / "migrations"), service)


async def _drop(admin_dsn: str, name: str) -> None:
    connection = await asyncpg.connect(admin_dsn)
    try:
        await connection.execute(f"DROP DATABASE IF EXISTS {quote_identifier(name)} WITH (FORCE)")
    finally:
        await connection.close()
