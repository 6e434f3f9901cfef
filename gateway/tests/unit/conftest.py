"""A change topic in memory, replicas of the stream over it, and a client that remembers its last event id."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

import msgspec
import pytest

from guanxi_contracts.catalog import CUSTOMER_CHANGED_TOPIC
from guanxi_contracts.customer import CUSTOMER_CHANGED, CustomerChangedV1
from guanxi_gateway.application.changes import Changes, StreamLimits
from guanxi_gateway.application.event_ids import decode_event_id
from guanxi_gateway.application.log_reading import ChangeTopic
from guanxi_kit.clock import SystemClock
from guanxi_kit.log.memory import MemoryLog, MemoryReader
from guanxi_kit.log.port import Outgoing, TopicSpec
from guanxi_kit.testing import eventually

NAME = CUSTOMER_CHANGED_TOPIC.name


class ChangeLog:
    """Writes changes to a topic; the number of a change is its minute, so that order shows."""

    def __init__(self, partitions: int = 3) -> None:
        self._partitions = partitions
        self.written: dict[UUID, list[int]] = {}
        self.make_anew()

    def make_anew(self) -> None:
        """Replace the log by an empty one."""
        self.memory = MemoryLog()
        self.memory.create(TopicSpec(NAME, self._partitions, 7))

    def write(self, customer: int, number: int) -> None:
        customer_id = UUID(int=customer)
        changed = CustomerChangedV1(
            customer_id=customer_id,
            changed=["touchpoints"],
            changed_at=datetime.fromtimestamp(60 * number, UTC),
        )
        value = CUSTOMER_CHANGED.encode(changed, id=str(number), source="test", time=changed.changed_at)
        self.memory.append([Outgoing(NAME, customer_id.bytes, value)])
        self.written.setdefault(customer_id, []).append(number)

    def write_nonsense(self) -> None:
        self.memory.append([Outgoing(NAME, b"x", b'{"type":')])

    def topic(self) -> ChangeTopic:
        return ChangeTopic(NAME, lambda: MemoryReader(self.memory))

    def drop(self, partition_records: int) -> None:
        """Let retention drop the oldest records of every partition."""
        for position in self.memory.positions(NAME):
            partition = self.memory.partition(position)
            partition.records = partition.records[partition_records:]
            partition.begin += partition_records


@dataclass
class Client:
    """Keeps what it was told: numbers by customer, names of events, and its last event id."""

    last_id: str | None = None
    numbers: dict[UUID, list[int]] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)

    def take(self, frame: bytes) -> None:
        for block in frame.decode().split("\n\n"):
            lines = [line.partition(": ")[::2] for line in block.splitlines()]
            event = {name: value for name, value in lines if name}
            if not event:
                continue
            self.last_id = event.get("id", self.last_id)
            self.events.append(event["event"])
            if event["event"] == "customer.changed":
                changed = msgspec.json.decode(event["data"], type=CustomerChangedV1)
                number = int(changed.changed_at.timestamp() / 60)
                self.numbers.setdefault(changed.customer_id, []).append(number)

    async def follow(
        self, changes: Changes, until: Callable[[Client], bool], customer_id: UUID | None = None
    ) -> None:
        """Read frames, from the last event id if there is one, until `until` holds or they end."""
        place = decode_event_id(self.last_id) if self.last_id else None
        async with aclosing(changes.subscribe(place, customer_id).frames()) as frames:
            async for frame in frames:
                self.take(frame)
                if until(self):
                    return


StartReplica = Callable[..., Awaitable[Changes]]


@pytest.fixture
def log() -> ChangeLog:
    return ChangeLog()


@pytest.fixture
async def replica(log: ChangeLog) -> AsyncIterator[StartReplica]:
    """Starts a gateway's change stream over the log; returns it once it stands at the end."""
    async with AsyncExitStack() as stack:

        async def start(held: int = 100, heartbeat: float = 0.05) -> Changes:
            limits = StreamLimits(held=held, heartbeat=heartbeat)
            changes = Changes(log.topic(), limits, SystemClock().monotonic)
            await stack.enter_async_context(changes.running())
            await eventually(lambda: changes.known)
            return changes

        yield start


@pytest.fixture
def client() -> Client:
    return Client()


@pytest.fixture
def new_client() -> type[Client]:
    return Client
