"""A member of a consumer group on the log in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from uuid import uuid4

from guanxi_kit.log.memory.broker import MemoryLog
from guanxi_kit.log.memory.clients import MemoryReader
from guanxi_kit.log.port import LogError, OnAssigned, OnRevoked, Positions, Record, TopicPartition
from guanxi_kit.log.sharing import Timing, fair_share


class MemoryConsumer:
    """Consumer on a MemoryLog. A member that does not poll for `timing.member_timeout` seconds counts as dead."""

    def __init__(
        self, log: MemoryLog, group: str, topics: Sequence[str], timing: Timing | None = None
    ) -> None:
        self._log = log
        self._reader = MemoryReader(log)
        self._group = log.group(group)
        self._topics = frozenset(topics)
        self._timing = timing or Timing()
        self._member_id = uuid4().hex
        self._on_assigned: OnAssigned
        self._on_revoked: OnRevoked

    async def start(self, on_assigned: OnAssigned, on_revoked: OnRevoked) -> None:
        """Join the group. Raises LogError for a topic that does not exist."""
        for topic in self._topics:
            self._log.positions(topic)
        self._on_assigned = on_assigned
        self._on_revoked = on_revoked
        await self._reader.start()
        self._beat()
        self._log.wake()

    async def stop(self) -> None:
        """Revoke everything and leave the group at once."""
        try:
            await self._lose(self.assignment())
        finally:
            self._group.members.pop(self._member_id, None)
            self._free(self._held())
            await self._reader.stop()

    async def poll(self, *, max_records: int, timeout: float) -> Mapping[TopicPartition, Sequence[Record]]:
        """Records of assigned partitions; rebalances happen in here. See the port."""
        deadline = asyncio.get_running_loop().time() + timeout
        while True:
            await self._rebalance()
            left = deadline - asyncio.get_running_loop().time()
            records = await self._reader.poll_once(max_records, max(0.0, min(left, self._timing.heartbeat)))
            if records or left <= 0:
                return records

    def seek(self, position: TopicPartition, offset: int) -> None:
        """Read on from another offset. Raises LogError when the partition is not assigned."""
        if position not in self._reader.next_offsets:
            raise LogError(f"{position.topic}/{position.partition} is not assigned to this consumer")
        self._reader.next_offsets[position] = offset

    def assignment(self) -> frozenset[TopicPartition]:
        """The partitions this member reads now."""
        return frozenset(self._reader.next_offsets)

    async def commit(self, positions: Positions) -> None:
        """Note how far the group has read."""
        self._group.committed.update(positions)

    async def end_offsets(self, partitions: Sequence[TopicPartition]) -> Positions:
        """The offset that the next record of each partition will get."""
        return await self._reader.end_offsets(partitions)

    async def begin_offsets(self, partitions: Sequence[TopicPartition]) -> Positions:
        """The earliest offset kept in each partition."""
        return await self._reader.begin_offsets(partitions)

    async def log_id(self) -> str:
        """The id the log got when it was made."""
        return self._log.log_id

    def _beat(self) -> dict[str, frozenset[str]]:
        now = asyncio.get_running_loop().time()
        self._group.members[self._member_id] = (self._topics, now)
        return {
            member: topics
            for member, (topics, seen_at) in self._group.members.items()
            if now - seen_at < self._timing.member_timeout
        }

    def _held(self) -> frozenset[TopicPartition]:
        return frozenset(p for p, owner in self._group.owners.items() if owner == self._member_id)

    async def _rebalance(self) -> None:
        members = self._beat()
        partitions = [position for topic in self._topics for position in self._log.positions(topic)]
        share = fair_share(members, partitions, self._member_id)
        await self._lose(self.assignment() - (self._held() & share))
        self._free(self._held() - share)
        others = members.keys() - {self._member_id}
        free = {p for p in share - self.assignment() if self._group.owners.get(p) not in others}
        if free:
            self._group.owners.update(dict.fromkeys(free, self._member_id))
            await self._begin(sorted(free))

    async def _lose(self, positions: Collection[TopicPartition]) -> None:
        if positions:
            for position in positions:
                del self._reader.next_offsets[position]
            await self._on_revoked(sorted(positions))

    def _free(self, positions: Collection[TopicPartition]) -> None:
        for position in positions:
            del self._group.owners[position]
        if positions:
            self._log.wake()

    async def _begin(self, positions: Sequence[TopicPartition]) -> None:
        starts = await self._on_assigned(positions)
        begins = await self.begin_offsets(positions)
        for position in positions:
            self._reader.next_offsets[position] = starts.get(position, begins[position])
