"""A member of a consumer group on the log in PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence

from guanxi_kit.log.port import LogError, OnAssigned, OnRevoked, Positions, Record, TopicPartition
from guanxi_kit.log.postgres.fetching import Fetcher
from guanxi_kit.log.postgres.link import GROUPS_CHANNEL, RECORDS_CHANNEL, Link
from guanxi_kit.log.postgres.membership import Membership
from guanxi_kit.log.postgres.topics import Topics
from guanxi_kit.log.sharing import Timing


class PostgresConsumer:
    """Consumer of the PostgreSQL engine; see the port for what it promises.

    Partitions move one by one: a rebalance leaves those that stay undisturbed.
    """

    def __init__(self, dsn: str, group: str, topics: Sequence[str], timing: Timing | None = None) -> None:
        self._link = Link(
            dsn,
            name=f"guanxi log {group}"[:63],
            listen=(RECORDS_CHANNEL, GROUPS_CHANNEL),
            notified=self._hear,
            lazy=True,
        )
        self._names = frozenset(topics)
        self._topics = Topics(self._link)
        self._fetcher = Fetcher(self._link, self._topics)
        self._membership = Membership(
            self._link, self._topics, group, topics, timing=timing or Timing(), changed=self._fetcher.wake.set
        )
        self._on_assigned: OnAssigned
        self._on_revoked: OnRevoked

    async def start(self, on_assigned: OnAssigned, on_revoked: OnRevoked) -> None:
        """Join the group. Raises LogUnavailable, or LogError for a topic that does not exist."""
        self._on_assigned = on_assigned
        self._on_revoked = on_revoked
        try:
            await self._membership.join()
        except LogError:
            await self._link.disconnect()
            raise

    async def stop(self) -> None:
        """Revoke everything, leave the group at once, disconnect."""
        try:
            await self._lose(self._fetcher.assigned())
        finally:
            await self._membership.leave()
            await self._link.close()

    async def poll(self, *, max_records: int, timeout: float) -> Mapping[TopicPartition, Sequence[Record]]:
        """Records of assigned partitions; rebalances happen in here. See the port."""
        deadline = asyncio.get_running_loop().time() + timeout
        while True:
            await self._rebalance()
            records = await self._fetcher.poll_once(max_records, deadline)
            if records or asyncio.get_running_loop().time() >= deadline:
                return records

    def seek(self, position: TopicPartition, offset: int) -> None:
        """Read on from another offset. Raises LogError when the partition is not assigned."""
        if position not in self._fetcher.assigned():
            raise LogError(f"{position.topic}/{position.partition} is not assigned to this consumer")
        self._fetcher.seek(position, offset)

    def assignment(self) -> frozenset[TopicPartition]:
        """The partitions this member reads now."""
        return self._fetcher.assigned()

    async def commit(self, positions: Positions) -> None:
        """Note how far the group has read, for lag tools."""
        await self._membership.commit(positions)

    async def end_offsets(self, partitions: Sequence[TopicPartition]) -> Positions:
        """The offset that the next record of each partition will get."""
        return {position: head.end for position, head in (await self._topics.heads_of(partitions)).items()}

    async def begin_offsets(self, partitions: Sequence[TopicPartition]) -> Positions:
        """The earliest offset kept in each partition."""
        return {position: head.begin for position, head in (await self._topics.heads_of(partitions)).items()}

    async def log_id(self) -> str:
        """The id the log got when it was installed."""
        if self._link.log_id is None:
            await self._topics.load()
        return str(self._link.log_id)

    async def _rebalance(self) -> None:
        assigned = self._fetcher.assigned()
        if not self._membership.is_fresh():
            await self._lose(assigned)
            return
        await self._lose(assigned - self._membership.held)
        share = self._membership.share
        leaving = self._fetcher.assigned() - share
        if leaving:
            await self._lose(leaving)
        excess = self._membership.held - share
        if excess:
            await self._membership.release(excess)
        missing = share - self._fetcher.assigned()
        if missing and self._membership.may_acquire:
            got = await self._membership.acquire(missing)
            if got:
                await self._begin(sorted(got))

    async def _lose(self, positions: Collection[TopicPartition]) -> None:
        if positions:
            gone = sorted(positions)
            self._fetcher.drop(gone)
            await self._on_revoked(gone)

    async def _begin(self, positions: Sequence[TopicPartition]) -> None:
        starts = await self._on_assigned(positions)
        absent = [position for position in positions if position not in starts]
        begins = await self.begin_offsets(absent) if absent else {}
        for position in positions:
            self._fetcher.seek(position, starts[position] if position in starts else begins[position])

    def _hear(self, channel: str, payload: str) -> None:
        if channel == GROUPS_CHANNEL:
            self._membership.hear(payload)
        elif not self._names.isdisjoint(payload.split(",")):
            self._fetcher.wake.set()
