"""The log in memory behaves like the engines."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

import pytest
from tests.integration.log.behaviour import AppendBehaviour, PositionBehaviour
from tests.integration.log.group_behaviour import GroupBehaviour, TakeoverBehaviour
from tests.integration.log.harness import FAST, DoomedMember, Engine, Member, Workbench, numbered

from guanxi_kit.log.memory import MemoryAdmin, MemoryConsumer, MemoryLog, MemoryProducer, MemoryReader
from guanxi_kit.log.port import Admin, Consumer, LogError, LogUnavailable, Producer, Reader, TopicPartition
from guanxi_kit.log.sharing import Timing


class MemoryEngine:
    """Opens clients of one log in memory."""

    def __init__(self) -> None:
        self.log = MemoryLog()

    @property
    def timing(self) -> Timing:
        return FAST

    def producer(self) -> Producer:
        return MemoryProducer(self.log)

    def consumer(self, group: str, topics: Sequence[str]) -> Consumer:
        return MemoryConsumer(self.log, group, topics, self.timing)

    def reader(self) -> Reader:
        return MemoryReader(self.log)

    def admin(self) -> Admin:
        return MemoryAdmin(self.log)

    @contextlib.asynccontextmanager
    async def doomed_member(self, group: str, topic: str) -> AsyncIterator[DoomedMember]:
        member = Member(self.consumer(group, [topic]), {})
        await member.consumer.start(member.on_assigned, member.on_revoked)
        yield SilentMember(member)


class SilentMember:
    """A member that just stops polling."""

    def __init__(self, member: Member) -> None:
        self._member = member

    async def records(self, count: int) -> list[int]:
        while len(self._member.records) < count:
            await self._member.step()
        return [int(record.value) for record in self._member.records]

    async def die(self) -> None:
        """It is enough that nobody polls any more."""


class TestMemory(AppendBehaviour, PositionBehaviour, GroupBehaviour, TakeoverBehaviour):
    @pytest.fixture
    def engine(self) -> Engine:
        return MemoryEngine()


class TestMemoryFaults:
    @pytest.fixture
    def engine(self) -> Engine:
        return MemoryEngine()

    async def test_a_failed_append_leaves_nothing(self, bench: Workbench, engine: MemoryEngine) -> None:
        topic = await bench.topic()
        producer = await bench.producer()
        engine.log.fail_next_append = LogUnavailable("cut")
        with pytest.raises(LogUnavailable):
            await producer.append(numbered(topic, 5))
        assert engine.log.records(topic) == []
        await producer.append(numbered(topic, 5))
        assert len(engine.log.records(topic)) == 5

    async def test_records_dropped_unread_are_reported(self, bench: Workbench, engine: MemoryEngine) -> None:
        topic = await bench.topic(partitions=1, retention_days=1)
        await (await bench.producer()).append(numbered(topic, 5))
        today = engine.log.now()
        engine.log.now = lambda: today + timedelta(days=2)  # type: ignore[method-assign]
        await (await bench.admin()).apply_retention()
        reader = await bench.reader()
        where = TopicPartition(topic, 0)
        assert await reader.begin_offsets([where]) == {where: 5}
        await reader.assign({where: 2})
        with pytest.raises(LogError, match="retention"):
            await reader.poll(max_records=1, timeout=0)
