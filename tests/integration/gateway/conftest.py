"""Gateways that listen on ports, and stand-ins for the services behind them that listen too.

One gateway serves all tests that need nothing special of it, since making one takes longer than most of them; so all
tests here share an event loop.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from starlette.types import Receive, Scope, Send

from guanxi_contracts.catalog import CUSTOMER_CHANGED_TOPIC
from guanxi_contracts.customer import CUSTOMER_CHANGED, CustomerChangedV1
from guanxi_devstack.brokers import Noida
from guanxi_gateway.main import make_api
from guanxi_gateway.settings import GatewaySettings
from guanxi_kit.app.server import HttpServer
from guanxi_kit.clock import Clock
from guanxi_kit.http import HttpClient, make_client
from guanxi_kit.log.factory import open_admin, open_producer, open_reader
from guanxi_kit.log.memory import MemoryLog, MemoryProducer, MemoryReader
from guanxi_kit.log.port import Outgoing, Producer, Reader, TopicSpec
from guanxi_kit.settings import ServiceSettings
from guanxi_kit.testing import StaffIdentity, eventually

from .stand_ins import StandIn, closed_port, listening

TOPIC = CUSTOMER_CHANGED_TOPIC.name
PARTITIONS = 3


@pytest.fixture
def stand_in() -> StandIn:
    """One stand-in for all services."""
    return StandIn()


@pytest_asyncio.fixture(loop_scope="session")
async def stand_in_url(stand_in: StandIn) -> AsyncIterator[str]:
    async with listening(stand_in) as url:
        yield url


@pytest.fixture(scope="session")
def staff() -> StaffIdentity:
    return StaffIdentity()


@pytest.fixture(scope="session")
def jwks_file(staff: StaffIdentity, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return staff.write_jwks(tmp_path_factory.mktemp("staff") / "jwks.json")


@dataclass
class Gateway:
    """A running gateway."""

    url: str
    server: HttpServer
    serving: asyncio.Task[None]
    staff: StaffIdentity

    def client(self, role: Any = None, timeout: float = 10.0) -> HttpClient:
        """A client of this gateway, signed in as `role`."""
        return make_client(self.url, timeout=timeout, token=self.staff.token(role) if role else None)

    async def stop(self) -> None:
        """Stop as SIGTERM does."""
        self.server.stop()
        await self.serving


StartGateway = Callable[..., Awaitable[Gateway]]


@asynccontextmanager
async def serving(
    staff: StaffIdentity,
    reader: Callable[[], Reader],
    *,
    clock: Clock | None = None,
    ready: bool = True,
    **settings: Any,
) -> AsyncIterator[Gateway]:
    """Serve a gateway on a free port, ready unless told otherwise."""
    values = GatewaySettings(service="gateway", port=0, **settings)
    server = HttpServer(make_api(values, clock=clock, reader=reader), values)
    gateway = Gateway(f"http://127.0.0.1:{server.port}", server, asyncio.create_task(server.serve()), staff)
    try:
        async with gateway.client() as client:

            async def answers() -> bool:
                status = (await client.get("/readyz")).status_code
                return status == 200 if ready else status in (200, 503)

            await eventually(answers)
        yield gateway
    finally:
        await gateway.stop()


def behind(url: str) -> dict[str, Any]:
    """Settings of a gateway that finds every service at one address."""
    return dict.fromkeys(("profile_url", "interaction_url", "scoring_url", "notification_url"), url)


@pytest_asyncio.fixture(loop_scope="session")
async def start_gateway(staff: StaffIdentity, jwks_file: Path, log: ChangeLog) -> AsyncIterator[StartGateway]:
    """Starts gateways over HTTP; keyword arguments are settings. All are stopped in the end."""
    async with AsyncExitStack() as stack:

        async def start(upstream: str = "", **given: Any) -> Gateway:
            values: dict[str, Any] = {"jwks_file": jwks_file, **behind(upstream or closed_port()), **given}
            return await stack.enter_async_context(serving(staff, log.reader, **values))

        yield start


class Backend:
    """Where the shared gateway finds its services: the stand-in of the test that runs."""

    stand_in: StandIn

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.stand_in(scope, receive, send)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared(staff: StaffIdentity, jwks_file: Path) -> AsyncIterator[tuple[Gateway, Backend]]:
    backend, memory = Backend(), MemoryLog()
    memory.create(TopicSpec(TOPIC, PARTITIONS, 7))
    async with (
        listening(backend) as url,
        serving(staff, lambda: MemoryReader(memory), jwks_file=jwks_file, **behind(url)) as gateway,
    ):
        yield gateway, backend


@pytest.fixture
def gateway(shared: tuple[Gateway, Backend], stand_in: StandIn) -> Gateway:
    """A gateway in front of the stand-in."""
    gateway, backend = shared
    backend.stand_in = stand_in
    return gateway


class ChangeLog:
    """The topic of changes on one engine; the number of a change is its minute, so that order shows."""

    def __init__(self, producer: Producer, reader: Callable[[], Reader]) -> None:
        self._producer = producer
        self.open_reader = reader
        self.written: dict[UUID, list[int]] = {}

    def reader(self) -> Reader:
        """A reader of the topic."""
        return self.open_reader()

    async def write(self, *changes: tuple[int, int]) -> None:
        """Append (customer, number) pairs."""
        records = []
        for customer, number in changes:
            customer_id = UUID(int=customer)
            changed = CustomerChangedV1(
                customer_id=customer_id,
                changed=["touchpoints"],
                changed_at=datetime.fromtimestamp(60 * number, UTC),
                received_at=datetime.now(UTC),
            )
            value = CUSTOMER_CHANGED.encode(changed, id=str(number), source="test", time=changed.changed_at)
            records.append(Outgoing(TOPIC, customer_id.bytes, value))
            self.written.setdefault(customer_id, []).append(number)
        await self._producer.append(records)


@pytest.fixture(scope="session")
def kafka_bootstrap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Kafka that knows its offsets."""
    outside = os.environ.get("GUANXI_KAFKA_BOOTSTRAP")
    if outside:
        yield outside
        return
    broker = Noida(tmp_path_factory.mktemp("noida"))
    broker.start()
    try:
        yield broker.bootstrap
    finally:
        broker.stop()


@pytest.fixture
def engine() -> str:
    """The engine of the event log; tests that want a real one override it."""
    return "memory"


@pytest_asyncio.fixture(loop_scope="session")
async def log(engine: str, request: pytest.FixtureRequest) -> AsyncIterator[ChangeLog]:
    """The topic of changes."""
    spec = TopicSpec(TOPIC, PARTITIONS, 7)
    if engine == "memory":
        memory = MemoryLog()
        memory.create(spec)
        yield ChangeLog(MemoryProducer(memory), lambda: MemoryReader(memory))
        return
    if engine == "kafka":
        bootstrap = request.getfixturevalue("kafka_bootstrap")
        owner = app = ServiceSettings(service="test", log_engine="kafka", kafka_bootstrap=bootstrap)
    else:
        dsns = request.getfixturevalue("database_dsns")
        owner = ServiceSettings(service="test", log_url=dsns.log_owner)
        app = ServiceSettings(service="test", log_url=dsns.log)
    admin = open_admin(owner)
    await admin.start()
    await admin.create_topics([spec])
    await admin.stop()
    producer = open_producer(app)
    await producer.start()
    try:
        yield ChangeLog(producer, lambda: open_reader(app))
    finally:
        await producer.stop()
