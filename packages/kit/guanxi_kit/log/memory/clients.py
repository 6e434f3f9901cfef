"""Producer, reader and admin on the log in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress

from guanxi_kit.log.memory.broker import MemoryLog
from guanxi_kit.log.port import (
    LogError,
    LogRecreated,
    LogUnavailable,
    Outgoing,
    Positions,
    Record,
    TopicPartition,
    TopicSpec,
)


class MemoryProducer:
    """Producer on a MemoryLog."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log
        self._stopped = False

    async def start(self) -> None:
        """Nothing to connect."""

    async def stop(self) -> None:
        """Refuse appends from now on."""
        self._stopped = True

    async def append(self, records: Sequence[Outgoing]) -> None:
        """Append all or none."""
        if self._stopped:
            raise LogUnavailable("this producer is stopped")
        self._log.append(records)


class MemoryReader:
    """Reader on a MemoryLog."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log
        self.next_offsets: dict[TopicPartition, int] = {}
        self._wake = asyncio.Event()

    async def start(self) -> None:
        """Hear of new records."""
        self._log.attend(self._wake)

    async def stop(self) -> None:
        """Hear no more."""
        self._log.leave(self._wake)

    async def partitions(self, topic: str) -> Sequence[TopicPartition]:
        """All partitions of a topic."""
        return self._log.positions(topic)

    async def log_id(self) -> str:
        """The id of the log."""
        return self._log.log_id

    async def assign(self, positions: Positions) -> None:
        """Read exactly these partitions from these offsets on."""
        self.next_offsets = dict(positions)
        self._wake.set()

    async def poll(self, *, max_records: int, timeout: float) -> Mapping[TopicPartition, Sequence[Record]]:
        """Records in offset order per partition; see the port."""
        deadline = asyncio.get_running_loop().time() + timeout
        while True:
            left = deadline - asyncio.get_running_loop().time()
            records = await self.poll_once(max_records, max(0.0, left))
            if records or left <= 0:
                return records

    async def poll_once(self, max_records: int, timeout: float) -> Mapping[TopicPartition, Sequence[Record]]:
        """Records that are there, or else nothing after one wait for a change."""
        self._wake.clear()
        records = self._take(max_records)
        if not records and timeout:
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    await self._wake.wait()
        return records

    async def end_offsets(self, partitions: Sequence[TopicPartition]) -> Positions:
        """The offset that the next record of each partition will get."""
        return {position: self._log.partition(position).end for position in partitions}

    async def begin_offsets(self, partitions: Sequence[TopicPartition]) -> Positions:
        """The earliest offset kept in each partition."""
        return {position: self._log.partition(position).begin for position in partitions}

    def _take(self, max_records: int) -> dict[TopicPartition, Sequence[Record]]:
        taken: dict[TopicPartition, Sequence[Record]] = {}
        for position, offset in self.next_offsets.items():
            partition = self._log.partition(position)
            if offset > partition.end:
                raise LogRecreated(f"{position} ends at {partition.end}, before the stored position {offset}")
            if offset < partition.begin:
                raise LogError(
                    f"{position} begins at {partition.begin}: retention dropped records from {offset} on"
                )
            first = offset - partition.begin
            if records := partition.records[first : first + max_records]:
                taken[position] = records
                self.next_offsets[position] = offset + len(records)
                max_records -= len(records)
        return taken


class MemoryAdmin:
    """Admin on a MemoryLog."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log

    async def start(self) -> None:
        """Nothing to connect."""

    async def stop(self) -> None:
        """Nothing to disconnect."""

    async def create_topics(self, topics: Sequence[TopicSpec]) -> None:
        """Create those that do not exist."""
        for spec in topics:
            self._log.create(spec)

    async def apply_retention(self) -> None:
        """Drop records older than each topic's retention."""
        self._log.retain()
