"""What the behaviour suite needs of an engine: clients that are stopped in the end, and members that can be killed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol
from uuid import uuid4

from guanxi_kit.log.factory import open_admin, open_consumer, open_producer, open_reader
from guanxi_kit.log.port import (
    Admin,
    Consumer,
    LogUnavailable,
    Outgoing,
    Positions,
    Producer,
    Reader,
    Record,
    TopicPartition,
    TopicSpec,
)
from guanxi_kit.log.sharing import Timing

FAST = Timing(heartbeat=0.2, member_timeout=1.5)


@dataclass(frozen=True)
class LogAddress:
    """Settings of a log: an engine and where it is."""

    log_engine: Literal["kafka", "postgres"]
    address: str
    kafka_idempotence: bool = True
    timing: Timing = FAST

    def log_dsn(self) -> str:
        return self.address

    def bootstrap_servers(self) -> str:
        return self.address


class Engine(Protocol):
    """Opens clients of one log, not yet started."""

    @property
    def timing(self) -> Timing: ...
    def producer(self) -> Producer: ...
    def consumer(self, group: str, topics: Sequence[str]) -> Consumer: ...
    def reader(self) -> Reader: ...
    def admin(self) -> Admin: ...
    def doomed_member(
        self, group: str, topic: str
    ) -> contextlib.AbstractAsyncContextManager[DoomedMember]: ...


class DoomedMember(Protocol):
    """A member of a group that dies without a word."""

    async def records(self, count: int) -> list[int]:
        """Wait until it has read `count` records; their values, numbers as text."""
        ...

    async def die(self) -> None: ...


@dataclass(frozen=True)
class RealEngine:
    """An engine outside this process."""

    address: LogAddress

    @property
    def timing(self) -> Timing:
        return self.address.timing

    def producer(self) -> Producer:
        return open_producer(self.address)

    def consumer(self, group: str, topics: Sequence[str]) -> Consumer:
        return open_consumer(self.address, group, topics, self.timing)

    def reader(self) -> Reader:
        return open_reader(self.address)

    def admin(self) -> Admin:
        return open_admin(self.address)

    @contextlib.asynccontextmanager
    async def doomed_member(self, group: str, topic: str) -> AsyncIterator[DoomedMember]:
        program = os.path.join(os.path.dirname(__file__), "member_process.py")  # noqa: PTH118, PTH120
        arguments = {
            "engine": self.address.log_engine,
            "address": self.address.address,
            "group": group,
            "topic": topic,
            "heartbeat": self.timing.heartbeat,
            "member_timeout": self.timing.member_timeout,
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, program, json.dumps(arguments), stdout=asyncio.subprocess.PIPE
        )
        try:
            yield MemberProcess(process)
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


class MemberProcess:
    """A member in a process of its own, to be killed with SIGKILL."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def records(self, count: int) -> list[int]:
        assert self._process.stdout is not None
        async with asyncio.timeout(60):
            lines = [await self._process.stdout.readline() for _ in range(count)]
        return [int(line) for line in lines]

    async def die(self) -> None:
        self._process.kill()
        await self._process.wait()


@dataclass
class Member:
    """A member of a group in this process, with its positions kept by the test like a service's database would."""

    consumer: Consumer
    positions: dict[TopicPartition, int]
    assigned: list[TopicPartition] = field(default_factory=list)
    revoked: list[TopicPartition] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)

    async def on_assigned(self, partitions: Sequence[TopicPartition]) -> Positions:
        self.assigned += partitions
        return {where: self.positions[where] for where in partitions if where in self.positions}

    async def on_revoked(self, partitions: Sequence[TopicPartition]) -> None:
        self.revoked += partitions

    async def step(self, max_records: int = 500, timeout: float = 0.1) -> None:
        """Poll once and advance the positions."""
        found = await self.consumer.poll(max_records=max_records, timeout=timeout)
        for where, records in found.items():
            assert where in self.consumer.assignment()
            self.records += records
            self.positions[where] = records[-1].offset + 1

    @contextlib.asynccontextmanager
    async def polling(self) -> AsyncIterator[None]:
        """Poll in the background."""

        async def forever() -> None:
            while True:
                with contextlib.suppress(LogUnavailable):
                    await self.step()

        task = asyncio.create_task(forever())
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


class Workbench:
    """Clients and topics of one test on one engine; `close` stops what was opened."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._stack = contextlib.AsyncExitStack()

    async def close(self) -> None:
        await self._stack.aclose()

    async def topic(self, partitions: int = 4, retention_days: int = 7) -> str:
        """A fresh topic."""
        name = f"test.{uuid4().hex}"
        await (await self.admin()).create_topics([TopicSpec(name, partitions, retention_days)])
        return name

    async def admin(self) -> Admin:
        admin = self.engine.admin()
        await admin.start()
        self._stack.push_async_callback(admin.stop)
        return admin

    async def producer(self) -> Producer:
        producer = self.engine.producer()
        await producer.start()
        self._stack.push_async_callback(producer.stop)
        return producer

    async def reader(self) -> Reader:
        reader = self.engine.reader()
        await reader.start()
        self._stack.push_async_callback(reader.stop)
        return reader

    async def member(
        self, group: str, *topics: str, positions: dict[TopicPartition, int] | None = None
    ) -> Member:
        """A started member; `positions` may be shared with other members."""
        member = Member(self.engine.consumer(group, topics), positions if positions is not None else {})
        await member.consumer.start(member.on_assigned, member.on_revoked)
        self._stack.push_async_callback(member.consumer.stop)
        return member

    async def read_all(self, topic: str, expected: int | None = None) -> Mapping[int, list[Record]]:
        """All records of a topic by partition; `expected` says how many where a broker's end offsets do not."""
        reader = await self.reader()
        partitions = await reader.partitions(topic)
        begins = await reader.begin_offsets(partitions)
        await reader.assign(begins)
        found: dict[int, list[Record]] = {where.partition: [] for where in partitions}
        if expected is None:
            ends = await reader.end_offsets(partitions)
            expected = sum(ends[where] - begins[where] for where in partitions)
        async with asyncio.timeout(30):
            while sum(map(len, found.values())) < expected:
                for where, records in (await reader.poll(max_records=1000, timeout=1)).items():
                    found[where.partition] += records
        return found


def numbered(topic: str, count: int, first: int = 0) -> list[Outgoing]:
    """Records with keys spread over the partitions and their number as value."""
    return [
        Outgoing(topic, f"key-{number % 97}".encode(), str(number).encode())
        for number in range(first, first + count)
    ]
