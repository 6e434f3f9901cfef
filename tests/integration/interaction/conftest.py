"""A migrated interaction database with its api in this process, over the log in memory or in PostgreSQL."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest

from guanxi_contracts.catalog import (
    TOPICS,
    TOUCHPOINT_RECEIVED_TOPIC,
)
from guanxi_contracts.touchpoint import (
    TOUCHPOINT_RECEIVED,
    TouchpointReceivedV1,
)
from guanxi_devstack.pytest_plugin import DatabaseDsns
from guanxi_kit.crypto import Keyring
from guanxi_kit.db import Database
from guanxi_kit.http import HttpClient
from guanxi_kit.log.factory import open_admin, open_consumer, open_producer, open_reader
from guanxi_kit.log.memory import MemoryConsumer, MemoryLog, MemoryProducer, MemoryReader
from guanxi_kit.log.port import Consumer, Producer, Reader, TopicSpec
from guanxi_kit.testing import ManualClock, StaffIdentity, client_of
from interaction_service.adapters.channels import add_channel
from interaction_service.database import PLANNED_EACH_TIME, open_database
from interaction_service.main import TOPICS as WORKER_TOPICS
from interaction_service.main import make_api, make_worker
from interaction_service.settings import SERVICE, InteractionSettings

PACKS = Path(__file__).parents[3] / "packs"
NOW = datetime(2026, 5, 20, 8, tzinfo=UTC)
WRITE_KEY = "test-write-key-of-web"
PARTITIONS = 3
SPECS = [TopicSpec(topic.name, PARTITIONS, topic.retention_days) for topic in TOPICS]


class MemoryEngine:
    """The log in memory."""

    def __init__(self) -> None:
        self.log = MemoryLog()
        for spec in SPECS:
            self.log.create(spec)

    def producer(self, _: InteractionSettings | None = None) -> Producer:
        return MemoryProducer(self.log)

    def consumer(self, _: InteractionSettings | None = None) -> Consumer:
        return MemoryConsumer(self.log, SERVICE, WORKER_TOPICS)

    def reader(self) -> Reader:
        return MemoryReader(self.log)


class PostgresEngine:
    """The log in PostgreSQL."""

    def __init__(self, settings: InteractionSettings) -> None:
        self._settings = settings

    def producer(self, _: InteractionSettings | None = None) -> Producer:
        return open_producer(self._settings)

    def consumer(self, _: InteractionSettings | None = None) -> Consumer:
        return open_consumer(self._settings, SERVICE, WORKER_TOPICS)

    def reader(self) -> Reader:
        return open_reader(self._settings)


Engine = MemoryEngine | PostgresEngine


@pytest.fixture
def staff() -> StaffIdentity:
    return StaffIdentity(ManualClock(NOW))


@pytest.fixture
def keyring() -> Keyring:
    return Keyring.generate()


@pytest.fixture
def database_dsns(migrated_dsns: Callable[[str], DatabaseDsns]) -> DatabaseDsns:
    """A fresh database with the service's tables."""
    return migrated_dsns("interaction")


@pytest.fixture
async def settings(
    database_dsns: DatabaseDsns, staff: StaffIdentity, keyring: Keyring, tmp_path: Path
) -> InteractionSettings:
    """Settings of a migrated database."""
    settings = database_dsns.settings(
        InteractionSettings,
        "interaction",
        role="api",
        keyring=keyring.to_json(),
        jwks_file=staff.write_jwks(tmp_path / "jwks.json"),
        pack_dir=PACKS,
        pack="services",
    )
    return settings


@pytest.fixture
async def database(settings: InteractionSettings) -> AsyncIterator[Database]:
    database = await open_database(settings, **PLANNED_EACH_TIME)
    yield database
    await database.close()


@pytest.fixture
def memory() -> MemoryEngine:
    return MemoryEngine()


@pytest.fixture(params=["memory", "postgres"])
async def engine(
    request: pytest.FixtureRequest,
    memory: MemoryEngine,
    settings: InteractionSettings,
    database_dsns: DatabaseDsns,
) -> Engine:
    """Each engine of the log in turn."""
    return memory if request.param == "memory" else await postgres_engine(settings, database_dsns)


async def postgres_engine(settings: InteractionSettings, dsns: DatabaseDsns) -> PostgresEngine:
    """The log in PostgreSQL, with its topics."""
    admin = open_admin(settings.model_copy(update={"log_url": _secret(settings, dsns.log_owner)}))
    await admin.start()
    await admin.create_topics(SPECS)
    await admin.stop()
    return PostgresEngine(settings)


def _secret(settings: InteractionSettings, dsn: str) -> Any:
    assert settings.log_url is not None
    return type(settings.log_url)(dsn)


@dataclass
class Service:
    """The running api, and what stands behind it."""

    client: HttpClient
    database: Database
    keyring: Keyring
    staff: StaffIdentity
    clock: ManualClock
    engine: Engine
    settings: InteractionSettings

    async def post(self, path: str, document: Any, **options: Any) -> Any:
        """Post JSON with the channel's write key."""
        return await self.client.post(path, json=document, auth=(WRITE_KEY, ""), **options)

    async def received(self) -> list[TouchpointReceivedV1]:
        """Read what stands on touchpoint.received."""
        return [
            TOUCHPOINT_RECEIVED.decode(value).data
            for _, value in await read_all(self.engine, TOUCHPOINT_RECEIVED_TOPIC.name)
        ]

    def opened(self, touchpoint: TouchpointReceivedV1) -> Any:
        """Open what a touchpoint carries under seal."""
        return msgspec.json.decode(self.keyring.open(touchpoint.sealed, touchpoint.touchpoint_id.bytes))

    async def timeline(self, customer: UUID, *, role: Any = "agent", **query: Any) -> Any:
        """Read a timeline page as staff."""
        return await self.client.get(
            f"/v1/customers/{customer}/timeline", params=query, headers=self.staff.headers(role)
        )


def basic(key: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"{key}:".encode()).decode()}


async def read_all(engine: Engine, topic: str) -> list[tuple[bytes, bytes]]:
    """Read the keys and values of a whole topic."""
    reader = engine.reader()
    await reader.start()
    try:
        positions = await reader.partitions(topic)
        ends = await reader.end_offsets(positions)
        await reader.assign(await reader.begin_offsets(positions))
        found: list[tuple[bytes, bytes]] = []
        while len(found) < sum(ends.values()):
            polled = await reader.poll(max_records=1000, timeout=5)
            found += [(record.key, record.value) for records in polled.values() for record in records]
        return found
    finally:
        await reader.stop()


ServiceOn = Callable[..., Any]


@pytest.fixture
def service_on(
    settings: InteractionSettings, database: Database, keyring: Keyring, staff: StaffIdentity
) -> ServiceOn:
    """Return what runs the api on an engine, with one channel `web`."""

    @asynccontextmanager
    async def run(engine: Engine, **changes: Any) -> AsyncIterator[Service]:
        await add_channel(database, name="web", kind="web", write_key=WRITE_KEY)
        clock = ManualClock(NOW)
        own = settings.model_copy(update=changes)
        app = make_api(own, clock, engine.producer)
        async with client_of(app) as client:
            yield Service(client, database, keyring, staff, clock, engine, own)

    return run


@pytest.fixture
async def service(service_on: ServiceOn, memory: MemoryEngine) -> AsyncIterator[Service]:
    """The api over the log in memory."""
    async with service_on(memory) as service:
        yield service


@asynccontextmanager
async def running_worker(service: Service) -> AsyncIterator[None]:
    """Run the worker until the block ends."""
    context = make_worker(service.settings, service.clock, service.engine.producer, service.engine.consumer)
    async with context as process:
        tasks = [asyncio.create_task(part.run()) for part in process.parts]
        try:
            yield
        finally:
            for part, task in zip(process.parts, tasks, strict=True):
                await part.stop()
                await task
