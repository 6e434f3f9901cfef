"""A gateway that listens on a port, and stand-ins for the services behind it that listen too."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

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

TOPIC = CUSTOMER_CHANGED_TOPIC.name
PARTITIONS = 3


class _Quiet(uvicorn.Server):
    def install_signal_handlers(self) -> None:
        """Leave signals to pytest."""


@asynccontextmanager
async def listening(app: ASGIApp) -> AsyncIterator[str]:
    """Serve an ASGI application on a free port of loopback; yields its base URL."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_config=None, lifespan="off", timeout_graceful_shutdown=1)
    server = _Quiet(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    await eventually(lambda: server.started)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
        listener.close()


def closed_port() -> str:
    """Return a base URL where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


@dataclass
class Seen:
    """A request as the service got it."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    complete: bool


@dataclass
class StandIn:
    """A service that answers what it is told to, and remembers what it was asked."""

    status: int = 200
    body: bytes = b'{"stand_in":true}'
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "application/json"})
    seen: list[Seen] = field(default_factory=list)
    hold: asyncio.Event | None = None
    drop: bool = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body, complete = b"", False
        while not complete:
            message = await receive()
            if message["type"] == "http.disconnect":
                break
            body += message.get("body", b"")
            complete = not message.get("more_body", False)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        query = scope["query_string"].decode()
        self.seen.append(Seen(scope["method"], scope["path"], query, headers, body, complete))
        if not complete:
            return
        if self.hold is not None:
            await self.hold.wait()
        length = len(self.body) + (1 if self.drop else 0)
        raw = [(name.encode(), value.encode()) for name, value in self.headers.items()]
        raw.append((b"content-length", str(length).encode()))
        await send({"type": "http.response.start", "status": self.status, "headers": raw})
        await send({"type": "http.response.body", "body": self.body, "more_body": self.drop})

    def answers(self, status: int, body: Any, media_type: str = "application/json", **headers: str) -> None:
        """Answer so from now on."""
        self.status = status
        self.body = body if isinstance(body, bytes) else msgspec.json.encode(body)
        self.headers = {
            "content-type": media_type,
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }


@pytest.fixture
def stand_in() -> StandIn:
    """One stand-in for all services."""
    return StandIn()


@pytest.fixture
async def stand_in_url(stand_in: StandIn) -> AsyncIterator[str]:
    async with listening(stand_in) as url:
        yield url


@pytest.fixture
def staff(tmp_path: Path) -> StaffIdentity:
    identity = StaffIdentity()
    identity.write_jwks(tmp_path / "jwks.json")
    return identity


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


@pytest.fixture
async def start_gateway(staff: StaffIdentity, tmp_path: Path, log: ChangeLog) -> AsyncIterator[StartGateway]:
    """Starts gateways over HTTP; keyword arguments are settings. All are stopped in the end."""
    async with AsyncExitStack() as stack:

        async def start(
            upstream: str = "", *, clock: Clock | None = None, ready: bool = True, **given: Any
        ) -> Gateway:
            url = upstream or closed_port()
            names = ("profile_url", "interaction_url", "scoring_url", "notification_url")
            values = {"jwks_file": tmp_path / "jwks.json", "port": 0, **dict.fromkeys(names, url), **given}
            settings = GatewaySettings(service="gateway", **values)
            server = HttpServer(make_api(settings, clock=clock, reader=log.reader), settings)
            gateway = Gateway(
                f"http://127.0.0.1:{server.port}", server, asyncio.create_task(server.serve()), staff
            )
            stack.push_async_callback(gateway.stop)
            async with gateway.client() as client:

                async def answers() -> bool:
                    status = (await client.get("/readyz")).status_code
                    return status == 200 if ready else status in (200, 503)

                await eventually(answers)
            return gateway

        yield start


@pytest.fixture
async def gateway(start_gateway: StartGateway, stand_in_url: str) -> Gateway:
    """A gateway in front of the stand-in."""
    return await start_gateway(stand_in_url)


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


@pytest.fixture
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
